"""Reads what a played run left behind in the tables, and makes of it what the report counts. Changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from orchestra.engine.connections import borrow
from orchestra.models import HumanTask, Run, ToolCall
from reviews.replay import places
from reviews.replay.crosscheck import Sent
from reviews.replay.dataset import APPROVE, Dataset
from reviews.replay.differences import State, compare
from reviews.replay.outcomes import EXPECTED, CallOutcome, Ended, RunOutcome
from reviews.replay.parts import Part, Place
from reviews.replay.watch import AT_REST

BY_ENDING: Final = {
    "handed_off": Ended.HANDED_OFF,
    "cut": Ended.RECORDING_ENDED,
    "departed": Ended.DEPARTED,
}
SCHEMA: Final = "schema"
#: Said where a ruling denies without naming a rule.
UNNAMED: Final = "unnamed"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What other sources say: the state of the run's world, its effects by key, its waits in seconds."""

    state: State
    effects: Counter[str]
    waits: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Played:
    """A part with its run and the calls of it, in their order, as the tables have them."""

    part: Part
    run: Run
    calls: tuple[ToolCall, ...]
    turns: Mapping[int, int]
    departures: tuple[str, ...]
    questions: tuple[HumanTask, ...]

    def place(self, call: ToolCall) -> Place:
        """Where the call stands in the recording."""
        return self.turns.get(call.turn_id or 0, -1), call.ordinal


def played(part: Part, pk: int) -> Played:
    """Read one run."""
    with borrow():
        run = Run.objects.get(pk=pk)
        calls = ToolCall.objects.filter(run=run).prefetch_related("rulings", "dispatches", "revisions")
        return Played(
            part=part,
            run=run,
            calls=tuple(calls.select_related("turn", "question").order_by("pk")),
            turns=places.ranks(run),
            departures=tuple(_departures(run)),
            questions=tuple(run.humantasks.filter(state="open").order_by("pk")),
        )


def _departures(run: Run) -> Iterator[str]:
    """Notes of turns that the agent went on from; those of its end tell how it ended."""
    for notes, ended in run.turns.order_by("number").values_list("notes", "ended"):
        yield from (str(note) for note in notes if not (ended and str(note).startswith("the recording ends")))


def sent(run: Played, effects: Mapping[str, str]) -> Iterator[Sent]:
    """Its calls as the cross-check wants them; `effects` of the tools by name."""
    for call in run.calls:
        yield Sent(
            pk=call.pk,
            chain=str(run.run.uid),
            run=run.part.run.run,
            world=run.part.world,
            tool=call.tool_name,
            writes=effects.get(call.tool_name, "read") != "read",
            state=call.state,
            keys=keys(call),
        )


def keys(call: ToolCall) -> tuple[str, ...]:
    """The idempotency key of each sending."""
    return tuple(one.key for one in sorted(call.dispatches.all(), key=lambda one: one.n))


def outcome(run: Played, data: Dataset, effects: Mapping[str, str], found: Evidence) -> RunOutcome:
    """Everything the report needs of one run."""
    part = run.part
    calls = tuple(_call(run, call, data, effects, found) for call in run.calls)
    ended, why = _ended(run)
    reference = data.reference(part.run.run)
    truth = data.truth(part.run.run).world
    return RunOutcome(
        run=part.run.run,
        model=part.run.model,
        ended=ended,
        expected=EXPECTED[part.run.ending],
        calls=_with_reference(calls, part, data, reference.outcomes),
        recorded_writes=part.writes,
        recorded_refused=part.refused,
        departures=run.departures,
        from_reference=tuple(_from_reference(calls, part, data, found.state)),
        from_truth=tuple(compare(truth, found.state)),
        truth_without_policies=not compare(truth, reference.world),
        waits=found.waits,
        why=why,
    )


def lost(part: Part, data: Dataset) -> RunOutcome:
    """The outcome of a run that is not there."""
    return RunOutcome(
        run=part.run.run,
        model=part.run.model,
        ended=Ended.LOST,
        expected=EXPECTED[part.run.ending],
        calls=(),
        recorded_writes=part.writes,
        recorded_refused=part.refused,
        truth_without_policies=not compare(
            data.truth(part.run.run).world, data.reference(part.run.run).world
        ),
    )


def _ended(run: Played) -> tuple[Ended, str]:
    state = run.run.state
    if state not in AT_REST:
        return Ended.STUCK, f"{state}{_waits_for(run.run)}"
    if state == "succeeded":
        return Ended.SUCCESS, ""
    if state != "escalated":
        return Ended.FAILED, _why(state, run.run.failure_class, run.run.error)
    question = next((one for one in run.questions if one.kind == "escalation"), None)
    if question is None:
        return Ended.OTHER, "escalated without an open escalation"
    context = question.context
    why = _why(context.get("failure_class"), context.get("error") or question.title)
    return BY_ENDING.get(str(context.get("ended", "")), Ended.OTHER), why


def _why(*parts: object) -> str:
    return ": ".join(str(part) for part in parts if part)[:300]


def _waits_for(run: Run) -> str:
    with borrow():
        steps = list(run.steps.exclude(state__in=["succeeded", "skipped"]).values_list("path", "state"))
    return "".join(f", {path} {state}" for path, state in steps)


def _call(
    run: Played, call: ToolCall, data: Dataset, effects: Mapping[str, str], found: Evidence
) -> CallOutcome:
    turn, ordinal = run.place(call)
    label = data.label(run.part.run.run, turn, ordinal)
    return CallOutcome(
        turn=turn,
        ordinal=ordinal,
        tool=call.tool_name,
        effect=effects.get(call.tool_name, ""),
        state=call.state,
        decision=label.decision if label else "",
        label=label.label if label else "",
        denied_by=tuple(_denied_by(call)),
        reviewed=hasattr(call, "question"),
        effects=sum(found.effects[key] for key in set(keys(call)) if key),
        again=call.revision > 0,
        garbled=call.state == "refused" and call.tool_name in effects and not _is_object(call),
    )


def _denied_by(call: ToolCall) -> Iterator[str]:
    """The rules behind a denial; broken arguments are denied by the tool's schema."""
    if call.state == "refused" and call.tool_version_id is not None and _is_object(call):
        yield SCHEMA
    if call.state != "denied":
        return
    last = max(call.rulings.all(), key=lambda ruling: ruling.pk, default=None)
    rules = [rule for rule in last.rules if rule.get("verdict") == "deny"] if last else []
    yield from dict.fromkeys(str(rule.get("id") or UNNAMED) for rule in rules) or [UNNAMED]


def _is_object(call: ToolCall) -> bool:
    """Whether the text that a refused call keeps is a JSON object at least."""
    try:
        return isinstance(json.loads(bytes(call.raw or b"")), dict)
    except ValueError:
        return False


def _with_reference(
    calls: Iterable[CallOutcome], part: Part, data: Dataset, outcomes: Sequence[str | None]
) -> tuple[CallOutcome, ...]:
    """The calls with what the reference says of each approved one."""
    approved = [
        (one.turn, one.ordinal) for one in data.labels.get(part.run.run, ()) if one.decision == APPROVE
    ]
    accepted = {place: told is None for place, told in zip(approved, outcomes, strict=True)}
    return tuple(replace(call, accepted=accepted.get((call.turn, call.ordinal))) for call in calls)


def _from_reference(calls: Iterable[CallOutcome], part: Part, data: Dataset, state: State) -> list[str]:
    """Against the independent replay of what was approved and not denied."""
    denied = frozenset((call.turn, call.ordinal) for call in calls if call.denied_by)
    return compare(data.reference(part.run.run, without=denied).world, state)
