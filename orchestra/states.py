"""Every state machine as a table: where a row may be, where it may go, and what that means.

Pure data. `moves` is the only code that changes a state; the database repeats these tables in triggers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """One state machine.

    `states` says what each state means, `moves` what each change means, `births` the states in which a
    row may be created. A state without moves is terminal.
    """

    name: str
    table: str
    states: Mapping[str, str]
    moves: Mapping[str, Mapping[str, str]]
    births: tuple[str, ...]

    @property
    def terminal(self) -> frozenset[str]:
        """States that nothing leaves."""
        return frozenset(state for state in self.states if not self.moves.get(state))

    @property
    def live(self) -> frozenset[str]:
        """States that something can still leave."""
        return frozenset(self.states) - self.terminal

    def allows(self, source: str, target: str) -> bool:
        """Whether a row may go from one state to the other."""
        return target in self.moves.get(source, {})

    def pairs(self) -> list[tuple[str, str]]:
        """Every legal move, in the order of the table."""
        return [(source, target) for source, targets in self.moves.items() for target in targets]


RUN = Machine(
    name="run",
    table="orchestra_run",
    states={
        "queued": "Due, or due at a known time; no worker holds it.",
        "running": "A worker holds it under a lease and a fence.",
        "waiting": "At least one step waits for something named; no worker holds it.",
        "escalated": "Stopped where it stands until a person settles an open question.",
        "succeeded": "Ended as the workflow intends.",
        "failed": "Ended without its result.",
        "cancelled": "Ended because somebody asked for it.",
    },
    moves={
        "queued": {
            "running": "A worker claimed it.",
            "cancelled": "Cancelled before any worker took it.",
        },
        "running": {
            "queued": "Given back, or taken from a worker that died.",
            "waiting": "Nothing is ready; open waits remain.",
            "escalated": "It cannot go on without a person.",
            "succeeded": "Every step is settled.",
            "failed": "A step failed for good.",
            "cancelled": "Cancelled; what was in flight has settled.",
        },
        "waiting": {"running": "Woken and claimed."},
        "escalated": {"queued": "A person settled the question, or it is being cancelled."},
    },
    births=("queued",),
)

STEP = Machine(
    name="step",
    table="orchestra_step",
    states={
        "pending": "Not started, or to be tried again. A step without a row is pending.",
        "running": "Its work has begun.",
        "waiting": "Waits for exactly one named thing: a proposal, a person, a time, a child run, an event.",
        "succeeded": "Its output is written, once.",
        "failed": "It gave up; the failure class says why.",
        "skipped": "Not needed on the way this run took.",
        "cancelled": "Stopped because it was no longer wanted.",
    },
    moves={
        "pending": {
            "running": "Its work begins.",
            "waiting": "It asks and waits at once.",
            "succeeded": "Done in one go.",
            "failed": "It could not begin.",
            "skipped": "Another way was taken.",
            "cancelled": "No longer wanted.",
        },
        "running": {
            "pending": "Its worker died or stopped; it is to be done again.",
            "waiting": "It now waits for something named.",
            "succeeded": "Its work is done.",
            "failed": "Its work failed for good.",
            "cancelled": "No longer wanted.",
        },
        "waiting": {
            "pending": "To be tried again.",
            "running": "What it waited for has come; its work goes on.",
            "waiting": "One wait followed another.",
            "succeeded": "What it waited for is its result.",
            "failed": "What it waited for will not come.",
            "cancelled": "No longer wanted.",
        },
    },
    births=("pending", "running", "waiting", "succeeded", "failed", "skipped", "cancelled"),
)

TOOLCALL = Machine(
    name="toolcall",
    table="orchestra_toolcall",
    states={
        "proposed": "Bytes and digest are fixed; the policies have not spoken.",
        "refused": "Unknown tool, or bytes that cannot be canonical; the raw text is kept.",
        "denied": "A policy forbids it.",
        "awaiting_approval": "Waits for people.",
        "approved": "Carries a live authorisation for exactly these bytes.",
        "returned": "A person asked for changes.",
        "rejected": "A person said no.",
        "expired": "Time ran out before it was authorised or sent.",
        "superseded": "Another call took its place.",
        "stale": "What it was judged on has changed since.",
        "cancelled": "Its run was cancelled before it was sent.",
        "dispatched": "The gate let it pass; it may be under way.",
        "succeeded": "The system answered that it was done.",
        "failed": "The system answered no.",
        "failed_clean": "Proof that nothing happened; may be sent again under the same authorisation.",
        "unknown": "Nobody knows whether it happened.",
        "reconciling": "The system is being asked whether it happened.",
        "settled_done": "A person found that it happened.",
        "settled_not_done": "A person found that it did not happen.",
    },
    moves={
        "proposed": {
            "denied": "A policy forbids it.",
            "awaiting_approval": "A policy wants people to decide.",
            "approved": "A published rule allows it.",
            "superseded": "Another call took its place.",
            "cancelled": "Its run was cancelled.",
        },
        "awaiting_approval": {
            "approved": "Enough people agreed.",
            "returned": "A person asked for changes.",
            "rejected": "A person said no.",
            "expired": "Nobody decided in time.",
            "superseded": "It was edited.",
            "stale": "What it was judged on has changed.",
            "cancelled": "Its run was cancelled.",
        },
        "approved": {
            "dispatched": "The gate let it pass.",
            "denied": "The rules became stricter.",
            "awaiting_approval": "The rules now want people to decide.",
            "expired": "The authorisation ran out.",
            "superseded": "Another call took its place.",
            "stale": "What it was approved on has changed.",
            "cancelled": "Its run was cancelled.",
        },
        "dispatched": {
            "succeeded": "The system answered that it was done.",
            "failed": "The system answered no.",
            "failed_clean": "Proof that nothing happened.",
            "unknown": "No readable answer.",
        },
        "failed_clean": {
            "approved": "To be sent again while the authorisation lives.",
            "failed": "No tries are left.",
            "expired": "The authorisation ran out.",
            "cancelled": "Its run was cancelled.",
        },
        "unknown": {
            "reconciling": "The system is asked.",
            "dispatched": "Sent again with the same key, inside its life.",
            "settled_done": "A person found that it happened.",
            "settled_not_done": "A person found that it did not happen.",
        },
        "reconciling": {
            "succeeded": "It had happened.",
            "failed_clean": "It had not happened.",
            "unknown": "The system cannot tell.",
        },
    },
    births=("proposed", "refused"),
)

PROPOSAL = Machine(
    name="proposal",
    table="orchestra_proposal",
    states={
        "pending": "People are asked.",
        "approved": "Enough distinct persons agreed.",
        "rejected": "Refused by a person.",
        "returned": "Sent back to the agent with a reason.",
        "expired": "Nobody decided in time.",
        "superseded": "Another proposal took its place.",
        "cancelled": "No longer needed.",
    },
    moves={
        "pending": {
            "approved": "The last needed vote came.",
            "rejected": "A person refused.",
            "returned": "A person asked for changes.",
            "expired": "Its time ran out.",
            "superseded": "It was edited or became stale.",
            "cancelled": "Its run was cancelled.",
        },
    },
    births=("pending",),
)

HUMANTASK = Machine(
    name="humantask",
    table="orchestra_humantask",
    states={
        "open": "People are asked.",
        "answered": "A person answered.",
        "expired": "Nobody answered in time.",
        "cancelled": "No longer needed.",
    },
    moves={
        "open": {
            "answered": "A person answered.",
            "expired": "Its time ran out.",
            "cancelled": "Its run was cancelled or needs it no longer.",
        },
    },
    births=("open",),
)

HALT = Machine(
    name="halt",
    table="orchestra_halt",
    states={"on": "Nothing in its scope is claimed or sent.", "lifted": "It no longer stops anything."},
    moves={"on": {"lifted": "A person lifted it."}},
    births=("on",),
)

MACHINES: Mapping[str, Machine] = {
    machine.name: machine for machine in (RUN, STEP, TOOLCALL, PROPOSAL, HUMANTASK, HALT)
}
