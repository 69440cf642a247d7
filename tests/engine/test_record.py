"""The record of a run: who did what and why, from birth to end; and no payload in it or in the logs.

That every chain is whole is checked at the end of every module that shares a stage: see the fixture.
"""

from __future__ import annotations

import itertools
import logging

import pytest
from django.db import connection
from django.db.models import F

from orchestra.audit import record
from orchestra.audit.walk import Count
from orchestra.engine import cancel, fork
from orchestra.errors import Invalid
from orchestra.logs import LineFormatter
from orchestra.models import AuditEvent, Run
from tests.engine.functions import Seen
from tests.engine.stage import Stage

CANARY = "canary-7f3a9c"
EVERYTHING = """
    echo: {kind: python, function: t.echo, with: {x: '{{ input.secret }}'}}
    read: {kind: tool, tool: t.read, with: {key: '{{ input.secret }}'}, needs: echo}
    misfit: {kind: tool, tool: t.read, with: {key: ['{{ input.secret }}']}, on_failure: continue}
    misnamed: {kind: tool, tool: t.read, with: '{{ input.odd }}', on_failure: continue}
    fails: {kind: python, function: t.fail, with: {message: '{{ input.secret }}'}, on_failure: continue}
    broken: {kind: tool, tool: t.broken, with: {key: '{{ input.secret }}'}, on_failure: continue}
    when: {kind: wait, until: '{{ input.secret }}', on_failure: continue}
    way: {kind: route, routes: [{when: "input.secret == 'x'", to: echo_two}, {to: items}]}
    echo_two: {kind: python, function: t.echo}
    items:
      kind: each
      items: ['{{ input.secret }}', 2]
      step: {kind: python, function: t.echo, with: {x: '{{ item }}'}}
    child: {kind: run, workflow: CHILD, with: {secret: '{{ input.secret }}'}}
    again:
      kind: python
      function: t.fail
      with: {message: '{{ input.secret }}'}
      retry: {attempts: 2, first_wait: 10ms, on: [bug]}
      on_failure: continue
    criteria:
      kind: python
      function: t.same
      with: {value: '{{ input.secret }}'}
      ensures: [output == 'other']
      on_failure: continue
    unreadable: {kind: python, function: t.echo, if: input.secret > 5, on_failure: continue}
    ask: {kind: human, title: '{{ input.secret }}', with: {x: '{{ input.secret }}'}}
    stop: {kind: python, function: t.fail, with: {message: '{{ input.secret }}'}}
"""


def everything(shared: Stage) -> Run:
    """A run through every kind of step, whose data all carry the canary; it is escalated and asks a form."""
    child = shared.publish(
        "a: {kind: python, function: t.fail, with: {message: '{{ input.secret }}'}, on_failure: continue}"
    )
    return shared.play(EVERYTHING.replace("CHILD", child), {"secret": CANARY, "odd": {"key": "k", CANARY: 1}})


def recorded() -> str:
    """Every text of the record."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, subject, source, target, actor, reason, convert_from(data, 'UTF8') FROM orchestra_auditevent"
        )
        return "\n".join(str(row) for row in cursor.fetchall())


def test_no_payload_reaches_the_record_or_the_logs(
    shared: Stage, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        run = everything(shared)
        form, escalation = sorted(shared.questions(run), key=lambda question: question.kind == "escalation")
        assert (form.kind, escalation.kind) == ("form", "escalation")
        with pytest.raises(Invalid):
            shared.answer_one(escalation, {"action": CANARY})
        shared.answer_one(form, {"answer": CANARY})
        shared.answer_one(escalation, {"action": "output", "output": CANARY, "note": CANARY})
        run = shared.rest(run)
        assert run.state == "succeeded"
        shared.rest(fork.run(uid=run.uid, checkpoint=3, by=shared.operator, reason="a test"))
    lines = "\n".join(LineFormatter().format(line) for line in caplog.records)
    assert "run.released" in lines
    assert CANARY not in lines
    assert CANARY not in recorded()
    assert CANARY in str(run.input)


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        ("a: {kind: python, function: t.echo}", "succeeded"),
        ("a: {kind: python, function: t.fail}", "failed"),
        ("a: {kind: wait, for: 1h}", "cancelled"),
    ],
)
def test_record_of_every_run_tells_its_life_from_birth_to_end(shared: Stage, steps: str, end: str) -> None:
    run = shared.play(steps)
    if end == "failed":
        shared.answer(run, {"action": "fail"})
    if end == "cancelled":
        cancel.request(uid=run.uid, by=shared.operator, reason="a test")
    run = shared.rest(run)
    events = list(AuditEvent.objects.filter(chain=run.uid).order_by("seq"))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    of_run = [event for event in events if event.subject == "run" and event.source != event.target]
    assert (of_run[0].source, of_run[0].target, of_run[-1].target) == ("", "queued", end)
    assert all(before.target == after.source for before, after in itertools.pairwise(of_run))
    assert all(event.actor and event.reason for event in events)


def test_every_step_and_question_is_told_from_its_birth_to_where_it_is(shared: Stage, seen: Seen) -> None:
    run = everything(shared)
    told: dict[str, str] = {}
    for event in AuditEvent.objects.filter(chain=run.uid).order_by("seq"):
        assert told.get(event.subject, "") == event.source, event
        told[event.subject] = event.target
    for step in run.steps.all():
        assert told.pop(str(step)) == step.state
    for question in run.humantasks.all():
        assert told.pop(question.subject) == question.state
    assert told == {"run": run.state}


def test_actors_are_people_workers_or_the_system(shared: Stage) -> None:
    run = shared.play("ask: {kind: human, title: 'Well?'}")
    shared.answer(run, {})
    shared.rest(run)
    actors = set(AuditEvent.objects.filter(chain=run.uid).values_list("actor", flat=True))
    worker = {actor for actor in actors if actor.startswith("worker:")}
    assert len(worker) == 1
    assert actors - worker == {"person:olga"}


def test_answer_is_in_the_record_by_its_digest(shared: Stage) -> None:
    run = shared.play("ask: {kind: human, title: 'Well?'}")
    shared.answer(run, {"n": 1})
    event = AuditEvent.objects.get(chain=run.uid, target="answered")
    assert b"digest" in bytes(event.data)
    assert b'"n"' not in bytes(event.data)


def test_what_was_said_of_a_run_without_moving_it_is_no_damage(shared: Stage) -> None:
    run = shared.play("a: {kind: wait, for: 1h}")
    cancel.request(uid=run.uid, by=shared.operator, reason="a test")
    shared.rest(run)
    said = AuditEvent.objects.filter(chain=run.uid, source=F("target"), subject="run")
    assert [event.reason for event in said] == ["cancel asked for: a test"]
    assert list(record.check({}, Count())) == []
