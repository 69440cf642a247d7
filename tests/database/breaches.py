"""What the guards are for: one breach for each trigger, with the triggers that have to be aside for it to pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestra import states
from orchestra.models import AuditEvent, AuditHead, AuditSeal, Epoch, HumanTask, PolicyPublication
from tests import factories
from tests.database.session import Session
from tests.databases import Role

Columns = Callable[[Any], dict[str, Any]]
Attempt = Callable[[Session, Any, dict[str, Any]], None]
LATER = factories.now(3600)


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that only the trigger prevents. `prepare` makes a row by legal means, `attempt` breaks it.

    All other rows are made by `prepare` too (`columns` are what a new state needs): an attempt runs under locks.

    `aside` are triggers that say the same here: with all of them and ours dropped it passes, and with only
    them dropped it does not.
    """

    trigger: str
    prepare: Callable[[], Any]
    attempt: Attempt
    says: str
    columns: Columns = lambda _: {}
    role: Role = "app"
    aside: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.trigger


def auditevent() -> AuditEvent:
    """An event of a new run."""
    return AuditEvent.objects.filter(chain=factories.run().uid)[0]


def audithead() -> AuditHead:
    """The head of a new run."""
    return AuditHead.objects.get(chain=factories.run().uid)


def auditseal() -> AuditSeal:
    """A seal; its signature is nonsense, which is no concern of the database."""
    return AuditSeal.objects.create(
        at=factories.now(), origin="a", heads=0, events=0, root=bytes(32), key=bytes(32), signature=bytes(64)
    )


def publication() -> PolicyPublication:
    """A policy in force."""
    version = factories.policyversion()
    return PolicyPublication.objects.create(
        policy=version.policy,
        version=version,
        environment=factories.environment(),
        published_by=version.author,
        since=factories.now(),
    )


MACHINES: Mapping[str, Callable[..., Any]] = {
    "run": factories.run,
    "step": factories.step,
    "toolcall": factories.toolcall,
    "proposal": factories.proposal,
    "humantask": factories.humantask,
    "halt": lambda **columns: factories.halt(run=factories.run(), **columns),
}
KEPT: Mapping[str, Callable[[], Any]] = {
    "auditevent": auditevent,
    "auditseal": auditseal,
    "turn": factories.turn,
    "ruling": factories.ruling,
    "edit": factories.edit,
    "epoch": lambda: Epoch.objects.create(reason="restored"),
    "workflowversion": factories.version,
    "policyversion": factories.policyversion,
    "agentversion": factories.agentversion,
    "toolversion": factories.toolversion,
}
STAYING: Mapping[str, Callable[[], Any]] = {
    "audithead": audithead,
    "task": factories.task,
    "dispatch": factories.dispatch,
    "approval": factories.approval,
    **MACHINES,
}
# A column that is written once, and another value for it.
ONCE: Mapping[str, tuple[Callable[[], Any], str, object]] = {
    "task": (factories.task, "payload", {"other": 1}),
    "run": (factories.run, "input", {"other": 1}),
    "step": (lambda: factories.step(output={"a": 1}), "output", {"a": 2}),
    "toolcall": (factories.toolcall, "body", b"other"),
    "dispatch": (factories.dispatch, "digest", b"other"),
    "proposal": (factories.proposal, "digest", b"other"),
    "humantask": (factories.humantask, "form", {"other": 1}),
    "halt": (MACHINES["halt"], "reason", "another"),
    "policypublication": (publication, "since", LATER),
}


def breaches() -> Iterator[Breach]:
    """All of them."""
    for name, machine in states.MACHINES.items():
        yield from of_machine(name, machine)
    for name, make in KEPT.items():
        yield Breach(f"{name}_kept", make, delete, f"orchestra_{name} is never changed", role="owner")
        yield Breach(f"{name}_full", make, empty, f"orchestra_{name} is never emptied", role="owner")
    for name, make in STAYING.items():
        yield Breach(f"{name}_stays", make, delete, f"orchestra_{name} is never deleted", role="owner")
        yield Breach(f"{name}_full", make, empty, f"orchestra_{name} is never emptied", role="owner")
    for name, (make, column, other) in ONCE.items():
        yield Breach(f"{name}_once", make, change, f"orchestra_{name} is written once", giving(column, other))
    yield from of_gate()
    yield from of_questions()


def of_machine(name: str, machine: states.Machine) -> Iterator[Breach]:
    """An illegal birth, an illegal move, a birth and a move without event, and a late change."""
    make, end = MACHINES[name], min(machine.terminal)
    birth = machine.births[0]
    if unborn := min(set(machine.states) - set(machine.births), default=""):
        yield Breach(f"{name}_birth", make, bear, f"no row is born {unborn}", copied(name, unborn))
    silent = "without an audit event"
    yield Breach(f"{name}_born_audited", make, bear_in_silence, silent, copied(name, birth))
    yield Breach(f"{name}_move_audited", make, move_in_silence, silent, to(next(iter(machine.moves[birth]))))
    yield Breach(
        f"{name}_terminal", lambda: make(state=end), change, "is at its end", giving("created_at", LATER)
    )
    source, target = illegal(machine)
    yield Breach(
        f"{name}_move",
        lambda: make(state=source),
        move,
        f"{source} to {target} is not a legal move",
        to(target),
        aside=(f"{name}_terminal", "toolcall_authorised") if source in machine.terminal else (),
    )


def illegal(machine: states.Machine) -> tuple[str, str]:
    """A pair that the machine does not list; from a live state if there is one."""
    sources = [*sorted(machine.live), *sorted(machine.terminal)]
    pairs = ((source, target) for source in sources for target in sorted(machine.states))
    return next((a, b) for a, b in pairs if a != b and not machine.allows(a, b))


def of_gate() -> Iterator[Breach]:
    """Approval without authorisation or votes, another key, another outcome."""
    yield Breach(
        "toolcall_authorised",
        factories.toolcall,
        move,
        "no live authorisation",
        lambda row: {"state": "approved", "ruling": factories.ruling(row, verdict="deny")},
    )
    yield Breach(
        "proposal_quorum",
        lambda: factories.approval(factories.proposal(votes_needed=2)).proposal,
        move,
        "1 of 2 votes",
        lambda _: {"state": "approved", "decided_at": LATER},
    )
    yield Breach(
        "approval_withdrawn",
        lambda: factories.approval(factories.proposal(state="rejected")),
        change,
        "decided, so its votes stand",
        giving("withdrawn_at", LATER),
    )
    yield Breach(
        "toolcall_key_once",
        lambda: factories.toolcall(key="a"),
        change,
        "orchestra_toolcall is written once",
        giving("key", "b"),
    )
    yield Breach(
        "dispatch_over",
        lambda: factories.dispatch(outcome="failed", finished_at=factories.now()),
        change,
        "orchestra_dispatch is at its end",
        giving("outcome", "succeeded"),
    )


def of_questions() -> Iterator[Breach]:
    """An escalated run that asks nobody, from both sides."""
    yield Breach(
        "run_escalated_asks",
        lambda: factories.run(state="running"),
        move,
        "escalated without an open question",
        lambda _: {"state": "escalated", "worker": None, "lease_until": None},
    )
    yield Breach(
        "humantask_closed_asks", last_question, move, "escalated without an open question", to("cancelled")
    )


def last_question() -> HumanTask:
    """The only open question of an escalated run."""
    return factories.run(state="escalated").humantasks.get()


# What a copy must have of its own.
COPIES: Mapping[str, Callable[[], dict[str, Any]]] = {
    "run": lambda: {"uid": factories.uid()},
    "step": lambda: {"path": factories.name("copy")},
    "toolcall": lambda: {"uid": factories.uid(), "ordinal": 99},
    "proposal": lambda: {"uid": factories.uid(), "toolcall": factories.toolcall()},
    "humantask": lambda: {"uid": factories.uid()},
    "halt": lambda: {"uid": factories.uid(), "run": factories.run()},
}


def copied(name: str, state: str) -> Columns:
    """Columns of a copy that is born in a state."""
    return lambda row: {**COPIES[name](), **factories.needed(row, state), "state": state}


def to(state: str) -> Columns:
    """Columns that go with a state."""
    return lambda row: {**factories.needed(row, state), "state": state}


def giving(column: str, value: object) -> Columns:
    """One column."""
    return lambda _: {column: value}


def bear(session: Session, row: Any, columns: dict[str, Any]) -> None:
    """A copy of the row is born, with its event."""
    session.event(row, "", columns["state"], object_id=session.copy(row, **columns))


def bear_in_silence(session: Session, row: Any, columns: dict[str, Any]) -> None:
    """A copy of the row is born without an event."""
    session.copy(row, **columns)


def move(session: Session, row: Any, columns: dict[str, Any]) -> None:
    """The row moves, with its event."""
    change(session, row, columns)
    session.event(row, row.state, columns["state"])


def move_in_silence(session: Session, row: Any, columns: dict[str, Any]) -> None:
    """The row moves without an event."""
    change(session, row, columns)


def change(session: Session, row: Any, columns: dict[str, Any]) -> None:
    """The row gets other values."""
    session.change(row, **columns)


def delete(session: Session, row: Any, columns: dict[str, Any]) -> None:
    """The row vanishes."""
    key = row._meta.pk.column
    session.execute("DELETE FROM {table} WHERE {key} = %s", row.pk, table=row._meta.db_table, key=key)


def empty(session: Session, row: Any, columns: dict[str, Any]) -> None:
    """The whole table vanishes, and what hangs on it."""
    session.execute("TRUNCATE {table} CASCADE", table=row._meta.db_table)
