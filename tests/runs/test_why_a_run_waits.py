"""Why a run does not go on, in one sentence: each reason, with the names of who can act."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group

from orchestra.engine import cancel, resolve, withdrawals
from orchestra.models import Person, Proposal, Run, Step, ToolCall, User, Vote, WorkerProcess
from orchestra.runs import asked, listing, why
from orchestra.runs.listing import Filters
from orchestra.runs.moments import clock
from tests import factories
from tests.decisions.conftest import member
from tests.runs.scene import Scene, again

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=2, minutes=20)


def told(scene: Scene, run: Run) -> str:
    """The sentence, with times as <time>."""
    found = again(run, scene.operator)
    reason = why.of(found, listing.seen_at(found))
    assert reason is not None
    return re.sub(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d(:\d\d)? UTC", "<time>", reason.sentence)


def short(scene: Scene, run: Run) -> str:
    rows = listing.page(scene.operator, Filters(q=str(run.uid))).rows
    return why.short(rows, listing.seen_at(rows[0])).get(run.pk, "")


def test_times_are_told_as_short_as_they_are_clear() -> None:
    assert clock(LATER, NOW) == "14:20 UTC"
    assert clock(NOW + timedelta(seconds=5), NOW) == "12:00:05 UTC"
    assert clock(LATER + timedelta(days=1), NOW) == "2026-11-23 14:20 UTC"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], ""),
        (["Ann"], "Ann"),
        (["Ann", "Ben"], "Ann or Ben"),
        (["Ann", "Ben", "Cleo"], "Ann, Ben or Cleo"),
        (["Ann", "Ben", "Cleo", "Dan", "Eve"], "Ann, Ben or 3 others"),
        ([f"P{number}" for number in range(23)], "P0, P1 or 20+ others"),
    ],
)
def test_names_are_few_and_the_others_are_counted(names: list[str], said: str) -> None:
    assert asked.words(names) == said


def test_run_that_has_ended_waits_for_nothing(scene: Scene) -> None:
    run = again(scene.run("succeeded"), scene.operator)
    assert why.of(run, listing.seen_at(run)) is None


def test_approval_is_told_with_those_who_may_give_it(scene: Scene) -> None:
    run, _ = scene.asked(expires_at=factories.now(7200))
    assert told(scene, run) == "Waits for an approval of “Refund 5.00 EUR” by ann, ben or rob, until <time>."
    assert short(scene, run) == "Approval: Refund 5.00 EUR"


def test_one_more_approval_is_asked_of_those_who_have_not_voted(scene: Scene) -> None:
    run, proposal = scene.asked(votes_needed=2, requirements={"votes": 2})
    assert told(scene, run).startswith("Waits for 2 approvals of")
    factories.approval(proposal, scene.operator)
    assert told(scene, run) == "Waits for one more approval of “Refund 5.00 EUR” by ben or rob."


def test_who_has_a_part_in_a_call_is_not_named(scene: Scene) -> None:
    agent = factories.agentversion()
    agent.agent.owner = scene.second
    agent.agent.save()
    run = scene.run("waiting")
    step = factories.step(run, "serve", kind="agent", state="running")
    call = factories.toolcall(step, turn=factories.turn(step, agent_version=agent))
    rule = {
        "id": "r",
        "policy": "p",
        "version": 1,
        "digest": "",
        "author": "rob",
        "message": "",
        "verdict": "review",
    }
    ruling = factories.ruling(call, verdict="review", rules=[rule])
    proposal = factories.proposal(factories.walk(call, "awaiting_approval"), ruling=ruling)
    found = set(asked.deciders(proposal))
    assert found == {scene.operator}
    assert found == those_who_may_decide(proposal)


def those_who_may_decide(proposal: Proposal) -> set[Person]:
    """Those of whom a vote would be taken now."""
    everybody = Person.objects.filter(active=True)
    return {person for person in everybody if resolve.objection(proposal, person) is None}


def test_vote_that_was_taken_back_is_asked_for_again(scene: Scene) -> None:
    run, proposal = scene.asked(votes_needed=2, requirements={"votes": 2})
    digest = bytes(proposal.digest)
    resolve.vote(uid=proposal.uid, by=scene.operator, ballot=resolve.Ballot(Vote.APPROVE, digest))
    assert told(scene, run).startswith("Waits for one more approval")
    withdrawals.withdraw(proposal.uid, by=scene.operator)
    assert told(scene, run) == "Waits for 2 approvals of “Refund 5.00 EUR” by ann, ben or rob."
    assert set(asked.deciders(proposal)) == those_who_may_decide(proposal)


def test_stage_whose_vote_was_taken_back_is_asked_again(scene: Scene) -> None:
    _, proposal = scene.asked(
        votes_needed=2, requirements={"votes": 2, "stages": [["operators", "reviewers"]]}
    )
    digest = bytes(proposal.digest)
    resolve.vote(uid=proposal.uid, by=scene.operator, ballot=resolve.Ballot(Vote.APPROVE, digest))
    assert set(asked.deciders(proposal)) == {scene.reviewer} == those_who_may_decide(proposal)
    withdrawals.withdraw(proposal.uid, by=scene.operator)
    assert set(asked.deciders(proposal)) == {scene.operator, scene.second} == those_who_may_decide(proposal)


@pytest.mark.parametrize(
    ("columns", "may_edit_and_decide"),
    [
        ({"tier": 2}, True),
        ({"tier": 3}, False),
        ({"tier": 1, "requirements": {"tier": 3}}, False),
        ({"tier": 1, "requirements": {"other_than_editor": True}}, False),
    ],
)
def test_editors_are_asked_where_the_rules_let_them_decide(
    scene: Scene, columns: dict[str, Any], may_edit_and_decide: bool
) -> None:
    _, first = scene.asked(**columns)
    ToolCall.objects.filter(pk=first.toolcall_id).update(edited_by=scene.second)
    step = factories.step(first.toolcall.run, "again", kind="agent", state="running")
    call = factories.toolcall(step, parent=first.toolcall, edited_by=scene.reviewer)
    second = factories.proposal(factories.walk(call, "awaiting_approval"), **columns)
    found = set(asked.deciders(Proposal.objects.get(pk=second.pk)))
    assert found == those_who_may_decide(Proposal.objects.get(pk=second.pk))
    assert ({scene.second, scene.reviewer} <= found) is may_edit_and_decide


def test_approval_of_a_group_is_asked_of_its_members(scene: Scene) -> None:
    Group.objects.create(name="finance")
    fay = member("fay", "reviewers")
    User.objects.get(person=fay).groups.add(Group.objects.get(name="finance"))
    run, _ = scene.asked(requirements={"groups": ["finance"]})
    assert "by fay." in told(scene, run)


def test_later_stage_is_asked_when_the_first_is_through(scene: Scene) -> None:
    run, proposal = scene.asked(
        votes_needed=2, requirements={"votes": 2, "stages": [["operators", "reviewers"]]}
    )
    assert "by ann or ben." in told(scene, run)
    factories.approval(proposal, scene.operator)
    assert "by rob." in told(scene, run)


def test_approval_that_nobody_may_give_says_so(scene: Scene) -> None:
    run, _ = scene.asked()
    User.objects.exclude(person=scene.requester).update(is_active=False)
    found = again(run, scene.requester)
    reason = why.of(found, listing.seen_at(found))
    assert reason is not None
    assert "nobody may give it: somebody needs the right to review here" in reason.sentence


def test_grace_window_is_told(scene: Scene) -> None:
    run, proposal = scene.asked()
    type(proposal).objects.filter(pk=proposal.pk).update(effective_at=factories.now(600))
    assert told(scene, run) == "Approved: “Refund 5.00 EUR” counts from <time>."


def test_form_is_told_with_the_group_and_its_members(scene: Scene) -> None:
    run = scene.run("waiting")
    question = factories.humantask(run, title="Is it\u202e genuine?", expires_at=factories.now(7200))
    scene.waiting("human", run=run, on={"waits_humantask": question})
    said = "Waits for an answer to “Is it⟨U+202E⟩ genuine?” by operators (ann or ben), until <time>."
    assert told(scene, run) == said
    assert short(scene, run) == "operators: Is it⟨U+202E⟩ genuine?"


def test_question_to_an_empty_group_says_so(scene: Scene) -> None:
    run = scene.run("waiting")
    question = factories.humantask(run, group=factories.group("nobodies"))
    scene.waiting("human", run=run, on={"waits_humantask": question})
    assert "by nobodies, a group that nobody is in." in told(scene, run)


def test_unknown_outcome_asks_to_find_out(scene: Scene) -> None:
    run = scene.run("waiting")
    question = factories.humantask(run, kind="unknown", title="Did this happen? Refund")
    scene.waiting("tool", run=run, on={"waits_humantask": question})
    assert told(scene, run).startswith(
        "Waits for somebody to find out “Did this happen? Refund” by operators"
    )


def test_escalation_asks_for_a_decision(scene: Scene) -> None:
    run = scene.run("escalated")
    assert told(scene, run) == "Waits for a decision on “Shall we?” by operators (ann or ben)."
    assert short(scene, run) == "Decision: Shall we?"


def test_timer_is_told(scene: Scene) -> None:
    run = scene.waiting("wait", on={"waits_until": factories.now(7200)}, path="pause")
    assert told(scene, run) == "Step pause waits until <time>."
    assert short(scene, run).startswith("Until ")


def test_retry_is_told_with_what_failed(scene: Scene) -> None:
    run = scene.waiting(
        "tool",
        attempt=2,
        on={"waits_until": factories.now(60), "failure_class": "tool_error", "error": "no\tway"},
    )
    assert told(scene, run) == "Step serve is tried again at <time>; try 2 failed: no⟨U+0009⟩way"


def test_call_in_doubt_is_told(scene: Scene) -> None:
    run = scene.waiting("agent", on={"waits_until": factories.now(60)})
    assert told(scene, run) == "Step serve looks at <time> what has become of a call that got no answer."


def test_event_is_told(scene: Scene) -> None:
    run = scene.waiting("wait", on={"waits_event": "order-paid"})
    assert told(scene, run) == "Step serve waits for the event order-paid."
    assert short(scene, run) == "Event order-paid"


def test_child_run_is_told_with_its_state_and_leads_there(scene: Scene) -> None:
    child = scene.run("escalated")
    run = scene.waiting("run", on={"waits_run": child})
    found = again(run, scene.operator)
    reason = why.of(found, listing.seen_at(found))
    assert reason is not None
    assert reason.sentence == f"Waits for a run of {scene.deployment}, which is escalated."
    assert (reason.kind, reason.uid) == ("run", child.uid)
    assert short(scene, run) == f"A run of {scene.deployment}"


def test_what_a_person_can_do_is_told_first_and_the_others_are_counted(scene: Scene) -> None:
    run = scene.waiting("wait", on={"waits_until": factories.now(7200)}, path="pause")
    question = factories.humantask(run)
    scene.waiting("human", run=run, on={"waits_humantask": question}, path="ask")
    scene.waiting("wait", run=run, on={"waits_event": "x"}, path="listen")
    assert told(scene, run).endswith("(ann or ben). 2 other steps wait too.")


def test_halt_is_told_with_who_set_it_and_why(scene: Scene) -> None:
    run, _ = scene.asked()
    factories.halt(deployment=scene.deployment, set_by=scene.second, reason="a fire")
    assert told(scene, run) == "Halted: its deployment is halted by ben since <time> (“a fire”)."
    assert short(scene, run) == "Halted"


def test_halt_of_what_is_in_flight_says_that_a_worker_still_ends_it(scene: Scene) -> None:
    run = scene.run("running")
    factories.halt(set_by=scene.second)
    assert told(scene, run).startswith(
        "A worker still ends what is in flight; then it stands still: everything"
    )


def test_cancel_waits_for_calls_in_flight(scene: Scene) -> None:
    run = scene.run("waiting", started_at=factories.now(-60))
    call = factories.toolcall(factories.step(run, "serve", state="running"), state="dispatched")
    cancel.request(uid=run.uid, by=scene.second, reason="a mistake")
    assert (
        told(scene, run) == "ben asked to cancel it at <time>; one call is in flight and has to settle first."
    )
    assert short(scene, run) == "Being cancelled"
    factories.walk(call, "succeeded")
    factories.worker()
    assert told(scene, run) == "ben asked to cancel it at <time>; the next free worker ends it."


def test_run_at_work_is_told_with_its_worker_and_steps(scene: Scene) -> None:
    run = scene.run("running")
    factories.step(run, "serve", state="running")
    name = again(run, scene.operator).worker
    assert told(scene, run) == f"Worker {name.name if name else ''} has had it since <time>; at work: serve."
    assert short(scene, run) == "At work"


def test_worker_that_fell_silent_is_told(scene: Scene) -> None:
    run = scene.run("running")
    Run.objects.filter(pk=run.pk).update(lease_until=factories.now(-5))
    assert told(scene, run).endswith("fell silent while it had this run; another takes it over.")


def test_queue_is_told_with_how_many_come_first(scene: Scene) -> None:
    factories.worker()
    scene.run(due_at=factories.now(-30))
    scene.run(due_at=factories.now(-5), priority=5)
    scene.run(due_at=factories.now(-1))
    run = scene.run(due_at=factories.now(-10))
    assert told(scene, run) == "Is due, behind 2 others; the next free worker takes it."
    assert short(scene, run) == "Due"


def test_queue_without_a_worker_says_so(scene: Scene) -> None:
    WorkerProcess.objects.update(stopped_at=factories.now())
    run = scene.run(due_at=factories.now(-10))
    assert told(scene, run) == "Is due; no worker is alive now; the first one that starts takes it."


def test_run_that_is_due_later_says_when(scene: Scene) -> None:
    run = scene.run(due_at=factories.now(7200))
    assert told(scene, run) == "Is due at <time>."
    assert short(scene, run).startswith("Due at ")


def test_waiting_run_to_which_something_has_come_is_due(scene: Scene) -> None:
    factories.worker()
    run, _ = scene.asked()
    Run.objects.filter(pk=run.pk).update(due_at=factories.now(-1))
    assert told(scene, run) == "Is due; the next free worker takes it."


def test_run_about_which_nothing_is_open_says_so(scene: Scene) -> None:
    assert told(scene, scene.run("waiting")) == "Nothing of it is open that anybody could do."


def test_members_are_people_who_are_active(scene: Scene) -> None:
    User.objects.filter(person=scene.second).update(is_active=False)
    assert asked.named(asked.members("operators")) == "ann"


def test_every_wait_of_a_step_has_its_words() -> None:
    """A new kind of wait needs a sentence: the tests above know these five."""
    waits = {field.name for field in Step._meta.fields if field.name.startswith("waits_")}
    assert waits == {"waits_proposal", "waits_humantask", "waits_until", "waits_run", "waits_event"}
