"""Two versions of a policy side by side: rule by rule, then line by line. GET only."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orchestra.evals import publications
from orchestra.models import Person
from orchestra.policies import differences, versions
from orchestra.policies.differences import Change
from orchestra.tools.sentences import visible
from orchestra.views.access import for_people
from orchestra.views.policies.page import rule, wanted

SIGNS = {"same": " ", "added": "+", "removed": "-", "gap": "…"}


@require_safe
@for_people
def difference(request: HttpRequest, person: Person, name: str) -> HttpResponse:
    """From one version to another, the newest two unless the address says which."""
    told = publications.versions(person, name)
    last = told[0].number
    after = wanted(request.GET.get("to", ""), last)
    earlier = next((each.number for each in told if each.number < after), after)
    before = wanted(request.GET.get("from", ""), earlier)
    old, new = publications.documents(person, name, [before, after])
    context = {
        "section": "policies",
        "name": name,
        "numbers": [each.number for each in told],
        "old": old,
        "new": new,
        "changes": [
            change(each) for each in differences.rules(versions.document(old), versions.document(new))
        ],
        "lines": [
            {"kind": line.kind, "sign": SIGNS[line.kind], "text": visible(line.text), "line": line}
            for line in differences.lines(old.source, new.source)
        ],
    }
    return render(request, "policies/diff.html", context)


def change(of: Change) -> dict[str, Any]:
    """A change for a template."""
    parts = [(field.name.replace("_", " "), _seen(field.before), _seen(field.after)) for field in of.fields]
    return {"kind": of.kind, "rule": rule(of.rule), "fields": parts}


def _seen(text: str) -> str:
    return "\n".join(visible(line) for line in text.splitlines())
