"""Moves one call on as far as it goes: proposed, asked about, passed, sent again, found out about. Sends nothing itself.

Everything is read from rows, so that whoever looks next goes on where the last one stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

from orchestra import canonical, logs
from orchestra.agents.messages import Asked
from orchestra.contracts import Effect
from orchestra.engine import edits, errands, execute, history, limits, propose, reconcile
from orchestra.engine.case import NOTHING_TO_READ, Case, Intent, Reading
from orchestra.engine.errands import Access
from orchestra.engine.execute import Passing
from orchestra.engine.history import NO_TURN, Place
from orchestra.errors import FailureClass, Invalid, NotFound, OrchestraError
from orchestra.models import ToolCall
from orchestra.tools import rendering, toolbox
from orchestra.tools.declarations import Declaration
from orchestra.tools.toolbox import Equipped

REPLACED: Final = frozenset({"stale", "superseded"})


class Waits:
    """What the calls of a step wait for, in their order."""

    def __init__(self) -> None:
        self.open = False
        self.writes_before = False
        self.columns: dict[str, Any] = {}
        self.reason = ""
        self.moments: list[datetime] = []

    def hold(self, reason: str, *, until: datetime | None = None, **columns: Any) -> None:
        """A call waits for something named; the first of them is what the step waits for."""
        if until is not None:
            self.moments.append(until)
        if not self.columns:
            self.reason, self.columns = reason, columns

    def note(self, effect: str) -> None:
        """A call is not settled; what must not overtake it is sent later."""
        self.open = True
        self.writes_before |= effect != Effect.READ

    def lets_pass(self, call: ToolCall) -> bool:
        """Whether the calls before this one let it be sent: reads pass reads, and nothing else passes anything."""
        return not self.open if call.effect != Effect.READ else not self.writes_before


Step: TypeAlias = Callable[[Case, Place, ToolCall, Waits], None]


def advance(case: Case, spot: Place, waits: Waits) -> None:
    """Move the call at a place on until it rests. Raises LimitReached."""
    while True:
        call = case.talk.latest().get(spot)
        before = _mark(call)
        step(case, spot, call, waits)
        call = case.talk.latest().get(spot)
        if _mark(call) == before:
            break
    if call is None or not is_settled(call):
        waits.note(call.effect if call is not None else _effect(case, spot))


def step(case: Case, spot: Place, call: ToolCall | None, waits: Waits) -> None:
    """One step of one call; none while a hand does something for it."""
    if case.at_work(spot):
        return
    if call is None:
        _want(case, spot)
    elif call.state in STEPS:
        STEPS[call.state](case, spot, call, waits)


def is_settled(call: ToolCall) -> bool:
    """Whether nothing more will come of a place."""
    return history.settled(call) or (call.state in REPLACED and call.revision >= history.MOST_REVISIONS)


def _mark(call: ToolCall | None) -> tuple[str, int]:
    return ("", -1) if call is None else (call.state, call.revision)


def _asked(case: Case, spot: Place) -> Asked:
    """What the model, or the workflow, wants at a place."""
    if spot.turn != NO_TURN:
        return case.talk.wanted(spot.turn)[spot.ordinal]
    given = {} if case.node.input is None else case.node.input
    return Asked("", str(case.spec.settings["tool"]), canonical.encode(given).decode())


def _effect(case: Case, spot: Place) -> str:
    """The effect of a call that is not made yet."""
    equipped = case.tool(_asked(case, spot).name)
    return str(equipped.declaration.effect) if equipped is not None else str(Effect.READ)


def _want(case: Case, spot: Place) -> None:
    """Propose what is wanted at a place. What can be no call is refused."""
    if spot not in case.readings:
        limits.check(case, limits.of_call(case))
    asked = _asked(case, spot)
    if case.tool(asked.name) is None:
        _refuse(case, spot, asked, f"Unknown tool {asked.name[:120]!r}.")
        return
    try:
        _propose(case, Intent(spot, asked.name, propose.read(asked)))
    except Invalid as error:
        _refuse(case, spot, asked, f"The arguments of {asked.name} do not do: {_problems(error)}")
    except NotFound as error:
        _refuse(case, spot, asked, error.message, FailureClass.PRECONDITION)


def _refuse(
    case: Case, spot: Place, asked: Asked, why: str, failure: FailureClass = FailureClass.DATA_MISMATCH
) -> None:
    case.node.fresh = False
    propose.refuse(case, spot, asked, why, failure)


def _problems(error: Invalid) -> str:
    told = [f"{each.pointer or '/'}: {each.message}" for each in error.problems]
    return "; ".join(told) or error.message


def _want_again(case: Case, spot: Place, call: ToolCall, _: Waits) -> None:
    """A new revision in the place of one that is out of date, or that a reviewer has edited."""
    if call.revision >= history.MOST_REVISIONS:
        return
    edit = edits.of(call)
    wanted = call.arguments if edit is None else edit.arguments
    editor = call.edited_by if edit is None else edit.person
    intent = Intent(spot, call.tool_name, wanted, call, editor, edit is not None)
    try:
        made = _propose(case, intent)
    except OrchestraError as error:
        logs.event("call.not_made_again", level=logs.WARNING, run=case.flight.run.uid, tool=call.tool_name)
        asked = Asked("", call.tool_name, canonical.encode(wanted).decode())
        propose.refuse(case, spot, asked, error.message, FailureClass.PRECONDITION, parent=call)
        return
    if made is not None and edit is not None:
        edits.count(case, made, edit)


def _propose(case: Case, intent: Intent) -> ToolCall | None:
    """Make the call, once what its tool observes has been read; None while a hand reads it.

    Raises Invalid when the arguments do not fit, NotFound when a tool is gone.
    """
    equipped = case.tool(intent.name)
    if equipped is None:
        raise NotFound(f"The tool {intent.name} is not bound here any more.")
    rendering.checked(equipped.declaration, intent.arguments)
    seen = _reading(case, intent.place, equipped, intent.arguments)
    if seen is None:
        return None
    case.node.fresh = False
    return propose.propose(case, intent, equipped, seen)


def _reading(case: Case, spot: Place, equipped: Equipped, arguments: Any) -> Reading | None:
    """What was just read for a call; None when a hand was sent to read it."""
    declaration = equipped.declaration
    if not declaration.observe and declaration.preview is None:
        return NOTHING_TO_READ
    if equipped.name not in case.allowed:
        return NOTHING_TO_READ._replace(observed=None)  # it will be denied: nothing is read for it
    seen = case.readings.get(spot)
    if seen is not None and (seen.is_fresh or seen.observed is None):
        return seen
    reading = {name: _access(case, name) for name in _read_by(declaration)}
    case.begin("read", equipped.name, spot, errands.Read(declaration, arguments, reading))
    return None


def _read_by(declaration: Declaration) -> Iterable[str]:
    yield from (each.tool for each in declaration.observe)
    if declaration.preview is not None:
        yield declaration.preview.tool


def _access(case: Case, name: str) -> Access:
    equipped = case.around.toolbox.reading(name)
    return Access(equipped, toolbox.address(equipped, case.around.labels))


def _ask(case: Case, _: Place, call: ToolCall, waits: Waits) -> None:
    """The call waits for people; its time may be over, or the grace window."""
    proposal, until = reconcile.lapse(case, call)
    if call.state == "awaiting_approval":
        waits.hold("people are asked", until=until, waits_proposal_id=proposal.pk)


def _pass(case: Case, spot: Place, call: ToolCall, waits: Waits) -> None:
    """To the gate, when the calls before it let it pass and the witness is read anew."""
    if not waits.lets_pass(call):
        return
    equipped = case.tool(call.tool_name)
    seen: Reading | None = NOTHING_TO_READ
    if equipped is not None and equipped.version_id == call.tool_version_id:
        seen = _seen(case, spot, equipped, call)
    if seen is not None and case.around.is_open and execute.gate(Passing(case, call, equipped, seen)):
        case.readings.pop(spot, None)


def _seen(case: Case, spot: Place, equipped: Equipped, call: ToolCall) -> Reading | None:
    """What was read for a call at the gate; nothing when what reads it is not there any more."""
    try:
        return _reading(case, spot, equipped, call.arguments)
    except OrchestraError as error:
        logs.event("call.unreadable", level=logs.WARNING, error=error, tool=equipped.name)
        return NOTHING_TO_READ._replace(observed=None)


def _send_again(case: Case, _: Place, call: ToolCall, waits: Waits) -> None:
    until = reconcile.again(case, call)
    if until is not None:
        waits.hold("nothing was sent; to be tried again", until=until, waits_until=until)


def _settle_orphan(case: Case, _: Place, call: ToolCall, waits: Waits) -> None:
    until = reconcile.orphan(case, call)
    if until is not None:
        waits.hold("its sender died; the answer may still come", until=until, waits_until=until)


def _find_out(case: Case, _: Place, call: ToolCall, waits: Waits) -> None:
    until = reconcile.once_more(case, call)
    if until is not None:
        waits.hold("in doubt, and the last try did not leave", until=until, waits_until=until)
        return
    task = reconcile.question(case, call) if call.state == "unknown" else None
    if task is not None:
        waits.hold("nobody knows whether a call happened", waits_humantask_id=task.pk)


#: What is done for a call, by its state; the others are at their end.
STEPS: Final[Mapping[str, Step]] = {
    "stale": _want_again,
    "superseded": _want_again,
    "awaiting_approval": _ask,
    "approved": _pass,
    "failed_clean": _send_again,
    "dispatched": _settle_orphan,
    "unknown": _find_out,
}
