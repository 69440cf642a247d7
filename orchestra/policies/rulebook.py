"""Rules of several policies, compiled and indexed by tool. Refuses to evaluate them: that is `judge`.

A rule that does not compile any more stays in as one that cannot be evaluated, so that it denies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from orchestra import expressions
from orchestra.contracts import Effect, Requirements, RuleHit, Verdict
from orchestra.expressions import Expression, ExpressionError
from orchestra.policies import globs
from orchestra.policies.document import Document, Rule
from orchestra.policies.vocabulary import VARIABLES

#: Pages kept for tools seen; a tool that does not exist is denied before it gets one.
MOST_PAGES = 4_096


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule, ready: it matches if `condition` holds or is None; `broken` says why it cannot be evaluated."""

    hit: RuleHit
    requires: Requirements
    effects: frozenset[Effect]
    condition: Expression | None
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """All rules that speak of one tool and effect, and the expressions they need."""

    entries: tuple[Entry, ...]
    conditions: tuple[Expression, ...]


class Rulebook:
    """The rules of some policies. May be shared by threads."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._named: dict[str, list[Entry]] = {}
        self._globs: list[tuple[str, Entry]] = []
        self._pages: dict[tuple[str, Effect], Page] = {}
        for document in documents:
            for rule in document.rules:
                self._add(rule, entry(rule, document))

    def page(self, tool: str, effect: Effect) -> Page:
        """The rules for calls of this tool."""
        found = self._pages.get((tool, effect))
        if found is None:
            if len(self._pages) >= MOST_PAGES:
                self._pages.clear()
            found = self._pages[tool, effect] = self._made(tool, effect)
        return found

    def _add(self, rule: Rule, made: Entry) -> None:
        for tool in rule.tools:
            if globs.is_glob(tool):
                self._globs.append((tool, made))
            else:
                self._named.setdefault(tool, []).append(made)

    def _made(self, tool: str, effect: Effect) -> Page:
        found = [
            *self._named.get(tool, ()),
            *(made for glob, made in self._globs if globs.matches(glob, tool)),
        ]
        once = {id(made): made for made in found if not made.effects or effect in made.effects}
        entries = tuple(once.values())
        return Page(entries, tuple(made.condition for made in entries if made.condition is not None))


def order(hit: RuleHit) -> tuple[str, int, str, str]:
    """The order in which hits are told, whatever the order of policies and rules was."""
    return (hit.policy, hit.version, hit.rule, hit.digest)


@lru_cache(maxsize=64)
def of(documents: tuple[Document, ...]) -> Rulebook:
    """The rulebook of these documents; they are compared by identity, so pass the same ones again."""
    return Rulebook(documents)


def entry(rule: Rule, document: Document) -> Entry:
    """The rule with its condition compiled."""
    requires = rule.requires if rule.verdict is Verdict.REVIEW else Requirements()
    hit = RuleHit(
        rule=rule.id,
        policy=document.name,
        version=document.version,
        digest=document.digest,
        verdict=rule.verdict,
        message=rule.message,
        author=document.author,
    )
    if rule.when is None:
        return Entry(hit, requires, rule.effects, None)
    try:
        condition = expressions.compile(rule.when, variables=VARIABLES)
    except ExpressionError as error:
        return Entry(hit, requires, rule.effects, None, broken=error.message)
    return Entry(hit, requires, rule.effects, condition)
