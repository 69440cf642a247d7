"""What policies say of one action: all rules that match, deny before review before allow, requirements added up.

Pure. Whatever cannot be evaluated denies. Refuses to know where policies come from and who decides in the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from orchestra.canonical import Json
from orchestra.contracts import Action, Effect, Judgement, Mode, Requirements, RuleHit, Verdict
from orchestra.expressions import ExpressionError, Scope
from orchestra.policies import requirements, rulebook
from orchestra.policies.document import Document
from orchestra.policies.rulebook import Entry, Page
from orchestra.policies.vocabulary import values

#: The policy that the rules of this module are told under; no published one can have this name.
BUILT_IN: Final = "(built in)"
#: Share of allowed writes that people see in mode `sampled`, where no rule asks for more.
SAMPLED_SHARE: Final = 0.1

_WEIGHT: Final = {Verdict.ALLOW: 0, Verdict.REVIEW: 1, Verdict.DENY: 2}
_LONGEST_ERROR: Final = 500


def _built_in(rule: str, verdict: Verdict, message: str) -> RuleHit:
    return RuleHit(rule=rule, policy=BUILT_IN, version=0, digest="", verdict=verdict, message=message)


UNKNOWN_TOOL: Final = _built_in("unknown-tool", Verdict.DENY, "There is no such tool.")
NO_GRANT: Final = _built_in("no-grant", Verdict.DENY, "The agent may not use this tool here.")
NOT_EVALUATED: Final = _built_in(
    "not-evaluated", Verdict.DENY, "A rule for this tool could not be evaluated, so the call is denied."
)
GRANTED_READ: Final = _built_in(
    "granted-read", Verdict.ALLOW, "The agent may use this tool, and it only reads."
)
NO_RULE: Final = _built_in("no-rule", Verdict.REVIEW, "No rule speaks of this write, so a person decides.")
EVERY_WRITE: Final = _built_in("every-write", Verdict.REVIEW, "Here a person decides about every write.")
SPOT_CHECK: Final = _built_in("spot-check", Verdict.REVIEW, "A share of what is allowed is shown to people.")
NOT_SAMPLED: Final = _built_in(
    "not-sampled", Verdict.ALLOW, "Only a share of these calls is shown to people; this one is not."
)


def judge(action: Action, documents: Sequence[Document]) -> Judgement:
    """The judgement of these documents, before the mode of the deployment. Never raises for what the action holds.

    There is always at least one hit: where no rule matched, that of the built-in default.
    """
    if not action.known or not action.granted:
        return Judgement(
            Verdict.DENY,
            Requirements(tier=action.tier),
            (NO_GRANT if action.known else UNKNOWN_TOOL,),
        )
    page = rulebook.of(tuple(documents)).page(action.tool, action.effect)
    matching, errors = _matching(page, action)
    hits = tuple(entry.hit for entry in matching) + ((NOT_EVALUATED,) if errors else ())
    if not hits:
        hits = (GRANTED_READ if action.effect is Effect.READ else NO_RULE,)
    asked = (entry.requires for entry in matching if entry.hit.verdict is Verdict.REVIEW)
    return Judgement(
        max((hit.verdict for hit in hits), key=_WEIGHT.__getitem__),
        requirements.at_tier(requirements.added(asked), action.tier),
        tuple(sorted(hits, key=rulebook.order)),
        errors,
    )


def apply_mode(
    judgement: Judgement, action: Action, mode: str, chance: float, *, share: float = SAMPLED_SHARE
) -> Judgement:
    """What the mode of the deployment makes of it. Reads and what is denied stay as they are, but for `sample`.

    `chance` is drawn once for a call, from 0 up to but not 1, and kept: the gate must see the same. In mode
    `proposal` every write goes to people; in `sampled` at least `share` of them; in `execution` the policies
    alone decide. A review whose rules want only a `sample` lets the others pass, except in mode `proposal`.
    """
    writes = action.effect is not Effect.READ
    mode = Mode(mode)
    if judgement.verdict is Verdict.DENY:
        return judgement
    if writes and mode is Mode.PROPOSAL:
        return judgement if judgement.verdict is Verdict.REVIEW else _reviewed(judgement, EVERY_WRITE)
    floor = share if writes and mode is Mode.SAMPLED else 0.0
    if judgement.verdict is Verdict.ALLOW:
        return _reviewed(judgement, SPOT_CHECK) if chance < floor else judgement
    if chance < max(floor, judgement.requirements.sample):
        return judgement
    passed = Requirements(tier=judgement.requirements.tier)
    return replace(judgement, verdict=Verdict.ALLOW, requirements=passed, hits=_with(judgement, NOT_SAMPLED))


def strictest(first: Judgement, second: Judgement) -> Judgement:
    """The judgement that satisfies both, such as the frozen one and the one at the gate.

    Commutative, associative and idempotent. What an allowing one requires besides its tier says nothing where
    the other one asks people.
    """
    verdict = max(first.verdict, second.verdict, key=_WEIGHT.__getitem__)
    return Judgement(
        verdict,
        _both(first, second),
        tuple(sorted({*first.hits, *second.hits}, key=_told)),
        tuple(sorted({*first.errors, *second.errors})),
    )


def _both(first: Judgement, second: Judgement) -> Requirements:
    tier = max(first.requirements.tier, second.requirements.tier)
    asking = [one.requirements for one in (first, second) if one.verdict is not Verdict.ALLOW]
    if not asking:
        asking = [first.requirements, second.requirements]
    return requirements.at_tier(requirements.added(asking), tier)


def _reviewed(judgement: Judgement, why: RuleHit) -> Judgement:
    asked = Requirements(tier=judgement.requirements.tier)
    return replace(judgement, verdict=Verdict.REVIEW, requirements=asked, hits=_with(judgement, why))


def _with(judgement: Judgement, hit: RuleHit) -> tuple[RuleHit, ...]:
    return tuple(sorted((*judgement.hits, hit), key=_told))


def _told(hit: RuleHit) -> tuple[str, int, str, str, str, str, str]:
    """A total order, also of hits that differ in their words alone."""
    return (*rulebook.order(hit), str(hit.verdict), hit.message, hit.author)


def _matching(page: Page, action: Action) -> tuple[list[Entry], tuple[str, ...]]:
    """The entries that match, and what went wrong with the others."""
    errors: list[str] = []
    matching: list[Entry] = []
    scope: Scope | None = None
    if page.conditions:
        try:
            scope = Scope(values(action), page.conditions)
        except ExpressionError as error:
            errors.append(_error(None, error.message))
    for entry in page.entries:
        if entry.broken:
            errors.append(_error(entry, entry.broken))
        elif entry.condition is None:
            matching.append(entry)
        elif scope is not None:
            _ask(entry, scope, matching, errors)
    return matching, tuple(sorted(errors))


def _ask(entry: Entry, scope: Scope, matching: list[Entry], errors: list[str]) -> None:
    if entry.condition is None:
        return
    try:
        if entry.condition.holds(scope):
            matching.append(entry)
    except ExpressionError as error:
        errors.append(_error(entry, error.message))


def _error(entry: Entry | None, message: str) -> str:
    """Names what is missing, never values: paths and kinds only."""
    where = "" if entry is None else f"{entry.hit.policy} v{entry.hit.version}, rule {entry.hit.rule}: "
    return f"{where}{message}"[:_LONGEST_ERROR]


def told(hits: Iterable[RuleHit]) -> list[Json]:
    """Hits as plain data: what a ruling stores."""
    return [
        {
            "id": hit.rule,
            "policy": hit.policy,
            "version": hit.version,
            "digest": hit.digest,
            "verdict": str(hit.verdict),
            "message": hit.message,
            "author": hit.author,
        }
        for hit in hits
    ]
