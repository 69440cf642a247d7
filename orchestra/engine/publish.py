"""Publishes definitions: an immutable version with a digest and an author, and what it is deployed as.

Refuses a definition with any problem, naming the lines. Who may publish is for the callers to say (see `drafts`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from django.contrib.auth.models import Group
from django.db import transaction

from orchestra import logs
from orchestra.agents import identities
from orchestra.audit import governance
from orchestra.contracts import Effect
from orchestra.documents.envelopes import Envelope, envelopes, refuse
from orchestra.engine.connections import borrow
from orchestra.errors import Invalid, Problem
from orchestra.models import (
    Agent,
    Deployment,
    Environment,
    Person,
    Policy,
    Tool,
    Workflow,
    WorkflowVersion,
)
from orchestra.people import roles
from orchestra.policies import cases, versions
from orchestra.policies import checks as policies
from orchestra.policies import parse as rules
from orchestra.tools import bindings, publishing, registry
from orchestra.tools import parse as tools
from orchestra.workflows import functions, parse, stored
from orchestra.workflows.checks import Known
from orchestra.workflows.spec import WorkflowSpec


@dataclass(frozen=True, slots=True)
class Published:
    """One published definition; `new` is false when this very version was in force there already.

    `number` is 0 for a binding, which has no versions.
    """

    kind: str
    name: str
    number: int
    digest: str
    new: bool
    environment: str


@dataclass(frozen=True)
class Job:
    """One text to publish: its documents, by whom, who wrote it, where, and what is there already."""

    source: str
    documents: list[Envelope]
    by: Person
    author: Person
    place: Environment

    @cached_property
    def tools(self) -> Mapping[str, Effect]:
        """The tools that may be named: those of the text, and published ones."""
        return {**publishing.known(), **tools.effects(self.documents)}

    @cached_property
    def known(self) -> Known:
        """The names that a workflow may refer to."""
        named = {kind: {each.name for each in self.documents if each.kind == kind} for kind in READ}
        return Known(
            functions=functions.names(),
            tools=registry.names() | frozenset(self.tools),
            agents=frozenset(Agent.objects.values_list("name", flat=True)) | named["agent"],
            groups=frozenset(Group.objects.values_list("name", flat=True)),
            workflows=frozenset(Workflow.objects.values_list("name", flat=True)) | named["workflow"],
        )


PLACE: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")

#: Writes one definition that was read and found sound.
Write: TypeAlias = Callable[[], Published]


def text(source: str, *, by: Person, environment: str, author: Person | None = None) -> list[Published]:
    """Publish every definition in a YAML text, all or none. `author` is who wrote it, if that is somebody else.

    Raises Invalid with all problems (line numbers of the text).
    """
    found = envelopes(source)
    with borrow():
        made = _publish(Job(source, found, by, author or by, _place(environment)))
    for each in made:
        logs.event(
            "definition.published", kind=each.kind, definition=each.name, number=each.number, by=by.name
        )
    return made


def rehearse(source: str, *, by: Person, environment: str) -> list[Published]:
    """What publishing would do, and nothing done. Raises Invalid with all problems, as publishing would."""
    found = envelopes(source)
    with borrow(), transaction.atomic():
        made = _publish(Job(source, found, by, by, _place(environment)))
        transaction.set_rollback(True)
    return made


def _publish(job: Job) -> list[Published]:
    found = job.documents
    writes = _read(job)
    made = {number: _write(found[number], writes[number]) for number in _in_order(found)}
    for number in _in_order(found):
        _record(made[number], job)
    return [made[number] for number in range(len(found))]


def _record(made: Published, job: Job) -> None:
    """What came into force is kept on the chain of what it governs; a text that changes nothing is no event."""
    if not made.new:
        return
    rows: Mapping[str, Callable[[], governance.Governed]] = {
        "tool": lambda: Tool.objects.get(name=made.name),
        "binding": lambda: job.place,
        "agent": lambda: Agent.objects.get(name=made.name),
        "policy": lambda: Policy.objects.get(name=made.name),
        "workflow": lambda: Deployment.objects.select_related("workflow", "environment").get(
            workflow__name=made.name, environment=job.place
        ),
    }
    number = f" v{made.number}" if made.number else ""
    governance.record(
        rows[made.kind](),
        "published",
        by=job.by,
        reason=f"{made.kind} {made.name}{number} in {made.environment}",
        data={"digest": made.digest, "number": made.number, "author": job.author.name},
    )


def _place(name: str) -> Environment:
    if not PLACE.fullmatch(name):
        said = f"{name[:50]!r} cannot be an environment: small letters, digits and -, a letter first, at most 40."
        raise Invalid.at("", said)
    place, _ = Environment.objects.get_or_create(name=name)
    return place


def _read(job: Job) -> list[Write]:
    """Every document read, so that all problems are told at once."""
    writes: list[Write] = []
    problems = list(_twice(job.documents))
    for envelope in job.documents:
        try:
            writes.append(_reader(envelope)(envelope, job))
        except Invalid as refusal:
            problems += refusal.problems or [envelope.problem(refusal.message)]
    if problems:
        refuse(problems)
    return writes


def _twice(found: list[Envelope]) -> Iterator[Problem]:
    seen: dict[tuple[str, str], int] = {}
    for envelope in found:
        first = seen.setdefault((envelope.kind, envelope.name), envelope.line)
        if first != envelope.line:
            yield envelope.problem(
                f"{envelope.kind} {envelope.name} is in this file twice (first in line {first})"
            )


def _reader(envelope: Envelope) -> Callable[[Envelope, Job], Write]:
    if envelope.kind not in READ:
        said = f"{envelope.kind} cannot be published; known kinds are {', '.join(READ)}."
        refuse([envelope.problem(said, "kind")])
    return READ[envelope.kind]


def _in_order(found: list[Envelope]) -> list[int]:
    """Numbers of the documents, each after those that it may build on."""
    order = list(READ)
    return sorted(range(len(found)), key=lambda number: order.index(found[number].kind))


def _write(envelope: Envelope, write: Write) -> Published:
    """What only the database knows is told with the line of the document too."""
    try:
        return write()
    except Invalid as refusal:
        refuse(refusal.problems or [envelope.problem(refusal.message)])


def _tool(envelope: Envelope, job: Job) -> Write:
    declaration = tools.tool(envelope, known=job.tools)

    def write() -> Published:
        version, new = publishing.tool(declaration, by=job.author, place=job.place)
        return _published(envelope, job, version.number, bytes(version.digest), new)

    return write


def _binding(envelope: Envelope, job: Job) -> Write:
    binding = bindings.parse(envelope)

    def write() -> Published:
        new = publishing.binding(binding, place=job.place)
        return _published(envelope, job, 0, binding.digest(), new)

    return write


def _agent(envelope: Envelope, job: Job) -> Write:
    document = identities.parse(envelope)

    def write() -> Published:
        version, new = identities.publish(document, by=job.by, place=job.place)
        return _published(envelope, job, version.number, bytes(version.digest), new)

    return write


def _policy(envelope: Envelope, job: Job) -> Write:
    known = policies.Known(tools=job.known.tools, groups=job.known.groups)
    document = rules.policy(envelope, known=known)
    cases.check(document)

    def write() -> Published:
        version, new = versions.publish(
            document, source=job.source, by=job.by, author=job.author, place=job.place
        )
        return _published(envelope, job, version.number, bytes(version.digest), new)

    return write


def _workflow(envelope: Envelope, job: Job) -> Write:
    spec = parse.workflow(envelope, known=job.known)

    def write() -> Published:
        version, new = _version(spec, job.source, job.author)
        moved = _deploy(version, job.place)
        return _published(envelope, job, version.number, bytes(version.digest), new or moved)

    return write


#: How each kind of document is read, in the order in which they are written.
READ: Final[Mapping[str, Callable[[Envelope, Job], Write]]] = {
    "tool": _tool,
    "binding": _binding,
    "agent": _agent,
    "policy": _policy,
    "workflow": _workflow,
}


def _published(envelope: Envelope, job: Job, number: int, digest: bytes, new: bool) -> Published:
    return Published(envelope.kind, envelope.name, number, digest.hex(), new, job.place.name)


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


def _deploy(version: WorkflowVersion, place: Environment) -> bool:
    """The published version becomes the base of its deployment; a canary equal to it is over. Whether it moved."""
    deployment, made = Deployment.objects.get_or_create(
        workflow=version.workflow, environment=place, defaults={"base_version": version}
    )
    if made:
        roles.give_defaults(deployment)
        return True
    moved = deployment.base_version_id != version.pk
    deployment.base_version = version
    if deployment.canary_version_id == version.pk:
        deployment.canary_version, deployment.canary_share = None, 0
    deployment.save(update_fields=["base_version", "canary_version", "canary_share"])
    return moved
