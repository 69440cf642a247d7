"""Answers that come while a worker is busy with the very run that asked: each is seen."""

from __future__ import annotations

from orchestra.engine import tasks
from orchestra.models import HumanTask, Run
from tests.crash.stage import PATIENCE, Stage
from tests.waiting import until

RUNS, ROUNDS = 10, 6
STEP = """
ask{0}: {{kind: human, group: operators, title: may it go on, form: {{type: object}}{1}}}
do{0}: {{kind: python, function: crash.nap, with: {{given: "{{{{ input }}}}", step: do{0}, seconds: 0.01}}{1}}}
"""
STEPS = "".join(STEP.format(n, f", needs: do{n - 1}" if n else "") for n in range(ROUNDS))


def test_answers_given_while_the_run_is_at_work_are_all_seen(stage: Stage) -> None:
    stage.working()
    runs = stage.submit(stage.publish(STEPS), RUNS)
    answered = 0
    while answered < RUNS * ROUNDS:
        answered += len(answer_all(stage, runs))
    stage.finish(runs)
    stage.sound()


def answer_all(stage: Stage, runs: list[Run]) -> list[HumanTask]:
    """Answer whatever is asked, at once."""
    found = until(lambda: open_questions(runs), within=PATIENCE, what="a question")
    return [tasks.answer(uid=question.uid, by=stage.operator, values={}) for question in found]


def open_questions(runs: list[Run]) -> list[HumanTask]:
    """The questions of the runs that nobody has answered."""
    return list(HumanTask.objects.filter(run__in=runs, state="open"))
