"""The tables that a replay prints: by model, by tool, denials by rule, and the figures of the whole.
Counts and lays out. What must hold is in `verdict`, which is handed on here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import quantiles
from typing import TypeAlias

from reviews.replay.outcomes import CallOutcome, Ended, Results, RunOutcome
from reviews.replay.verdict import verdict

__all__ = ["render", "verdict"]

Row: TypeAlias = Sequence[str | int | float]
#: How many sentences of one kind are printed before only their number is.
MOST = 200


def render(results: Results, *, most: int = MOST) -> str:
    """Everything a replay has to say, as text; `most` limits each list of sentences."""
    parts = [
        _table("by model", _MODEL_HEAD, _by_model(results)),
        _table("by tool", _TOOL_HEAD, _by_tool(results)),
        _table(
            "denials by rule", ("rule", "denials", "to reject", "to approve", "accepted"), _by_rule(results)
        ),
        _table("the whole", ("figure", "value"), _figures(results)),
        _listed("denied, though a reviewer would approve", _denied_good(results), most),
        _listed("departures from the recording", _told(results, lambda run: run.departures), most),
        _listed("worlds unlike the ground truth", _told(results, lambda run: run.from_truth), most),
        _listed("VIOLATED", verdict(results), most),
    ]
    return "\n\n".join(part for part in parts if part)


_MODEL_HEAD = (
    *("model", "runs", "success", "handed off", "cut", "other"),
    *("writes", "approve", "reject", "denied", "effects", "refused by store"),
    *("departed", "reviews", "per 100 runs", "= reference", "= truth"),
)


def _by_model(results: Results) -> Iterator[Row]:
    models = sorted({run.model for run in results.runs})
    for model in models:
        yield _model_row(model, [run for run in results.runs if run.model == model])
    if len(models) > 1:
        yield _model_row("all", results.runs)


def _model_row(name: str, runs: Sequence[RunOutcome]) -> Row:
    ended = Counter(run.ended for run in runs)
    plain = [ended[each] for each in (Ended.SUCCESS, Ended.HANDED_OFF, Ended.RECORDING_ENDED)]
    calls = [call for run in runs for call in run.calls]
    reviews = sum(call.reviewed for call in calls)
    departed = sum(bool(run.departures) for run in runs)
    rate = round(100 * reviews / max(len(runs), 1), 1)
    as_reference = sum(not run.from_reference for run in runs)
    as_truth = sum(not run.from_truth for run in runs)
    row: list[str | int | float] = [name, len(runs), *plain, len(runs) - sum(plain), *_call_counts(calls)]
    return (*row, departed, reviews, rate, as_reference, as_truth)


def _call_counts(calls: Iterable[CallOutcome]) -> tuple[int, ...]:
    """Writes, to approve, to reject, denied, effects, refused by the store."""
    writes = [call for call in calls if call.writes]
    first = [call for call in writes if not call.again]
    return (
        len(first),
        sum(call.decision == "approve" for call in first),
        sum(call.decision == "reject" for call in first),
        sum(bool(call.denied_by) for call in writes),
        sum(call.effects for call in writes),
        sum(call.state == "failed" for call in writes),
    )


_TOOL_HEAD = (
    *("tool", "calls", "writes", "approve", "reject", "denied", "effects", "refused by store"),
    *("rejected", "refused", "again"),
)


def _by_tool(results: Results) -> Iterator[Row]:
    calls = [call for _, call in results.calls()]
    for tool in sorted({call.tool for call in calls}):
        mine = [call for call in calls if call.tool == tool]
        states = Counter(call.state for call in mine)
        shown = tool if mine[0].effect else f"{tool} (no such tool)"
        again = sum(call.again for call in mine)
        yield (shown, len(mine), *_call_counts(mine), states["rejected"], states["refused"], again)


def _by_rule(results: Results) -> Iterator[Row]:
    denied = [(rule, call) for _, call in results.calls() for rule in call.denied_by]
    for rule, number in Counter(rule for rule, _ in denied).most_common():
        mine = [call for hit, call in denied if hit == rule]
        decisions = Counter(call.decision for call in mine)
        accepted = sum(bool(call.accepted) for call in mine)
        yield (rule, number, decisions["reject"], decisions["approve"], accepted)


def _figures(results: Results) -> Iterator[Row]:
    calls = [call for _, call in results.calls()]
    runs, waits = len(results.runs), [wait for run in results.runs for wait in run.waits]
    yield ("runs", runs)
    yield ("tool calls", len(calls))
    yield ("policies", "on" if results.policies else "off")
    yield ("wall time, seconds", round(results.seconds, 1))
    yield ("runs per second", round(runs / results.seconds, 2) if results.seconds else 0)
    yield ("queue wait p50 / p95 / max, milliseconds", _spread(waits))
    yield ("reviews per 100 runs", round(100 * sum(call.reviewed for call in calls) / max(runs, 1), 1))
    yield (
        "writes to reject that policies deny",
        sum(bool(c.denied_by) and c.decision == "reject" for c in calls),
    )
    yield ("runs that departed", sum(bool(run.departures) for run in results.runs))
    yield ("disagreements of ledger, calls and audit", len(results.disagreements))
    yield ("audit", "verified" if not results.audit else "BROKEN")


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none measured"
    cuts = quantiles(seconds, n=20, method="inclusive") if len(seconds) > 1 else [seconds[0]] * 19
    return " / ".join(f"{value * 1000:.1f}" for value in (cuts[9], cuts[18], max(seconds)))


def _denied_good(results: Results) -> Iterator[str]:
    for run, call in results.calls():
        if call.denied_by and call.decision == "approve":
            accepted = "the store accepts it" if call.accepted else "the store refuses it too"
            rules = ", ".join(call.denied_by)
            yield f"{run.run}: turn {call.turn}, call {call.ordinal} ({call.tool}): {rules}; {accepted}"


def _told(results: Results, of: Callable[[RunOutcome], Iterable[str]]) -> Iterator[str]:
    return (f"{run.run}: {told}" for run in results.runs for told in of(run))


def _listed(title: str, sentences: Iterable[str], most: int) -> str:
    lines = list(sentences)
    if not lines:
        return ""
    more = [f"  and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join([f"{title}: {len(lines)}", *(f"  {line}" for line in lines[:most]), *more])


def _table(title: str, head: Sequence[str], rows: Iterable[Row]) -> str:
    """Columns in line: the first to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    if len(cells) == 1:
        return ""
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(pairs)
        )
        for pairs in (list(zip(row, widths, strict=True)) for row in cells)
    ]
    return "\n".join([f"--- {title}", lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
