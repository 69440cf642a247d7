"""Drafts: what stands against them is told with lines, and publishing one takes rights, and a second person where it must."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestra.audit import governance, record
from orchestra.audit.walk import Count
from orchestra.documents.envelopes import envelopes
from orchestra.engine import drafts, publish, sources
from orchestra.errors import Invalid, NotAllowed
from orchestra.models import (
    Deployment,
    Draft,
    Environment,
    Person,
    Policy,
    PolicyPublication,
    PolicyVersion,
    User,
)
from orchestra.policies import versions
from tests import factories
from tests.databases import Database

STORE = Path(__file__).resolve().parents[2] / "examples" / "store"
POLICY = """kind: policy
name: refunds
spec:
  rules:
    - id: ask
      tools: ["*"]
      verdict: review
      message: People look at it.
  tests:
    - {name: asks, action: {tool: refund, effect: write}, expect: {verdict: review}}
"""
WORKFLOW = """kind: workflow
name: hello
spec:
  owner: operators
  steps:
    ask: {kind: human, group: operators, title: "Hello?", form: {type: object, properties: {}}}
"""


@pytest.fixture
def author(database: Database) -> Person:
    return publisher("ann")


@pytest.fixture
def second(database: Database) -> Person:
    return publisher("bob")


def publisher(name: str) -> Person:
    """A person who may publish everything, everywhere."""
    person = factories.person(name)
    User.objects.create(username=name, person=person, is_superuser=True)
    return person


def account(person: Person) -> User:
    return person.accounts.get()


def draft(author: Person, source: str = POLICY, kind: str = "policy", name: str = "refunds") -> Draft:
    return Draft.objects.create(kind=kind, name=name, source=source, author=author)


def release(row: Draft, by: Person, environment: str = "dev") -> list[publish.Published]:
    return drafts.release(row, by=by, account=account(by), environment=environment)


def test_problems_are_told_with_their_lines_and_nothing_is_written(author: Person) -> None:
    row = draft(author, POLICY.replace("verdict: review\n", "verdict: maybe\n"))
    found = drafts.problems(row, by=author, environment="dev")
    assert [problem.line for problem in found] == [7]
    assert not PolicyVersion.objects.exists()
    assert not Environment.objects.filter(name="dev").exists()


def test_a_sound_draft_has_no_problems_and_is_not_published_by_looking(author: Person) -> None:
    assert drafts.problems(draft(author), by=author, environment="dev") == ()
    assert not PolicyPublication.objects.exists()


def test_what_only_publishing_finds_is_told_too(author: Person) -> None:
    agent = "kind: agent\nname: clerk\nspec: {adapter: scripted, model: m, owner: nobody}\n"
    found = drafts.problems(draft(author, agent, "agent", "clerk"), by=author, environment="dev")
    assert "there is no person 'nobody'" in found[0].message


def test_a_draft_holds_the_one_document_that_it_is_about(author: Person) -> None:
    other = drafts.problems(draft(author, name="other"), by=author, environment="dev")
    assert "this draft is about the policy other" in other[0].message
    two = drafts.problems(draft(author, f"{POLICY}---\n{POLICY}"), by=author, environment="dev")
    assert (two[0].message, two[0].line) == ("a draft holds one document", 12)


def test_tests_of_a_policy_say_which_pass_and_which_fail(author: Person) -> None:
    failing = "    - {name: allows, action: {tool: refund}, expect: {verdict: allow}}\n"
    found = drafts.trials(draft(author, POLICY + failing), by=author)
    assert [(trial.name, trial.passed) for trial in found] == [("asks", True), ("allows", False)]
    assert "review, by ask" in found[0].found
    assert "expected allow" in found[1].found


def test_trying_a_workflow_tells_where_its_failures_end(author: Person) -> None:
    (found,) = drafts.trials(draft(author, WORKFLOW, "workflow", "hello"), by=author)
    assert (found.name, "operators is asked" in found.found) == ("ask", True)


def test_difference_compares_with_what_is_in_force_there(author: Person) -> None:
    publish.text(POLICY, by=author, environment="dev")
    changed = draft(author, POLICY.replace("People look", "Two people look"))
    found = [(line.kind, line.text.strip()) for line in drafts.difference(changed, environment="dev")]
    assert ("removed", "message: People look at it.") in found
    assert ("added", "message: Two people look at it.") in found
    assert all(line.kind in {"added", "place"} for line in drafts.difference(changed, environment="prod"))


def test_releasing_publishes_in_the_name_of_who_wrote_it(author: Person, second: Person) -> None:
    (made,) = release(draft(author), second)
    assert (made.kind, made.number, made.new) == ("policy", 1, True)
    row = PolicyPublication.objects.get()
    assert (row.version.author, row.published_by) == (author, second)
    assert versions.in_force("dev")[0].author == "ann"


def test_publishing_is_kept_in_the_record_once(author: Person, second: Person) -> None:
    row = draft(author)
    release(row, second)
    release(row, second)  # the same again changes nothing
    (event,) = governance.told(Policy.objects.get())
    assert (event.actor, event.target, event.reason) == (
        "person:bob",
        "published",
        "policy refunds v1 in dev",
    )


def test_going_back_to_an_older_workflow_version_is_kept_too(author: Person) -> None:
    for question in ("Hello?", "Hi?", "Hello?"):
        publish.text(WORKFLOW.replace("Hello?", question), by=author, environment="dev")
    told = [event.reason for event in governance.told(Deployment.objects.get())]
    assert told == [f"workflow hello v{number} in dev" for number in (1, 2, 1)]


def test_in_a_protected_environment_somebody_else_publishes(author: Person, second: Person) -> None:
    place = Environment.objects.create(name="prod", protected=True)
    row = draft(author)
    with pytest.raises(NotAllowed, match="you wrote this draft, so someone else must publish it"):
        release(row, author, "prod")
    assert not PolicyVersion.objects.exists()
    (event,) = governance.told(place)
    assert (event.actor, event.target) == ("person:ann", "refused")
    assert release(row, second, "prod")[0].new


def test_publishing_takes_the_permission_of_its_kind(author: Person) -> None:
    clerk = factories.person("carl")
    User.objects.create(username="carl", person=clerk)
    with pytest.raises(NotAllowed, match="Publishing a policy needs a right"):
        release(draft(author), clerk)


def test_publishing_takes_the_right_on_every_deployment_that_it_would_apply_to(author: Person) -> None:
    from_elsewhere = factories.person("carl")
    User.objects.create(username="carl", person=from_elsewhere).groups.add(factories.group("admins"))
    factories.deployment()
    with pytest.raises(NotAllowed, match="where you have no right to publish"):
        release(draft(author), from_elsewhere)


def test_a_draft_that_was_changed_meanwhile_is_not_published(author: Person, second: Person) -> None:
    row = draft(author)
    Draft.objects.filter(pk=row.pk).update(source=POLICY.replace("review", "allow"))
    with pytest.raises(Invalid, match="changed meanwhile"):
        release(row, second)


@pytest.mark.parametrize("kind", ["tool", "agent", "binding"])
def test_text_of_what_is_in_force_means_the_same_when_it_is_published(author: Person, kind: str) -> None:
    publish.text((STORE / "tools.yaml").read_text(), by=author, environment="dev")
    binding = "kind: binding\nname: store\nspec: {tools: [get_order_details, 'get_u*'], base_url: 'http://store.internal:8100/w/{world}', labels: [world], allow: ['store.internal:8100'], secret: env:STORE_TOKEN}\n"
    agent = "kind: agent\nname: clerk\nspec: {adapter: scripted, model: m, prompt: Be kind., grants: ['get_*'], settings: {a: [1]}}\n"
    publish.text(f"{binding}---\n{agent}", by=author, environment="dev")
    texts = {"tool": (STORE / "tools.yaml").read_text(), "agent": agent, "binding": binding}
    for envelope in envelopes(texts[kind]):
        again = sources.in_force(kind, envelope.name, "dev")
        (made,) = publish.rehearse(again, by=author, environment="dev")
        assert (made.name, made.new) == (envelope.name, False), again


def test_text_of_one_document_is_found_among_others(author: Person) -> None:
    publish.text(f"# first\n{WORKFLOW}---\n# prices\n{POLICY}", by=author, environment="dev")
    assert sources.in_force("policy", "refunds", "dev") == f"# prices\n{POLICY}"
    assert sources.in_force("workflow", "hello", "dev") == f"# first\n{WORKFLOW}"
    assert sources.in_force("policy", "refunds", "prod") == ""


def test_the_record_of_what_people_govern_verifies(author: Person, second: Person) -> None:
    release(draft(author), second)
    count = Count()
    assert list(record.check({}, count)) == []
    assert (count.chains, count.events) == (1, 1)
