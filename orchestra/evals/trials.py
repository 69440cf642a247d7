"""A call that nobody makes, put before the policies in force: what they would say, and why. Writes nothing.

Refuses to know who asks: the caller looks after that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.contracts import Action, Delivery, Effect, Judgement, Mode, RuleHit, Verdict
from orchestra.engine import situation
from orchestra.engine.case import Reading
from orchestra.errors import Invalid
from orchestra.models import AgentVersion, Environment, Grant, ToolCall
from orchestra.policies import globs, judge, origins, versions
from orchestra.policies.document import Document, Rule
from orchestra.policies.vocabulary import OF_ACTION
from orchestra.tools import toolbox
from orchestra.tools.toolbox import Equipped
from orchestra.workflows.spec import Limits

#: One that every sample takes, and one that none does.
_ALWAYS, _NEVER = 0.0, 0.999999
ORIGINS: Final = (origins.REQUESTER, origins.TOOL, origins.PERSON, origins.AGENT)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The call as it was typed in: who wants what where, and what is known about it."""

    tool: str
    agent: str
    mode: str
    arguments: Json
    observed: Json = None
    preview: Json = None
    origin: str = origins.REQUESTER
    requester: Mapping[str, Json] | None = None
    identified: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What came out: by the rules alone and by the mode too; `unseen` is what happens to calls outside of a sample.

    `share` is how many of such calls people see, from 0 to 1; it says nothing where there is no sample.
    `silent` are the rules that speak of the tool and did not match.
    """

    action: Action
    mode: str
    by_rules: Judgement
    ruling: Judgement
    unseen: Judgement | None
    share: float
    matched: tuple[tuple[RuleHit, Rule | None], ...]
    silent: tuple[tuple[Document, Rule], ...]


def of(environment: Environment, wanted: Wanted) -> Trial:
    """Try a call that was typed in."""
    equipped = toolbox.load(environment.pk).get(wanted.tool)
    return _try(environment, _action(environment, equipped, wanted), wanted.mode)


def again(environment: Environment, call: ToolCall, mode: str) -> Trial:
    """Try a call that was made, with all that was known of it when it was judged last. Raises Invalid without that."""
    ruling = call.rulings.order_by("-pk").first()
    if ruling is None or not bytes(ruling.context):
        raise Invalid("Nothing was kept of what was known about this call, so it cannot be tried again.")
    known = canonical.parse(bytes(ruling.context), limits=canonical.RESULTS)
    if not isinstance(known, dict):
        raise Invalid("What was kept of this call cannot be read.")
    action = replace(_remembered(known), granted=_granted(environment, call))
    return _try(environment, action, mode)


def _try(environment: Environment, action: Action, mode: str) -> Trial:
    documents = versions.in_force(environment.name)
    action = replace(action, context={**action.context, "environment": environment.name, "mode": mode})
    by_rules = judge.judge(action, documents)
    ruling = judge.apply_mode(by_rules, action, mode, _ALWAYS)
    unseen = judge.apply_mode(by_rules, action, mode, _NEVER)
    rules = {(document.name, rule.id): rule for document in documents for rule in document.rules}
    hits = {(hit.policy, hit.rule) for hit in ruling.hits}
    return Trial(
        action=action,
        mode=mode,
        by_rules=by_rules,
        ruling=ruling,
        unseen=unseen if unseen.verdict is not ruling.verdict else None,
        share=_share(by_rules, action, mode),
        matched=tuple((hit, rules.get((hit.policy, hit.rule))) for hit in ruling.hits),
        silent=tuple(
            (document, rule)
            for document in documents
            for rule in document.rules
            if _speaks_of(rule, action) and (document.name, rule.id) not in hits
        ),
    )


def _share(by_rules: Judgement, action: Action, mode: str) -> float:
    """What the mode asks for at least, and what the rules ask for where they ask people."""
    samples = mode == Mode.SAMPLED and action.effect is not Effect.READ
    least = judge.SAMPLED_SHARE if samples else 0.0
    return least if by_rules.verdict is Verdict.ALLOW else max(least, by_rules.requirements.sample)


def _speaks_of(rule: Rule, action: Action) -> bool:
    fits = any(globs.matches(tool, action.tool) for tool in rule.tools)
    return fits and (not rule.effects or action.effect in rule.effects)


def _action(environment: Environment, equipped: Equipped | None, wanted: Wanted) -> Action:
    agent, granted = _agent(environment, wanted)
    context = _context(environment, wanted, agent)
    if equipped is None:
        return Action(
            wanted.tool,
            Effect.DESTRUCTIVE,
            Delivery.OPAQUE,
            1,
            wanted.arguments,
            known=False,
            context=context,
        )
    said = equipped.declaration
    observed = wanted.observed if isinstance(wanted.observed, dict) else None
    return Action(
        tool=said.name,
        effect=said.effect,
        delivery=said.delivery,
        tier=situation.tier(said, Reading(observed, wanted.preview, 0.0)),
        arguments=wanted.arguments,
        granted=granted,
        context=context,
    )


def _agent(environment: Environment, wanted: Wanted) -> tuple[Json, bool]:
    """The agent as rules see it, and whether it may use the tool. A step without an agent needs no grant."""
    if not wanted.agent:
        return None, True
    grant = Grant.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=Now()),
        agent=OuterRef("agent"),
        environment=environment,
        tool__name=wanted.tool,
    )
    rows = AgentVersion.objects.filter(agent__name=wanted.agent, agent__active=True)
    version = rows.annotate(may=Exists(grant)).order_by("-number").first()
    if version is None:
        return {"name": wanted.agent, "version": None, "model": None}, False
    return {"name": wanted.agent, "version": version.number, "model": version.model}, version.may


def _granted(environment: Environment, call: ToolCall) -> bool:
    """Whether the agent behind a call may use its tool here now. A step without an agent needs no grant."""
    if call.turn is None:
        return True
    return call.tool_name in toolbox.granted(call.turn.agent_version.agent_id, environment.pk)


def _context(environment: Environment, wanted: Wanted, agent: Json) -> dict[str, Any]:
    """What is not known is null; of a run that is not there, everything is at its beginning."""
    arguments = wanted.arguments if isinstance(wanted.arguments, dict) else {}
    return {
        "agent": agent,
        "requester": dict(wanted.requester or {"kind": "person", "name": "", "groups": []}),
        "subject": None,
        "environment": environment.name,
        "mode": wanted.mode,
        "run": _run(wanted.identified),
        "preview": wanted.preview,
        "observed": wanted.observed,
        "provenance": dict.fromkeys(arguments, wanted.origin),
        "confidence": None,
        "counts": {
            "of_turn": 1,
            "calls": 1,
            "same": 0,
            "same_succeeded": 0,
            "same_rejected": 0,
            "same_denied": 0,
        },
        "second_opinion": None,
    }


def _run(identified: tuple[str, ...]) -> dict[str, Json]:
    nothing: dict[str, Json] = dict.fromkeys(("id", "workflow", "version", "step", "turn", "last_message"))
    use: dict[str, Json] = {"steps": 1, "turns": 0, "tool_calls": 1, "tokens": 0}
    return {**nothing, "identified": list(identified), "limits": dict.fromkeys(asdict(Limits())), "use": use}


def _remembered(known: dict[str, Json]) -> Action:
    """The action whose values were kept."""
    tier = known["tier"]
    return Action(
        tool=str(known["tool"]),
        effect=Effect(str(known["effect"])),
        delivery=Delivery(str(known["delivery"])),
        tier=tier if isinstance(tier, int) else 1,
        arguments=known["args"],
        context={name: value for name, value in known.items() if name not in OF_ACTION},
    )
