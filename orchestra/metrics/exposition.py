"""Renders the readings as Prometheus text. Refuses to keep anything: every scrape reads anew.

A reading that cannot be had is left out and named in `orchestra_scrape_errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from orchestra.errors import Unavailable
from orchestra.metrics import readings
from orchestra.metrics.readings import Ask

CONTENT_TYPE = CONTENT_TYPE_LATEST
Figures = Mapping[str, float] | float | None


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its readings are mappings of label value to figure, or single figures without a label."""

    name: str
    help: str
    reads: tuple[Callable[[Ask], Figures], ...]
    label: str = ""
    counter: bool = False

    def empty(self) -> CounterMetricFamily | GaugeMetricFamily:
        """The metric without samples."""
        kind = CounterMetricFamily if self.counter else GaugeMetricFamily
        return kind(self.name, self.help, labels=[self.label] if self.label else [])


FAMILIES = (
    Family("orchestra_runs", "Runs by state.", (readings.live_runs, readings.ended_runs), "state"),
    Family("orchestra_runs_stuck", "Runs that nothing will ever move again.", (readings.stuck_runs,)),
    Family("orchestra_run_due_lag_seconds", "Time since the oldest due run became due.", (readings.due_lag,)),
    Family(
        "orchestra_steps", "Live steps of live runs by state, up to 100000.", (readings.live_steps,), "state"
    ),
    Family("orchestra_worker_processes", "Worker processes alive.", (readings.live_workers,)),
    Family("orchestra_claims", "Claims of runs, by what began them.", (readings.claims,), "by", counter=True),
    Family("orchestra_hint_share", "Share of claims begun by a hint.", (readings.hint_share,)),
    Family("orchestra_fences_lost", "Runs lost to another worker.", (readings.fences_lost,), counter=True),
    Family("orchestra_hints_lost", "Hints that Redis did not take.", (readings.hints_lost,), counter=True),
    Family("orchestra_halts_on", "Kill switches that are on.", (readings.halts_on,), "scope"),
    Family(
        "orchestra_human_tasks_open", "Questions that wait for people.", (readings.open_humantasks,), "kind"
    ),
    Family(
        "orchestra_proposals_pending",
        "Proposals that wait for people, by tier.",
        (readings.pending_proposals,),
        "tier",
    ),
    Family(
        "orchestra_outbox_due", "Messages that should have been passed on by now.", (readings.due_messages,)
    ),
    Family(
        "orchestra_webhook_deliveries_due",
        "Deliveries that should have been tried by now.",
        (readings.due_deliveries,),
    ),
    Family(
        "orchestra_webhook_deliveries_failing",
        "Deliveries that have failed and will be tried again, up to 100000.",
        (readings.failing_deliveries,),
    ),
    Family(
        "orchestra_audit_unsealed",
        "Audit events since the last seal, up to 100000.",
        (readings.unsealed_events,),
    ),
    Family("orchestra_database_size_bytes", "Size of the database.", (readings.database_size,)),
    Family(
        "orchestra_database_sessions", "Database sessions by state.", (readings.database_sessions,), "state"
    ),
)


class Readings(Collector):
    """Reads everything when a scrape asks."""

    def collect(self) -> Iterator[Metric]:
        """Redis first: it says so quickly when it is away."""
        yield from _redis()
        errors = GaugeMetricFamily(
            "orchestra_scrape_errors", "Readings that could not be had.", labels=["metric"]
        )
        up = GaugeMetricFamily("orchestra_database_up", "Whether PostgreSQL let us in.")
        try:
            with readings.session() as ask:
                for family in FAMILIES:
                    yield _read(family, ask, errors)
            up.add_metric([], 1)
        except Unavailable:
            up.add_metric([], 0)
        yield errors
        yield up


def page() -> bytes:
    """The whole Prometheus text."""
    registry = CollectorRegistry()
    registry.register(Readings())
    return generate_latest(registry)


def _read(family: Family, ask: Ask, errors: GaugeMetricFamily) -> Metric:
    metric = family.empty()
    for read in family.reads:
        try:
            figures = read(ask)
        except readings.Unreadable:
            errors.add_metric([family.name], 1)
            continue
        _add(metric, figures)
    return metric


def _add(metric: CounterMetricFamily | GaugeMetricFamily, figures: Figures) -> None:
    if isinstance(figures, Mapping):
        for word, number in figures.items():
            metric.add_metric([word], number)
    elif figures is not None:
        metric.add_metric([], figures)


def _redis() -> Iterator[Metric]:
    length = readings.queue_length()
    yield GaugeMetricFamily("orchestra_redis_up", "Whether Redis answers.", value=float(length is not None))
    if length is not None:
        yield GaugeMetricFamily("orchestra_rq_queue_length", "Hints that wait in Redis.", value=length)
