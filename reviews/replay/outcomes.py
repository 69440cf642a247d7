"""What came out of a replay, as plain data: calls, runs, and the whole. Knows no database; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from orchestra.agents.recordings import Ending


class Ended(StrEnum):
    """How a live run ended. `recording_ended`, `handed_off`, `departed` and `other` escalated to a person."""

    SUCCESS = "success"
    HANDED_OFF = "handed_off"
    RECORDING_ENDED = "recording_ended"
    DEPARTED = "departed"
    OTHER = "other"
    FAILED = "failed"
    STUCK = "stuck"
    LOST = "lost"


#: How a run must end, by how its recording does.
EXPECTED = {
    Ending.DONE: Ended.SUCCESS,
    Ending.HANDED_OFF: Ended.HANDED_OFF,
    Ending.CUT: Ended.RECORDING_ENDED,
}


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """One ToolCall row. `turn` and `ordinal` count from 0. `state` is the row's state at the end.

    `effect` read, write or destructive; "" for a tool that does not exist. `decision` is the label's (approve,
    reject; "" for no recorded write), `label` its kind (right, harmless, wrong, refused_right, refused_wrong).
    `denied_by`: rules that denied it. `effects`: rows in the store's ledger, whatever they did there.
    `accepted`: whether the reference (policies off) lets it take effect; None for what it does not apply.
    `again`: a marked new revision of a stale call. `garbled`: the arguments are no JSON object.
    """

    turn: int
    ordinal: int
    tool: str
    effect: str
    state: str
    decision: str = ""
    label: str = ""
    denied_by: tuple[str, ...] = ()
    reviewed: bool = False
    effects: int = 0
    accepted: bool | None = None
    again: bool = False
    garbled: bool = False

    @property
    def unknown_tool(self) -> bool:
        return not self.effect

    @property
    def writes(self) -> bool:
        return self.effect not in {"", "read"}


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """One run: how it ended and what it left behind. Differences are sentences, empty where there are none.

    `recorded_writes`, `recorded_refused`: places (turn, ordinal) of the labelled writes, and of the calls that
    must be refused because no tool is called so or their arguments do not parse. `from_reference`: against the
    independent replay of the calls that were approved and not denied. `from_truth`: against the ground truth.
    `truth_without_policies`: whether the reference with policies off equals the ground truth. `waits`: seconds
    that the run stood due in the queue, one for each claim.
    """

    run: str
    model: str
    ended: Ended
    expected: Ended
    calls: tuple[CallOutcome, ...]
    recorded_writes: frozenset[tuple[int, int]] = frozenset()
    recorded_refused: frozenset[tuple[int, int]] = frozenset()
    departures: tuple[str, ...] = ()
    from_reference: tuple[str, ...] = ()
    from_truth: tuple[str, ...] = ()
    truth_without_policies: bool = False
    waits: tuple[float, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """The whole replay. `seconds`: wall time. `whole`: all runs of the data set, so that its totals must hold.

    `disagreements`: sentences of the cross-check of ledger, calls and audit. `audit`: what verifying it found.
    """

    runs: tuple[RunOutcome, ...]
    seconds: float
    whole: bool
    policies: bool = True
    disagreements: tuple[str, ...] = ()
    audit: tuple[str, ...] = ()

    def calls(self) -> Iterator[tuple[RunOutcome, CallOutcome]]:
        """Every call with its run."""
        return ((run, call) for run in self.runs for call in run.calls)
