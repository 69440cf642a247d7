"""What differs between two versions of a policy: rule by rule, and line by line of their texts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from orchestra.contracts import Requirements
from orchestra.policies import words
from orchestra.policies.document import Document, Rule

#: Unchanged lines that are shown around a change.
AROUND: Final = 3
_TIMES: Final = frozenset({"expires_in", "remind_after", "grace"})


class Line(NamedTuple):
    """One line of the comparison: `same`, `removed`, `added`, or `gap` for those left out, with the numbers it has."""

    kind: str
    text: str
    before: int | None = None
    after: int | None = None


class Field(NamedTuple):
    """A part of a rule that changed, in words; empty where there was none."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """A rule that was `added`, `removed` or `changed`."""

    kind: str
    rule: Rule
    fields: tuple[Field, ...] = ()


def rules(before: Document, after: Document) -> list[Change]:
    """The rules that differ, in the order of the later version; those that are gone come last."""
    old, new = ({rule.id: rule for rule in document.rules} for document in (before, after))
    found = [
        change
        for rule in after.rules
        if (change := _added(rule) if rule.id not in old else _changed(old[rule.id], rule)) is not None
    ]
    return [*found, *(Change("removed", rule) for name, rule in old.items() if name not in new)]


def lines(before: str, after: str) -> list[Line]:
    """Both texts as one, with what was removed and added, and gaps where nothing changed."""
    old, new = before.splitlines(), after.splitlines()
    groups = SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(AROUND)
    found: list[Line] = []
    reached = 0
    for group in groups:
        found += _gap(group[0][1] - reached)
        for kind, begin, end, first, last in group:
            found += _block(kind, old, new, (begin, end), (first, last))
        reached = group[-1][2]
    return found + (_gap(len(old) - reached) if found else [])


def _added(rule: Rule) -> Change:
    return Change("added", rule)


def _changed(before: Rule, after: Rule) -> Change | None:
    found = tuple(_fields(before, after))
    return Change("changed", after, found) if found else None


def _fields(before: Rule, after: Rule) -> Iterator[Field]:
    pairs = {
        "Tools": (", ".join(before.tools), ", ".join(after.tools)),
        "Effects": (_effects(before), _effects(after)),
        "When": (before.when or "", after.when or ""),
        "Verdict": (words.VERDICTS[before.verdict], words.VERDICTS[after.verdict]),
        "Message": (before.message, after.message),
    }
    yield from (Field(name, *pair) for name, pair in pairs.items() if pair[0] != pair[1])
    yield from _requirements(before.requires, after.requires)


def _requirements(before: Requirements, after: Requirements) -> Iterator[Field]:
    """Named as in the file, since the words of several may be one sentence."""
    for each in fields(Requirements):
        say = words.duration if each.name in _TIMES else _written
        pair = [
            say(value) if (value := getattr(demands, each.name)) else _written(value)
            for demands in (before, after)
        ]
        if pair[0] != pair[1]:
            yield Field(each.name, *pair)


def _written(value: object) -> str:
    if isinstance(value, frozenset):
        return ", ".join(
            sorted(" then ".join(each) if isinstance(each, tuple) else str(each) for each in value)
        )
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _effects(rule: Rule) -> str:
    return ", ".join(sorted(str(effect) for effect in rule.effects)) or "all"


def _gap(count: int) -> list[Line]:
    return [Line("gap", f"{count} unchanged line{'s' if count > 1 else ''}")] if count > 0 else []


def _block(
    kind: str, old: Sequence[str], new: Sequence[str], span: tuple[int, int], place: tuple[int, int]
) -> list[Line]:
    if kind == "equal":
        pairs = zip(range(*span), range(*place), strict=True)
        return [Line("same", old[one], one + 1, other + 1) for one, other in pairs]
    gone = [Line("removed", old[number], number + 1, None) for number in range(*span)]
    return gone + [Line("added", new[number], None, number + 1) for number in range(*place)]
