"""Publishing policies: tests first, one version in force in each environment, and nothing ever rewritten."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from orchestra.engine import publish
from orchestra.errors import Bug, Invalid
from orchestra.models import Environment, Person, Policy, PolicyPublication, PolicyVersion
from orchestra.policies import versions
from orchestra.policies.judge import judge
from tests import factories
from tests.databases import Database
from tests.policies.files import action, file, read, rule
from tests.policies.recorded import LIBRARY, POLICIES

PASSING = "tests:\n  - {name: t, action: {tool: a}, expect: {verdict: deny}}"
FAILING = "tests:\n  - {name: passes, action: {tool: a}, expect: {verdict: allow}}"


@pytest.fixture
def ann(database: Database) -> Person:
    return factories.person("ann")


def published(text: str, by: Person, environment: str = "dev") -> tuple[str, int, bool]:
    (made,) = publish.text(text, by=by, environment=environment)
    return made.kind, made.number, made.new


def in_force(environment: str = "dev") -> list[tuple[str, int, str]]:
    return [(found.name, found.version, found.rules[0].id) for found in versions.in_force(environment)]


def test_a_published_policy_is_in_force_in_its_environment_and_in_no_other(ann: Person) -> None:
    assert in_force() == []
    assert published(file(rule("r", "deny"), more=PASSING), ann) == ("policy", 1, True)
    assert in_force() == [("p", 1, "r")]
    assert in_force("prod") == []
    hit = judge(action(), versions.in_force("dev")).hits[0]
    row = PolicyVersion.objects.get()
    assert (hit.policy, hit.version, hit.author, hit.digest) == ("p", 1, "ann", bytes(row.digest).hex())
    assert row.source == file(rule("r", "deny"), more=PASSING)


def test_a_later_version_takes_the_place_of_the_one_before(ann: Person) -> None:
    published(file(rule("r", "deny")), ann)
    published(file(rule("q", "deny"), name="other"), ann)
    assert published(file(rule("s", "review")), ann) == ("policy", 2, True)
    assert in_force() == [("other", 1, "q"), ("p", 2, "s")]
    first, second = PolicyPublication.objects.filter(policy__name="p").order_by("id")
    assert first.until is not None
    assert first.since <= first.until <= second.since
    assert second.until is None


def test_the_same_meaning_again_changes_nothing(ann: Person) -> None:
    published(file(rule("r", "deny")), ann)
    assert published("# the same\n" + file(rule("r", "deny")), factories.person("bob")) == (
        "policy",
        1,
        False,
    )
    assert PolicyPublication.objects.count() == 1


def test_an_earlier_version_can_come_back(ann: Person) -> None:
    for rules in ("deny", "review", "deny"):
        published(file(rule("r", rules)), ann)
    assert in_force() == [("p", 1, "r")]
    assert PolicyVersion.objects.count() == 2
    assert PolicyPublication.objects.count() == 3


def test_a_failing_test_refuses_the_whole_file_with_its_line(ann: Person) -> None:
    good = file(rule("q", "deny"), name="good")
    with pytest.raises(Invalid) as caught:
        publish.text(good + "---\n" + file(rule("r", "deny"), more=FAILING), by=ann, environment="dev")
    (problem,) = caught.value.problems
    assert problem.line == good.count("\n") + 8
    assert "'passes' fails: expected allow, but it says deny (by r)" in problem.message
    assert not Policy.objects.exists()


def test_rules_for_tools_that_are_not_published_are_refused(ann: Person) -> None:
    with pytest.raises(Invalid, match=r"refund\.it is no tool that is known"):
        publish.text(file(rule("r", "deny", tools="refund.it")), by=ann, environment="dev")


def test_groups_that_nobody_can_be_in_are_refused(ann: Person) -> None:
    with pytest.raises(Invalid, match="there is no group 'reviewer'"):
        publish.text(file(rule("r", "review", requires="{groups: [reviewer]}")), by=ann, environment="dev")


def test_what_is_in_force_is_one_query_and_the_same_documents_while_nothing_changes(ann: Person) -> None:
    published(file(rule("r", "deny")), ann)
    first = versions.in_force("dev")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert versions.in_force("dev") is first
    assert len(asked) == 1


def test_two_who_publish_at_once_leave_one_version_in_force(ann: Person, database: Database) -> None:
    published(file(rule("r", "deny")), ann)
    place = Environment.objects.get(name="dev")
    start = threading.Barrier(4)

    def run(number: int) -> None:
        try:
            start.wait(30)
            document = read(rule(f"r{number}", "deny"))
            versions.publish(document, source="", by=ann, place=place)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    rows = list(
        PolicyPublication.objects.order_by("since", "id").values_list("version__number", "until", "since")
    )
    assert sorted(number for number, _, _ in rows) == [1, 2, 3, 4, 5]
    assert [until is None for _, until, _ in rows] == [False] * 4 + [True]
    assert all(until and until <= later[2] for (_, until, _), later in pairwise(rows))


def test_a_published_version_cannot_be_rewritten_and_a_forged_one_judges_nothing(
    ann: Person, database: Database
) -> None:
    published(file(rule("r", "deny")), ann)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        PolicyVersion.objects.update(document={})
    with database.connect("admin") as owner:
        owner.execute("ALTER TABLE orchestra_policyversion DISABLE TRIGGER ALL")
        owner.execute(
            "UPDATE orchestra_policyversion SET document = jsonb_set(document, '{rules,0,verdict}', '\"allow\"')"
        )
    with pytest.raises(Bug, match="not what was published"):
        versions.in_force("dev")


def test_the_stores_policies_can_be_published_once_its_tools_are(ann: Person) -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(POLICIES.glob("*.yaml"))]
    with pytest.raises(Invalid, match="is no tool that is known"):
        publish.text(texts[0], by=ann, environment="dev")
    publish.text((POLICIES.parent / "tools.yaml").read_text(encoding="utf-8"), by=ann, environment="dev")
    for text in texts:
        assert published(text, ann) == ("policy", 1, True)
    assert [found.digest for found in versions.in_force("dev")] == [found.digest for found in LIBRARY]
