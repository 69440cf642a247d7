"""A run as plain data: its steps in order, the states of its workflow's steps, what it used of its limits, its relatives.

Reads only, and only runs that the caller has looked up (see `listing.find`). Texts of others show unseen characters.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import connection
from django.db.models import Case, Count, Max, Q, Value, When

from orchestra.canonical import Json
from orchestra.engine import claim
from orchestra.errors import OrchestraError
from orchestra.models import Run, Step
from orchestra.runs.parts import SHORT, Part, part
from orchestra.tools.sentences import visible
from orchestra.workflows.spec import WorkflowSpec

MOST_RELATIVES: Final = 100
USED: Final = """
SELECT (SELECT count(*) FROM orchestra_step WHERE run_id = %(run)s AND item = -1),
  (SELECT count(*) FROM orchestra_toolcall WHERE run_id = %(run)s AND revision = 0),
  coalesce(t.currency, ''), count(t.message), coalesce(sum(t.input_tokens + t.output_tokens), 0), sum(t.cost)
FROM (VALUES (1)) AS one LEFT JOIN orchestra_turn t ON t.run_id = %(run)s GROUP BY t.currency ORDER BY t.currency
"""
#: The words for a limit, and what is counted against it.
LIMITS: Final[Mapping[str, str]] = {
    "steps": "Steps",
    "turns": "Questions to models",
    "tool_calls": "Tool calls",
    "tokens": "Tokens",
    "cost": "Cost",
    "wall_time": "Time",
    "repeats": "Repeats of the same call",
}


@dataclass(frozen=True, slots=True)
class StepFact:
    """One step, or one item of one."""

    ordinal: int
    path: str
    item: int
    name: str
    kind: str
    state: str
    attempt: int
    failure: str
    error: str
    started: datetime | None
    finished: datetime | None

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it has not ended."""
        if self.started is None or self.finished is None:
            return None
        return (self.finished - self.started).total_seconds()


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a step of the workflow; of one that is done for each item, `items` says how many stand where."""

    state: str
    items: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """What a run has used of one limit, in words; `limit` is empty without one."""

    name: str
    used: str
    limit: str


def steps(run: Run, *, after: int = 0) -> Part[StepFact]:
    """Its steps in the order in which they began, behind an ordinal."""
    behind = {"ordinal__gt": after} if after else {}
    rows = Step.objects.filter(run=run, **behind).order_by("ordinal")
    return part(list(rows[: SHORT + 1]), SHORT, lambda step: step.ordinal).each(fact)


def fact(step: Step) -> StepFact:
    """One step as plain data."""
    return StepFact(
        ordinal=step.ordinal,
        path=step.path,
        item=step.item,
        name=str(step),
        kind=step.kind,
        state=step.state,
        attempt=step.attempt,
        failure=step.failure_class,
        error=visible(step.error),
        started=step.started_at,
        finished=step.finished_at,
    )


def spec_of(run: Run) -> WorkflowSpec | None:
    """The workflow that it follows; None where this release cannot read the version."""
    try:
        return claim.spec_of(run.version_id)
    except OrchestraError:
        return None


def standing(run: Run, part: Part[StepFact]) -> Mapping[str, Standing]:
    """How each step of the workflow that has begun stands, by its name: its last round, its items counted.

    Counted from the part where that is all, else by the database.
    """
    if part.after is None:
        return _standing((row.path, row.item, row.state, row.ordinal, 1) for row in part.rows)
    one = Case(When(item=Step.NO_ITEM, then=Value(Step.NO_ITEM)), default=Value(0))
    rows = (
        Step.objects.filter(run=run)
        .annotate(one=one)
        .values("path", "one", "state")
        .order_by("path", "state")
    )
    found = rows.annotate(last=Max("ordinal"), number=Count("pk"))
    return _standing(found.values_list("path", "one", "state", "last", "number"))


def _standing(rows: Iterable[tuple[str, int, str, int, int]]) -> dict[str, Standing]:
    newest: dict[str, tuple[int, str]] = {}
    items: dict[str, Counter[str]] = {}
    for path, item, state, ordinal, number in rows:
        name = path.partition("~")[0]
        if item == Step.NO_ITEM:
            newest[name] = max(newest.get(name, (-1, "")), (ordinal, state))
        else:
            items.setdefault(name, Counter())[state] += number
    told = {
        name: [f"{many} {state}" for state, many in sorted(found.items())] for name, found in items.items()
    }
    return {name: Standing(state, ", ".join(told.get(name, ()))) for name, (_, state) in newest.items()}


def use(run: Run, now: datetime) -> Sequence[Use]:
    """Each limit of the run with what is used of it; cost and tokens as far as models tell them."""
    with connection.cursor() as cursor:
        cursor.execute(USED, {"run": run.pk})
        rows = cursor.fetchall()
    used: dict[str, str] = {
        "steps": f"{rows[0][0]}",
        "tool_calls": f"{rows[0][1]}",
        "turns": f"{sum(row[3] for row in rows)}",
        "tokens": f"{sum(row[4] for row in rows)}",
        "cost": _cost((row[2], row[5]) for row in rows),
        "wall_time": lasting(((run.finished_at or now) - (run.started_at or now)).total_seconds()),
        "repeats": "",
    }
    return [Use(word, used[name], _limit(name, run.limits.get(name))) for name, word in LIMITS.items()]


def relatives(run: Run) -> Mapping[str, Sequence[Run]]:
    """The runs that came of it: those that it started, and its forks."""
    rows = Run.objects.filter(Q(parent_run=run) | Q(forked_from=run)).select_related(
        "deployment__workflow", "deployment__environment"
    )
    found = list(rows.order_by("pk")[:MOST_RELATIVES])
    return {
        "children": [row for row in found if row.parent_run_id == run.pk],
        "forks": [row for row in found if row.forked_from_id == run.pk],
    }


def pretty(value: Json) -> str:
    """JSON in lines, every unseen character shown; empty for nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return visible(value)
    return "\n".join(visible(line) for line in json.dumps(value, indent=2, ensure_ascii=False).splitlines())


def _limit(name: str, value: Any) -> str:
    if value is None:
        return ""
    return lasting(float(value)) if name == "wall_time" else str(value)


def _cost(told: Iterable[tuple[str, Decimal | None]]) -> str:
    sums = [f"{amount.normalize():f} {currency}" for currency, amount in told if amount is not None]
    return ", ".join(sums) or "not known"


def lasting(seconds: float) -> str:
    """A length of time in its two largest units."""
    for size, word, below, small in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = int(seconds % size // below)
            return f"{int(seconds // size)} {word}{f' {rest} {small}' if rest else ''}"
    return f"{seconds:.1f} s"
