"""Publishing: immutable versions known by what they mean; a file is published whole or not at all."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from orchestra.engine import publish
from orchestra.errors import Invalid
from orchestra.models import Deployment, Run, Workflow, WorkflowVersion
from tests.engine.functions import Seen
from tests.engine.stage import Stage, names, workflow
from tests.waiting import until

ECHO = "a: {kind: python, function: t.echo}"
OTHER = "a: {kind: python, function: t.echo, with: {other: true}}"


def new_name() -> str:
    return f"published-{next(names)}"


def put(shared: Stage, text: str, environment: str = "dev") -> list[publish.Published]:
    return publish.text(text, by=shared.operator, environment=environment)


def test_first_version_has_number_one_and_is_deployed(shared: Stage) -> None:
    name = new_name()
    (made,) = put(shared, workflow(name, ECHO))
    assert (made.kind, made.name, made.number, made.new, made.environment) == (
        "workflow",
        name,
        1,
        True,
        "dev",
    )
    version = Deployment.objects.get(workflow__name=name).base_version
    assert (version.number, version.author, bytes(version.digest).hex()) == (1, shared.operator, made.digest)


def test_version_keeps_its_source_word_for_word(shared: Stage) -> None:
    name = new_name()
    text = "# why it is so\n" + workflow(name, ECHO)
    put(shared, text)
    assert WorkflowVersion.objects.get(workflow__name=name).source == text


def test_what_means_the_same_is_the_same_version(shared: Stage) -> None:
    name = new_name()
    put(shared, workflow(name, ECHO))
    (made,) = put(shared, "# another comment\n" + workflow(name, "a:\n  function: t.echo\n  kind: python"))
    assert (made.number, made.new) == (1, False)
    assert WorkflowVersion.objects.filter(workflow__name=name).count() == 1


def test_what_means_something_else_is_the_next_version(shared: Stage) -> None:
    name = new_name()
    put(shared, workflow(name, ECHO))
    (made,) = put(shared, workflow(name, OTHER))
    assert (made.number, made.new) == (2, True)
    assert Deployment.objects.get(workflow__name=name).base_version.number == 2


def test_publishing_an_old_version_again_goes_back_to_it(shared: Stage) -> None:
    name = new_name()
    for steps in (ECHO, OTHER, ECHO):
        put(shared, workflow(name, steps))
    assert Deployment.objects.get(workflow__name=name).base_version.number == 1


def test_environments_are_deployed_one_by_one(shared: Stage) -> None:
    name = new_name()
    put(shared, workflow(name, ECHO))
    put(shared, workflow(name, OTHER), environment="test")
    found = Deployment.objects.filter(workflow__name=name)
    assert {row.environment.name: row.base_version.number for row in found} == {"dev": 1, "test": 2}


def test_canary_that_becomes_the_base_is_over(shared: Stage) -> None:
    name = new_name()
    for steps in (ECHO, OTHER, ECHO):
        put(shared, workflow(name, steps))
    canary = WorkflowVersion.objects.get(workflow__name=name, number=2)
    Deployment.objects.filter(workflow__name=name).update(canary_version=canary, canary_share=10)
    put(shared, workflow(name, OTHER))
    deployment = Deployment.objects.get(workflow__name=name)
    assert (deployment.base_version, deployment.canary_version, deployment.canary_share) == (canary, None, 0)


def test_run_keeps_the_version_it_began_with(shared: Stage, seen: Seen) -> None:
    name = new_name()
    put(
        shared,
        workflow(
            name,
            "a: {kind: python, function: t.gate, with: {key: a}}\nb: {kind: python, function: t.same, needs: a, with: {value: old}}",
        ),
    )
    run = shared.submit(name)
    until(lambda: "a" in seen.begun, what="a at work")
    put(shared, workflow(name, "b: {kind: python, function: t.same, with: {value: new}}"))
    seen.gates["a"].set()
    assert shared.rest(run).output == {"b": "old"}
    assert shared.rest(shared.submit(name)).output == {"b": "new"}


def test_run_that_waits_keeps_its_version_under_another_conductor(shared: Stage) -> None:
    name = new_name()
    put(
        shared,
        workflow(
            name,
            "ask: {kind: human, title: 'Well?'}\nb: {kind: python, function: t.same, needs: ask, with: {value: old}}",
        ),
    )
    run = shared.rest(shared.submit(name))
    with shared.nobody_working():
        put(shared, workflow(name, ECHO))
    shared.answer(run, {})
    assert shared.rest(run).output == {"b": "old"}


@pytest.mark.parametrize("change", [{"spec": {}}, {"source": ""}, {"number": 9}])
def test_version_cannot_be_changed(shared: Stage, change: dict[str, object]) -> None:
    name = new_name()
    put(shared, workflow(name, ECHO))
    with pytest.raises(DatabaseError), transaction.atomic():
        WorkflowVersion.objects.filter(workflow__name=name).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        WorkflowVersion.objects.filter(workflow__name=name).delete()


def test_every_problem_is_told_with_its_line(shared: Stage) -> None:
    name = new_name()
    text = workflow(
        name, "a: {kind: python, function: t.nowhere}\nb: {kind: tool, tool: t.missing, needs: c}"
    )
    with pytest.raises(Invalid) as caught:
        put(shared, text)
    told = {(problem.line, problem.message.split(";")[0]) for problem in caught.value.problems}
    assert {line for line, _ in told} == {6, 7}
    assert len(told) == 3
    assert not Workflow.objects.filter(name=name).exists()


def test_file_with_one_bad_definition_publishes_none_and_tells_the_problems_of_all(shared: Stage) -> None:
    good, bad, worse = new_name(), new_name(), new_name()
    text = "---\n".join(
        [workflow(good, ECHO), workflow(bad, "a: {kind: odd}"), workflow(worse, "a: {kind: python}")]
    )
    with pytest.raises(Invalid) as caught:
        put(shared, text)
    assert [problem.line for problem in caught.value.problems] == [13, 20]
    assert not Workflow.objects.filter(name__in=[good, bad, worse]).exists()


def test_definitions_of_one_file_may_name_each_other(shared: Stage) -> None:
    parent, child = new_name(), new_name()
    made = put(
        shared, workflow(parent, f"a: {{kind: run, workflow: {child}}}") + "---\n" + workflow(child, ECHO)
    )
    assert [each.name for each in made] == [parent, child]
    assert shared.rest(shared.submit(parent)).state == "succeeded"


def test_name_that_comes_twice_in_a_file_is_refused(shared: Stage) -> None:
    name = new_name()
    with pytest.raises(Invalid, match="twice"):
        put(shared, workflow(name, ECHO) + "---\n" + workflow(name, OTHER))


@pytest.mark.parametrize("environment", ["", "x" * 41, "pro d", "a\0b", "Prod!"])
def test_environment_whose_name_cannot_be_kept_is_refused_in_words(shared: Stage, environment: str) -> None:
    with pytest.raises(Invalid, match="environment"):
        put(shared, workflow(new_name(), ECHO), environment=environment)


def test_agent_step_is_refused_while_no_adapter_is_installed(shared: Stage) -> None:
    with pytest.raises(Invalid) as caught:
        put(shared, workflow(new_name(), "a: {kind: agent, agent: writer}"))
    assert caught.value.problems[0].line == 6


def test_limits_of_a_run_are_those_of_its_version(shared: Stage) -> None:
    name = new_name()
    put(shared, workflow(name, ECHO, "limits: {steps: 7, wall_time: 1h, payload: 1KiB}"))
    run = shared.submit(name)
    put(shared, workflow(name, ECHO, "limits: {steps: 8}"))
    limits = Run.objects.get(pk=run.pk).limits
    assert (limits["steps"], limits["wall_time"], limits["payload"]) == (7, 3600, 1024)
