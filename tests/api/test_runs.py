"""Runs over the API: found, followed as they go, cancelled, retried and forked; questions answered so that they go on."""

from __future__ import annotations

import threading
import time

import pytest

from orchestra.client import ApiError
from orchestra.models import AuditEvent, Run
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


def test_requester_cannot_operate(site: Site) -> None:
    uid, client = waiting(site), site.client(site.requester)
    for act in (client.cancel, client.retry):
        with pytest.raises(ApiError) as caught:
            act(uid, reason="mine")
        assert code(caught) == (403, "not-allowed")


def test_ended_run_is_retried_and_forked_as_a_new_one(site: Site) -> None:
    uid, client = started(site, "a: {kind: python, function: t.echo}"), site.client(site.operator)
    assert client.run(uid, wait=20).state == "succeeded"
    for made in (client.retry(uid, reason="again"), client.fork(uid, checkpoint=0, reason="from the start")):
        assert (made.forked_from, made.task) == (uid, client.run(uid).task)
        assert client.run(made.uid, wait=20).state == "succeeded"
    with pytest.raises(ApiError) as caught:
        client.fork(uid, checkpoint=99, reason="too far")
    assert code(caught) == (422, "invalid")


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
