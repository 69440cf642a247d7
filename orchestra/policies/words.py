"""Puts rules, requirements and verdicts in words, for people who do not read YAML. Pure.

Refuses to be what is decided by: the document is, and pages show it beside the words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from orchestra.contracts import Action, Effect, Requirements, Verdict
from orchestra.policies import conditions, globs, requirements
from orchestra.policies.document import Case, Rule

TIERS: Final[Mapping[int, str]] = {1: "low", 2: "medium", 3: "high", 4: "critical"}
VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.ALLOW: "Allow",
    Verdict.REVIEW: "Ask people",
    Verdict.DENY: "Deny",
}
_OUTCOMES: Final[Mapping[Verdict, str]] = {
    Verdict.ALLOW: "it may pass",
    Verdict.REVIEW: "people are asked",
    Verdict.DENY: "it is denied",
}
_EFFECTS: Final[Mapping[Effect, str]] = {
    Effect.READ: "reads",
    Effect.WRITE: "writes",
    Effect.DESTRUCTIVE: "destroys",
}
_UNITS: Final = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_NUMBERS: Final = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}


@dataclass(frozen=True, slots=True)
class Said:
    """A rule in words: of which calls it speaks, what must hold (all of it), what follows, what people must do."""

    calls: str
    conditions: tuple[str, ...]
    outcome: str
    demands: tuple[str, ...]

    def __str__(self) -> str:
        """All of it as one text."""
        held = f" and {' and '.join(self.conditions)}" if self.conditions else ""
        demands = f" {' '.join(f'{demand}.' for demand in self.demands)}" if self.demands else ""
        return f"When {self.calls}{held}: {self.outcome}.{demands}"


def rule(of: Rule, *, tool: str = "") -> Said:
    """A rule in words; of one `tool`, where it is known which."""
    return Said(
        calls=f"{tool} is called" if tool else _calls(of),
        conditions=() if of.when is None else conditions.parts(of.when),
        outcome=_OUTCOMES[of.verdict],
        demands=tuple(demands(of.requires)) if of.verdict is Verdict.REVIEW else (),
    )


def demands(of: Requirements) -> Iterator[str]:
    """What people must do, one sentence each, without full stops."""
    yield _votes(of)
    if of.rejects > 1:
        yield f"{_number(of.rejects).capitalize()} rejections end it"
    if of.stages:
        orders = " then ".join(listed(sorted(group)) for group in requirements.in_order(of.stages))
        yield f"They vote in this order: {orders}"
    yield from _manners(of)
    yield from _times(of)
    if of.sample < 1:
        yield f"People see {share(of.sample)} of such calls; the others pass"
    if of.tier > 1:
        yield f"It counts as tier {of.tier} ({TIERS[of.tier]}) at least"
    if of.redact:
        yield f"Reviewers do not see {listed(sorted(of.redact))}"


def duration(seconds: float) -> str:
    """A time in words: `1 day 12 hours`."""
    left, found = round(seconds), []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            found.append(f"{count} {unit}{'s' if count > 1 else ''}")
    return " ".join(found[:2]) or "less than a second"


def share(of: float) -> str:
    """A share in words: `12.5%`."""
    return f"{of * 100:.4g}%"


def listed(words: Iterable[str], *, last: str = "and") -> str:
    """`a, b and c`."""
    given = list(words)
    if len(given) < 2:
        return "".join(given)
    return f"{', '.join(given[:-1])} {last} {given[-1]}"


def case(of: Case) -> str:
    """What a test wants, in words."""
    wanted = [VERDICTS[of.expect.verdict].lower()]
    if of.expect.rules is not None:
        wanted.append(f"by {listed(sorted(of.expect.rules)) or 'no rule'}")
    if of.expect.requires:
        named = (f"{name.replace('_', ' ')} {value}" for name, value in of.expect.requires.items())
        wanted.append(f"with {listed(named)}")
    if of.expect.errors:
        wanted.append(f"with {of.expect.errors} that cannot be evaluated")
    return ", ".join(wanted)


def action(of: Action) -> str:
    """Which call it is, in a word or two."""
    return f"{of.tool} ({of.effect})"


def _calls(of: Rule) -> str:
    tools = [
        "any tool" if tool == "*" else f"any tool named {tool}" if globs.is_glob(tool) else tool
        for tool in of.tools
    ]
    said = f"{listed(tools, last='or')} is called"
    if of.effects and len(of.effects) < len(Effect):
        said += f" and {listed((_EFFECTS[effect] for effect in Effect if effect in of.effects), last='or')}"
    return said


def _votes(of: Requirements) -> str:
    """Where groups are asked, in any order or one, nobody else votes."""
    many = "one person" if of.votes == 1 else f"{_number(of.votes)} persons"
    asked = of.groups.union(*of.stages)
    if not asked:
        return f"{many.capitalize()} must approve"
    many = f"{many} of {listed(sorted(asked), last='or')}"
    if len(asked) == 1 or not of.groups:
        return f"{many.capitalize()} must approve"
    each = "each group" if of.groups == asked else listed(sorted(of.groups))
    return f"At least {many} must approve, one of {each} among them"


def _manners(of: Requirements) -> Iterator[str]:
    if of.reason:
        yield "Each vote needs a reason"
    if of.step_up:
        yield "Each approval needs a fresh sign-in"
    if of.blind:
        yield "Nobody sees the votes of others before their own"
    if of.other_than_editor:
        yield "Whoever edited the call cannot approve it"


def _times(of: Requirements) -> Iterator[str]:
    if of.expires_in is not None:
        yield f"It expires after {duration(of.expires_in)}, and nothing is done"
    if of.remind_after is not None:
        told = f", and {listed(sorted(of.escalate_to))} to be told then" if of.escalate_to else ""
        yield f"It names a reminder after {duration(of.remind_after)}{told}; reminders are not sent yet"
    if of.grace:
        yield f"The decision takes effect {duration(of.grace)} after the last approval"


def _number(count: int) -> str:
    return _NUMBERS.get(count, str(count))
