"""Agents as they are published: owner, model adapter, prompt, settings, and the tools they are granted where.

Refuses to load an adapter: only workers do. Publishing runs inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.documents.envelopes import LIMITS, Envelope, refuse
from orchestra.documents.report import Report, Shape, listed, near
from orchestra.errors import Bug, Invalid
from orchestra.models import Agent, AgentVersion, Environment, Grant, Person, Tool

KIND: Final = "agent"
NAME: Final = r"^[a-z][a-z0-9_-]{0,62}$"
ADAPTER: Final = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
GLOB: Final = r"^[a-z0-9_.*?-]{1,120}$"


def _words(description: str, *, longest: int, least: int = 1) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": longest, "description": description}


SPEC: Final[Mapping[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["adapter", "model"],
    "properties": {
        "owner": _words("The person who answers for it, by short name; whoever publishes it first if not given.", longest=80),
        "adapter": {**_words("How it talks to its model: recorded, scripted, or a dotted path.", longest=200), "pattern": ADAPTER},
        "model": _words("The name of the model, as its adapter knows it.", longest=200),
        "prompt": _words("What it is told first.", longest=100_000, least=0),
        "settings": {"type": "object", "description": "What its adapter wants to know."},
        "grants": {
            "type": "array",
            "maxItems": 200,
            "uniqueItems": True,
            "items": {"type": "string", "pattern": GLOB, "description": "A tool."},
            "description": "The tools it may use in this environment: names, or globs such as get_*. None if not given.",
        },
    },
}  # fmt: skip
_SHAPE: Final = Shape(
    {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "required": ["kind", "name", "spec"],
        "properties": {
            "kind": {"const": KIND},
            "name": {"type": "string", "pattern": NAME, "description": "The name that workflows call it by."},
            "spec": SPEC,
        },
    },
    hints={
        NAME: "use lower-case letters, digits, _ and -, a letter first",
        GLOB: "a name, or * and ? for parts of names",
    },
)


@dataclass(frozen=True, slots=True)
class Identity:
    """An agent as a version says it is. `adapter` is what `border.load` takes; `settings` are the adapter's."""

    name: str
    adapter: str
    model: str
    prompt: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def dump(self) -> dict[str, Json]:
        """Plain data; equal identities give equal bytes."""
        return {
            "name": self.name,
            "adapter": self.adapter,
            "model": self.model,
            "prompt": self.prompt,
            "settings": dict(self.settings),
        }


@dataclass(frozen=True, slots=True)
class AgentDocument:
    """One `agent` document: the identity, its owner (empty: whoever publishes), and globs of granted tools."""

    identity: Identity
    owner: str
    grants: tuple[str, ...]


def parse(envelope: Envelope) -> AgentDocument:
    """The agent of one document. Raises Invalid with every problem found."""
    if envelope.kind != KIND:
        refuse([envelope.problem(f"kind is {envelope.kind!r}; an agent is expected here", "kind")])
    report = Report(envelope)
    _SHAPE.check(report)
    if report.problems:
        refuse(report.problems)
    body: Mapping[str, Any] = envelope.spec if isinstance(envelope.spec, dict) else {}
    identity = Identity(
        name=envelope.name,
        adapter=body["adapter"],
        model=body["model"],
        prompt=body.get("prompt", ""),
        settings=body.get("settings", {}),
    )
    return AgentDocument(identity, body.get("owner", ""), tuple(body.get("grants", ())))


def identity(version: AgentVersion) -> Identity:
    """What a published version says. Its row needs its agent. Raises Bug for a row that was never published."""
    stored = version.settings
    if not isinstance(stored, dict) or set(stored) != {"adapter", "settings"}:
        raise Bug(f"the version {version} was not written by publishing")
    return Identity(version.agent.name, stored["adapter"], version.model, version.prompt, stored["settings"])


def publish(document: AgentDocument, *, by: Person, place: Environment) -> tuple[AgentVersion, bool]:
    """The version that says this, made if there is none, and exactly its grants in the environment.

    The flag tells whether anything changed. Raises Invalid for an owner nobody knows and a grant that fits no tool.
    """
    owner = _owner(document, by)
    agent, made = Agent.objects.get_or_create(name=document.identity.name, defaults={"owner": owner})
    agent = Agent.objects.select_for_update().get(pk=agent.pk)
    changed = made or _hand_over(agent, document, owner)
    version, new = _version(agent, document.identity, by)
    granted = _grant(agent, document.grants, by, place)
    return version, changed or new or granted


def _owner(document: AgentDocument, by: Person) -> Person:
    if not document.owner:
        return by
    found = Person.objects.filter(name=document.owner).first()
    if found is None:
        raise Invalid(f"there is no person {document.owner!r} to own {document.identity.name}")
    return found


def _hand_over(agent: Agent, document: AgentDocument, owner: Person) -> bool:
    """A document without an owner leaves the present one."""
    if not document.owner or agent.owner_id == owner.pk:
        return False
    agent.owner = owner
    agent.save(update_fields=["owner"])
    return True


def _version(agent: Agent, identity: Identity, by: Person) -> tuple[AgentVersion, bool]:
    data = canonical.check(identity.dump(), limits=LIMITS)
    digest = canonical.digest(data)
    same = agent.versions.filter(digest=digest).first()
    if same is not None:
        return same, False
    last = agent.versions.order_by("-number").values_list("number", flat=True).first()
    return agent.versions.create(
        number=(last or 0) + 1,
        model=identity.model,
        prompt=identity.prompt,
        settings={"adapter": identity.adapter, "settings": dict(identity.settings)},
        digest=digest,
        author=by,
    ), True


def _grant(agent: Agent, globs: tuple[str, ...], by: Person, place: Environment) -> bool:
    tools = {tool.name: tool for tool in Tool.objects.filter(versions__isnull=False).distinct()}
    wanted: set[str] = set()
    for glob in globs:
        fitting = {name for name in tools if fnmatchcase(name, glob)}
        if not fitting:
            told = listed(sorted(tools))
            raise Invalid(f"no published tool fits {glob!r}{near(glob, tools)}; there are: {told}")
        wanted |= fitting
    held = {grant.tool.name: grant for grant in agent.grants.filter(environment=place).select_related("tool")}
    for name in held.keys() - wanted:
        held[name].delete()
    for name in sorted(wanted - held.keys()):
        Grant.objects.create(agent=agent, tool=tools[name], environment=place, granted_by=by)
    return held.keys() != wanted
