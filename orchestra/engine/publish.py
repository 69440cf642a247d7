"""Publishes definitions: an immutable version with a digest and an author, and what it is deployed as.

Refuses a definition with any problem, naming the lines.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import Group

from orchestra import logs
from orchestra.documents.envelopes import Envelope, envelopes
from orchestra.engine.connections import borrow
from orchestra.errors import Invalid, Problem
from orchestra.models import Deployment, Environment, Person, Workflow, WorkflowVersion
from orchestra.people import roles
from orchestra.tools import registry
from orchestra.workflows import functions, parse, stored
from orchestra.workflows.checks import Known
from orchestra.workflows.spec import Kind, StepSpec, WorkflowSpec


@dataclass(frozen=True, slots=True)
class Published:
    """One published definition; `new` is false when this very version was there already."""

    kind: str
    name: str
    number: int
    digest: str
    new: bool
    environment: str


def text(source: str, *, by: Person, environment: str) -> list[Published]:
    """Publish every definition in a YAML text, all or none.

    Raises Invalid with all problems (line numbers of the text).
    """
    found = envelopes(source)
    with borrow():
        return [_one(envelope, found, source, by, environment) for envelope in found]


def known(others: list[Envelope]) -> Known:
    """The names that a workflow may refer to, those of the same file included."""
    return Known(
        functions=functions.names(),
        tools=registry.names(),
        groups=frozenset(Group.objects.values_list("name", flat=True)),
        workflows=frozenset(Workflow.objects.values_list("name", flat=True)) | {e.name for e in others},
    )


def _one(envelope: Envelope, others: list[Envelope], source: str, by: Person, environment: str) -> Published:
    if envelope.kind != "workflow":
        raise Invalid.at(
            "/kind", f"{envelope.kind} cannot be published yet, only workflow.", line=envelope.line
        )
    spec = parse.workflow(envelope, known=known(others))
    _begins(spec)
    version, new = _version(spec, source, by)
    _deploy(version, environment)
    logs.event("workflow.published", workflow=spec.name, number=version.number, by=by.name)
    return Published("workflow", spec.name, version.number, bytes(version.digest).hex(), new, environment)


def _begins(spec: WorkflowSpec) -> None:
    """A step that could never begin is refused now and not at run time."""
    steps: list[StepSpec] = [step.each.step if step.each else step for step in spec.steps]
    problems = [
        Problem(
            f"/spec/steps/{step.name}", "agent steps need an agent adapter, and none is installed.", step.line
        )
        for step in steps
        if step.kind is Kind.AGENT
    ]
    if problems:
        raise Invalid.of(problems)


def _version(spec: WorkflowSpec, source: str, by: Person) -> tuple[WorkflowVersion, bool]:
    workflow, _ = Workflow.objects.get_or_create(name=spec.name)
    workflow = Workflow.objects.select_for_update().get(pk=workflow.pk)
    digest = stored.digest(spec)
    same = workflow.versions.filter(digest=digest).first()
    if same is not None:
        return same, False
    last = workflow.versions.order_by("-number").values_list("number", flat=True).first()
    return workflow.versions.create(
        number=(last or 0) + 1, spec=stored.dump(spec), source=source, digest=digest, author=by
    ), True


def _deploy(version: WorkflowVersion, environment: str) -> None:
    """The published version becomes the base of its deployment; a canary equal to it is over."""
    place, _ = Environment.objects.get_or_create(name=environment)
    deployment, made = Deployment.objects.get_or_create(
        workflow=version.workflow, environment=place, defaults={"base_version": version}
    )
    if made:
        roles.give_defaults(deployment)
        return
    deployment.base_version = version
    if deployment.canary_version_id == version.pk:
        deployment.canary_version, deployment.canary_share = None, 0
    deployment.save(update_fields=["base_version", "canary_version", "canary_share"])
