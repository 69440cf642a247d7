"""Figures of how things go, for the deployments that somebody sees: the queue, throughput, failures, waiting. Reads only.

Each figure is one question over an index, and over no more than a day, a week or so many rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from orchestra.people import roles
from orchestra.people.roles import Holder

#: So many of the pending proposals are looked at, those of the highest tiers first.
LOOKED_AT: Final = 20_000
TIERS: Final[Mapping[int, str]] = {4: "critical", 3: "high", 2: "medium", 1: "low"}
AGES: Final = ("under 15 min", "under 1 h", "under 4 h", "under 1 d", "longer")
ENDS: Final = ("opened", "decided", "expired")
OUTCOMES: Final = ("succeeded", "failed", "cancelled")
HOURS: Final = 24

OLDEST = """
SELECT p.uid, p.sentence, p.created_at, p.tier, w.name || '@' || e.name FROM (
  SELECT tier, created_at, uid, sentence, deployment_id FROM orchestra_proposal
  WHERE state = 'pending' AND deployment_id = ANY(%(seen)s) ORDER BY tier DESC, created_at, id LIMIT %(most)s) AS p
JOIN orchestra_deployment d ON d.id = p.deployment_id JOIN orchestra_workflow w ON w.id = d.workflow_id
JOIN orchestra_environment e ON e.id = d.environment_id ORDER BY p.created_at LIMIT 5
"""
#: Rows of (what, name, hour, number), and what time it is; the hours are those that `of` counts.
HOURLY = """
SELECT 'now', '', now(), 0
UNION ALL SELECT 'proposals', 'opened', date_trunc('hour', created_at), count(*) FROM orchestra_proposal
WHERE created_at >= date_trunc('hour', now()) - interval '23 hours' AND deployment_id = ANY(%(seen)s) GROUP BY 3
UNION ALL SELECT 'proposals', 'decided', date_trunc('hour', decided_at), count(*) FROM orchestra_proposal
WHERE state IN ('approved', 'rejected', 'returned') AND decided_at >= date_trunc('hour', now()) - interval '23 hours'
  AND deployment_id = ANY(%(seen)s) GROUP BY 3
UNION ALL SELECT 'proposals', 'expired', date_trunc('hour', decided_at), count(*) FROM orchestra_proposal
WHERE state = 'expired' AND decided_at >= date_trunc('hour', now()) - interval '23 hours'
  AND deployment_id = ANY(%(seen)s) GROUP BY 3
UNION ALL SELECT 'runs', state, date_trunc('hour', finished_at), count(*) FROM orchestra_run
WHERE state IN ('succeeded', 'failed', 'cancelled') AND finished_at >= date_trunc('hour', now()) - interval '23 hours'
  AND deployment_id = ANY(%(seen)s) GROUP BY 2, 3
"""
#: Rows of (what, name, number, figure): ages (tier, bucket, count), failures (class, steps, calls), medians.
STANDING = """
SELECT 'ages', tier::text, CASE WHEN age < interval '15 min' THEN 0 WHEN age < interval '1 hour' THEN 1
  WHEN age < interval '4 hours' THEN 2 WHEN age < interval '1 day' THEN 3 ELSE 4 END AS bucket, count(*)::float
FROM (SELECT tier, now() - created_at AS age FROM orchestra_proposal
  WHERE state = 'pending' AND deployment_id = ANY(%(seen)s) ORDER BY tier DESC, created_at, id LIMIT %(most)s) AS aged
GROUP BY 2, 3
UNION ALL SELECT 'failures', failure_class, sum(steps), sum(calls) FROM (
  SELECT s.failure_class, 1 AS steps, 0 AS calls FROM orchestra_step s JOIN orchestra_run r ON r.id = s.run_id
  WHERE s.finished_at >= now() - interval '7 days' AND s.failure_class <> '' AND r.deployment_id = ANY(%(seen)s)
  UNION ALL SELECT c.failure_class, 0, 1 FROM orchestra_toolcall c JOIN orchestra_run r ON r.id = c.run_id
  WHERE c.finished_at >= now() - interval '7 days' AND c.failure_class <> '' AND r.deployment_id = ANY(%(seen)s)
) AS failed GROUP BY 2
UNION ALL SELECT 'medians', tier::text, count(*),
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM decided_at - created_at))
FROM orchestra_proposal WHERE decided_at >= now() - interval '7 days' AND deployment_id = ANY(%(seen)s)
  AND state IN ('approved', 'rejected', 'returned') GROUP BY 2
"""


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers under one name, one for each label."""

    name: str
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Table:
    """What a chart shows: labels along it, and one or more series."""

    labels: Sequence[str]
    series: Sequence[Series]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing but zeros."""
        return not any(number for row in self.series for number in row.numbers)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal that waits, and since when."""

    uid: str
    sentence: str
    since: datetime
    tier: str
    deployment: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything on the overview page, as of `at`. `medians` are seconds by tier, with how many were decided."""

    at: datetime
    ages: Table
    proposals: Table
    finished: Table
    failures: Table
    medians: Sequence[tuple[str, int, float]]
    oldest: Sequence[Waiting]


def of(holder: Holder) -> Figures:
    """The figures for the deployments that the holder sees."""
    seen = list(roles.visible_to(holder).values_list("pk", flat=True))
    hourly = _rows(HOURLY, seen)
    now: datetime = next(row[2] for row in hourly if row[0] == "now")
    full = now.replace(minute=0, second=0, microsecond=0)
    hours = [full - timedelta(hours=back) for back in reversed(range(HOURS))]
    standing = _by_kind(_rows(STANDING, seen))
    return Figures(
        at=now,
        ages=_ages(standing["ages"]),
        proposals=_hourly([row[1:] for row in hourly if row[0] == "proposals"], hours, ENDS),
        finished=_hourly([row[1:] for row in hourly if row[0] == "runs"], hours, OUTCOMES),
        failures=_failures(standing["failures"]),
        medians=[
            (TIERS[int(tier)], int(number), float(middle))
            for tier, number, middle in sorted(standing["medians"], reverse=True)
        ],
        oldest=[Waiting(str(row[0]), row[1], row[2], TIERS[row[3]], row[4]) for row in _rows(OLDEST, seen)],
    )


def _by_kind(rows: Sequence[tuple[Any, ...]]) -> Mapping[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {"ages": [], "failures": [], "medians": []}
    for kind, *row in rows:
        found[kind].append(tuple(row))
    return found


def _ages(rows: Sequence[tuple[Any, ...]]) -> Table:
    found = {(int(tier), int(bucket)): int(number) for tier, bucket, number in rows}
    series = [
        Series(word, [found.get((tier, bucket), 0) for bucket in range(len(AGES))])
        for tier, word in TIERS.items()
    ]
    return Table(AGES, series)


def _hourly(rows: Sequence[tuple[Any, ...]], hours: Sequence[datetime], names: Sequence[str]) -> Table:
    found = {(name, at): number for name, at, number in rows}
    series = [Series(name, [found.get((name, hour), 0) for hour in hours]) for name in names]
    return Table([f"{hour:%H:%M}" for hour in hours], series)


def _failures(rows: Sequence[tuple[Any, ...]]) -> Table:
    """The most frequent class first."""
    found = sorted(rows, key=lambda row: (-row[1] - row[2], row[0]))
    labels = [row[0].replace("_", " ") for row in found]
    steps, calls = ([int(row[at]) for row in found] for at in (1, 2))
    return Table(labels, [Series("steps", steps), Series("calls", calls)])


def _rows(sql: str, seen: Sequence[int]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"seen": list(seen), "most": LOOKED_AT})
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
