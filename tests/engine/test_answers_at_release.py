"""An answer that comes in the moment in which the worker lets go of its run is never lost."""

from __future__ import annotations

from functools import partial

from orchestra.models import HumanTask, Run
from tests.engine.functions import Seen
from tests.engine.stage import Stage
from tests.waiting import until

ROUNDS = 400
#: The short step ends at about the moment of the answer: both want the run looked at.
STEPS = """
    ask: {kind: human, title: "Go on?"}
    short: {kind: python, function: t.echo}
"""


def is_asked(run: Run) -> bool:
    """Whether the run's question is there."""
    return HumanTask.objects.filter(run=run).exists()


def test_400_answers_given_while_a_worker_lets_go_are_all_taken_in(shared: Stage, seen: Seen) -> None:
    """A lost answer would leave its run waiting for ever: nothing else makes it due."""
    workflow = shared.publish(STEPS)
    runs = [shared.submit(workflow) for _ in range(ROUNDS)]
    for run in runs:
        until(partial(is_asked, run), what="the question")
        shared.answer(run, {})
    ended = Run.objects.filter(pk__in=[run.pk for run in runs], state="succeeded")
    until(lambda: ended.count() == ROUNDS, within=120, what=f"{ROUNDS} runs to end")
