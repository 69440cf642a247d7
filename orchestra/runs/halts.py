"""Halts as people meet them: which there are, who may set and lift which, and what is in flight in a scope.

The rights are checked here; stopping is the engine's (see `engine.halt`). Needs neither Redis nor workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from orchestra.engine import halt
from orchestra.errors import Invalid, NotAllowed, NotFound
from orchestra.models import Deployment, Halt, Person, Run, Scope, ToolCall
from orchestra.people import roles
from orchestra.people.roles import Holder
from orchestra.runs import listing

RIGHT: Final = "halt"
#: So many are shown; so many are counted.
SHOWN: Final = 20
MOST_COUNTED: Final = 1_000
ON_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Target:
    """What a halt is to stop: everything, one deployment, or one run with those that it has started."""

    scope: Scope
    deployment: Deployment | None = None
    run: Run | None = None

    def __str__(self) -> str:
        if self.run is not None:
            return f"run {self.run.uid} of {self.run.deployment}, with the runs that it has started"
        return "everything" if self.deployment is None else f"all runs of {self.deployment}"


@dataclass(frozen=True, slots=True)
class Flight:
    """What a worker still holds in a scope: the first runs and the first requests that are out, and how many there are."""

    runs: Sequence[Run]
    calls: Sequence[ToolCall]
    runs_count: str
    calls_count: str

    @property
    def settled(self) -> bool:
        """Whether nothing is under way any more."""
        return not self.runs and not self.calls


def visible(holder: Holder) -> QuerySet[Halt]:
    """Halts of everything, which all may see, and those of what the holder may look at."""
    seen = roles.visible_to(holder)
    rows = Halt.objects.filter(Q(scope=Scope.GLOBAL) | Q(deployment__in=seen) | Q(run__deployment__in=seen))
    return rows.select_related(
        "set_by", "lifted_by", "deployment__workflow", "deployment__environment",
        "run__deployment__workflow", "run__deployment__environment",
    )  # fmt: skip


def find(uid: UUID, holder: Holder) -> Halt:
    """One halt. Raises NotFound, also for one that is not theirs to see."""
    row = visible(holder).annotate(seen_at=Now()).filter(uid=uid).first()
    if row is None:
        raise NotFound(f"There is no halt {uid}.")
    return row


def seen_at(row: Halt) -> datetime:
    """The database's time at which a halt was found."""
    moment: datetime = getattr(row, "seen_at", row.created_at)
    return moment


def on(holder: Holder) -> list[Halt]:
    """Those that are on, the newest first."""
    return list(visible(holder).filter(state="on").order_by("-pk")[:MOST_COUNTED])


def past(holder: Holder, *, before: int = 0) -> tuple[list[Halt], int]:
    """Those that were lifted, the newest first, and the id that leads on to older ones (0: no more)."""
    rows = visible(holder).filter(state="lifted", **({"pk__lt": before} if before else {})).order_by("-pk")
    found = list(rows[: ON_PAGE + 1])
    return found[:ON_PAGE], found[ON_PAGE - 1].pk if len(found) > ON_PAGE else 0


def target(holder: Holder, scope: str, *, deployment: str = "", run: str = "") -> Target:
    """What is named by a form. Raises Invalid by the field, also for what the holder may not see."""
    if scope == Scope.GLOBAL:
        return Target(Scope.GLOBAL)
    if scope == Scope.DEPLOYMENT:
        found = (
            roles.visible_to(holder).select_related("workflow", "environment").filter(uid=_uid(deployment))
        )
        if (row := found.first()) is None:
            raise Invalid.at("/deployment", "Choose the deployment that is to stop.")
        return Target(Scope.DEPLOYMENT, deployment=row)
    if scope == Scope.RUN:
        one = listing.told(listing.visible(holder)).filter(uid=_uid(run)).first()
        if one is None:
            raise Invalid.at("/run", "There is no such run; copy its id from the page of the run.")
        return Target(Scope.RUN, run=one)
    raise Invalid.at("/scope", "Choose what is to stop: everything, a deployment or a run.")


def check(holder: Holder, what: Target | Halt) -> None:
    """Raises NotAllowed (or NotFound for what they may not see) where the holder may not halt, nor lift."""
    deployment = what.deployment or (what.run.deployment if what.run is not None else None)
    if deployment is not None:
        roles.check(holder, RIGHT, deployment)
    elif not roles.may_halt_everything(holder):
        raise NotAllowed("A halt of everything needs the right to halt on every deployment there is.")


def may(holder: Holder, what: Target | Halt) -> bool:
    """Whether the holder may set or lift this one, which they see."""
    deployment = what.deployment or (what.run.deployment if what.run is not None else None)
    return roles.may_halt_everything(holder) if deployment is None else roles.may(holder, RIGHT, deployment)


def choices(holder: Holder) -> list[Deployment]:
    """The deployments that the holder may halt, in the order of their names."""
    rows = roles.visible_to(holder, RIGHT).select_related("workflow", "environment")
    return list(rows.order_by("workflow__name", "environment__name")[:MOST_COUNTED])


def set_on(what: Target, *, by: Person, reason: str) -> Halt:
    """Stop it. Raises NotAllowed, NotFound, Invalid (no reason), StaleState (it is on already)."""
    check(by, what)
    return halt.set_on(what.scope, by=by, reason=reason, deployment=what.deployment, run=what.run)


def lift(row: Halt, *, by: Person, reason: str) -> Halt:
    """Let go again. Raises NotAllowed, NotFound, Invalid (no reason), StaleState (lifted already)."""
    check(by, row)
    return halt.lift(uid=row.uid, by=by, reason=reason)


def flight(what: Target | Halt, holder: Holder) -> Flight:
    """What is under way in the scope, as far as the holder may see it."""
    runs = halt.in_scope(deployment=what.deployment, run=what.run).filter(
        deployment__in=roles.visible_to(holder)
    )
    held = listing.told(runs.filter(state="running")).select_related("worker").order_by("pk")
    out = ToolCall.objects.filter(state="dispatched", run__in=runs).select_related(
        "run__deployment__workflow", "run__deployment__environment", "step"
    )
    first, calls = list(held[: SHOWN + 1]), list(out.order_by("pk")[: SHOWN + 1])
    return Flight(first[:SHOWN], calls[:SHOWN], _count(held, first), _count(out, calls))


def _count(rows: QuerySet[Run] | QuerySet[ToolCall], first: Sequence[object]) -> str:
    """Counted anew only where more are there than are shown."""
    if len(first) <= SHOWN:
        return str(len(first))
    number = rows.order_by()[: MOST_COUNTED + 1].count()
    return f"{MOST_COUNTED}+" if number > MOST_COUNTED else str(number)


def _uid(text: str) -> UUID:
    """The id in a field; one that nothing has, where it is none."""
    try:
        return UUID(text.strip())
    except ValueError:
        return UUID(int=0)
