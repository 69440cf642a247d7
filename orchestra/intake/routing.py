"""Where a request goes: to the workflow that it names, or to that of the first routing rule whose condition holds.

Asks whether the requester may submit there. Refuses to guess: a rule that cannot be evaluated chooses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Exists, OuterRef

from orchestra import expressions, logs
from orchestra.canonical import Json
from orchestra.errors import NoRoute, NotAllowed, NotFound, OrchestraError, Problem
from orchestra.expressions import Expression, Scope
from orchestra.models import Deployment, RoutingRule
from orchestra.people import roles
from orchestra.people.roles import Holder

#: What a condition may look at.
VARIABLES: Final = frozenset({"source", "environment", "subject", "reference", "labels", "payload"})


@dataclass(frozen=True, slots=True)
class Matter:
    """A request as routing rules see it; `environment` is "" when any will do."""

    source: str
    payload: Json
    environment: str = ""
    subject: str = ""
    reference: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """The variables of conditions."""
        return {name: getattr(self, name) for name in VARIABLES - {"labels"}} | {"labels": dict(self.labels)}


def named(workflow: str, environment: str, *, by: Holder) -> Deployment:
    """Where they may submit. Raises NotFound (absent, or not theirs to see), NotAllowed."""
    rows = Deployment.objects.select_related("workflow", "environment")
    seen, open_ = (_held(by, right) for right in ("view", "submit"))
    found = rows.annotate(seen=seen, open=open_).filter(
        workflow__name=workflow, environment__name=environment
    )
    where = found.first()
    if where is None or not where.seen:
        raise NotFound(f"There is no workflow {workflow} in {environment}, or it is not yours to see.")
    if not where.open:
        raise NotAllowed(f"You may see {where}, but this needs the right to submit there.")
    return where


def chosen(matter: Matter, *, by: Holder) -> Deployment:
    """The deployment of the first active rule that holds. Raises NoRoute, NotAllowed."""
    rules = RoutingRule.objects.filter(active=True).select_related(
        "deployment__workflow", "deployment__environment"
    )
    if matter.environment:
        rules = rules.filter(deployment__environment__name=matter.environment)
    problems: list[Problem] = []
    for rule in rules:
        if _holds(rule, matter, problems):
            if not roles.may(by, "submit", rule.deployment):
                raise NotAllowed(
                    "The routing rules lead this request to a workflow that you may not submit to. "
                    "Ask an administrator for the right, or name a workflow and its environment."
                )
            return rule.deployment
    raise NoRoute(
        "No routing rule chooses a workflow for this request. Name a workflow and its environment, "
        "or ask an administrator for a rule that fits.",
        problems=problems,
    )


def compiled(condition: str) -> Expression:
    """The condition of a rule. Raises ExpressionError with line and column."""
    return expressions.compile(condition, variables=VARIABLES)


def _held(by: Holder, right: str) -> Exists:
    return Exists(roles.visible_to(by, right).filter(pk=OuterRef("pk")))


def _holds(rule: RoutingRule, matter: Matter, problems: list[Problem]) -> bool:
    try:
        condition = compiled(rule.condition)
        return condition.holds(Scope(matter.values(), (condition,)))
    except OrchestraError as error:
        logs.event("routing.not_evaluated", level=logs.WARNING, rule=rule.name, error=error)
        problems.append(
            Problem("", f"The rule {rule.name} could not be evaluated, so it was passed over: {error}")
        )
        return False
