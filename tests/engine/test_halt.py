"""Kill switches: what is in their scope is not claimed and not begun; what is in flight ends and is given back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from orchestra.engine import cancel, halt
from orchestra.errors import Invalid, NotFound, StaleState
from orchestra.models import AuditEvent, Halt, Run, Scope
from tests.engine.functions import Seen
from tests.engine.stage import Stage, again, database_time
from tests.waiting import until

COUNT = "a: {kind: python, function: t.count}"
SCOPES = ["global", "deployment", "run"]


@pytest.fixture(autouse=True)
def _nothing_stays_halted(shared: Stage) -> Iterator[None]:
    yield
    for row in Halt.objects.filter(state="on"):
        lift(shared, row)


def stop(shared: Stage, scope: str, run: Run) -> Halt:
    """A halt of this scope that covers the run."""
    of = {"deployment": run.deployment} if scope == "deployment" else {"run": run} if scope == "run" else {}
    return halt.set_on(Scope(scope), by=shared.operator, reason="a fire", **of)


def lift(shared: Stage, made: Halt) -> Halt:
    return halt.lift(uid=made.uid, by=shared.operator, reason="it is out")


@pytest.mark.parametrize("scope", SCOPES)
def test_run_in_the_scope_is_not_claimed_until_the_halt_is_lifted(
    shared: Stage, seen: Seen, scope: str
) -> None:
    with shared.nobody_working():
        run = shared.start(COUNT)
        made = stop(shared, scope, run)
    assert shared.beats(3)
    assert (again(run).state, seen.calls[""]) == ("queued", 0)
    lift(shared, made)
    assert shared.rest(run).state == "succeeded"


@pytest.mark.parametrize("scope", ["deployment", "run"])
def test_run_outside_of_the_scope_goes_on(shared: Stage, seen: Seen, scope: str) -> None:
    with shared.nobody_working():
        run = shared.start(COUNT)
        made = stop(shared, scope, run)
        other = shared.start(COUNT)
    assert shared.rest(other).state == "succeeded"
    assert again(run).state == "queued"
    lift(shared, made)
    shared.rest(run)


@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_at_work_ends_and_nothing_after_it_begins(shared: Stage, seen: Seen, scope: str) -> None:
    run = shared.start("""
        a: {kind: python, function: t.gate, with: {key: a}}
        b: {kind: python, function: t.count, needs: a}
    """)
    until(lambda: "a" in seen.begun, what="a at work")
    made = stop(shared, scope, run)
    assert list(halt.under_way(made)) == [run]
    seen.gates["a"].set()
    run = shared.state(run, "queued")
    assert (shared.states(run), seen.calls[""]) == ({"a": "succeeded"}, 0)
    assert shared.told(run)[-1][3] == "halted"
    assert not halt.under_way(made)
    lift(shared, made)
    assert shared.rest(run).state == "succeeded"
    assert seen.calls["a"] == 1


@pytest.mark.parametrize("depth", [1, 2])
def test_halt_of_a_run_covers_the_runs_below_it_and_no_others(shared: Stage, seen: Seen, depth: int) -> None:
    name = shared.publish(
        "ask: {kind: human, title: 'Well?'}\nb: {kind: python, function: t.count, needs: ask}"
    )
    for _ in range(depth):
        name = shared.publish(f"a: {{kind: run, workflow: {name}, timeout: 1h}}")
    family, others = (shared.rest(shared.submit(name)) for _ in range(2))
    lowest, free = (_lowest(run) for run in (family, others))
    made = stop(shared, "run", family)
    assert (halt.covers(lowest.pk), halt.covers(free.pk)) == (True, False)
    assert list(halt.covering(lowest)) == [made]
    assert halt.covered([lowest.pk, free.pk, family.pk]) == {lowest.pk, family.pk}
    for run in (lowest, free):
        shared.answer(run, {})
    assert shared.rest(others).state == "succeeded"
    assert (again(lowest).state, seen.calls[""]) == ("waiting", 1)
    lift(shared, made)
    assert shared.rest(family).state == "succeeded"


def test_halt_of_a_run_stops_what_its_child_has_at_work(shared: Stage, seen: Seen) -> None:
    child = shared.publish("""
        a: {kind: python, function: t.gate, with: {key: a}}
        b: {kind: python, function: t.count, needs: a}
    """)
    run = shared.start(f"c: {{kind: run, workflow: {child}}}")
    until(lambda: "a" in seen.begun, what="a at work")
    made = stop(shared, "run", run)
    below = _lowest(run)
    assert below in halt.under_way(made)
    seen.gates["a"].set()
    shared.state(below, "queued")
    assert seen.calls[""] == 0
    assert not halt.under_way(made)
    lift(shared, made)
    assert shared.rest(run).state == "succeeded"


def _lowest(run: Run) -> Run:
    """The last run of a line of runs that each started one."""
    below = run.child_runs.first()
    return run if below is None else _lowest(below)


def test_failure_while_halted_asks_the_owner_and_begins_nothing(shared: Stage, seen: Seen) -> None:
    run = shared.start("a: {kind: python, function: t.gate_and_fail, with: {key: a}}")
    until(lambda: "a" in seen.begun, what="a at work")
    made = stop(shared, "run", run)
    seen.gates["a"].set()
    run = shared.state(run, "escalated")
    lift(shared, made)
    shared.answer(run, {"action": "output", "output": 1})
    assert shared.rest(run).state == "succeeded"


def test_answer_is_taken_while_halted_and_followed_after(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        ask: {kind: human, title: 'Well?'}
        b: {kind: python, function: t.count, needs: ask}
    """)
    made = stop(shared, "run", run)
    shared.answer(run, {})
    assert shared.beats(3)
    assert seen.calls[""] == 0
    lift(shared, made)
    assert shared.rest(run).state == "succeeded"


def test_halted_run_can_be_cancelled_and_ends_when_the_halt_is_lifted(shared: Stage) -> None:
    run = shared.play("a: {kind: wait, for: 1h}")
    made = stop(shared, "run", run)
    cancel.request(uid=run.uid, by=shared.operator, reason="a mistake")
    assert shared.beats(3)
    assert again(run).state == "waiting"
    lift(shared, made)
    assert shared.rest(run).state == "cancelled"


@pytest.mark.parametrize("scope", SCOPES)
def test_halt_that_is_on_cannot_be_set_again(shared: Stage, scope: str) -> None:
    run = shared.play(COUNT)
    made = stop(shared, scope, run)
    with pytest.raises(StaleState, match="on already"):
        stop(shared, scope, run)
    lift(shared, made)
    lift(shared, stop(shared, scope, run))


def test_halt_can_be_lifted_once(shared: Stage) -> None:
    made = stop(shared, "run", shared.play(COUNT))
    lift(shared, made)
    with pytest.raises(StaleState, match="lifted already"):
        lift(shared, made)
    with pytest.raises(NotFound):
        halt.lift(uid=uuid4(), by=shared.operator, reason="what?")


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_halt_needs_a_reason(shared: Stage, reason: str) -> None:
    with pytest.raises(Invalid, match="reason"):
        halt.set_on(Scope.GLOBAL, by=shared.operator, reason=reason)
    assert not Halt.objects.filter(state="on").exists()


def test_record_of_a_halt_says_who_set_and_who_lifted_it_and_why(shared: Stage) -> None:
    made = lift(shared, stop(shared, "run", shared.play(COUNT)))
    told = AuditEvent.objects.filter(chain=made.uid).order_by("seq").values_list("actor", "target", "reason")
    assert list(told) == [("person:olga", "on", "a fire"), ("person:olga", "lifted", "it is out")]


ASK = "ask: {kind: human, title: 'Well?', timeout: 1h}"


def moments(shared: Stage, run: Run) -> tuple[float, float]:
    """When the question expires and when the run must be done, in seconds."""
    expires, ends = shared.question(run).expires_at, again(run).deadline_at
    assert expires is not None
    assert ends is not None
    return expires.timestamp(), ends.timestamp()


def set_back(made: Halt, seconds: float) -> None:
    """The halt was set earlier, as far as anybody can tell."""
    Halt.objects.filter(pk=made.pk).update(created_at=database_time() - timedelta(seconds=seconds))


def aged(run: Run) -> Run:
    """The run is older than any halt of these tests."""
    Run.objects.filter(pk=run.pk).update(created_at=database_time() - timedelta(days=1))
    return run


def test_deadlines_get_back_the_time_that_a_halt_took(shared: Stage) -> None:
    run = aged(shared.play(ASK))
    before = moments(shared, run)
    made = stop(shared, "run", run)
    set_back(made, 100)
    lift(shared, made)
    later = [after - was for after, was in zip(moments(shared, run), before, strict=True)]
    assert all(100 <= seconds < 130 for seconds in later)
    assert again(run).halted_since is None


def test_deadlines_of_a_child_get_the_time_back_too(shared: Stage) -> None:
    shared.publish(ASK, name="asks-below")
    run = aged(shared.play("a: {kind: run, workflow: asks-below, timeout: 1h}"))
    child = aged(_lowest(run))
    before = moments(shared, child)
    made = stop(shared, "run", run)
    set_back(made, 100)
    lift(shared, made)
    later = [after - was for after, was in zip(moments(shared, child), before, strict=True)]
    assert all(100 <= seconds < 130 for seconds in later)


def test_deadline_of_a_child_step_gets_the_time_back_too(shared: Stage) -> None:
    shared.publish(ASK, name="asks")
    run = aged(shared.play("a: {kind: run, workflow: asks, timeout: 1h}"))
    before = shared.step(run, "a").deadline_at
    made = stop(shared, "run", run)
    set_back(made, 100)
    lift(shared, made)
    after = shared.step(run, "a").deadline_at
    assert before is not None
    assert after is not None
    assert timedelta(seconds=100) <= after - before < timedelta(seconds=130)


def test_run_that_was_born_during_a_halt_gets_no_more_than_its_own_time_back(shared: Stage) -> None:
    run = shared.play(ASK)
    before = moments(shared, run)
    made = stop(shared, "run", run)
    set_back(made, 10_000)
    lift(shared, made)
    assert all(after - was < 60 for after, was in zip(moments(shared, run), before, strict=True))


@pytest.mark.parametrize("first", ["earlier", "later"])
@pytest.mark.parametrize("scopes", [("global", "run"), ("run", "global"), ("deployment", "run")])
def test_two_halts_that_overlap_give_the_whole_time_back_once(
    shared: Stage, scopes: tuple[str, str], first: str
) -> None:
    """Set 300 and 100 seconds ago: whichever is lifted first, the run stood still for 300 seconds."""
    run = aged(shared.play(ASK))
    before = moments(shared, run)
    earlier, later = (stop(shared, scope, run) for scope in scopes)
    set_back(earlier, 300)
    set_back(later, 100)
    order = [earlier, later] if first == "earlier" else [later, earlier]
    lift(shared, order[0])
    assert moments(shared, run) == before
    lift(shared, order[1])
    gained = [after - was for after, was in zip(moments(shared, run), before, strict=True)]
    assert all(300 <= seconds < 330 for seconds in gained)


def test_halt_of_others_takes_no_time_from_a_run(shared: Stage) -> None:
    run, other = aged(shared.play(ASK)), aged(shared.play(ASK))
    before = moments(shared, run)
    made = stop(shared, "run", other)
    set_back(made, 100)
    lift(shared, made)
    assert moments(shared, run) == before


def test_wall_time_does_not_run_out_while_halted(shared: Stage, seen: Seen) -> None:
    run = shared.start(
        "a: {kind: python, function: t.gate, with: {key: a}}\nb: {kind: python, function: t.count, needs: a}",
        more="limits: {wall_time: 2s}",
    )
    until(lambda: "a" in seen.begun, what="a at work")
    made = stop(shared, "run", run)
    ends = again(run).deadline_at
    assert ends is not None
    until(lambda: database_time() > ends, what="the wall time to run out")
    assert shared.beats(3)
    assert shared.questions(run) == []
    seen.gates["a"].set()
    shared.state(run, "queued")
    lift(shared, made)
    assert shared.rest(run).state == "succeeded"


def test_question_does_not_expire_while_halted(shared: Stage) -> None:
    run = shared.start("ask: {kind: human, title: 'Well?', timeout: 1500ms}")
    shared.state(run, "waiting")
    made = stop(shared, "run", run)
    ends = shared.question(run).expires_at
    assert ends is not None
    until(lambda: database_time() > ends, what="the question's time to run out")
    shared.answer(run, {"n": 1})
    lift(shared, made)
    assert shared.rest(run).output == {"ask": {"n": 1}}
