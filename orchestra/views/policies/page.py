"""One policy: its versions, and what the rules of one of them say, in words and as they are written. GET only."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orchestra.errors import NotFound
from orchestra.evals import publications
from orchestra.models import Person
from orchestra.policies import cases, versions, words
from orchestra.policies.document import Document, Rule
from orchestra.tools.sentences import visible
from orchestra.views.access import for_people


@require_safe
@for_people
def page(request: HttpRequest, person: Person, name: str) -> HttpResponse:
    """One version of a policy, the newest unless `version` says another. 404 for what is not theirs to read."""
    told = publications.versions(person, name)
    number = wanted(request.GET.get("version", ""), told[0].number)
    (row,) = publications.documents(person, name, [number])
    document = versions.document(row)
    before = next((each.number for each in told if each.number < number), None)
    context = {
        "section": "policies",
        "name": name,
        "row": row,
        "versions": told,
        "before": before,
        "description": visible(document.description),
        "rules": [rule(each) for each in document.rules],
        "tests": tests(document),
        "lines": [visible(line) for line in row.source.splitlines()],
    }
    return render(request, "policies/page.html", context)


def wanted(text: str, usual: int) -> int:
    """A number of a version, from an address. Raises NotFound for what is none."""
    if not text:
        return usual
    if not text.isdecimal() or len(text) > 9:
        raise NotFound(f"There is no version {text[:20]!r}.")
    return int(text)


def rule(of: Rule, *, tool: str = "") -> dict[str, Any]:
    """A rule for a template: in words, of one tool where it is known which, and as it is written."""
    return {
        "id": of.id,
        "verdict": words.VERDICTS[of.verdict],
        "state": STATES[str(of.verdict)],
        "said": words.rule(of, tool=tool),
        "message": visible(of.message),
        "when": "\n".join(visible(line) for line in (of.when or "").splitlines()),
    }


def tests(document: Document) -> list[dict[str, Any]]:
    """The tests of a policy, each with what is wrong about its outcome."""
    return [
        {
            "name": visible(case.name),
            "call": words.action(case.action),
            "wanted": words.case(case),
            "wrong": [visible(problem) for problem in wrong],
        }
        for case, wrong in cases.results(document)
    ]


#: Badges of verdicts look like those of the states to which they lead.
STATES = {"allow": "approved", "review": "awaiting_approval", "deny": "denied"}
