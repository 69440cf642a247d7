"""Who may decide is asked when they vote and again at the gate; who has a part in an action never decides on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.db.models import QuerySet

from orchestra.engine import submit
from orchestra.engine.connections import borrow
from orchestra.errors import NotAllowed, NotFound
from orchestra.models import Agent, Deployment, Person, Proposal, Run, ServiceAccount, Task, Turn, User
from orchestra.people import persons
from tests import factories
from tests.gate.lines import CANCEL, DONE, MOVE
from tests.gate.stage import GateStage

Rules = Callable[..., None]
Loss = Callable[[Person, Run], object]
LOSSES: dict[str, Loss] = {
    "the group": lambda person, _: User.objects.get(person=person).groups.clear(),
    "the account": lambda person, _: User.objects.filter(person=person).update(is_active=False),
    "the place here": lambda person, _: Person.objects.filter(pk=person.pk).update(active=False),
    "the distance": lambda person, run: owned(run).update(owner=person),
}


def owned(run: Run) -> QuerySet[Agent]:
    """The agent of a run."""
    return Agent.objects.filter(pk=Turn.objects.filter(run=run)[0].agent_version.agent_id)


@pytest.fixture
def guest(shared: GateStage) -> Person:
    """A reviewer of this test alone."""
    return shared.person(["reviewers"])


def test_right_that_is_lost_before_the_vote_counts(shared: GateStage, world: str, guest: Person) -> None:
    run = shared.serve([CANCEL, DONE], world)
    shared.proposal(run)
    User.objects.get(person=guest).groups.set([Group.objects.get(name="auditors")])
    with pytest.raises(NotAllowed, match="right to review"):
        shared.approve(run, by=guest)
    User.objects.get(person=guest).groups.clear()
    with pytest.raises(NotFound):
        shared.approve(run, by=guest)
    shared.reject(run)


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
def test_right_that_is_lost_between_vote_and_gate_makes_the_vote_void(
    shared: GateStage, world: str, guest: Person, lose: Loss
) -> None:
    run = shared.serve([MOVE, DONE], world)
    with shared.held(run):
        shared.approve(run, by=guest, rest=False)
        lose(guest, run)
    run = shared.rest(run)
    assert (shared.told(run), shared.sendings(run)) == (["superseded", "awaiting_approval"], [])
    assert "who agreed may decide now" in shared.calls(run)[0].error
    run = shared.approve(run, by=shared.second_reviewer)
    assert shared.told(run) == ["superseded", "succeeded"]
    assert len(shared.shop.effects(world)) == 1


def test_requester_never_decides_not_even_as_superuser_or_by_a_second_account(
    shared: GateStage, world: str
) -> None:
    requester = shared.person(["requesters", "reviewers"])
    second = User.objects.create(username=f"{requester.name}-2", person=requester, is_superuser=True)
    second.groups.add(Group.objects.get(name="reviewers"))
    run = shared.rest(shared.ask(shared.serving([CANCEL, DONE]), world, by=requester))
    with pytest.raises(NotAllowed, match="You requested this"):
        shared.approve(run, by=requester)
    shared.reject(run)


def test_owner_of_the_agent_never_decides(shared: GateStage, world: str) -> None:
    run = shared.serve([CANCEL, DONE], world)
    User.objects.get(person=shared.admin).groups.add(Group.objects.get(name="reviewers"))
    with pytest.raises(NotAllowed, match="own the agent"):
        shared.approve(run, by=shared.admin)
    shared.reject(run)


def test_superuser_decides_as_little_as_others_on_what_is_theirs(shared: GateStage, world: str) -> None:
    boss = shared.person([])
    User.objects.filter(person=boss).update(is_superuser=True)
    run = shared.rest(shared.ask(shared.serving([CANCEL, DONE]), world, by=boss))
    with pytest.raises(NotAllowed, match="You requested this"):
        shared.approve(run, by=boss)
    shared.reject(run)


def test_author_of_the_rule_never_decides(shared: GateStage, world: str, rules: Rules) -> None:
    author = shared.person(["admins", "reviewers"])
    rules({"id": "look", "tools": [CANCEL["call"]], "verdict": "review", "message": "Look at it."}, by=author)
    run = shared.serve([CANCEL, DONE], world)
    with pytest.raises(NotAllowed, match="wrote the rule"):
        shared.approve(run, by=author)
    run = shared.approve(run)
    assert shared.told(run) == ["succeeded"]


def asked_by_a_service(stage: GateStage, world: str, owner: Person) -> Run:
    """A run that a system of this owner asks for; the system's account may submit, whatever its owner may."""
    deployment = Deployment.objects.get(workflow__name=stage.serving([CANCEL, DONE]))
    service = factories.service(owner=owner)
    account = User.objects.create(username=service.name, service=service)
    account.groups.add(Group.objects.get(name="requesters"))
    with borrow():
        task = Task.objects.create(
            deployment=deployment, source="api", service=service, payload={}, payload_digest=bytes(32), labels={"world": world}
        )  # fmt: skip
        run = submit.run(task=task, actor=f"service:{service.name}")
    return stage.rest(run)


def test_owner_of_the_system_that_asks_never_decides(shared: GateStage, world: str) -> None:
    owner = shared.person(["requesters", "reviewers"])
    run = asked_by_a_service(shared, world, owner)
    with pytest.raises(NotAllowed, match="own the system"):
        shared.approve(run, by=owner)
    assert shared.told(shared.approve(run)) == ["succeeded"]


SYSTEM_LOSSES: dict[str, Callable[[ServiceAccount], object]] = {
    "the group": lambda service: User.objects.get(service=service).groups.clear(),
    "the account": lambda service: User.objects.filter(service=service).update(is_active=False),
    "itself": lambda service: ServiceAccount.objects.filter(pk=service.pk).update(active=False),
}


@pytest.mark.parametrize("lose", SYSTEM_LOSSES.values(), ids=SYSTEM_LOSSES)
def test_system_that_may_not_submit_any_more_since_the_vote_gets_nothing(
    shared: GateStage, world: str, lose: Callable[[ServiceAccount], object]
) -> None:
    run = asked_by_a_service(shared, world, shared.person(["requesters"]))
    with shared.held(run):
        shared.approve(run, rest=False)
        lose(ServiceAccount.objects.get(tasks__runs=run))
    run = shared.rest(run)
    assert (shared.told(run), shared.sendings(run)) == (["denied"], [])
    assert shared.call(run).failure_class == "grant_block"


def test_system_gets_what_it_asked_for_though_its_owner_may_not_submit(shared: GateStage, world: str) -> None:
    run = asked_by_a_service(shared, world, shared.person(["auditors"]))
    assert shared.told(shared.approve(run)) == ["succeeded"]


def test_two_accounts_of_one_person_are_one_vote(shared: GateStage, world: str, rules: Rules) -> None:
    rules({"id": "two", "tools": [CANCEL["call"]], "verdict": "review", "message": "Two look at it.",
           "requires": {"votes": 2}})  # fmt: skip
    run = shared.serve([CANCEL, DONE], world)
    run = shared.approve(run)
    assert shared.told(run) == ["awaiting_approval"]
    assert Proposal.objects.get(toolcall__run=run).state == "pending"
    with pytest.raises(Exception, match="voted on this already"):
        shared.approve(run)
    assert shared.told(shared.approve(run, by=shared.second_reviewer)) == ["succeeded"]


def test_person_who_comes_into_the_group_may_decide_at_once(shared: GateStage, world: str) -> None:
    late = persons.add(name="lena", full_name="", groups=[], password=None)
    run = shared.serve([CANCEL, DONE], world)
    with pytest.raises(NotFound):
        shared.approve(run, by=late)
    User.objects.get(person=late).groups.add(Group.objects.get(name="reviewers"))
    assert shared.told(shared.approve(run, by=late)) == ["succeeded"]
