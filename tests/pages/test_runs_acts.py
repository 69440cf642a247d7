"""Cancel, try again and fork from the pages: who may, what is asked, and how a refusal keeps what was typed."""

from __future__ import annotations

import pytest

from orchestra.models import HumanTask, Run, User
from tests import factories
from tests.databases import Database
from tests.runs import scene as scenes
from tests.runs.scene import Scene, browser

VERBS = ("cancel", "retry", "fork")
WHY = {"reason": "a long thought"}


@pytest.fixture
def scene(database: Database) -> Scene:
    return scenes.build()


def post(scene: Scene, run: Run, verb: str, **form: str) -> tuple[int, str]:
    answer = browser(scene.operator).post(f"/runs/{run.uid}/{verb}/", {**WHY, **form})
    return answer.status_code, answer.headers.get("Location") or answer.content.decode()


@pytest.mark.parametrize(
    ("who", "verb", "status"),
    [
        *[(who, verb, status) for who, status in (("reviewer", 403), ("outsider", 404)) for verb in VERBS],
        *[("requester", verb, 403) for verb in ("retry", "fork")],
    ],
)
def test_only_those_who_may_operate_can(scene: Scene, verb: str, who: str, status: int) -> None:
    run = scene.run("failed" if verb != "cancel" else "queued")
    client = browser(getattr(scene, who))
    path = f"/runs/{run.uid}/{verb}/"
    assert client.get(path).status_code == status
    answer = client.post(path, {**WHY, "checkpoint": "0"})
    assert answer.status_code == status
    run.refresh_from_db()
    assert (run.cancel_requested_at, Run.objects.filter(forked_from=run).count()) == (None, 0)
    if status == 403:
        assert "a long thought" in answer.content.decode()


def test_requester_cancels_what_they_asked_for_while_they_may_submit(scene: Scene) -> None:
    run, client = scene.run("queued"), browser(scene.requester)
    path = f"/runs/{run.uid}/cancel/"
    User.objects.get(person=scene.requester).groups.set([factories.group("auditors")])
    assert (client.get(path).status_code, client.post(path, WHY).status_code) == (403, 403)
    User.objects.get(person=scene.requester).groups.set([factories.group("requesters")])
    assert (client.get(path).status_code, client.post(path, WHY).status_code) == (200, 302)
    run.refresh_from_db()
    assert run.cancel_requested_by == scene.requester


def test_retry_that_is_sent_twice_makes_one_run(scene: Scene) -> None:
    run = scene.run("failed")
    (first, _), (second, text) = post(scene, run, "retry"), post(scene, run, "retry")
    made = Run.objects.get(forked_from=run)
    assert (first, second, str(made.uid) in text, "a long thought" in text) == (302, 409, True, True)


@pytest.mark.parametrize("verb", VERBS)
def test_reading_does_nothing(scene: Scene, verb: str) -> None:
    run = scene.run("failed")
    answer = browser(scene.operator).get(f"/runs/{run.uid}/{verb}/", WHY)
    assert (answer.status_code, Run.objects.count()) == (200, 1)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("reason", ["", "  ", "a\0b", "x" * 4001])
def test_reason_is_wanted(scene: Scene, verb: str, reason: str) -> None:
    run = scene.run("queued" if verb == "cancel" else "failed")
    status, _ = post(scene, run, verb, reason=reason, checkpoint="0")
    assert (status, Run.objects.count()) == (422, 1)


def test_cancel_is_asked_for_in_the_name_of_the_person(scene: Scene) -> None:
    run, _ = scene.asked()
    assert post(scene, run, "cancel") == (302, f"/runs/{run.uid}/")
    run.refresh_from_db()
    assert run.cancel_requested_by == scene.operator


def test_cancel_of_what_has_ended_is_refused_in_words_with_the_text_kept(scene: Scene) -> None:
    status, text = post(scene, scene.run("succeeded"), "cancel")
    assert (status, "already succeeded" in text, "a long thought" in text) == (409, True, True)


def test_fork_begins_behind_the_checkpoint_that_was_chosen(scene: Scene) -> None:
    run = scene.run("failed")
    status, where = post(scene, run, "fork", checkpoint="0")
    made = Run.objects.get(forked_from=run)
    assert (status, where, made.forked_at, made.state) == (302, f"/runs/{made.uid}/", 0, "queued")


def test_fork_offers_the_steps_that_are_done(scene: Scene) -> None:
    run = scene.run("running")
    for path, state in (("draft", "succeeded"), ("check", "failed"), ("send", "skipped")):
        factories.step(run, path, state=state, ordinal=run.steps.count() + 1)
    factories.walk(run, "failed")
    text = browser(scene.operator).get(f"/runs/{run.uid}/fork/").content.decode()
    assert [f'value="{number}"' in text for number in (0, 1, 2, 3)] == [True, True, False, True]


@pytest.mark.parametrize(
    ("checkpoint", "said"), [("", "Choose where"), ("x", "Choose where"), ("7", "checkpoints 0")]
)
def test_checkpoint_that_there_is_not_is_refused_in_words(scene: Scene, checkpoint: str, said: str) -> None:
    status, text = post(scene, scene.run("failed"), "fork", checkpoint=checkpoint)
    assert (status, said in text, "a long thought" in text) == (422, True, True)


def test_fork_of_what_is_at_work_is_refused_in_words(scene: Scene) -> None:
    status, text = post(scene, scene.run(), "fork", checkpoint="0")
    assert (status, "ended or is escalated" in text) == (409, True)


@pytest.mark.parametrize("verb", ["fork", "retry"])
def test_nothing_leads_round_a_halt(scene: Scene, verb: str) -> None:
    run = scene.run("failed")
    factories.halt(run=run)
    status, text = post(scene, run, verb, checkpoint="0")
    assert (status, "must not lead round it" in text, "a long thought" in text) == (423, True, True)
    assert Run.objects.count() == 1


def test_failed_run_is_tried_again_as_a_fork_that_keeps_what_had_succeeded(scene: Scene) -> None:
    run = scene.run("failed")
    status, where = post(scene, run, "retry")
    made = Run.objects.get(forked_from=run)
    assert (status, where, made.forked_at) == (302, f"/runs/{made.uid}/", run.steps.count())


@pytest.mark.parametrize(("state", "said"), [("succeeded", "nothing to try again"), ("queued", "by itself")])
def test_what_has_not_failed_is_not_tried_again(scene: Scene, state: str, said: str) -> None:
    status, text = post(scene, scene.run(state), "retry")
    assert (status, said in text) == (409, True)


def escalated(scene: Scene, group: str = "operators") -> Run:
    run = scene.run("escalated")
    HumanTask.objects.filter(run=run).update(context={"limit": ""}, group=factories.group(group))
    return run


def test_escalated_run_goes_on_when_it_is_tried_again(scene: Scene) -> None:
    run = escalated(scene)
    status, where = post(scene, run, "retry")
    run.refresh_from_db()
    answers = HumanTask.objects.filter(run=run).values_list("state", "answer__action", "answer__note")
    assert (status, where, run.state) == (302, f"/runs/{run.uid}/", "queued")
    assert {(state, action, note) for state, action, note in answers} == {
        ("answered", "continue", "a long thought")
    }


def test_escalation_to_another_group_is_not_settled_by_who_is_not_in_it(scene: Scene) -> None:
    run = escalated(scene, "admins")
    status, text = post(scene, run, "retry")
    run.refresh_from_db()
    assert (status, run.state, "a long thought" in text) == (403, "escalated", True)
    assert not HumanTask.objects.filter(run=run, state="answered").exists()
