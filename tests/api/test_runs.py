"""Runs over the API: found, followed as they go, cancelled, retried and forked; questions answered so that they go on."""

from __future__ import annotations

import threading
import time

import pytest

from orchestra.client import ApiError
from orchestra.models import AuditEvent, HumanTask, Run
from tests import factories
from tests.api.site import Site

WAITS = "ask: {kind: human, title: 'Shall we?', form: {type: object, required: [yes], properties: {yes: {type: boolean}}}}"


def code(caught: pytest.ExceptionInfo[ApiError]) -> tuple[int, str]:
    return caught.value.status, caught.value.code


def started(site: Site, steps: str) -> str:
    """A run of these steps, submitted over the API."""
    made = site.client(site.requester).submit(
        workflow=site.stage.publish(steps), environment="dev", subject="a matter"
    )
    assert made.run is not None
    return made.run.uid


def waiting(site: Site) -> str:
    """A run that waits for people."""
    uid = started(site, WAITS)
    site.stage.state(Run.objects.get(uid=uid), "waiting")
    return uid


def test_run_is_found_by_its_id_and_its_subject_and_told_step_by_step(site: Site) -> None:
    uid = waiting(site)
    client = site.client(site.operator)
    assert [run.uid for run in client.runs(q=uid).items] == [uid]
    assert uid in {run.uid for run in client.runs(q="a matter", state="live").items}
    told = client.run(uid)
    assert ([step.path for step in told.steps], told.state, told.output) == (["ask"], "waiting", None)
    assert told.why


def test_runs_of_others_are_not_there(site: Site) -> None:
    uid, client = waiting(site), site.client(site.outsider)
    assert client.runs().items == []
    for act in (client.run, client.events, lambda one: client.cancel(one, reason="no")):
        with pytest.raises(ApiError) as caught:
            act(uid)
        assert code(caught) == (404, "not-found")


def test_filter_that_means_nothing_is_refused(site: Site) -> None:
    client = site.client(site.operator)
    for wrong in ({"state": "odd"}, {"failure": "odd"}, {"cursor": "odd"}, {"q": "a\0b"}):
        with pytest.raises(ApiError) as caught:
            client.runs(**wrong)
        assert code(caught) == (422, "invalid")


def test_following_tells_everything_once_in_order_until_the_end(site: Site) -> None:
    uid, client = started(site, "a: {kind: python, function: t.echo}"), site.client(site.requester)
    events = [event for page in client.follow(uid, wait=10) for event in page.items]
    assert [event.seq for event in events] == list(range(events[0].seq, events[0].seq + len(events)))
    assert len(events) == AuditEvent.objects.filter(chain=uid).count()
    assert events[-1].target == "succeeded"


def test_long_poll_answers_when_something_happens_and_holds_nobody_up(site: Site) -> None:
    uid, client = waiting(site), site.client(site.operator)
    cursor = client.events(uid).next
    found: list[float] = []

    def wait() -> None:
        began = time.monotonic()
        assert client.events(uid, cursor=cursor, wait=30).items
        found.append(time.monotonic() - began)

    waiters = [threading.Thread(target=wait) for _ in range(12)]  # more than the server has connections
    for each in waiters:
        each.start()
    time.sleep(1)
    assert client.me().holder.name == site.operator.name
    client.cancel(uid, reason="enough")
    for each in waiters:
        each.join(timeout=40)
    assert len(found) == 12
    assert max(found) < 25


@pytest.mark.parametrize("wait", ["31", "-1", "x", "1.5"])
def test_wait_has_an_end(site: Site, wait: str) -> None:
    told = site.send("GET", f"/runs/{waiting(site)}/events?wait={wait}", token=site.token(site.operator))
    assert (told.status, told.code) == (422, "invalid")
    assert told.body["problems"][0]["pointer"] == "/wait"


def test_cancelled_run_ends_and_cannot_be_cancelled_again(site: Site) -> None:
    uid, client = waiting(site), site.client(site.operator)
    client.cancel(uid, reason="not needed")
    assert client.run(uid, wait=20).state == "cancelled"
    with pytest.raises(ApiError) as caught:
        client.cancel(uid, reason="again")
    assert code(caught) == (409, "stale-state")


def test_requester_cancels_what_they_asked_for_and_operates_nothing_else(site: Site) -> None:
    uid, client = waiting(site), site.client(site.requester)
    with pytest.raises(ApiError) as caught:
        client.retry(uid, reason="mine")
    assert code(caught) == (403, "not-allowed")
    with pytest.raises(ApiError) as caught:
        site.client(site.stage.person(["requesters"])).cancel(uid, reason="not mine")
    assert code(caught) == (403, "not-allowed")
    client.cancel(uid, reason="mine")
    assert client.run(uid, wait=20).state == "cancelled"


def test_ended_run_is_forked_and_only_one_that_failed_retried(site: Site) -> None:
    uid, client = started(site, "a: {kind: python, function: t.echo}"), site.client(site.operator)
    assert client.run(uid, wait=20).state == "succeeded"
    made = client.fork(uid, checkpoint=0, reason="from the start")
    assert (made.forked_from, made.task) == (uid, client.run(uid).task)
    assert client.run(made.uid, wait=20).state == "succeeded"
    with pytest.raises(ApiError) as caught:
        client.fork(uid, checkpoint=99, reason="too far")
    assert code(caught) == (422, "invalid")
    with pytest.raises(ApiError) as caught:
        client.retry(uid, reason="again")
    assert code(caught) == (409, "stale-state")


def test_blank_is_no_reason(site: Site) -> None:
    uid, client = waiting(site), site.client(site.operator)
    for act in (
        client.cancel,
        client.retry,
        lambda one, reason: client.fork(one, checkpoint=0, reason=reason),
    ):
        with pytest.raises(ApiError) as caught:
            act(uid, reason="  ")
        assert code(caught) == (422, "invalid")


def cancelled(site: Site) -> str:
    """A run that waited for people and was cancelled."""
    uid, client = waiting(site), site.client(site.operator)
    client.cancel(uid, reason="not now")
    assert client.run(uid, wait=20).state == "cancelled"
    return uid


@pytest.mark.parametrize("verb", ["retry", "fork"])
def test_nothing_leads_round_a_halt(site: Site, verb: str) -> None:
    uid = cancelled(site)
    factories.halt(run=Run.objects.get(uid=uid))
    body = {"reason": "again", **({"checkpoint": 0} if verb == "fork" else {})}
    told = site.send("POST", f"/runs/{uid}/{verb}", body, token=site.token(site.operator))
    assert (told.status, told.code) == (423, "halted")
    assert not Run.objects.filter(forked_from__uid=uid).exists()


def test_retry_is_made_once_at_a_time(site: Site) -> None:
    uid, client = cancelled(site), site.client(site.operator)
    made = client.retry(uid, reason="again")
    with pytest.raises(ApiError) as caught:
        client.retry(uid, reason="again")
    assert (code(caught), made.uid in str(caught.value)) == ((409, "stale-state"), True)
    client.cancel(made.uid, reason="not now either")
    assert client.run(made.uid, wait=20).state == "cancelled"
    assert client.retry(uid, reason="once more").forked_from == uid


@pytest.mark.parametrize("verb", ["retry", "fork"])
def test_key_makes_one_run_however_often_it_comes(site: Site, verb: str) -> None:
    uid, token = cancelled(site), site.token(site.operator)
    body = {"reason": "again", **({"checkpoint": 0} if verb == "fork" else {})}
    headers = {"Idempotency-Key": f"again-{uid}"}
    first, second = (
        site.send("POST", f"/runs/{uid}/{verb}", body, token=token, headers=headers) for _ in "12"
    )
    assert (first.status, second.status, first.text == second.text) == (201, 201, True)
    assert (first.headers["Idempotency-Replayed"], second.headers["Idempotency-Replayed"]) == (None, "true")
    assert Run.objects.filter(forked_from__uid=uid).count() == 1
    other = {**body, "reason": "because"}
    told = site.send("POST", f"/runs/{uid}/{verb}", other, token=token, headers=headers)
    assert (told.status, told.code) == (422, "key-reused")


def escalated(site: Site) -> str:
    """A run that asks the operators about a step that failed."""
    uid = started(
        site, "a: {kind: python, function: t.flaky, with: {key: " + factories.name("key") + ", failures: 1}}"
    )
    site.stage.state(Run.objects.get(uid=uid), "escalated")
    return uid


def test_escalated_run_goes_on_itself_when_it_is_retried(site: Site) -> None:
    uid, client = escalated(site), site.client(site.operator)
    assert client.retry(uid, reason="the system is back").uid == uid
    assert client.run(uid, wait=20).state == "succeeded"
    answer = HumanTask.objects.get(run__uid=uid)
    assert (answer.answered_by, answer.answer) == (
        site.operator,
        {"action": "retry", "note": "the system is back"},
    )
    assert not Run.objects.filter(forked_from__uid=uid).exists()


def test_escalated_run_is_retried_only_by_people_whose_token_answers_questions(site: Site) -> None:
    uid = escalated(site)
    narrow = site.client(site.operator, "runs:operate", "runs:read")
    for client in (narrow, site.client(site.service("operators"))):
        with pytest.raises(ApiError) as caught:
            client.retry(uid, reason="go on")
        assert code(caught) == (403, "not-allowed")
    assert Run.objects.get(uid=uid).state == "escalated"


def test_system_with_the_right_cancels_retries_and_forks(site: Site) -> None:
    client, uid = site.client(site.service("operators")), waiting(site)
    with site.stage.nobody_working():
        assert client.cancel(uid, reason="not needed").why.startswith("A system asked to cancel it")
    assert client.run(uid, wait=20).state == "cancelled"
    actor = f"service:{client.me().holder.name}"
    for made in (client.retry(uid, reason="again"), client.fork(uid, checkpoint=0, reason="from the start")):
        assert made.forked_from == uid
        assert AuditEvent.objects.filter(chain=made.uid).order_by("seq")[0].actor == actor
    assert AuditEvent.objects.filter(chain=uid, actor=actor).exists()


def test_run_at_work_is_not_retried(site: Site) -> None:
    with pytest.raises(ApiError) as caught:
        site.client(site.operator).retry(waiting(site), reason="hurry")
    assert code(caught) == (409, "stale-state")


def test_question_is_read_and_answered_once(site: Site) -> None:
    uid, client = waiting(site), site.client(site.operator)
    question = next(row for row in client.questions().items if row.run == uid)
    assert client.question(question.uid).form["required"] == ["yes"]
    with pytest.raises(ApiError) as caught:
        client.answer(question.uid, {"yes": "perhaps"})
    assert code(caught) == (422, "invalid")
    with pytest.raises(ApiError) as caught:
        site.client(site.reviewer).answer(question.uid, {"yes": True})
    assert code(caught) == (403, "not-allowed")
    assert client.answer(question.uid, {"yes": True}).answered_by == site.operator.name
    with pytest.raises(ApiError) as caught:
        client.answer(question.uid, {"yes": True})
    assert code(caught) == (409, "stale-state")
    assert client.run(uid, wait=20).state == "succeeded"
    assert question.uid in {row.uid for row in client.questions("closed").items}


def test_system_reads_no_questions(site: Site) -> None:
    with pytest.raises(ApiError) as caught:
        site.client(site.system, "questions:read").questions()
    assert code(caught) == (403, "not-allowed")
