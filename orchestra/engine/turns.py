"""The conversation of an agent step: what the model is asked next, and what becomes of its answer.

A turn is written down whole when it comes in; a crash loses at most the one in flight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from orchestra import canonical, logs
from orchestra.agents import identities, messages
from orchestra.agents.border import ModelTrouble
from orchestra.canonical import Json
from orchestra.contracts import ModelReply, ModelRequest
from orchestra.engine import answers, budgets, scope
from orchestra.engine.case import Case
from orchestra.engine.errands import AskModel
from orchestra.engine.flight import Arrival, Failure, Work
from orchestra.errors import FailureClass
from orchestra.models import AgentVersion, Resource, Run, Turn
from orchestra.tools.declarations import offered

DONE: Final = "done"
MOST_MONEY: Final = Decimal(10) ** 11
EMPTY: Final = "Your last message held neither words nor a call. Say what you want, or that you are done."
#: What it means for the step when an agent's part is over otherwise than by being done.
ENDINGS: Final[Mapping[str, tuple[FailureClass, str]]] = {
    "handed_off": (FailureClass.MODEL_REFUSAL, "The agent hands this over to a person."),
    "departed": (FailureClass.DATA_MISMATCH, "What happened here departs from the recording."),
    "cut": (FailureClass.MODEL_ERROR, "The recording ended in the middle."),
}


def ask(case: Case) -> None:
    """Give a hand the next question to the model."""
    who = identities.identity(case.version)
    request = ModelRequest(
        model=who.model,
        prompt=who.prompt,
        settings={**who.settings, **_settings(case)},
        messages=tuple(conversation(case)),
        tools=tuple(_offered(case)),
        turn=case.talk.asked,
    )
    run, node = case.flight.run, case.node
    budgets.reserve(case, Resource.TURNS, _purpose(case))
    errand = AskModel(who.adapter, request, case.version.pk, len(case.talk.turns))
    work = Work(run.pk, str(run.uid), run.fence, node.key, "model", who.name, errand=errand)
    case.flight.begin_work(work, node.attempt)


def take(case: Case, arrival: Arrival) -> Failure | None:
    """Write the model's answer down as a turn; why the step fails, if it does."""
    _pin(case, arrival.work.errand.version_id)
    if arrival.failure is not None:
        return _trouble(case, arrival.failure)
    reply = arrival.output
    try:
        _check(reply)
        said = None if reply.message is None else messages.said(reply.message)
        came = messages.received(reply.received)
    except ModelTrouble as trouble:
        return _trouble(case, Failure(trouble.failure_class, trouble.message, final=True))
    turn = _turn(case, received=came, message=None if said is None else dict(said.kept), **_told(reply))
    if said is not None and turn.message is not None:
        case.talk.history.heard(turn, said)
    return None


def _pin(case: Case, version_id: int) -> None:
    """The version that was asked, whatever has been published since."""
    if case.version.pk != version_id:
        case.agent = AgentVersion.objects.select_related("agent").get(pk=version_id)


def _check(reply: Any) -> None:
    """Raise ModelTrouble for what is no reply at all, whatever an adapter's types say."""
    if not isinstance(reply, ModelReply) or (reply.message is None and not reply.ended):
        raise ModelTrouble(FailureClass.MODEL_GARBAGE, "The model's answer cannot be used: it is empty.")
    kinds = {"notes": tuple | list, "received": tuple | list, "ended": str, "currency": str}
    if not all(isinstance(getattr(reply, name), kind) for name, kind in kinds.items()):
        raise ModelTrouble(
            FailureClass.MODEL_GARBAGE, "The model's answer cannot be used: its parts are of other kinds."
        )


def is_new(case: Case, arrival: Arrival) -> bool:
    """Not so for an answer that is written down already: its commit went through, and we never heard."""
    return bool(arrival.work.errand.number == len(case.talk.turns))


def over(case: Case) -> Failure | None:
    """Why the step fails when the agent's part is over otherwise than by being done; None when it is not."""
    last = case.talk.turns[-1]
    return None if last.ended in {"", DONE} else ending(last.ended, last.notes)


def ending(ended: str, notes: Sequence[str] = ()) -> Failure:
    """The failure of an agent step whose agent ends so."""
    unknown = (FailureClass.MODEL_GARBAGE, f"The agent's part is over as {ended!r}, which means nothing.")
    failure, words = ENDINGS.get(ended, unknown)
    return Failure(failure, " ".join([words, *notes]), final=True, ended=ended)


def output(case: Case) -> Json:
    """What an agent step comes to: its last words, and how often it was asked."""
    words = [case.talk.history.said(turn) for turn in case.talk.turns]
    return {
        "answer": next((said.words for said in reversed(words) if said and said.words), ""),
        "turns": case.talk.asked,
    }


def conversation(case: Case) -> list[dict[str, Any]]:
    """The messages so far, with the results of calls as they really came out."""
    found: list[dict[str, Any]] = []
    if (given := case.node.input) is not None:
        content = given if isinstance(given, str) else canonical.encode(given).decode()
        found.append({"role": "user", "content": content})
    latest = case.talk.latest()
    for turn in case.talk.turns:
        found += turn.received
        said = case.talk.history.said(turn)
        if said is None:
            continue
        found.append(dict(said.kept))
        if not said.words and not said.calls:
            found.append({"role": "user", "content": EMPTY})
        calls = [call for spot, call in latest.items() if spot.turn == turn.number]
        for call, asked in zip(calls, said.calls, strict=False):
            found.append({"role": "tool", "tool_call_id": asked.id, "content": answers.words(call)})
    return found


def _settings(case: Case) -> dict[str, Json]:
    template = case.spec.settings.get("settings")
    if template is None:
        return {}
    found = scope.resolve(template, scope.scope(case.flight, case.node))
    return found if isinstance(found, dict) else {}


def _offered(case: Case) -> list[dict[str, Any]]:
    tools = (case.tool(name) for name in sorted(case.allowed))
    return [offered(tool.declaration) for tool in tools if tool is not None]


def _told(reply: ModelReply) -> dict[str, Any]:
    """The rest of a reply, in what the columns hold."""
    return {
        "ended": messages.storable(reply.ended)[:12],
        "notes": [messages.storable(str(note))[:500] for note in reply.notes][:50],
        "input_tokens": _count(reply.input_tokens),
        "output_tokens": _count(reply.output_tokens),
        "cost": _money(reply.cost),
        "currency": messages.storable(reply.currency)[:3],
    }


def _count(tokens: object) -> int:
    """What an adapter counted; nonsense counts as nothing."""
    return tokens if isinstance(tokens, int) and 0 <= tokens < 2**31 else 0


def _money(text: str | None) -> Decimal | None:
    """What an adapter says that it cost; None for what is no amount."""
    try:
        amount = Decimal(text or "")
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < MOST_MONEY else None


def _trouble(case: Case, failure: Failure) -> Failure:
    _turn(case, failure_class=str(failure.failure_class), error=failure.message)
    return failure


def _purpose(case: Case) -> str:
    """What a budget keeps the next turn under; asked again after a crash, it is the same one."""
    return f"turn {case.step.pk} {len(case.talk.turns)}"


def _turn(case: Case, **columns: Any) -> Turn:
    budgets.settle(case, _purpose(case), used=True)
    run, turns = case.flight.run, case.talk.turns
    turn = Turn.objects.create(
        run=run,
        step=case.step,
        number=turns[-1].number + 1 if turns else 0,
        agent_version=case.version,
        request_id=run.request_id,
        traceparent=run.traceparent,
        **columns,
    )
    case.talk.history.add(turn)
    if run.takeovers:
        Run.objects.filter(pk=run.pk).update(takeovers=0)  # it does not kill its workers
        run.takeovers = 0
    logs.event(
        "turn.taken", run=run.uid, step=case.node.path, number=turn.number, agent=case.version.agent.name
    )
    return turn
