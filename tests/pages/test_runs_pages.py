"""The operators' pages of runs: who sees what, what each side shows, how the page keeps itself true, what it costs."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestra.runs import listing
from tests import factories
from tests.databases import Database
from tests.runs import scene as scenes
from tests.runs.scene import Scene, again, browser

SIDES = ("course", "talk", "calls", "history", "facts")
EVIL = "<script>alert(1)</script>\u202e"


@pytest.fixture
def scene(database: Database) -> Scene:
    return scenes.build()


def page(client: Client, path: str, **headers: str) -> tuple[int, str]:
    answer = client.get(path, headers=headers)
    return answer.status_code, answer.content.decode()


def test_list_shows_state_subject_and_what_is_waited_for(scene: Scene) -> None:
    run, _ = scene.asked()
    _, text = page(browser(scene.operator), "/runs/")
    for said in (
        f'/runs/{run.uid}/"',
        "Approval: Refund 5.00 EUR",
        "waiting",
        str(scene.deployment),
        "1 run,",
    ):
        assert said in text


def test_list_keeps_the_filter_and_says_when_nothing_fits(scene: Scene) -> None:
    scene.run(task={"subject": "Refund"})
    client = browser(scene.operator)
    assert "Refund" in page(client, "/runs/?q=Ref")[1]
    status, text = page(client, "/runs/?q=none&state=failed")
    assert (status, "No run fits" in text, 'value="none"' in text) == (200, True, True)
    assert "text “none”, state “failed”" in text
    assert page(client, "/runs/?state=odd")[0] == 422
    assert "You see no runs yet" in page(browser(scene.outsider), "/runs/")[1]


def test_list_leads_to_older_runs(scene: Scene) -> None:
    first = scene.run()
    for _ in range(listing.ON_PAGE):
        scene.run()
    client = browser(scene.operator)
    _, text = page(client, "/runs/")
    assert str(first.uid) not in text
    older = re.search(r'href="(\?before=[^"]+)"', text)
    assert older is not None
    assert str(first.uid) in page(client, f"/runs/{older[1]}")[1]


@pytest.mark.parametrize("side", SIDES)
def test_every_side_of_a_run_is_for_those_who_see_it(scene: Scene, side: str) -> None:
    run, _ = scene.asked()
    path = f"/runs/{run.uid}/?show={side}"
    assert page(browser(scene.requester), path)[0] == 200
    assert page(browser(scene.outsider), path)[0] == 404
    assert Client(headers=scenes.HOST).get(path).status_code == 302


def test_side_that_there_is_not_is_not_found(scene: Scene) -> None:
    run = scene.run()
    client = browser(scene.operator)
    assert page(client, f"/runs/{run.uid}/?show=none")[0] == 404
    assert page(client, f"/runs/{run.uid}/?after=x")[0] == 422


def test_page_says_why_the_run_waits_and_leads_there(scene: Scene) -> None:
    run, proposal = scene.asked()
    _, text = page(browser(scene.requester), f"/runs/{run.uid}/")
    assert "Waits for an approval of “Refund 5.00 EUR” by ann, ben or rob." in text
    assert f'href="/reviews/{proposal.uid}/"' in text


def test_course_draws_the_workflow_with_its_states_and_says_it_in_words(scene: Scene) -> None:
    run = scene.run("running")
    factories.step(run, "draft", state="succeeded", started_at=factories.now(-2))
    _, text = page(browser(scene.operator), f"/runs/{run.uid}/")
    assert re.findall(r'class="node" data-state="(\w+)"', text) == ["succeeded", "pending"]
    assert 'class="arrow" data-kind="need"' in text
    assert "python · succeeded" in re.sub(r"\s+", " ", text)
    assert "style=" not in text


def test_version_that_cannot_be_read_has_no_picture_but_its_steps(scene: Scene) -> None:
    run = scene.run("running", version=factories.version({"format": 99}, workflow=scene.deployment.workflow))
    factories.step(run, "draft", state="succeeded")
    status, text = page(browser(scene.operator), f"/runs/{run.uid}/")
    assert (status, "<svg" in text, "draft" in text) == (200, False, True)


def test_buttons_are_those_that_can_be_pressed(scene: Scene) -> None:
    live, failed, done = scene.run(), scene.run("failed"), scene.run("succeeded")
    shown = {}
    for name, run in {"live": live, "failed": failed, "done": done}.items():
        for who in (scene.operator, scene.requester):
            _, text = page(browser(who), f"/runs/{run.uid}/")
            shown[name, who.name] = re.findall(r'id="(cancel|retry|fork|halt)"', text)
    assert shown["live", "ann"] == ["cancel", "halt"]
    assert shown["failed", "ann"] == ["retry", "fork"]
    assert shown["done", "ann"] == ["fork"]
    assert {name: found for (name, who), found in shown.items() if who == "rita" and found} == {}


def test_hostile_text_is_shown_and_does_nothing(scene: Scene) -> None:
    run = scene.run(
        "running", task={"subject": EVIL, "reference": EVIL, "labels": {EVIL: EVIL}}, input={"a": EVIL}
    )
    step = factories.step(run, "serve", kind="agent", state="running")
    turn = factories.turn(step, received=[{"role": "user", "content": EVIL}], notes=[EVIL])
    factories.toolcall(
        step, turn=turn, tool_name=EVIL, arguments={"a": EVIL}, body=EVIL.encode(), agent_reason=EVIL
    )
    client = browser(scene.operator)
    for path in ("/runs/", *(f"/runs/{run.uid}/?show={side}" for side in SIDES), f"/runs/{run.uid}/cancel/"):
        status, text = page(client, path)
        assert (status, "<script>alert" in text, "\u202e" in text) == (200, False, False), path


def test_news_come_while_the_run_lives_and_end_with_it(scene: Scene) -> None:
    run, _ = scene.asked()
    client = browser(scene.operator)
    mark = listing.mark(again(run, scene.operator))
    path = f"/runs/{run.uid}/?show=course&since="
    asks = {"HX-Request": "true"}
    assert 'id="news"' in page(client, f"/runs/{run.uid}/")[1]
    assert page(client, path + mark, **asks) == (204, "")
    factories.step(run, "more")
    status, text = page(client, path + mark, **asks)
    assert (status, "more" in text, "<html" in text) == (200, True, False)
    for state in ("running", "cancelled"):
        factories.walk(run, state)
    status, text = page(client, path + mark, **asks)
    assert (status, 'id="news"' in text, "cancelled" in text) == (286, False, True)


def test_vote_that_does_not_decide_is_news(scene: Scene) -> None:
    run, proposal = scene.asked(votes_needed=2, requirements={"votes": 2})
    client = browser(scene.operator)
    path = f"/runs/{run.uid}/?show=course&since={listing.mark(again(run, scene.operator))}"
    factories.approval(proposal, scene.second)
    status, text = page(client, path, **{"HX-Request": "true"})
    assert (status, "Waits for one more approval" in text) == (200, True)


def test_votes_are_shown_with_what_one_cannot_see_and_when_they_were_taken_back(scene: Scene) -> None:
    run, proposal = scene.asked(votes_needed=2)
    factories.approval(proposal, scene.second, reason=EVIL, withdrawn_at=factories.now())
    _, text = page(browser(scene.operator), f"/runs/{run.uid}/?show=calls")
    assert ("\u202e" in text, "⟨U+202E⟩" in text, ", taken back at 2" in text) == (False, True, True)


def test_list_that_somebody_reads_is_not_changed_under_their_eyes(scene: Scene) -> None:
    run, _ = scene.asked()
    client = browser(scene.operator)
    _, text = page(client, f"/runs/{run.uid}/?show=calls&since=older", **{"HX-Request": "true"})
    assert "Something has happened since you opened this" in text
    assert 'class="call"' not in text


def test_run_at_work_is_told_anew_each_time(scene: Scene) -> None:
    run = scene.run("running")
    mark = listing.mark(again(run, scene.operator))
    path = f"/runs/{run.uid}/?show=course&since={mark}"
    assert page(browser(scene.operator), path, **{"HX-Request": "true"})[0] == 200


def test_pages_ask_the_database_eight_times_at_most(scene: Scene) -> None:
    run, _ = scene.asked()
    factories.turn(scenes.step_of(run))
    client = browser(scene.operator)
    paths = ["/runs/", *(f"/runs/{run.uid}/?show={side}" for side in SIDES)]
    few = {path: queries(client, path) for path in paths}
    for number in range(5):
        scene.asked()
        step = factories.step(run, f"s{number}", kind="agent", state="running")
        factories.toolcall(step, turn=factories.turn(step))
    many = {path: queries(client, path) for path in paths}
    assert max(many.values()) <= 8, many
    assert {path: (few[path], found) for path, found in many.items() if found > few[path]} == {}


def queries(client: Client, path: str) -> int:
    """How many statements a look takes, once what never changes has been read."""
    client.get(path)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    frames = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")
    return len([one for one in asked.captured_queries if not one["sql"].startswith(frames)])
