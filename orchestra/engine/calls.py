"""Looks at the steps that use tools: takes in what hands brought, has each call moved on, and says what comes next.

Runs inside the transaction of a worker's round, after its write, for the steps that are due.
"""

from __future__ import annotations

from typing import Final

from django.db.models.functions import Now

from orchestra.contracts import Reply, SendFailure
from orchestra.engine import (
    answers,
    budgets,
    execute,
    history,
    limits,
    loops,
    progress,
    questions,
    reconcile,
    settling,
    turns,
)
from orchestra.engine.case import Case, Reading
from orchestra.engine.flight import Arrival, Failure, Flight
from orchestra.engine.history import NO_TURN, Place
from orchestra.engine.limits import LimitReached
from orchestra.engine.progress import Waits
from orchestra.engine.surroundings import Shared, Surroundings
from orchestra.errors import FailureClass
from orchestra.workflows.spec import Kind

UNREAD: Final = Reading(None, None, 0.0)


def proceed(flight: Flight, shared: Shared) -> bool:
    """Look at every step that is due; whether there was any."""
    nodes = [(node, node.row) for node in flight.nodes.values() if node.due and node.row is not None]
    if not nodes or flight.ending is not None:
        return False
    if flight.history is None:
        flight.history = history.load(flight.run)
    around = Surroundings(flight, shared)
    for node, row in nodes:
        node.due = False
        case = Case(flight, node, around, flight.history.of(row))
        if node.fresh is None:
            node.fresh = _begins_anew(case)
        _look(case)
        if node.settled:
            budgets.release(case)
            node.due = False
        case.flush()
    return True


def _begins_anew(case: Case) -> bool:
    """Whether nothing has been written down yet since the attempt began that the row tells of."""
    began, rows = case.step.started_at, [*case.talk.turns, *case.talk.calls]
    return bool(rows) and began is not None and max(row.created_at for row in rows) < began


def _look(case: Case) -> None:
    """One look at one step. While nothing may begin, what has come in is still taken down."""
    failure = _absorb(case)
    flight, node = case.flight, case.node
    if node.settled:
        return
    if node.unwanted or flight.called_off:
        _call_off(case)
    elif failure is not None:
        settling.fail(flight, node, failure)
    elif node.phase != "running" and not flight.waits_for_calls(node):
        return  # it waits for its next attempt, and for nothing that came in late
    elif not (flight.halted or flight.draining or flight.escalated()):
        _go_on(case)
    elif case.spec.kind is not Kind.AGENT and _is_done(case):
        _finish_tool(case)


def _absorb(case: Case) -> Failure | None:
    """Take in what hands brought for this step; why the step fails, if the model failed it."""
    mine = [arrival for arrival in case.flight.results if arrival.work.key == case.node.key]
    case.flight.results = [arrival for arrival in case.flight.results if arrival not in mine]
    failure = None
    for arrival in mine:
        if arrival.work.kind == "model":
            failure = turns.take(case, arrival) if turns.is_new(case, arrival) else failure
        elif arrival.work.kind == "read":
            case.readings[_place(arrival)] = arrival.output or UNREAD
        else:
            _record(case, arrival)
    return failure


def _record(case: Case, arrival: Arrival) -> None:
    call, reply = case.talk.latest().get(_place(arrival)), arrival.output
    if not isinstance(reply, Reply | SendFailure):
        said = arrival.failure.message if arrival.failure is not None else "no readable answer"
        reply = SendFailure(said)
    if call is not None:
        execute.record(case, call, reply)


def _place(arrival: Arrival) -> Place:
    turn, _, ordinal = arrival.work.place.partition(".")
    return Place(int(turn), int(ordinal))


def _go_on(case: Case) -> None:
    """Move each call as far as it goes; then wait, or do what comes after the last one."""
    if _is_late(case) and _gives_up(case):
        return
    waits = Waits()
    try:
        for spot in _places(case):
            progress.advance(case, spot, waits)
        if waits.open or case.flight.busy(case.node):
            _wait(case, waits)
        else:
            _next(case)
    except LimitReached as reached:
        _stop_at(case, reached)


def _is_late(case: Case) -> bool:
    """Whether the time of a tool step is over before its call is at its end."""
    deadline = case.node.deadline
    return deadline is not None and deadline <= case.flight.clock() and not _is_done(case)


def _gives_up(case: Case) -> bool:
    """The call is called off, and the step fails. What may have happened is waited for, however late it is."""
    case.node.deadline = None
    if not reconcile.call_off(case, "its time is over"):
        return False
    case.flight.leave(case.node)
    message = f"It was not sent within {case.spec.timeout:g} s."
    settling.fail(case.flight, case.node, Failure(FailureClass.TOOL_TIMEOUT, message))
    return True


def _places(case: Case) -> list[Place]:
    """Where the calls of the last turn stand; a new place for a new attempt of a tool step."""
    places = case.talk.places()
    if case.spec.kind is Kind.AGENT or (places and not (case.node.fresh and _is_done(case))):
        return places
    return [Place(NO_TURN, len({call.ordinal for call in case.talk.calls}))]


def _is_done(case: Case) -> bool:
    """Whether the call of a tool step is at its end."""
    latest = list(case.talk.latest().values())
    return bool(latest) and progress.is_settled(latest[-1])


def _wait(case: Case, waits: Waits) -> None:
    """The step runs while a hand is at work for it, and else waits for what its first open call waits for."""
    node = case.node
    node.alarm = min(waits.moments, default=None)
    if case.flight.busy(node) or not waits.columns:
        if node.phase == "waiting":
            node.go("running", "its calls go on", failure_class="", error="")
        return
    name, value = next(iter(waits.columns.items()))
    if node.phase != "waiting" or case.flight.waits_for(node, name) != value:
        node.go("waiting", waits.reason, failure_class="", error="", **waits.columns)


def _next(case: Case) -> None:
    """All calls have settled: the tool step is over; the agent is asked again, or its part is over."""
    node = case.node
    node.alarm = None
    if node.phase == "waiting":
        node.go("running", "what it waited for has come", failure_class="", error="")
    if case.spec.kind is not Kind.AGENT:
        _finish_tool(case)
    elif (failure := _cannot_go_on(case)) is not None:
        settling.fail(case.flight, node, failure)
    elif case.talk.turns and case.talk.turns[-1].ended and not node.fresh:
        settling.succeed(case.flight, node, turns.output(case), "the agent is done")
    else:
        limits.check(case, limits.of_turn(case))
        loops.check(case)
        turns.ask(case)
        node.fresh = False


def _cannot_go_on(case: Case) -> Failure | None:
    """There is no such agent; or its part is over, and it was not done."""
    if case.agent is None:
        return Failure(FailureClass.GRANT_BLOCK, "There is no such agent any more.", final=True)
    if not case.around.is_active(case.agent.agent):
        return Failure(FailureClass.GRANT_BLOCK, "The agent is not active any more.", final=True)
    if case.node.fresh or not case.talk.turns:
        return None
    return _handed_off(case) or turns.over(case)


def _handed_off(case: Case) -> Failure | None:
    """A tool that hands over has done its work in the last turn."""
    latest = case.talk.latest()
    for call in (latest[spot] for spot in case.talk.places() if spot in latest):
        equipped = case.tool(call.tool_name)
        if call.state in history.EFFECTIVE and equipped is not None and equipped.declaration.hands_off:
            return turns.ending("handed_off")
    return None


def _finish_tool(case: Case) -> None:
    call = list(case.talk.latest().values())[-1]
    case.node.fresh = False
    if call.state in history.EFFECTIVE:
        reason = "the tool has done it" if call.state == "succeeded" else "a person found that it was done"
        settling.succeed(case.flight, case.node, call.result, reason)
        return
    failure = FailureClass(call.failure_class or str(FailureClass.TOOL_ERROR))
    settling.fail(case.flight, case.node, Failure(failure, answers.words(call).removeprefix("Error: ")))


def _stop_at(case: Case, reached: LimitReached) -> None:
    """The run stops where it stands, and the owner is asked."""
    if not case.flight.escalated():
        questions.escalate_run(case.flight, reached.limit, Failure(reached.failure, reached.message))


def _call_off(case: Case) -> None:
    """Nobody wants the step any more: what is not sent is called off; what may have happened must settle first."""
    flight, node = case.flight, case.node
    node.unwanted = node.unwanted or "the run is being ended"
    node.deadline = None
    flight.leave(node)
    waits = Waits()
    for spot, call in case.talk.latest().items():
        if call.state in {"dispatched", "unknown"}:
            progress.advance(case, spot, waits)
    if reconcile.call_off(case, node.unwanted):
        node.go("cancelled", node.unwanted, finished_at=Now())
    else:
        _wait(case, waits)
