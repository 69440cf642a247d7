"""Makes a call of what is wanted: exact bytes, digest, ruling; then it is denied, asked about, or authorised.

One transaction: a call is never left without its ruling. Refuses what has no bytes, and keeps the raw text.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from django.db.models.functions import Now

from orchestra import canonical, logs, moves
from orchestra.agents.messages import Asked, storable
from orchestra.canonical import Json
from orchestra.contracts import Action, Judgement, Request, Requirements, Verdict
from orchestra.engine import outbox, situation
from orchestra.engine.case import Case, Intent, Reading
from orchestra.engine.draws import draw
from orchestra.engine.history import NO_TURN, Place
from orchestra.errors import FailureClass, Invalid
from orchestra.models import Moment, Proposal, Ruling, ToolCall
from orchestra.policies import judge, requirements
from orchestra.policies.vocabulary import values
from orchestra.tools import observing, rendering, toolbox
from orchestra.tools.toolbox import Equipped

LONGEST_NAME: Final = 120
LONGEST_ERROR: Final = 2_000


def read(asked: Asked) -> Json:
    """The arguments that a model wrote. Raises Invalid for text that is no JSON object, or ambiguous."""
    if asked.broken:
        raise Invalid("The arguments hold characters that cannot be kept.")
    found = canonical.parse(asked.arguments)
    if not isinstance(found, dict):
        raise Invalid("The arguments are no JSON object.")
    return found


def refuse(
    case: Case, place: Place, asked: Asked, why: str, failure: FailureClass, *, parent: ToolCall | None = None
) -> ToolCall:
    """Keep what was wanted and cannot be a call: the name and the raw text."""
    equipped = case.tool(asked.name)
    call = _row(case, Intent(place, asked.name, None, parent), equipped, born="refused")
    call.raw = asked.arguments.encode("utf-8", "surrogatepass")
    call.error, call.failure_class = why[:LONGEST_ERROR], str(failure)
    call.finished_at = Now()
    _bear(case, call, "it cannot be a call")
    logs.event("call.refused", run=case.flight.run.uid, failure_class=str(failure))
    return call


def propose(case: Case, intent: Intent, equipped: Equipped, seen: Reading) -> ToolCall:
    """The call, with its ruling, in the state that this leads to. Raises Invalid when it cannot be rendered."""
    call = _row(case, intent, equipped)
    _fix(case, call, equipped, intent.arguments, seen)
    _bear(case, call, _why(intent))
    action = situation.action(case, intent, equipped.declaration, seen)
    judgement = ruled(case, call, action)
    if intent.parent is not None:
        judgement = judge.strictest(judgement, before(intent.parent))
    ruling = write(call, judgement, action, Moment.PROPOSE)
    follow(case, call, judgement, ruling, equipped, seen)
    return call


def ruled(case: Case, call: ToolCall, action: Action) -> Judgement:
    """What the policies in force and the mode say now."""
    judgement = judge.judge(action, case.around.documents)
    if judgement.errors:
        run, errors = case.flight.run.uid, len(judgement.errors)
        logs.event("policy.not_evaluated", level=logs.ERROR, run=run, tool=call.tool_name, count=errors)
    return judge.apply_mode(judgement, action, case.around.mode, chance(call))


def chance(call: ToolCall) -> float:
    """The draw of a call for sampling, in [0, 1): the same for all calls of a run that want the same."""
    return draw(canonical.encode([str(call.run.uid), call.tool_name, call.arguments]))


def before(call: ToolCall) -> Judgement:
    """The judgement that was written down last for a call."""
    ruling = call.rulings.order_by("-pk").first()
    if ruling is None:
        return Judgement(Verdict.ALLOW, Requirements(), ())
    return Judgement(Verdict(ruling.verdict), requirements.read(ruling.requirements), ())


def write(call: ToolCall, judgement: Judgement, action: Action, moment: Moment) -> Ruling:
    """Keep a judgement with the exact bytes that it was made from."""
    return Ruling.objects.create(
        toolcall=call,
        moment=moment,
        digest=call.digest,
        verdict=str(judgement.verdict),
        requirements=requirements.written(judgement.requirements),
        rules=judge.told(judgement.hits),
        context=canonical.encode(values(action)),
    )


def follow(
    case: Case, call: ToolCall, judgement: Judgement, ruling: Ruling, equipped: Equipped, seen: Reading
) -> None:
    """Move a call to where a judgement leads."""
    logs.event("call.judged", run=case.flight.run.uid, verdict=str(judgement.verdict), tool=equipped.name)
    if judgement.verdict is Verdict.DENY:
        deny(case, call, judgement)
    elif judgement.verdict is Verdict.ALLOW:
        case.move(call, "approved", reason=_said(judgement), ruling=ruling)
    else:
        case.move(call, "awaiting_approval", reason=_said(judgement), ruling=None)
        ask(case, call, judgement, ruling, equipped, seen)


def deny(case: Case, call: ToolCall, judgement: Judgement) -> None:
    """A policy forbids it; the agent is told by which rule."""
    said = "; ".join(hit.message for hit in judgement.hits if hit.verdict is Verdict.DENY) or "Not allowed."
    blocked = any(hit.rule == judge.NO_GRANT.rule for hit in judgement.hits)
    failure = FailureClass.GRANT_BLOCK if blocked else FailureClass.POLICY_BLOCK
    case.move(
        call, "denied", reason=_said(judgement), error=said[:LONGEST_ERROR], failure_class=str(failure), finished_at=Now()
    )  # fmt: skip


def ask(
    case: Case, call: ToolCall, judgement: Judgement, ruling: Ruling, equipped: Equipped, seen: Reading
) -> Proposal:
    """Ask people about a call."""
    wanted = judgement.requirements
    expires = None
    if wanted.expires_in is not None:
        expires = case.flight.clock() + timedelta(seconds=wanted.expires_in)
    proposal = Proposal(
        toolcall=call,
        deployment=case.flight.run.deployment,
        ruling=ruling,
        state="pending",
        digest=call.digest,
        tier=wanted.tier,
        sentence=rendering.sentence(equipped.declaration, call.arguments, wanted.redact),
        requirements=requirements.written(wanted),
        preview=seen.preview,
        votes_needed=wanted.votes,
        rejects_needed=wanted.rejects,
        expires_at=expires,
    )
    case.events += moves.born([proposal], actor=case.flight.worker, reason=_said(judgement))
    case.news.append(outbox.opened(proposal))
    return proposal


def digest(case: Case, call: ToolCall, declared: bytes, witness: bytes) -> bytes:
    """The digest of a call's stored bytes, for its target, what its tool has declared (by its digest), this witness."""
    version, around = case.agent, case.around
    return rendering.digest(
        stored(call),
        run=case.flight.run.uid,
        call=call.uid,
        agent=f"{version.agent.name}/{version.number}" if version is not None else "",
        subject=around.task.subject,
        tool=call.tool_name,
        version_digest=declared,
        target=f"{call.target} {call.credential}",
        environment=around.environment,
        epoch=around.epoch,
        witness=witness,
    )


def stored(call: ToolCall) -> Request:
    """The request as it is kept: what is approved and what is sent."""
    headers = tuple((str(name), str(value)) for name, value in call.headers)
    return Request(call.method, call.path, headers, bytes(call.body or b""))


def witness(observed: dict[str, Json] | None) -> bytes:
    """The bytes of what was observed; none where it could not be read."""
    return b"" if observed is None else observing.witness(observed)


def _row(case: Case, intent: Intent, equipped: Equipped | None, *, born: str = "proposed") -> ToolCall:
    turn = case.talk.turn(intent.place.turn) if intent.place.turn != NO_TURN else None
    call = ToolCall(
        run=case.flight.run,
        step=case.step,
        turn=turn,
        ordinal=intent.place.ordinal,
        revision=intent.revision,
        parent=intent.parent,
        edited_by=intent.editor,
        tool_name=storable(intent.name)[:LONGEST_NAME],
        state=born,
        arguments=intent.arguments,
        agent_reason=str((turn.message or {}).get("content") or "") if turn is not None else "",
    )
    if equipped is not None:
        declaration = equipped.declaration
        call.tool_version_id, call.binding_id = equipped.version_id, equipped.binding_id
        call.effect, call.delivery = str(declaration.effect), str(declaration.delivery)
        call.tier = declaration.tier
    return call


def _fix(case: Case, call: ToolCall, equipped: Equipped, arguments: Json, seen: Reading) -> None:
    """Render the request and take its digest: from here on not a byte of it changes."""
    address = toolbox.address(equipped, case.around.labels)
    call.key = f"{case.around.epoch}-{call.uid.hex}"
    request = rendering.render(equipped.declaration, arguments, prefix=address.prefix, key=call.key)
    call.method, call.path, call.body = request.method, request.path, request.body
    call.headers = [list(pair) for pair in request.headers]
    call.target, call.credential = address.origin, equipped.credential
    call.witness = seen.witnessed
    call.tier = situation.tier(equipped.declaration, seen)
    call.digest = digest(case, call, equipped.version_digest, witness(seen.witnessed))


def _bear(case: Case, call: ToolCall, reason: str) -> None:
    said: dict[str, Any] = {"tool": call.tool_name, "digest": bytes(call.digest or b"").hex()}
    events = moves.born([call], actor=case.flight.worker, reason=reason)
    case.events += [replace(event, data=said) for event in events]
    case.talk.history.add(call)


def _why(intent: Intent) -> str:
    if intent.parent is None:
        return "wanted"
    return f"in the place of {intent.parent.uid}, which is {intent.parent.state}"


def _said(judgement: Judgement) -> str:
    """The rules behind a judgement, for the record."""
    deciding = [hit.rule for hit in judgement.hits if hit.verdict is judgement.verdict]
    return f"{judgement.verdict}: {', '.join(deciding) or 'the rules before'}"
