"""The pages of policies: what is in force, rules in words, versions, differences; and who may read them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestra.models import Deployment, Person, PolicyVersion
from orchestra.people import roles
from orchestra.policies import parse, versions
from tests import factories
from tests.databases import Database
from tests.decisions.conftest import member
from tests.pages.test_review_pages import signed_in

LARGE = {
    "id": "large",
    "tools": ["refund"],
    "verdict": "review",
    "message": "A large refund needs finance.",
    "when": "cents(args.amount) > 50000",
    "requires": {"votes": 2, "groups": ["admins"], "expires_in": "4h"},
}
SMALL = {
    "id": "small",
    "tools": ["refund"],
    "verdict": "allow",
    "message": "Small ones pass.",
    "when": "cents(args.amount) <= 2000",
}
TESTS = [
    {
        "name": "a large one asks",
        "action": {"tool": "refund", "args": {"amount": "600"}},
        "expect": {"verdict": "review", "rules": ["large"]},
    }
]


def publish(
    name: str, *rules: dict[str, Any], where: str = "dev", tests: Any = (), by: Person | None = None
) -> PolicyVersion:
    """Put a policy in force."""
    text = yaml.safe_dump(
        {"kind": "policy", "name": name, "spec": {"rules": list(rules), "tests": list(tests)}}
    )
    author = by or Person.objects.get_or_create(name="paul", full_name="Paul Author")[0]
    place = factories.environment(where)
    return versions.publish(parse.parse(text), source=text, by=author, place=place)[0]


@pytest.fixture
def reader(database: Database) -> Client:
    """Somebody who sees a deployment in dev."""
    deployment = factories.deployment()
    roles.give_defaults(deployment)
    return signed_in(member("rita", "requesters"))


def text(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content.decode()[:2000]
    return answer.content.decode()


def test_list_says_what_is_in_force_where_since_when_and_by_whom(reader: Client) -> None:
    publish("refunds", LARGE)
    publish("refunds", LARGE, SMALL)
    page = text(reader, "/policies/")
    for words in ("refunds", "v2", "2 rules", "dev", "Paul Author"):
        assert words in page
    assert "v1" not in page


def test_list_finds_policies_by_what_is_in_their_rules(reader: Client) -> None:
    publish("refunds", LARGE, SMALL)
    publish("others", {**SMALL, "id": "other", "tools": ["*"], "message": "Never mind."})
    page = text(reader, "/policies/?q=finance")
    assert 'href="/policies/refunds/?version=1#large"' in page
    assert "others" not in page
    assert "No policy in force fits" in text(reader, "/policies/?q=nonsense")


def test_list_goes_by_pages(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestra.evals.publications.ON_PAGE", 2)
    for name in ("a", "b", "c"):
        publish(name, SMALL)
    first = text(reader, "/policies/")
    assert "after=b~dev" in first
    assert 'href="/policies/c/' not in first
    second = text(reader, "/policies/?after=b~dev")
    assert ('href="/policies/c/' in second, 'href="/policies/a/' in second) == (True, False)
    text(reader, "/policies/?after=nonsense", 422)


def test_nothing_is_shown_of_environments_where_somebody_sees_nothing(reader: Client) -> None:
    publish("secret-policy", SMALL, where="prod")
    publish("refunds", LARGE)
    publish("refunds", LARGE, SMALL, where="prod")
    assert "secret-policy" not in text(reader, "/policies/")
    text(reader, "/policies/secret-policy/", 404)
    assert "v1" in text(reader, "/policies/refunds/")
    text(reader, "/policies/refunds/?version=2", 404)
    text(reader, "/policies/refunds/diff/?from=1&to=2", 404)


def test_who_sees_no_deployment_is_told_so(database: Database) -> None:
    publish("refunds", LARGE)
    client = signed_in(member("olaf", "reviewers"))
    assert "You see no deployment" in text(client, "/policies/")
    text(client, "/policies/refunds/", 404)
    text(client, "/policies/try/", 404)


def test_policy_is_told_in_words_with_the_condition_beside_them(reader: Client) -> None:
    publish("refunds", LARGE, SMALL, tests=TESTS)
    page = text(reader, "/policies/refunds/")
    for words in (
        "argument amount is more than 500.00",
        "cents(args.amount) &gt; 50000",
        "Two persons of admins must approve.",
        "It expires after 4 hours, and nothing is done.",
        "then people are asked",
        "then it may pass",
        "a large one asks",
        "passes",
        "in force in dev",
        "kind: policy",
    ):
        assert words in page, words


def test_test_that_does_not_pass_any_more_is_shown_with_what_is_wrong(reader: Client) -> None:
    wrong = [{**TESTS[0], "expect": {"verdict": "deny"}}]
    publish("refunds", LARGE, tests=wrong)
    page = text(reader, "/policies/refunds/")
    assert "fails" in page
    assert "expected deny, but it says review" in page


def test_difference_tells_rules_and_lines(reader: Client) -> None:
    publish("refunds", LARGE)
    publish("refunds", {**LARGE, "message": "Now another."}, SMALL)
    page = text(reader, "/policies/refunds/diff/")
    for words in (
        "v1 to v2",
        "2 rules changed",
        "<del>- A large refund needs finance.</del>",
        "<ins>+ Now another.</ins>",
        "added",
        "Line by line",
        'data-kind="added"',
        'data-kind="removed"',
    ):
        assert words in page, words
    assert "The rules are the same" in text(reader, "/policies/refunds/diff/?from=2&to=2")
    text(reader, "/policies/refunds/diff/?from=x&to=2", 404)


def test_hostile_words_of_a_policy_do_nothing(reader: Client) -> None:
    evil = "<script>alert(1)</script>\u202eend"
    publish(
        "refunds",
        {**SMALL, "message": evil, "when": 'args.note == "a\u202eb"'},
        tests=[{**TESTS[0], "name": evil, "expect": {"verdict": "review"}}],
    )
    for path in ("/policies/refunds/", "/policies/?q=script", "/policies/refunds/diff/"):
        page = text(reader, path)
        assert "<script>alert" not in page
        assert "\u202e" not in page


@pytest.mark.parametrize("path", ["/policies/", "/policies/?q=refund", "/policies/p3/", "/policies/p3/diff/"])
def test_pages_take_few_queries(reader: Client, path: str) -> None:
    for number in range(6):
        publish(f"p{number}", SMALL)
        publish(f"p{number}", SMALL, LARGE)
    text(reader, path)
    with CaptureQueriesContext(connection) as queries:
        text(reader, path)
    assert len(queries) <= 8, [query["sql"][:120] for query in queries]


def test_nobody_reads_without_signing_in(database: Database) -> None:
    for path in ("/policies/", "/policies/x/", "/policies/x/diff/", "/policies/try/"):
        answer = Client(headers={"host": "localhost"}).get(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/accounts/login/?next={path}")


def test_deployment_that_is_seen_through_a_group_counts(database: Database) -> None:
    publish("refunds", LARGE, where="test")
    roles.give_defaults(factories.deployment(where="test"))
    assert Deployment.objects.count() == 1
    assert "refunds" in text(signed_in(member("ada", "auditors")), "/policies/")
