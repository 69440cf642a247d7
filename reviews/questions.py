"""What somebody must know to answer one question, as plain data, and the form of its answer. Refuses to answer.

What others wrote is shown with every unseen character as its code point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestra import canonical, unseen
from orchestra.canonical import Json
from orchestra.engine import claim, tasks
from orchestra.errors import OrchestraError
from orchestra.models import Dispatch, HumanTask, Person, Question, ToolCall
from orchestra.runs import masks
from orchestra.tools import toolbox
from orchestra.tools.sentences import visible
from orchestra.views import failures, readable
from orchestra.views.readable import Entry
from orchestra.workflows.spec import StepSpec

KINDS: Final[Mapping[str, str]] = {
    Question.FORM: "A form to fill in",
    Question.ESCALATION: "Cannot go on by itself",
    Question.UNKNOWN: "Did this happen?",
}
STATES: Final[Mapping[str, str]] = {
    "open": "waits for an answer",
    "answered": "answered",
    "cancelled": "taken back",
    "expired": "expired",
}
#: The ways out of an escalation, in words.
OF_STEP: Final[Mapping[str, str]] = {
    "retry": "Try the step again",
    "output": "Give the output of the step yourself, and go on",
    "fail": "Let the step fail",
    "cancel": "Cancel the run",
}
OF_RUN: Final[Mapping[str, str]] = {
    "continue": "Go on, with as much again of what ran out",
    "fail": "Let the run fail",
    "cancel": "Cancel the run",
}
NOTE: Final = {"title": "Why", "description": "For the record."}


@dataclass(frozen=True, slots=True)
class Sending:
    """One sending of a call that is in doubt."""

    dispatch: Dispatch
    worker: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """A call of which nobody knows whether it happened: what was sent, and how to find out."""

    call: ToolCall
    sentence: str
    target: str
    request: str
    digest: str
    arguments: Sequence[Entry]
    sendings: Sequence[Sending]
    advice: Sequence[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything on the page of one question. `against` says why the reader may not answer; empty when they may."""

    question: HumanTask
    kind: str
    title: str
    state: str
    asked: str
    given: Sequence[Entry]
    failure: failures.Meaning | None
    error: str
    tried: Sequence[str]
    attempts: int
    doubt: Doubt | None
    answer: Sequence[Entry]
    against: str
    halted: bool


def of(question: HumanTask, reader: Person) -> Facts:
    """The facts of a question for one reader."""
    context: Mapping[str, Any] = question.context
    is_open = question.state == "open"
    return Facts(
        question=question,
        kind=KINDS[question.kind],
        title=visible(question.title),
        state=STATES[question.state],
        asked=asked(question),
        given=readable.entries(context.get("given")),
        failure=failures.meaning(str(context.get("failure_class", ""))),
        error=_lines(str(context.get("error", ""))),
        tried=[visible(str(path)) for path in context.get("tried", ())],
        attempts=int(context.get("attempts", 0)),
        doubt=_doubt(question),
        answer=readable.entries(question.answer, schema(question)) if question.answer else (),
        against=(tasks.objection(question, reader) or "") if is_open else "",
        halted=is_open and bool(getattr(question, "is_halted", False)),
    )


def asked(question: HumanTask) -> str:
    """What the run is about, and who asked for it."""
    task = question.run.task
    subject = f"“{visible(task.subject)}” " if task.subject else ""
    return f"{subject}asked for by {task.requester or task.service}"


def version(question: HumanTask) -> str:
    """What a form of this question was made from: it sends this back, so that an answer to something else is refused."""
    return canonical.digest([question.state, question.title, question.form]).hex()[:32]


def schema(question: HumanTask) -> dict[str, Json]:
    """The form of the answer with words for people; it allows nothing that the question's own form does not."""
    form: dict[str, Any] = question.form
    if question.kind == Question.FORM:
        return form
    if question.kind == Question.UNKNOWN:
        return _with(form, happened=_happened(), result=_result(), note=_note())
    return _with(form, action=_action(form), output=_output(question), note=NOTE)


def values(answer: Json) -> Json:
    """The answer as the engine takes it: without an output that was typed for another way out."""
    if isinstance(answer, dict) and answer.get("action") not in {None, "output"}:
        return {name: value for name, value in answer.items() if name != "output"}
    return answer


def _with(form: Mapping[str, Any], **parts: Mapping[str, Any]) -> dict[str, Json]:
    """A form in which these properties, where it has them, say more."""
    known = form.get("properties", {})
    more = {name: {**schema, **parts.get(name, {})} for name, schema in known.items()}
    return {**form, "properties": more}


def _happened() -> dict[str, Json]:
    return {
        "title": "Did it happen?",
        "description": "",
        "oneOf": [{"const": True, "title": "It happened"}, {"const": False, "title": "It did not happen"}],
    }


def _result() -> dict[str, Json]:
    return {"title": "What the system would have answered", "description": "For the steps that follow."}


def _note() -> dict[str, Json]:
    return {"title": "How you found out", "description": "For the record."}


def _action(form: Mapping[str, Any]) -> dict[str, Json]:
    """The ways out that the form allows, each with its words."""
    ways = form["properties"]["action"].get("enum", ())
    words = OF_RUN if "continue" in ways else OF_STEP
    return {
        "title": "What shall be done",
        "description": "",
        "oneOf": [{"const": way, "title": words.get(way, way)} for way in ways],
    }


def _output(question: HumanTask) -> dict[str, Json]:
    """What the step should have given: of a human step its own form, of others anything."""
    words: dict[str, Json] = {"title": "Output of the step", "description": "Only if you give it yourself."}
    step = _step(question)
    own = step.settings.get("form") if step is not None else None
    return {**own, **words} if isinstance(own, dict) else words


def _step(question: HumanTask) -> StepSpec | None:
    """The step as it was published; None for one inside of another, and for what this release cannot read."""
    try:
        return claim.spec_of(question.run.version_id).by_name.get(str(question.context.get("step")))
    except OrchestraError:
        return None


def _doubt(question: HumanTask) -> Doubt | None:
    call = question.toolcall
    if call is None:
        return None
    return Doubt(
        call=call,
        sentence=visible(str(question.context.get("sentence") or call.tool_name)),
        target=_target(call),
        request="\n".join(masks.request(call)),
        digest=bytes(call.digest or b"").hex(),
        arguments=readable.entries(masks.masked(call).arguments),
        sendings=[_sending(one) for one in call.dispatches.select_related("worker").order_by("n")],
        advice=list(_advice(call)),
    )


def _target(call: ToolCall) -> str:
    """Where it went. The path is made from arguments: without it where one of them is not shown."""
    path = "" if masks.hides(call, "args") else call.path
    return visible(f"{call.method} {call.target}{path}")


def _sending(dispatch: Dispatch) -> Sending:
    status = f" (status {dispatch.status})" if dispatch.status else ""
    outcome = dispatch.get_outcome_display() if dispatch.outcome else "Nobody heard an answer"
    return Sending(dispatch, dispatch.worker.name if dispatch.worker else "unknown", f"{outcome}{status}")


def _advice(call: ToolCall) -> Iterator[str]:
    """How to find out, from what the tool says of itself."""
    yield f"Look in the system at {visible(call.target)} for what the call would have done."
    if call.key:
        yield f"It was sent with the key {visible(call.key)}: a system that keeps keys knows the call by it."
    if call.tool_version_id is not None and (said := _described(call.tool_version_id)):
        yield f"What the tool does: {said}"
    yield "Nothing is sent again while nobody knows. If it did not happen, the run goes on without it."


def _described(version_id: int) -> str:
    try:
        return visible(toolbox.declared(version_id).description)
    except OrchestraError:
        return ""


def _lines(text: str) -> str:
    return "\n".join(unseen.lines(text))
