"""Workers that die without a word: others go on where the record says."""

from __future__ import annotations

import random
import time

from tests.crash.stage import FIVE, Crew, Stage, kill

THREE = """
a: {kind: python, function: crash.mark, with: {given: "{{ input }}", step: a}}
b: {needs: a, kind: python, function: crash.gate, with: {given: "{{ input }}", step: b}}
c: {needs: b, kind: python, function: crash.mark, with: {given: "{{ input }}", step: c}}
"""

SLOW = """
a: {kind: python, function: crash.nap, with: {given: "{{ input }}", step: a, seconds: 2}}
b: {needs: a, kind: python, function: crash.mark, with: {given: "{{ input }}", step: b}}
"""
POISON = """
before: {kind: python, function: crash.mark, with: {given: "{{ input }}", step: before}}
dies: {needs: before, kind: python, function: crash.die, with: {given: "{{ input }}", step: dies}}
"""


def test_another_worker_goes_on_after_kill_without_waiting_for_the_lease(stage: Stage) -> None:
    first = stage.working()
    (run,) = stage.submit(stage.publish(THREE))
    stage.begins("b", by=first)
    second = stage.working()
    kill(first)
    stage.begins("b", by=second)
    stage.open()
    stage.finish([run])
    assert stage.times() == {(0, "a"): 1, (0, "b"): 1, (0, "c"): 1}
    assert stage.column(run, "output->'c'->>'pid'") == str(second.pid)
    assert [row for row in stage.record(run) if row[4] == "system"] != []
    stage.sound()


def test_step_that_kills_its_worker_each_time_is_put_before_a_person_and_others_go_on(stage: Stage) -> None:
    others = stage.submit(stage.publish(SLOW), 6)
    (poison,) = stage.submit(stage.publish(POISON))
    crew = Crew(stage, 2)
    crew.keep_up(lambda: stage.states([poison])["escalated"] == 1)
    crew.keep_up(lambda: stage.states(others)["succeeded"] == len(others))
    assert stage.noted("dies") == crew.died == 3
    context = stage.ask("SELECT context, title FROM orchestra_humantask WHERE state = 'open'")
    assert [(c["failure_class"], c["limit"]) for c, _ in context] == [("lost_worker", "takeovers")]
    assert "dies" in context[0][1]
    stage.sound()


def test_every_run_succeeds_once_while_workers_are_killed_at_random(stage: Stage) -> None:
    chance = random.Random(20)
    crew = Crew(stage, 2, ORCHESTRA_TAKEOVERS="100")  # it is not the runs that kill here
    runs = stage.submit(stage.publish(FIVE), 100)
    for _ in range(20):
        time.sleep(chance.uniform(0.2, 1.2))
        kill(crew.members[chance.randrange(2)])
        crew.replace()
        assert stage.stuck() == []
    stage.finish(runs)
    assert set(stage.times()) == {(n, step) for n in range(100) for step in "abcde"}
    stage.sound()
