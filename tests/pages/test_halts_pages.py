"""Halts from the pages: who may set and lift which, what is shown of what is in flight, and that Redis is not needed."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from orchestra.engine import halt
from orchestra.models import Deployment, Halt, Person, Run, User
from orchestra.people import roles
from tests import factories
from tests.databases import Database
from tests.runs import scene as scenes
from tests.runs.scene import Scene, browser

EVIL = "<script>alert(1)</script>\u202e"


@pytest.fixture
def scene(database: Database) -> Scene:
    return scenes.build()


def form(scene: Scene, scope: str, **more: str) -> dict[str, str]:
    of = {"deployment": {"deployment": str(scene.deployment.uid)}, "run": {}, "global": {}}[scope]
    return {"scope": scope, "reason": "there is a fire", **of, **more}


def post(person: Person, path: str, given: dict[str, str]) -> tuple[int, str]:
    answer = browser(person).post(path, given)
    return answer.status_code, answer.headers.get("Location") or answer.content.decode()


def confirmed(scene: Scene, person: Person, scope: str, **more: str) -> tuple[int, str]:
    return post(person, "/halts/set/", form(scene, scope, confirmed="yes", **more))


def test_halt_is_set_only_when_it_was_confirmed(scene: Scene) -> None:
    status, text = post(scene.operator, "/halts/set/", form(scene, "deployment"))
    assert (status, Halt.objects.count()) == (200, 0)
    for said in (
        "In flight at this moment",
        "there is a fire",
        'name="confirmed" value="yes"',
        str(scene.deployment),
    ):
        assert said in text
    status, where = confirmed(scene, scene.operator, "deployment")
    made = Halt.objects.get(state="on")
    assert (status, where) == (302, f"/halts/{made.uid}/")
    assert (made.deployment, made.set_by, made.reason) == (
        scene.deployment,
        scene.operator,
        "there is a fire",
    )


def test_run_is_halted_by_its_id(scene: Scene) -> None:
    run = scene.run()
    assert confirmed(scene, scene.operator, "run", run=f" {run.uid} ")[0] == 302
    assert halt.covers(run.pk)


def test_what_is_in_flight_is_shown_before_and_after_until_it_has_settled(scene: Scene) -> None:
    run = scene.run("running", task={"subject": "Refund for Kay"})
    call = factories.toolcall(factories.step(run, "serve", state="running"), state="dispatched")
    _, before = post(scene.operator, "/halts/set/", form(scene, "deployment"))
    _, where = confirmed(scene, scene.operator, "deployment")
    client = browser(scene.operator)
    after = client.get(where).content.decode()
    for text in (before, after):
        assert "Refund for Kay" in text
        assert "1 request sent, whose answer has not come" in " ".join(text.split())
    assert 'id="news"' in after
    asks = {"HX-Request": "true"}
    assert client.get(where, headers=asks).status_code == 200
    factories.walk(call, "succeeded")
    assert client.get(where, headers=asks).status_code == 200
    factories.walk(run, "queued")
    answer = client.get(where, headers=asks)
    assert (answer.status_code, "Settled at" in answer.content.decode()) == (286, True)
    assert 'id="news"' not in answer.content.decode()


@pytest.mark.parametrize("who", ["reviewer", "requester"])
@pytest.mark.parametrize("confirm", ["", "yes"])
@pytest.mark.parametrize("scope", ["global", "deployment", "run"])
def test_halt_needs_the_right_to_halt_there(scene: Scene, who: str, scope: str, confirm: str) -> None:
    given = form(scene, scope, run=str(scene.run().uid), confirmed=confirm)
    status, text = post(getattr(scene, who), "/halts/set/", given)
    assert (status, Halt.objects.count(), "there is a fire" in text or "no right to halt" in text) == (
        403,
        0,
        True,
    )


@pytest.mark.parametrize("scope", ["deployment", "run"])
def test_what_one_does_not_see_is_as_what_is_not_there(scene: Scene, scope: str) -> None:
    known = form(scene, scope, run=str(scene.run().uid))
    unknown = {**known, "run": str(factories.uid()), "deployment": str(factories.uid())}
    answers = {post(scene.outsider, "/halts/set/", given)[0] for given in (known, unknown)}
    assert answers == {422}
    assert Halt.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": " "}, "needs a reason"),
        ({"reason": "a\0b"}, "NUL"),
        ({"scope": "none"}, "Choose what is to stop"),
        ({"scope": "deployment", "deployment": ""}, "Choose the deployment"),
        ({"scope": "run", "run": "x"}, "no such run"),
    ],
)
@pytest.mark.parametrize("confirm", ["", "yes"])
def test_form_that_is_not_right_comes_back_with_what_was_typed(
    scene: Scene, changes: dict[str, str], said: str, confirm: str
) -> None:
    given = {**form(scene, "deployment"), "run": "kept", "confirmed": confirm, **changes}
    status, text = post(scene.operator, "/halts/set/", given)
    assert (status, said in text, Halt.objects.count()) == (422, True, 0)
    assert "there is a fire" in text or "reason" in changes


def test_halt_that_is_on_already_is_told(scene: Scene) -> None:
    confirmed(scene, scene.operator, "deployment")
    status, text = confirmed(scene, scene.second, "deployment")
    assert (status, "on already" in text, "there is a fire" in text) == (409, True, True)


def test_halt_is_lifted_with_a_reason_and_stays_in_the_list(scene: Scene) -> None:
    row = factories.halt(deployment=scene.deployment, set_by=scene.operator)
    path = f"/halts/{row.uid}/lift/"
    assert post(scene.second, path, {"reason": " "})[0] == 422
    assert post(scene.second, path, {"reason": "it is out"}) == (302, "/halts/")
    row.refresh_from_db()
    assert (row.state, row.lifted_by) == ("lifted", scene.second)
    status, text = post(scene.operator, path, {"reason": "a long thought"})
    assert (status, "lifted already" in text, "a long thought" in text) == (409, True, True)
    text = browser(scene.reviewer).get("/halts/").content.decode()
    assert ("a fire" in text, "Nothing that you may see is halted" in text) == (True, True)


@pytest.mark.parametrize(("who", "status"), [("reviewer", 403), ("outsider", 404)])
def test_halt_is_not_lifted_by_others(scene: Scene, who: str, status: int) -> None:
    row = factories.halt(deployment=scene.deployment)
    assert post(getattr(scene, who), f"/halts/{row.uid}/lift/", {"reason": "a long thought"})[0] == status
    row.refresh_from_db()
    assert row.state == "on"


def test_halt_of_everything_is_seen_by_all_and_others_by_those_who_see_what_they_stop(scene: Scene) -> None:
    everything = factories.halt(reason="all of it")
    one = factories.halt(deployment=scene.deployment, reason="one of it")
    run = factories.halt(run=scene.run(), reason="run of it")
    texts = {
        who: browser(getattr(scene, who)).get("/halts/").content.decode() for who in ("requester", "outsider")
    }
    seen = {
        who: [reason in text for reason in ("all of it", "one of it", "run of it")]
        for who, text in texts.items()
    }
    assert seen == {"requester": [True, True, True], "outsider": [True, False, False]}
    client = browser(scene.outsider)
    assert [client.get(f"/halts/{row.uid}/").status_code for row in (everything, one, run)] == [200, 404, 404]


def test_bar_counts_the_halts_that_one_may_see(scene: Scene) -> None:
    factories.halt(deployment=scene.deployment)
    factories.halt(run=scene.run())
    assert [bar(scene.requester), bar(scene.outsider)] == ["2 halts on", "Halt"]
    factories.halt()
    assert [bar(scene.requester), bar(scene.outsider)] == ["Everything is halted"] * 2


def bar(person: Person) -> str:
    """What stands in the bar about halts."""
    found = re.search(r'class="halt"[^>]*>([^<]*)<', browser(person).get("/halts/").content.decode())
    assert found is not None
    return found[1].strip()


def test_flight_of_everything_tells_no_one_of_what_they_do_not_see(scene: Scene) -> None:
    hidden = factories.run(factories.task(subject="covert"), state="running")
    row = factories.halt()
    text = browser(scene.operator).get(f"/halts/{row.uid}/").content.decode()
    assert ("covert" in text, str(hidden.uid) in text) == (False, False)


def test_everything_is_halted_by_who_may_halt_each_deployment_there_is(scene: Scene) -> None:
    assert roles.may_halt_everything(scene.operator)
    assert not roles.may_halt_everything(scene.reviewer)
    assert confirmed(scene, scene.operator, "global")[0] == 302
    foreign = factories.deployment()
    assert not roles.may_halt_everything(scene.operator)
    row = Halt.objects.get(state="on")
    assert post(scene.operator, f"/halts/{row.uid}/lift/", {"reason": "it is out"})[0] == 403
    roles.give_defaults(foreign)
    assert roles.may_halt_everything(scene.operator)


def test_superuser_may_halt_everything_and_an_account_that_is_not_active_nothing(scene: Scene) -> None:
    factories.deployment()
    account = User.objects.filter(person=scene.requester)
    account.update(is_superuser=True)
    assert roles.may_halt_everything(scene.requester)
    account.update(is_active=False)
    assert not roles.may_halt_everything(scene.requester)


def test_without_a_deployment_only_a_superuser_may_halt_everything(database: Database) -> None:
    person = factories.person()
    account = factories.user(person)
    assert Deployment.objects.count() == 0
    assert not roles.may_halt_everything(person)
    User.objects.filter(pk=account.pk).update(is_superuser=True)
    assert roles.may_halt_everything(person)


def test_halt_works_with_redis_away(scene: Scene) -> None:
    run = scene.run()
    nowhere = "redis://127.0.0.1:1/0"
    with override_settings(REDIS_URL=nowhere, RQ_QUEUES={"runs": {"URL": nowhere}}):
        assert browser(scene.operator).get("/halts/").status_code == 200
        _, where = confirmed(scene, scene.operator, "deployment")
        assert halt.covers(run.pk)
        assert browser(scene.operator).get(where).status_code == 200
        assert post(scene.operator, f"{where}lift/", {"reason": "it is out"})[0] == 302
    assert not halt.covers(run.pk)


def test_hostile_reasons_do_nothing(scene: Scene) -> None:
    run = scene.run("running", task={"subject": EVIL})
    factories.toolcall(factories.step(run, "serve", state="running"), state="dispatched", tool_name=EVIL)
    row = factories.halt(run=run, reason=EVIL)
    client = browser(scene.operator)
    texts = [client.get(path).content.decode() for path in ("/halts/", f"/halts/{row.uid}/")]
    _, text = post(scene.operator, "/halts/set/", form(scene, "deployment", reason=EVIL))
    for shown in (*texts, text):
        assert "<script>alert" not in shown
        assert "⟨U+202E⟩" in shown
        assert "\u202e" not in shown.partition("<form")[0]


def test_button_on_the_page_of_a_run_leads_to_the_form_filled_in(scene: Scene) -> None:
    run = scene.run()
    text = browser(scene.operator).get(f"/runs/{run.uid}/").content.decode()
    found = re.search(r'id="halt" href="([^"]+)"', text)
    assert found is not None
    text = browser(scene.operator).get(found[1].replace("&amp;", "&")).content.decode()
    assert f'value="{run.uid}"' in text
    assert re.search(r'value="run" required checked', " ".join(text.split()))


def test_pages_ask_the_database_eight_times_at_most(scene: Scene) -> None:
    row = factories.halt(deployment=scene.deployment)
    for _ in range(5):
        factories.halt(run=scene.run("running"))
        factories.halt(run=scene.run(), state="lifted")
    client = browser(scene.operator)
    counts = {path: queries(client, path) for path in ("/halts/", f"/halts/{row.uid}/")}
    assert max(counts.values()) <= 8, counts
    assert Run.objects.count() == 10


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    frames = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")
    return len([one for one in asked.captured_queries if not one["sql"].startswith(frames)])
