"""Which versions of which policies somebody may read: those that were in force where they see a deployment.

Pages go by keys. Refuses to judge (see `trials`) and to publish.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import Group
from django.db.models import F, Func, IntegerField, Prefetch, Q, QuerySet, Value
from django.db.models.fields.json import KeyTransform

from orchestra.canonical import Json
from orchestra.errors import Invalid, NotFound
from orchestra.models import Agent, Environment, Person, PolicyPublication, PolicyVersion, Tool, ToolCall
from orchestra.people import roles

ON_PAGE: Final = 50
MOST_VERSIONS: Final = 50
MOST_CALLS: Final = 20


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked for: words in a policy, an environment; both empty for all. `after` is where a page ends."""

    q: str = ""
    environment: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `later` leads to the next one, empty at the end."""

    rows: Sequence[PolicyPublication]
    later: str = ""


def environments(person: Person) -> QuerySet[Environment]:
    """The environments of the deployments that the person sees."""
    seen = roles.visible_to(person).values("environment")
    return Environment.objects.filter(pk__in=seen).order_by("name")


def environment(person: Person, name: str) -> Environment:
    """One of them. Raises NotFound."""
    found = environments(person).filter(name=name).first()
    if found is None:
        raise NotFound(f"There is no environment {name[:40]!r}, or you see no deployment in it.")
    return found


def page(person: Person, filters: Filters) -> Page:
    """What is in force now, by policy and environment. Each row has `count`, the number of its rules."""
    rows = PolicyPublication.objects.filter(until__isnull=True, environment__in=environments(person))
    if filters.environment:
        rows = rows.filter(environment__name=filters.environment)
    if filters.q:
        rows = rows.filter(Q(version__source__icontains=filters.q) | Q(policy__name__icontains=filters.q))
    if filters.after:
        rows = rows.filter(_after(filters.after))
    rows = rows.select_related("policy", "version", "environment", "published_by").annotate(count=_count())
    rows = rows.defer("version__source", *([] if filters.q else ["version__document"]))
    found = list(rows.order_by("policy__name", "environment__name")[: ON_PAGE + 1])
    last = found[ON_PAGE - 1] if len(found) > ON_PAGE else None
    return Page(found[:ON_PAGE], f"{last.policy.name}~{last.environment.name}" if last else "")


def matching(row: PolicyPublication, words: str) -> list[str]:
    """The ids of the rules in which the words are."""
    rules: list[dict[str, Any]] = row.version.document.get("rules", [])
    wanted = words.casefold()
    return [str(rule["id"]) for rule in rules if any(wanted in text.casefold() for text in _texts(rule))]


def versions(person: Person, policy: str) -> Sequence[PolicyVersion]:
    """The versions of a policy that were ever in force where they see something, the newest first.

    Each with its author and, as `seen`, its publications there. Raises NotFound when there is none.
    """
    places = environments(person)
    theirs = PolicyPublication.objects.filter(environment__in=places).select_related(
        "environment", "published_by"
    )
    rows = _readable(person, policy).select_related("author").defer("document", "source")
    rows = rows.prefetch_related(Prefetch("publications", theirs.order_by("-since"), to_attr="seen"))
    found = list(rows.order_by("-number")[:MOST_VERSIONS])
    if not found:
        raise NotFound(f"There is no policy {policy[:80]!r}, or it is not in force where you see anything.")
    return found


def documents(person: Person, policy: str, numbers: Sequence[int]) -> list[PolicyVersion]:
    """Versions by number, whole, in the order asked for. Raises NotFound when one is not theirs to read."""
    rows = _readable(person, policy).select_related("author", "policy").filter(number__in=numbers)
    found = {row.number: row for row in rows}
    if missing := [number for number in numbers if number not in found]:
        raise NotFound(f"There is no version {missing[0]} of {policy[:80]!r} that you may read.")
    return [found[number] for number in numbers]


def calls(person: Person, place: Environment) -> list[ToolCall]:
    """The latest calls that were judged in an environment, of deployments that they see."""
    rows = ToolCall.objects.filter(
        run__deployment__in=roles.visible_to(person), run__deployment__environment=place
    )
    rows = rows.exclude(state="refused").select_related("run")
    return list(rows.order_by("-pk")[:MOST_CALLS])


def names(place: Environment) -> dict[str, list[str]]:
    """The names of the `tool`s that are bound in an environment and of the `agent`s that were granted any there."""
    tools = Tool.objects.filter(bindings__environment=place, bindings__active=True)
    agents = Agent.objects.filter(active=True, grants__environment=place)
    rows = tools.values_list(Value("tool"), "name").union(agents.values_list(Value("agent"), "name"))
    found: dict[str, list[str]] = {"tool": [], "agent": []}
    for kind, name in rows.order_by("name"):
        found[kind].append(name)
    return found


def call(person: Person, place: Environment, uid: str) -> ToolCall:
    """One of them, or an older one. Raises NotFound."""
    rows = ToolCall.objects.filter(
        run__deployment__in=roles.visible_to(person), run__deployment__environment=place
    )
    found = rows.select_related("turn__agent_version").filter(uid=uid).first()
    if found is None:
        raise NotFound("There is no such call in this environment that you may see.")
    return found


def requester(person: Person) -> dict[str, Json]:
    """Somebody as rules see them when they ask for a task."""
    groups = Group.objects.filter(user__person=person, user__is_active=True).distinct().order_by("name")
    return {"kind": "person", "name": person.name, "groups": list(groups.values_list("name", flat=True))}


def _readable(person: Person, policy: str) -> QuerySet[PolicyVersion]:
    theirs = PolicyPublication.objects.filter(environment__in=environments(person))
    return PolicyVersion.objects.filter(policy__name=policy, pk__in=theirs.values("version"))


def _count() -> Func:
    return Func(
        KeyTransform("rules", F("version__document")),
        function="jsonb_array_length",
        output_field=IntegerField(),
    )


def _after(place: str) -> Q:
    policy, found, environment = place.partition("~")
    if not found:
        raise Invalid.at("/after", "This page does not exist: go back to the first one.")
    return Q(policy__name__gt=policy) | Q(policy__name=policy, environment__name__gt=environment)


def _texts(rule: dict[str, Any]) -> list[str]:
    return [rule["id"], rule["message"], rule["when"] or "", *rule["tools"]]
