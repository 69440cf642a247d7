"""What the schema of a policy cannot say: expressions, names, requirements that contradict, rules that never match.

Adds every problem to the report, each with its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from orchestra import expressions
from orchestra.contracts import Requirements, Verdict
from orchestra.documents.report import Place, Report, listed, near
from orchestra.expressions import Expression, ExpressionError
from orchestra.lookups import written
from orchestra.policies import globs
from orchestra.policies.document import Case, Document, Rule
from orchestra.policies.vocabulary import MEMBERS, VARIABLES, WORDS
from orchestra.readings import Reading

#: The glob that needs no tool to exist: it speaks of later ones too.
EVERY: Final = "*"
#: Names that would hide a policy: /policies/try/ is where calls are tried.
TAKEN: Final = frozenset({"try"})

_COMPARED: Final = re.compile(
    r"""(?<![\w.])(tool|effect|delivery|mode)\s*==\s*(?:"([^"\\\n]*)"|'([^'\\\n]*)')"""
)


@dataclass(frozen=True, slots=True)
class Known:
    """The names that exist where the policy is to be published; None means that they are not checked here."""

    tools: frozenset[str] | None = None
    groups: frozenset[str] | None = None


def run(document: Document, report: Report, known: Known) -> None:
    """All checks; `document` holds the rules and tests whose shape is sound."""
    if document.name in TAKEN:
        report.add(f"{document.name!r} is the name of a page about policies; choose another one", "name")
    for rule in document.rules:
        at: Place = ("spec", "rules", rule.number)
        _condition(rule, report, (*at, "when"))
        _requires(rule, report, at)
        _tools(rule, report, known, (*at, "tools"))
        _groups(rule.requires, report, known, (*at, "requires"))
    ids = frozenset(rule.id for rule in document.rules)
    for case in document.cases:
        _case(case, ids, report, ("spec", "tests", case.number))
    _twice("rules", "id", report)
    _twice("tests", "name", report)


def _condition(rule: Rule, report: Report, at: Place) -> None:
    if rule.when is None:
        return
    try:
        expression = expressions.compile(rule.when, variables=VARIABLES)
    except ExpressionError as error:
        report.add(error.problems[0].message, *at, down=error.line or 0 if "\n" in rule.when else 0)
        return
    reading = Reading(rule.when, VARIABLES)
    for path, last in reading.uses:
        wrong = None if path is None or len(path) < 2 else _no_member(str(path[0]), path[1])
        if wrong is not None and path is not None:
            down = rule.when.count("\n", 0, reading.tokens[last].at) + 1 if "\n" in rule.when else 0
            report.add(f"`{written(path[:2])}`: {wrong}", *at, down=down)
    if not expression.variables_used:
        _constant(expression, report, at)
    _words(rule, report, at)


def _no_member(name: str, member: str | int | None) -> str | None:
    members = MEMBERS.get(name)
    if members is None or member is None or member in members:
        return None
    return f"{name} has {listed(members)}, not {member!r}{near(str(member), members)}"


def _constant(expression: Expression, report: Report, at: Place) -> None:
    """A condition that reads nothing is the same for every call."""
    try:
        holds = expression.holds({})
    except ExpressionError as error:
        report.add(f"fails on every call: {error.problems[0].message}", *at)
        return
    report.add(
        "always holds; leave it out" if holds else "never holds, so this rule can never match: delete it", *at
    )


def _words(rule: Rule, report: Report, at: Place) -> None:
    """Comparisons with a word that the variable never is."""
    for name, double, single in _COMPARED.findall(rule.when or ""):
        word = double or single
        if name in WORDS and word not in WORDS[name]:
            report.add(f"{name} is never {word!r}; it is one of {listed(sorted(WORDS[name]))}", *at)
        elif name == "effect" and rule.effects and word not in {str(effect) for effect in rule.effects}:
            report.add(f"effect is never {word!r} here; `effects` of this rule leaves it out", *at)
        elif name == "tool" and not any(globs.matches(given, word) for given in rule.tools):
            report.add(f"tool is never {word!r} here; `tools` of this rule leaves it out", *at)


def _requires(rule: Rule, report: Report, at: Place) -> None:
    asked = rule.requires
    if rule.verdict is not Verdict.REVIEW and asked != Requirements():
        report.add(f"a rule that says {rule.verdict} requires nothing; only a review does", *at, "requires")
    if asked.remind_after and asked.expires_in and asked.remind_after >= asked.expires_in:
        report.add("the reminder would come when it has expired", *at, "requires", "remind_after")
    if asked.grace and asked.expires_in and asked.grace >= asked.expires_in:
        report.add("no vote could count before it has expired", *at, "requires", "grace")
    if asked.escalate_to and not asked.remind_after:
        report.add("escalation follows the reminder; say remind_after too", *at, "requires", "escalate_to")


def _tools(rule: Rule, report: Report, known: Known, at: Place) -> None:
    for number, given in enumerate(rule.tools):
        if known.tools is None or given == EVERY or any(globs.matches(given, tool) for tool in known.tools):
            continue
        said = "stands for no tool that is known" if globs.is_glob(given) else "is no tool that is known"
        report.add(
            f"{given} {said}, so nothing would be governed by it{near(given, known.tools)}", *at, number
        )


def _groups(asked: Requirements, report: Report, known: Known, at: Place) -> None:
    named = {
        "groups": asked.groups,
        "stages": frozenset(group for chain in asked.stages for group in chain),
        "escalate_to": asked.escalate_to,
    }
    for name, groups in named.items():
        for group in sorted(groups - known.groups) if known.groups is not None else ():
            report.add(f"there is no group {group!r}{near(group, known.groups or ())}", *at, name)


def _case(case: Case, ids: frozenset[str], report: Report, at: Place) -> None:
    for name in sorted((case.expect.rules or frozenset()) - ids):
        if not report.wrong("spec", "rules"):
            report.add(f"there is no rule {name!r}{near(name, ids)}", *at, "expect", "rules")
    if case.expect.requires is not None and case.expect.verdict is not Verdict.REVIEW:
        report.add("only a review requires anything", *at, "expect", "requires")


def _twice(part: str, key: str, report: Report) -> None:
    spec = report.envelope.spec
    entries = spec.get(part) if isinstance(spec, dict) else None
    first: dict[str, int] = {}
    for number, body in enumerate(entries if isinstance(entries, list) else []):
        name = body.get(key) if isinstance(body, dict) else None
        if not isinstance(name, str):
            continue
        if name in first:
            line = report.envelope.line_of("spec", part, first[name], key)
            report.add(f"the {key} {name!r} is here twice (first in line {line})", "spec", part, number, key)
        first.setdefault(name, number)
