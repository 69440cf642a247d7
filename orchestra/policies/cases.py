"""Runs the tests that a policy brings along, on that policy alone. Refuses a policy whose tests fail."""

from __future__ import annotations

from collections.abc import Iterator

from orchestra.contracts import Judgement
from orchestra.documents.envelopes import refuse
from orchestra.documents.report import listed
from orchestra.errors import Problem
from orchestra.policies import requirements
from orchestra.policies.document import Case, Document
from orchestra.policies.judge import BUILT_IN, judge


def check(document: Document) -> None:
    """Raise Invalid with every test that fails."""
    if found := failures(document):
        refuse(found)


def failures(document: Document) -> list[Problem]:
    """What each failing test should have given and did give, with its line; empty if all pass."""
    return [
        Problem(f"/spec/tests/{case.number}", f"test {case.name!r} fails: {'; '.join(wrong)}", case.line)
        for case, wrong in results(document)
        if wrong
    ]


def results(document: Document) -> list[tuple[Case, list[str]]]:
    """Every test with what is wrong about its outcome; nothing where it passes."""
    return [(case, list(_wrong(case, judge(case.action, (document,))))) for case in document.cases]


def _wrong(case: Case, found: Judgement) -> Iterator[str]:
    expect = case.expect
    matched = frozenset(hit.rule for hit in found.hits if hit.policy != BUILT_IN)
    if found.verdict is not expect.verdict:
        by = listed(hit.rule for hit in found.hits if hit.verdict is found.verdict)
        yield f"expected {expect.verdict}, but it says {found.verdict} (by {by})"
    if expect.rules is not None and matched != expect.rules:
        yield f"expected the rules {listed(sorted(expect.rules))}, but {listed(sorted(matched))} match"
    if len(found.errors) != expect.errors:
        said = f": {found.errors[0]}" if found.errors else ""
        yield f"expected {expect.errors} errors of evaluation, but there are {len(found.errors)}{said}"
    written = requirements.written(found.requirements)
    for name, value in (expect.requires or {}).items():
        if written[name] != value:
            yield f"expected {name} to be {value}, but it is {written[name]}"
