"""A deployment in which everything that an agent, a tool, a requester or a reviewer can write says the same text."""

from __future__ import annotations

from typing import Any

from orchestra import canonical
from orchestra.intake import tasks
from orchestra.models import (
    ApiToken,
    Deployment,
    Halt,
    Notice,
    OutboxMessage,
    Person,
    Proposal,
    Run,
    Task,
    ToolCall,
    ToolVersion,
    Webhook,
    WebhookDelivery,
)
from orchestra.tools import sentences
from tests import factories
from tests.walls.stage import Place

LONGEST = 200
FREE = """
kind: workflow
name: free
spec:
  description: Takes anything.
  owner: operators
  input: {type: object}
  steps:
    ask:
      kind: human
      group: operators
      title: Is this right?
      form: {type: object, properties: {genuine: {type: boolean}}}
"""


def put(deployment: Deployment, text: str, *, reader: Person) -> Place:
    """One of everything. The task comes in as tasks do; the rest is written as the engine would write it."""
    task = _task(deployment, text)
    run = factories.run(task, state="waiting", output={text: text}, error=text)
    step = factories.step(run, kind="agent", input={text: text}, output={text: text}, error=text)
    proposal = _proposal(run, step, text)
    failed = factories.run(task, state="failed", error=text)
    _finished(failed, text)
    delivery = _delivery(run, text)
    place = Place(
        deployment=deployment,
        policy="refunds-rules",
        task=task,
        run=run,
        failed=failed,
        call=proposal.toolcall,
        proposal=proposal,
        question=factories.humantask(run, title=text[:300], context={text: text, "reason": text}),
        halt=_halt(task, text),
        webhook=delivery.webhook,
        delivery=delivery,
    )
    factories.humantask(run, state="answered", title=text[:300], answer={text: text})
    factories.humantask(run, kind="escalation", title=text[:300], context={"reason": text, "tried": [text]})
    place.notices[reader.name] = Notice.objects.create(person=reader, message=delivery.message)
    place.tokens[reader.name] = ApiToken.objects.create(
        person=reader,
        name=text[:120],
        prefix=factories.name("orc")[:16],
        digest=bytes(32),
        expires_at=factories.now(3600),
    )
    return place


def _task(deployment: Deployment, text: str) -> Task:
    """A task whose requester is called like the text, and has written it everywhere."""
    requester = factories.person(full_name=text[:LONGEST])
    account = factories.user(requester)
    account.groups.add(factories.group("requesters"))
    request = tasks.Request(
        workflow=deployment.workflow.name,
        environment=deployment.environment.name,
        payload={"order": text, text: [text, {text: text}]},
        source="api",
        subject=text[:LONGEST],
        reference=text[:LONGEST],
        labels={text[:100]: text[:LONGEST]},
    )
    return tasks.accept(request, by=requester).task


def _halt(task: Task, text: str) -> Halt:
    run = factories.run(task, state="cancelled")
    halt: Halt = factories.halt(run=run, reason=text, set_by=factories.person(full_name=text[:LONGEST]))
    return halt


def _delivery(run: Run, text: str) -> WebhookDelivery:
    message = OutboxMessage.objects.create(
        topic="run.succeeded",
        task=run.task,
        run=run,
        payload={"run": str(run.uid), "failure_class": None},
        due_at=factories.now(),
        last_error=text,
    )
    return WebhookDelivery.objects.create(
        message=message, webhook=_webhook(run.deployment), due_at=factories.now(), last_error=text
    )


def _proposal(run: Run, step: Any, text: str) -> Proposal:
    """A call of an agent that says the text everywhere, with a vote."""
    turn = _turn(step, text)
    call = _call(step, text, turn=turn, arguments={"note": text, "order": text, text: {text: [text]}})
    ruling = factories.ruling(
        call,
        verdict="review",
        rules=[
            {"id": "r", "policy": "p", "version": 1, "verdict": "review", "message": "People look at it."}
        ],
    )
    proposal = factories.proposal(
        factories.walk(call, "awaiting_approval"),
        ruling=ruling,
        sentence=f"Refund {sentences.value(text)}",
        preview={"creates": [{text: text}], "count": 1, "before": {text: text}, "after": {text: text + "x"}},
        votes_needed=2,
    )
    factories.approval(proposal, factories.person(full_name=text[:LONGEST]), reason=text, category=text[:40])
    return proposal


def _turn(step: Any, text: str) -> Any:
    asked = {"id": text, "type": "function", "function": {"name": text, "arguments": text}}
    return factories.turn(
        step,
        received=[{"role": "user", "content": text}, {"role": "tool", "tool_call_id": text, "content": text}],
        message={"role": "assistant", "content": text, "tool_calls": [asked]},
        notes=[text],
        error=text,
    )


def _call(step: Any, text: str, **columns: Any) -> ToolCall:
    given = {
        "tool_version": ToolVersion.objects.get(tool__name="refund"),
        "arguments": {text: text},
        "agent_reason": text,
        "tool_name": text[:120],
        "witness": {text: text},
    }
    body = canonical.encode({"text": text})
    path = "/refunds?q=" + text.replace("\n", " ")
    return factories.toolcall(
        step,
        **{
            **given,
            "body": body,
            "path": path,
            "target": "https://shop.example",
            "headers": [["X", text]],
            **columns,
        },
    )


def _finished(run: Run, text: str) -> None:
    """Calls that ended in every way, with what the tool said of it."""
    for state in ("succeeded", "failed", "unknown", "rejected", "denied", "returned"):
        step = factories.step(run, kind="tool")
        call = _call(step, text, error=text, result={text: text})
        factories.walk(call, state)
    factories.toolcall(
        factories.step(run), state="refused", tool_name=text[:120], raw=text.encode(), error=text
    )


def _webhook(deployment: Deployment) -> Webhook:
    return Webhook.objects.create(
        name=factories.name("hook"),
        url="https://example.org/hook",
        secret_reference="env:HOOK",
        deployment=deployment,
    )
