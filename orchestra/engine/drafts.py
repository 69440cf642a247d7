"""Drafts of definitions: kept as they are typed, checked, tried, compared with what is in force, and published.

Refuses to publish for who has no right to, and in a protected environment for who wrote the draft.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models.functions import Now

from orchestra.audit import governance
from orchestra.contracts import Judgement
from orchestra.documents.envelopes import Envelope, envelopes
from orchestra.engine import publish, sources
from orchestra.engine.connections import borrow
from orchestra.errors import Invalid, NotAllowed, Problem
from orchestra.models import Deployment, Draft, Environment, Person, User
from orchestra.people import roles
from orchestra.policies import cases
from orchestra.policies import checks as policies
from orchestra.policies import parse as rules
from orchestra.policies.judge import judge
from orchestra.workflows import ends, parse

#: What publishing a definition of each kind adds: it takes the permission to add that.
PERMISSIONS: Final[Mapping[str, str]] = {
    "workflow": "workflowversion",
    "policy": "policyversion",
    "tool": "toolversion",
    "agent": "agentversion",
    "binding": "toolbinding",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What one test of a draft gave: its name, whether it passed, and what was found, in words."""

    name: str
    passed: bool
    found: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a comparison: `kind` is same, added, removed or place."""

    kind: str
    text: str


def changed(draft: Draft, *, by: Person) -> None:
    """Who changes a draft becomes its author, by the database's clock. The caller saves the text with it."""
    draft.author = by
    Draft.objects.filter(pk=draft.pk).update(author=by, changed_at=Now())


def problems(draft: Draft, *, by: Person, environment: str) -> tuple[Problem, ...]:
    """Everything that stands against publishing the text there; empty when nothing does."""
    try:
        _only(draft)
        publish.rehearse(draft.source, by=by, environment=environment)
    except Invalid as refusal:
        return refusal.problems or (Problem("", refusal.message),)
    return ()


def trials(draft: Draft, *, by: Person) -> list[Trial]:
    """A policy's own tests; for a workflow, where the failures of each step end. Raises Invalid for an unsound text."""
    envelope = _only(draft)
    known = publish.Job(draft.source, [envelope], by, by, Environment(name="")).known
    if draft.kind == "policy":
        document = rules.policy(envelope, known=policies.Known(tools=known.tools, groups=known.groups))
        failed = {problem.line: problem.message for problem in cases.failures(document)}
        return [
            Trial(
                case.name,
                case.line not in failed,
                failed.get(case.line, _said(judge(case.action, (document,)))),
            )
            for case in document.cases
        ]
    if draft.kind == "workflow":
        spec = parse.workflow(envelope, known=known)
        return [Trial(name, passed=True, found=said) for name, said in ends.ends(spec).items()]
    return []


def difference(draft: Draft, *, environment: str) -> list[Line]:
    """The draft against what is in force there, as lines of a unified comparison; empty when they are the same."""
    before = sources.in_force(draft.kind, draft.name, environment)
    return list(_lines(before, draft.source))


def objection(draft: Draft, *, by: Person, account: User, place: Environment) -> str | None:
    """Why this person must not publish the draft there, as a sentence to them; None when nothing stands against it."""
    if (
        not account.is_active
        or account.person_id != by.pk
        or not account.has_perm(f"{draft._meta.app_label}.add_{PERMISSIONS[draft.kind]}")
    ):
        return f"Publishing a {draft.kind} needs a right that this account does not have."
    touched = Deployment.objects.filter(environment__name=place.name)
    if draft.kind == "workflow":
        touched = touched.filter(workflow__name=draft.name)
    theirs = roles.visible_to(by, "publish").values("pk")
    if foreign := touched.exclude(pk__in=theirs).select_related("workflow", "environment").first():
        return f"It would apply to {foreign}, where you have no right to publish."
    if place.protected and draft.author_id == by.pk:
        return f"{place} is protected: you wrote this draft, so someone else must publish it."
    return None


def release(draft: Draft, *, by: Person, account: User, environment: str) -> list[publish.Published]:
    """Publish the draft, in the name of whoever wrote it. Raises NotAllowed, and Invalid with all problems."""
    with borrow():
        kept = Draft.objects.select_for_update().select_related("author").get(pk=draft.pk)
        if kept.source != draft.source:
            raise Invalid("The draft was changed meanwhile. Look at the differences again.")
        place = Environment.objects.filter(name=environment).first() or Environment(name=environment)
        if why := objection(kept, by=by, account=account, place=place):
            if place.pk:
                governance.record(place, "refused", by=by, reason=f"publish {kept}: {why}")
            refused = NotAllowed(why)
        else:
            _only(kept)
            return publish.text(kept.source, by=by, environment=environment, author=kept.author)
    raise refused


def _only(draft: Draft) -> Envelope:
    """The one document that the draft is about. Raises Invalid."""
    found = envelopes(draft.source)
    for envelope in found:
        if (envelope.kind, envelope.name) != (draft.kind, draft.name):
            said = f"this draft is about the {draft.kind} {draft.name}, and this is the {envelope.kind} {envelope.name}"
            raise Invalid.of([envelope.problem(said)])
    if len(found) != 1:
        raise Invalid.of([found[1].problem("a draft holds one document")])
    return found[0]


def _said(found: Judgement) -> str:
    by = ", ".join(hit.rule for hit in found.hits) or "no rule"
    return f"{found.verdict}, by {by}"


def _lines(before: str, after: str) -> Iterator[Line]:
    kinds = {"+": "added", "-": "removed", "@": "place"}
    told = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=4)
    for number, line in enumerate(told):
        if number > 1:  # the two names at the top say nothing here
            yield Line(kinds.get(line[0], "same"), line[1:] if line[0] != "@" else line)
