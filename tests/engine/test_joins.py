"""Steps with several needs: when they start, and what happens to the needs that lost."""

from __future__ import annotations

import pytest

from tests.engine.functions import Seen
from tests.engine.stage import Stage
from tests.waiting import until


def test_all_waits_for_every_need(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        a: {kind: python, function: t.echo}
        b: {kind: python, function: t.gate, with: {key: b}}
        c: {kind: python, function: t.count, needs: [a, b]}
    """)
    until(lambda: "b" in seen.begun, what="b at work")
    assert not seen.calls[""]
    seen.gates["b"].set()
    assert shared.rest(run).output == {"c": {"calls": 1}}


def test_all_is_skipped_when_one_need_fails_and_something_else_takes_over(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.fail, on_failure: instead}
        b: {kind: python, function: t.echo}
        c: {kind: python, function: t.echo, needs: [a, b]}
        instead: {kind: python, function: t.same, with: {value: 1}}
    """)
    assert shared.states(run)["c"] == "skipped"
    assert run.output == {"instead": 1}


def test_any_waits_until_all_are_settled_and_takes_what_succeeded(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        a: {kind: python, function: t.echo}
        b: {kind: python, function: t.gate, with: {key: b}}
        c: {kind: python, function: t.echo, if: 'false'}
        d: {kind: python, function: t.count, needs: [a, b, c], join: any}
    """)
    until(lambda: "b" in seen.begun, what="b at work")
    assert not seen.calls[""]
    seen.gates["b"].set()
    assert shared.rest(run).output == {"d": {"calls": 1}}


def test_any_is_skipped_when_no_need_succeeded(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.echo, if: 'false'}
        b: {kind: python, function: t.echo, if: 'false'}
        c: {kind: python, function: t.echo, needs: [a, b], join: any}
    """)
    assert shared.states(run)["c"] == "skipped"


def test_number_starts_as_soon_as_so_many_succeeded_and_the_others_go_on(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        a: {kind: python, function: t.echo}
        b: {kind: python, function: t.echo}
        c: {kind: python, function: t.gate, with: {key: c}}
        d: {kind: python, function: t.count, needs: [a, b, c], join: 2}
    """)
    until(lambda: seen.calls[""] == 1, what="d to begin before c ends")
    assert "c" not in seen.ended
    seen.gates["c"].set()
    assert set(shared.states(shared.rest(run)).values()) == {"succeeded"}


def test_number_that_cannot_be_reached_any_more_skips_the_step(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.echo}
        b: {kind: python, function: t.fail, on_failure: continue}
        c: {kind: python, function: t.echo, needs: [a, b], join: 2}
    """)
    assert shared.states(run)["c"] == "skipped"


def test_need_that_is_not_settled_when_a_number_starts_can_be_asked_for(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        a: {kind: python, function: t.echo}
        b: {kind: python, function: t.gate, with: {key: b}}
        c: {kind: python, function: t.count, needs: [a, b], join: 1, if: '!has(steps.b)'}
    """)
    until(lambda: seen.calls[""] == 1, what="c to begin before b ends")
    seen.gates["b"].set()
    assert shared.rest(run).state == "succeeded"


def test_first_starts_with_the_first_that_succeeded_and_cancels_the_others(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        quick: {kind: python, function: t.same, with: {value: quick}}
        asked: {kind: human, title: 'Slow?'}
        timer: {kind: wait, for: 1h}
        end:
          kind: python
          function: t.echo
          needs: [quick, asked, timer]
          join: first
          with: {asked: '{{ steps.asked.state }}'}
    """)
    assert run.state == "succeeded"
    assert run.output == {"end": {"asked": "cancelled"}}
    states = shared.states(run)
    assert (states["asked"], states["timer"]) == ("cancelled", "cancelled")
    assert shared.step(run, "asked").humantasks.get().state == "cancelled"


def test_loser_of_a_race_that_is_at_work_is_not_waited_for(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        quick: {kind: python, function: t.echo}
        slow: {kind: python, function: t.gate, with: {key: slow}}
        end: {kind: python, function: t.echo, needs: [quick, slow], join: first}
    """)
    assert run.state == "succeeded"
    assert shared.states(run)["slow"] == "cancelled"
    assert "slow" not in seen.ended


def test_loser_of_a_race_asks_nobody_when_it_fails_late(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        quick: {kind: python, function: t.echo}
        slow: {kind: python, function: t.gate, with: {key: slow}}
        end: {kind: python, function: t.gate, needs: [quick, slow], join: first, with: {key: end}}
    """)
    until(lambda: "end" in seen.begun, what="end at work")
    seen.gates["slow"].set()
    until(lambda: "slow" in seen.ended, what="slow to end")
    seen.gates["end"].set()
    run = shared.rest(run)
    assert (run.state, shared.questions(run)) == ("succeeded", [])
    assert shared.states(run)["slow"] == "cancelled"


@pytest.mark.parametrize(
    "asks",
    [
        "{kind: human, title: Who}",
        "{kind: run, workflow: other}",
        "{kind: wait, for: 1h}",
        "{kind: python, function: t.count}",
    ],
)
def test_loser_that_would_begin_in_the_moment_of_the_decision_leaves_nothing_behind(
    shared: Stage, seen: Seen, asks: str
) -> None:
    """An empty each is settled at once, so the race is decided before anything is written."""
    shared.publish("a: {kind: python, function: t.count}", name="other")
    run = shared.play(f"""
        asked: {asks}
        quick: {{kind: each, items: [], step: {{kind: python, function: t.echo}}}}
        end: {{kind: python, function: t.echo, needs: [quick, asked], join: first}}
    """)
    assert (run.state, shared.questions(run)) == ("succeeded", [])
    assert shared.states(run)["asked"] == "cancelled"
    assert not run.child_runs.exists()
    assert not seen.calls


def test_race_whose_first_fails_goes_on_with_the_other(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.fail, on_failure: continue}
        b: {kind: wait, for: 50ms}
        end: {kind: python, function: t.echo, needs: [a, b], join: first}
    """)
    assert shared.states(run)["end"] == "succeeded"


def test_each_that_lost_a_race_stops_with_its_items(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        quick: {kind: wait, for: 50ms}
        many: {kind: each, items: [1, 2], step: {kind: human, title: 'Which?'}}
        end: {kind: python, function: t.echo, needs: [quick, many], join: first}
    """)
    states = shared.states(run)
    assert {states[name] for name in ("many", "many[0]", "many[1]")} == {"cancelled"}
    assert shared.questions(run) == []


def test_child_run_of_a_step_that_lost_a_race_is_cancelled(shared: Stage) -> None:
    shared.publish("a: {kind: human, title: Never}", name="slow-child")
    run = shared.play("""
        quick: {kind: wait, for: 200ms}
        child: {kind: run, workflow: slow-child}
        end: {kind: python, function: t.echo, needs: [quick, child], join: first}
    """)
    assert run.state == "succeeded"
    child = run.child_runs.get()
    assert (child.state, shared.questions(child)) == ("cancelled", [])
