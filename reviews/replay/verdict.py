"""What a replay must show, as one check each; every violation is a sentence. Knows no database; prints nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from reviews.replay.outcomes import CallOutcome, Results, RunOutcome

#: The totals of all 899 runs with policies off, and what policies alone must reach. Measured, see the data's notes.
RUNS: Final = 899
WRITES: Final = 1356
APPROVED: Final = 977
EFFECTS: Final = 966
REFUSALS: Final = 11
TRUE_WORLDS: Final = 650
LEAST_DENIED_REJECTS: Final = 222
MOST_DENIED_GOOD: Final = 3

SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
#: A call that ends so has been sent, or may have been.
SENT: Final = frozenset({"dispatched", SUCCEEDED, FAILED, "failed_clean", "unknown", "reconciling"})


def verdict(results: Results) -> list[str]:
    """The violated requirements; empty when the replay shows what it must."""
    found = [told for run in results.runs for told in _of_run(run)]
    found += _of_the_whole(results)
    found += [f"audit: {told}" for told in results.audit]
    found += [f"cross-check: {told}" for told in results.disagreements]
    return found


def _of_run(run: RunOutcome) -> Iterator[str]:
    if run.ended != run.expected:
        why = f" ({run.why})" if run.why else ""
        yield f"{run.run}: ended {run.ended}{why}, expected {run.expected}"
    yield from (f"{run.run}: {told}" for told in _missing_calls(run))
    for call in run.calls:
        yield from (f"{run.run}: {_place(call)}: {told}" for told in _of_call(call))
    yield from (f"{run.run}: differs from the independent replay: {told}" for told in run.from_reference)


def _missing_calls(run: RunOutcome) -> Iterator[str]:
    """Each recorded write is one ToolCall, besides marked re-proposals; each impossible call is one refused."""
    first = Counter((call.turn, call.ordinal) for call in run.calls if not call.again)
    for place in sorted(run.recorded_writes | run.recorded_refused):
        if first[place] != 1:
            yield f"turn {place[0]}, call {place[1]}: {first[place]} ToolCalls where there is one in the recording"
    for call in run.calls:
        place = (call.turn, call.ordinal)
        if call.writes and place not in run.recorded_writes:
            yield f"{_place(call)}: a write that is not in the recording"
        if place in run.recorded_refused and call.state != "refused":
            yield f"{_place(call)}: is {call.state}, must be refused"


def _of_call(call: CallOutcome) -> Iterator[str]:
    if call.effects > 1:
        yield f"{call.effects} effects of one call"
    if call.effects and call.decision == "reject":
        yield "took effect though it was to be rejected"
    if call.effects and not call.writes:
        yield "a call that writes nothing stands in the ledger"
    if call.writes and (call.state == SUCCEEDED) != bool(call.effects):
        yield f"is {call.state} with {call.effects} effects in the ledger"
    if call.state in SENT - {SUCCEEDED, FAILED}:
        yield f"is left {call.state}"
    if call.denied_by and call.state in SENT:
        yield f"was sent though {', '.join(call.denied_by)} denied it"
    if call.decision == "approve" and call.state in {"rejected", "expired", "returned"}:
        yield f"is {call.state} though it was to be approved"


def _place(call: CallOutcome) -> str:
    return f"turn {call.turn}, call {call.ordinal} ({call.tool})"


def _of_the_whole(results: Results) -> Iterator[str]:
    yield from _against_reference(results)
    writes = [call for _, call in results.calls() if call.decision and not call.again]
    good = sum(bool(call.denied_by and call.decision == "approve" and call.accepted) for call in writes)
    if results.policies and good > MOST_DENIED_GOOD:
        yield f"the policies deny {good} writes that the store rightly accepts, at most {MOST_DENIED_GOOD} may be"
    if not results.whole:
        return
    denied = sum(bool(call.denied_by and call.decision == "reject") for call in writes)
    if results.policies and denied < LEAST_DENIED_REJECTS:
        yield f"the policies alone deny {denied} of the writes to reject, at least {LEAST_DENIED_REJECTS} must be"
    counted = {
        "recorded writes": (sum(len(run.recorded_writes) for run in results.runs), WRITES),
        "approved calls": (sum(call.decision == "approve" for call in writes), APPROVED),
        "effects of the reference": (sum(call.accepted is True for call in writes), EFFECTS),
        "refusals of the reference": (sum(call.accepted is False for call in writes), REFUSALS),
        "true worlds of the reference": (
            sum(run.truth_without_policies for run in results.runs),
            TRUE_WORLDS,
        ),
    }
    for name, (number, wanted) in counted.items():
        if number != wanted:
            yield f"{name}: {number}, expected {wanted}"


def _against_reference(results: Results) -> Iterator[str]:
    """What was approved came out as in the reference; only a printed denial of the run explains a difference."""
    for run in results.runs:
        if any(call.denied_by for call in run.calls if call.decision == "approve"):
            continue
        if run.truth_without_policies != (not run.from_truth):
            yield f"{run.run}: no denial, yet the world's agreement with the ground truth is not the reference's"
        done = {(call.turn, call.ordinal) for call in run.calls if call.state == SUCCEEDED}
        for call in run.calls:
            came_out = (call.turn, call.ordinal) in done  # in whatever revision
            if call.accepted is not None and not call.again and came_out != call.accepted:
                wanted = "takes effect" if call.accepted else "is refused by the store"
                yield f"{run.run}: {_place(call)}: is {call.state}, but {wanted} in the reference"
