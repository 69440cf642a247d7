"""Decides what one run does next: a pipeline of small steps over a flight. Plain memory, no database.

`checkpoint` has locked and loaded the run before, and writes what was decided after.
"""

from __future__ import annotations

import time

from django.db.models.functions import Now

from orchestra.engine import kinds, questions, scope, settling
from orchestra.engine.conclude import conclude
from orchestra.engine.flight import Arrival, Failure, Flight, Node, wall_time
from orchestra.errors import FailureClass, Invalid
from orchestra.models import HumanTask, Step
from orchestra.workflows import graph

NOBODY = "nobody answered in time"


def advance(flight: Flight) -> None:
    """The whole way of one look at a run."""
    recover(flight)
    absorb(flight)
    watch_the_clock(flight)
    if flight.called_off:
        stop(flight)
    elif not (flight.halted or flight.draining):
        follow_waits(flight)
        decision = start_ready(flight)
        conclude(flight, decision)
        return
    conclude(flight, None)


def recover(flight: Flight) -> None:
    """On the first look: steps that another worker had begun are to be done again."""
    if flight.looked:
        return
    flight.looked = True
    for node in list(flight.nodes.values()):
        if (
            node.phase == "running"
            and node.kind != "each"
            and not node.gated
            and node.slot not in flight.at_work
        ):
            node.go("pending", "its worker stopped or died")


def absorb(flight: Flight) -> None:
    """Take in what the hands brought back. Results that nobody waits for any more are dropped."""
    for arrival in flight.arrivals:
        job = flight.at_work.get(arrival.work.slot)
        if job is None or job.work is not arrival.work:
            continue
        del flight.at_work[arrival.work.slot]
        flight.taken.append((job, arrival))
        _take(flight, flight.nodes[arrival.work.key], arrival)
    flight.arrivals.clear()


def watch_the_clock(flight: Flight) -> None:
    """Work past its step's timeout is given up; a run past its wall time is escalated, unless it is stopped anyway."""
    for slot, job in list(flight.at_work.items()):
        node = flight.nodes[slot[:2]]
        timeout = scope.timeout(flight, slot)
        if timeout is not None and time.monotonic() - job.since > timeout:
            del flight.at_work[slot]
            settling.fail(
                flight, node, Failure(FailureClass.TOOL_TIMEOUT, f"No result within {timeout:g} s.")
            )
    deadline = flight.run.deadline_at
    if flight.called_off or flight.halted or flight.escalated():
        return
    if deadline is not None and flight.clock() >= deadline:
        message = f"The run took longer than its {wall_time(flight.run)} of wall time."
        questions.escalate_run(flight, "wall_time", Failure(FailureClass.LIMIT, message))


def stop(flight: Flight) -> None:
    """Nothing new begins; what waits is called off; what is at work may still settle."""
    reason = "the run is cancelled" if flight.run.cancel_requested_at is not None else "the run fails"
    for node in list(flight.nodes.values()):
        if node.settled or (node.slot in flight.at_work and not node.gated):
            continue
        child = flight.children.get(flight.waits_for(node, "waits_run_id") or 0)
        if child is not None and child.finished_at is None:
            flight.stopped.append(child.pk)
        elif any(_holds_up(flight, item) for item in flight.items(node.path) if node.item == Step.NO_ITEM):
            continue
        elif node.phase != "pending" or node.row is not None:
            settling.cancel(flight, node, reason)
    for question in flight.open_questions():
        if question.kind != "unknown":
            flight.closed.append((question, "cancelled", reason))


def _holds_up(flight: Flight, item: Node) -> bool:
    """Whether an item of an `each` must settle first: it is at work, or its child run has not ended."""
    child = flight.children.get(flight.waits_for(item, "waits_run_id") or 0)
    return (
        item.slot in flight.at_work
        or (item.gated and not item.settled)
        or (child is not None and child.finished_at is None)
    )


def follow_waits(flight: Flight) -> None:
    """Look at what each waiting step waits for: an answer, a time, a child run; and at an `each` out of time."""
    for node in list(flight.nodes.values()):
        if node.kind == "each" and node.phase == "running":
            _follow_each(flight, node)
    for node in flight.waiting():
        if flight.waits_for_calls(node):
            continue  # `calls` looks at these
        question = flight.questions.get(flight.waits_for(node, "waits_humantask_id") or 0)
        child = flight.children.get(flight.waits_for(node, "waits_run_id") or 0)
        until = flight.waits_for(node, "waits_until")
        if question is not None:
            _follow_question(flight, node, question)
        elif child is not None:
            _follow_child(flight, node)
        elif until is not None and until <= flight.clock():
            _time_has_come(flight, node)


def start_ready(flight: Flight) -> graph.Decision:
    """Start everything that is ready, until nothing more is; steps that settle at once make others ready."""
    while True:
        before = _picture(flight)
        _repeat(flight)
        _fan_out(flight)
        decision = graph.ready(flight.spec, rows(flight))
        if not flight.escalated() and not decision.failed:
            _follow(flight, decision)
        if _picture(flight) == before:
            return graph.ready(flight.spec, rows(flight))


def rows(flight: Flight) -> dict[str, graph.Row]:
    """The states of the steps as the graph wants them: the rounds of a repeated step folded into one."""
    found: dict[str, graph.Row] = {}
    for node in flight.nodes.values():
        if node.item != Step.NO_ITEM:
            continue
        phase = node.phase
        if phase == "succeeded" and _more_rounds(flight, node):
            phase = "running"
        if node.path == node.name or node is flight.last_round(node.name):
            found[node.name] = graph.Row(phase, _chosen(node))
    return found


def _take(flight: Flight, node: Node, arrival: Arrival) -> None:
    if node.gated:
        flight.results.append(arrival)
        node.due = True
    elif arrival.failure is not None:
        settling.fail(flight, node, arrival.failure)
    else:
        settling.succeed(flight, node, arrival.output, "done")


def _follow(flight: Flight, decision: graph.Decision) -> None:
    by_name = flight.spec.by_name
    for name in decision.cancel:
        settling.cancel(flight, _current(flight, name), "another step was first")
    for name in decision.skip:
        flight.node(by_name[name]).go("skipped", "not on the way this run took", finished_at=Now())
    for name in decision.start:
        kinds.start(flight, _current(flight, name))


def _follow_question(flight: Flight, node: Node, question: HumanTask) -> None:
    if question.state == "answered":
        _answered(flight, node, question)
    elif (
        question.state == "open" and question.expires_at is not None and question.expires_at <= flight.clock()
    ):
        flight.closed.append((question, "expired", NOBODY))
        settling.fail(flight, node, Failure(FailureClass.LIMIT, f"{question.title}: {NOBODY}."))
    elif question.state == "expired":
        settling.fail(flight, node, Failure(FailureClass.LIMIT, f"{question.title}: {NOBODY}."))
    elif question.state == "cancelled":
        settling.cancel(flight, node, "its question was called off")


def _answered(flight: Flight, node: Node, question: HumanTask) -> None:
    """A form's answer is the output; an escalation's answer says what to do."""
    who = f"answered by {question.answered_by}"
    if question.kind == "form":
        settling.succeed(flight, node, question.answer, who)
        return
    answer = question.answer or {}
    if answer.get("action") == "output":
        settling.settle(node, answer.get("output"), f"output given by {question.answered_by}")
    elif answer.get("action") == "retry":
        node.attempt = 0
        node.go("pending", f"to be tried again, says {question.answered_by}")
        _again(flight, node)
    else:
        failure = FailureClass(question.context["failure_class"])
        settling.give_up(node, Failure(failure, str(question.context["error"])))


def _follow_child(flight: Flight, node: Node) -> None:
    child = flight.children[flight.waits_for(node, "waits_run_id")]
    if child.state == "succeeded":
        settling.succeed(flight, node, child.output, "the child run succeeded")
    elif child.state == "failed":
        settling.fail(flight, node, Failure(FailureClass(child.failure_class), f"Child run: {child.error}"))
    elif child.state == "cancelled":
        settling.fail(flight, node, Failure(FailureClass.CANCELLED, "The child run was cancelled."))
    elif node.deadline is not None and node.deadline <= flight.clock():
        flight.stopped.append(child.pk)
        settling.fail(flight, node, Failure(FailureClass.TOOL_TIMEOUT, "The child run took too long."))


def _follow_each(flight: Flight, node: Node) -> None:
    """Items at work are given up, to be done again if a person gives more time; those that wait go on waiting."""
    timeout = scope.inner(flight, node).timeout
    if timeout is None or node.deadline is None or node.deadline > flight.clock():
        return
    for item in flight.items(node.path):
        if item.slot in flight.at_work:
            flight.unplan(item)
            item.phase = "pending"
            if item.row is not None:
                item.go("pending", "its time is over")
    failure = Failure(FailureClass.TOOL_TIMEOUT, f"Not all items were done within {timeout:g} s.")
    settling.fail(flight, node, failure)


def _time_has_come(flight: Flight, node: Node) -> None:
    if node.kind == "wait":
        settling.succeed(flight, node, {"waited": True}, "the time has come")
    else:
        _again(flight, node)


def _again(flight: Flight, node: Node) -> None:
    """Another attempt, now."""
    if not flight.escalated():
        kinds.start(flight, node)


def _repeat(flight: Flight) -> None:
    """Begin the next round of each repeated step whose condition does not hold yet."""
    for step in flight.spec.steps:
        if step.repeat is None or flight.escalated():
            continue
        node = flight.last_round(step.name)
        if node is not None and node.phase == "succeeded" and _more_rounds(flight, node):
            following = flight.node(step, f"{step.name}~{node.round + 1}")
            kinds.start(flight, following)


def _fan_out(flight: Flight) -> None:
    for node in list(flight.nodes.values()):
        if node.kind != "each" or node.item != Step.NO_ITEM or flight.escalated():
            continue
        if node.phase == "running":
            for item in flight.items(node.path):
                if item.phase == "pending":
                    kinds.start(flight, item)
            kinds.fan_out(flight, node)
        elif node.settled:
            _leave_items(flight, node)


def _leave_items(flight: Flight, node: Node) -> None:
    """An `each` that is settled without all of its items needs the others no more."""
    for item in flight.items(node.path):
        if not item.settled:
            settling.cancel(flight, item, "nobody waits for it any more")


def _more_rounds(flight: Flight, node: Node) -> bool:
    """What a person gave for a round need not have its form: then it was the last."""
    repeat = flight.spec.by_name[node.name].repeat
    if repeat is None or node.round >= repeat.at_most:
        return False
    try:
        return not scope.holds(repeat.until, {**scope.scope(flight, node), "output": node.output})
    except Invalid:
        return False


def _current(flight: Flight, name: str) -> Node:
    return flight.last_round(name) or flight.node(flight.spec.by_name[name])


def _chosen(node: Node) -> str | None:
    if node.kind == "route" and node.phase == "succeeded" and isinstance(node.output, dict):
        return str(node.output["to"])
    return None


def _picture(flight: Flight) -> tuple[object, ...]:
    """Changes with everything that is decided."""
    return (*(node.phase for node in flight.nodes.values()), len(flight.asks))
