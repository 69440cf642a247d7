"""Following a task: who sees which, what its page says, how it is followed live, and how it is cancelled."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestra.intake import requested
from orchestra.models import Deployment, Notice, OutboxMessage, Person, Run, Task, User
from tests import factories
from tests.databases import Database
from tests.decisions.conftest import member
from tests.engine.stage import forget
from tests.pages.test_tasks_submitting import browser, publish_workflow

HTMX: Mapping[str, str] = {"HX-Request": "true"}


@pytest.fixture
def deployment(database: Database) -> Deployment:
    forget()
    return publish_workflow("refunds")


@pytest.fixture
def requester(deployment: Deployment) -> Person:
    return member("rita", "requesters")


@pytest.fixture
def client(requester: Person) -> Client:
    return browser(requester)


def asked(deployment: Deployment, person: Person, **columns: object) -> Task:
    given = {"payload": {"order": "W1"}, "subject": "W1", **columns}
    return factories.task(deployment, requester=person, **given)


def shown(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content.decode()[-2000:]
    return answer.content.decode()


def told(task: Task, state: str = "succeeded") -> Notice:
    """The requester was told of the task's end."""
    run = Run.objects.filter(task=task).latest("pk")
    message = OutboxMessage.objects.create(
        topic=f"run.{state}", task=task, run=run, payload={}, due_at=factories.now()
    )
    assert task.requester is not None
    return Notice.objects.create(person=task.requester, message=message)


def test_my_tasks_are_open_or_ended_and_nobody_elses(
    deployment: Deployment, requester: Person, client: Client
) -> None:
    other = factories.run(asked(deployment, member("rolf", "requesters"), subject="not mine"))
    factories.run(asked(deployment, requester, subject="still open"), state="waiting")
    factories.run(asked(deployment, requester, subject="long ended"), state="succeeded")
    page = shown(client, "/tasks/")
    assert ("still open" in page, "long ended" in page, other.task.subject in page) == (True, False, False)
    ended = shown(client, "/tasks/?tab=ended")
    assert ("still open" in ended, "long ended" in ended, "Done" in ended) == (False, True, True)


@pytest.mark.parametrize(
    ("state", "words"),
    [("queued", "Waits for a worker"), ("running", "At work"), ("escalated", "Waits for a person")],
)
def test_state_is_told_in_words(
    deployment: Deployment, requester: Person, client: Client, state: str, words: str
) -> None:
    factories.run(asked(deployment, requester), state=state)
    assert words in shown(client, "/tasks/")


def test_task_that_waits_for_an_approval_or_is_halted_says_so(
    deployment: Deployment, requester: Person, client: Client
) -> None:
    run = factories.run(asked(deployment, requester), state="waiting")
    call = factories.toolcall(step := factories.step(run), state="awaiting_approval")
    factories.walk(step, "waiting", waits_proposal=factories.proposal(call), waits_event=None)
    assert "Waits for a person" in shown(client, "/tasks/")
    factories.halt(run=run)
    assert "Halted" in shown(client, "/tasks/")


def test_list_goes_by_pages_and_by_workflow(
    deployment: Deployment, requester: Person, client: Client
) -> None:
    tasks = [
        asked(deployment, requester, subject=f"number {number}") for number in range(requested.ON_PAGE + 5)
    ]
    for task in tasks:
        factories.run(task)
    page = shown(client, "/tasks/")
    older = re.search(r'href="\?(tab=open&amp;before=[0-9a-f-]+)"', page)
    assert older is not None
    rest = shown(client, f"/tasks/?{older[1].replace('&amp;', '&')}")
    assert page.count('class="badge"') + rest.count('class="badge"') == len(tasks)
    assert "number 0<" in rest
    assert "Nothing open that you asked elsewhere for" in shown(client, "/tasks/?workflow=elsewhere")
    for wrong, status in {"before=x": 422, f"before={factories.uid()}": 422, "tab=none": 404}.items():
        assert client.get(f"/tasks/?{wrong}").status_code == status


def test_empty_list_leads_on(client: Client) -> None:
    assert "Ask for something" in shown(client, "/tasks/")


def test_page_of_a_task_says_what_was_asked_and_how_it_stands(
    deployment: Deployment, requester: Person, client: Client
) -> None:
    task = asked(deployment, requester, reference="R-9", labels={"shop": "north"})
    factories.run(task, state="queued")
    page = shown(client, f"/tasks/{task.uid}/")
    for text in ("W1", "R-9", "shop=north", "Order</dt>", "rita", "Waits for a worker", "Is due", "every 2s"):
        assert text in page


def test_page_that_waits_for_people_names_them_and_looks_less_often(
    deployment: Deployment, requester: Person, client: Client
) -> None:
    member("rob", "reviewers")
    run = factories.run(asked(deployment, requester), state="waiting")
    call = factories.toolcall(step := factories.step(run), state="awaiting_approval")
    factories.walk(step, "waiting", waits_proposal=factories.proposal(call), waits_event=None)
    page = shown(client, f"/tasks/{run.task.uid}/")
    assert "Waits for an approval of “Refund 5.00 EUR” by rob" in page
    assert "every 15s" in page


def test_outcome_is_readable_data(deployment: Deployment, requester: Person, client: Client) -> None:
    output = {"refund": {"amount": "5.00", "done": True}, "notes": ["one", "<b>two</b>\u202e"]}
    run = factories.run(asked(deployment, requester), state="running")
    factories.walk(run, "succeeded", output=output)
    page = shown(client, f"/tasks/{run.task.uid}/")
    for text in ("Done", "refund</dt>", "amount</dt>", "5.00", "yes", "&lt;b&gt;two&lt;/b&gt;⟨U+202E⟩"):
        assert text in page
    assert "hx-get" not in page


def test_failure_says_what_happened_and_what_to_do(
    deployment: Deployment, requester: Person, client: Client
) -> None:
    run = factories.run(asked(deployment, requester), state="running")
    factories.walk(run, "failed", failure_class="tool_timeout", error="the shop is <away>\u2028")
    page = shown(client, f"/tasks/{run.task.uid}/")
    for text in (
        "gave no answer in time",
        "the shop is &lt;away&gt;⟨U+2028⟩",
        "What you can do:",
        str(run.uid),
    ):
        assert text in page


def test_attempts_are_listed_but_not_the_runs_that_they_started(
    deployment: Deployment, requester: Person, client: Client
) -> None:
    first = factories.run(asked(deployment, requester), state="failed")
    again = factories.run(first.task, forked_from=first, forked_at=0)
    child = factories.run(first.task, parent_run=again)
    page = shown(client, f"/tasks/{first.task.uid}/")
    assert "Attempts: 2" in page
    assert "goes on from an earlier attempt" in page
    assert str(child.uid) not in page
    assert "Waits for a worker" in page


def test_page_is_told_only_what_is_new_and_to_stop_at_the_end(
    deployment: Deployment, requester: Person, client: Client
) -> None:
    run = factories.run(asked(deployment, requester), state="waiting")
    page = shown(client, f"/tasks/{run.task.uid}/")
    found = re.search(r'hx-get="(/tasks/[^"]+/news\?since=[0-9a-f]+)"', page)
    assert found is not None
    assert client.get(found[1], headers=HTMX).status_code == 204
    factories.walk(run, "succeeded", output={"all": "well"})
    answer = client.get(found[1], headers=HTMX)
    assert answer.status_code == 286
    text = answer.content.decode()
    assert "well" in text
    assert 'id="status" hx-swap-oob="innerHTML">Done' in text
    assert ("hx-get" in text, "<html" in text) == (False, False)


def test_who_has_switched_live_pages_off_looks_by_themselves(
    deployment: Deployment, requester: Person, client: Client
) -> None:
    run = factories.run(asked(deployment, requester))
    client.cookies["live"] = "off"
    page = shown(client, f"/tasks/{run.task.uid}/")
    assert ("hx-get" in page, "Look again" in page) == (False, True)


def test_news_leave_the_form_to_cancel_alone_until_nothing_can_be_cancelled(
    deployment: Deployment, requester: Person, client: Client
) -> None:
    run = factories.run(asked(deployment, requester))
    page = shown(client, f"/tasks/{run.task.uid}/")
    assert page.index('id="cancelling"') > page.index("</section>", page.index('id="standing"'))
    path = f"/tasks/{run.task.uid}/news?since=old"
    assert "cancel" not in shown(client, path).lower()
    factories.walk(run, "succeeded")
    assert 'id="cancelling" hx-swap-oob="true"' in client.get(path, headers=HTMX).content.decode()


def test_page_whose_session_has_ended_is_told_so_once(deployment: Deployment, requester: Person) -> None:
    run = factories.run(asked(deployment, requester))
    answer = Client(headers={"host": "localhost"}).get(f"/tasks/{run.task.uid}/news", headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (286, "#trouble")
    assert b"You are signed out" in answer.content


def test_stranger_is_told_that_there_is_nothing(deployment: Deployment, requester: Person) -> None:
    run = factories.run(asked(deployment, requester))
    outsider = factories.person("nora")
    User.objects.create(username="nora", person=outsider)
    client = browser(outsider)
    for uid in (run.task.uid, factories.uid()):
        assert client.get(f"/tasks/{uid}/").status_code == client.get(f"/tasks/{uid}/news").status_code == 404
        assert (
            client.post(f"/tasks/{uid}/cancel/").status_code
            == client.post(f"/tasks/{uid}/read/").status_code
            == 404
        )


def test_requester_sees_their_own_task_when_they_see_nothing_else_there(
    deployment: Deployment, requester: Person, client: Client
) -> None:
    run = factories.run(asked(deployment, requester))
    User.objects.get(person=requester).groups.clear()
    page = shown(client, f"/tasks/{run.task.uid}/")
    assert f"/runs/{run.uid}/" not in page
    assert "Cancel this task" not in page


def test_requester_cancels_their_own_task(deployment: Deployment, requester: Person, client: Client) -> None:
    run = factories.run(asked(deployment, requester))
    assert "Cancel this task" in shown(client, f"/tasks/{run.task.uid}/")
    answer = client.post(f"/tasks/{run.task.uid}/cancel/", {"reason": ""})
    assert (answer.status_code, Run.objects.get(pk=run.pk).state) == (302, "cancelled")
    again = client.post(f"/tasks/{run.task.uid}/cancel/", {"reason": "once more"})
    assert (again.status_code, "ended already" in again.content.decode()) == (409, True)


def test_task_of_others_is_theirs_to_cancel_and_the_operators(
    deployment: Deployment, requester: Person, client: Client
) -> None:
    run = factories.run(asked(deployment, member("rolf", "requesters")))
    refused = client.post(f"/tasks/{run.task.uid}/cancel/", {"reason": "I dislike it"})
    assert (refused.status_code, Run.objects.get(pk=run.pk).state) == (403, "queued")
    for text in ("Only who asked for it", "I dislike it"):
        assert text in refused.content.decode()
    assert browser(member("olga", "operators")).post(f"/tasks/{run.task.uid}/cancel/").status_code == 302
    assert Run.objects.get(pk=run.pk).state == "cancelled"


def test_reading_changes_nothing(deployment: Deployment, requester: Person, client: Client) -> None:
    run = factories.run(asked(deployment, requester), state="succeeded")
    told(run.task)
    shown(client, "/tasks/")
    shown(client, f"/tasks/{run.task.uid}/")
    for path in (f"/tasks/{run.task.uid}/cancel/", f"/tasks/{run.task.uid}/read/", "/tasks/read/"):
        assert client.get(path).status_code == 405
    assert Notice.objects.filter(read_at__isnull=True).count() == 1


def test_notices_are_counted_in_the_bar_and_read_by_post_alone(
    deployment: Deployment, requester: Person, client: Client
) -> None:
    notices = [
        told(factories.run(asked(deployment, requester, subject=f"W{n}"), state="succeeded").task)
        for n in (1, 2)
    ]
    page = shown(client, "/tasks/")
    assert '<span class="mark">2 new</span>' in page
    assert "Ended since you looked" in page
    assert client.post("/tasks/read/", {"upto": notices[0].pk}).status_code == 302
    assert '<span class="mark">1 new</span>' in shown(client, "/tasks/")
    task = notices[1].message.task
    assert task is not None
    assert f'hx-post="/tasks/{task.uid}/read/"' in shown(client, f"/tasks/{task.uid}/")
    assert client.post(f"/tasks/{task.uid}/read/", headers=HTMX).status_code == 204
    assert "Ended since you looked" not in shown(client, "/tasks/")
    assert client.post("/tasks/read/", {"upto": "x"}).status_code == 422


def test_notices_of_others_stay_theirs(deployment: Deployment, requester: Person, client: Client) -> None:
    notice = told(factories.run(asked(deployment, member("rolf", "requesters")), state="succeeded").task)
    assert "new</span>" not in shown(client, "/tasks/")
    client.post("/tasks/read/", {"upto": notice.pk})
    task = notice.message.task
    assert task is not None
    client.post(f"/tasks/{task.uid}/read/")
    assert Notice.objects.get(pk=notice.pk).read_at is None


@pytest.mark.parametrize("path", ["/tasks/", "/tasks/?tab=ended", "/tasks/new/", "/tasks/{}/"])
def test_pages_ask_the_database_few_times(
    deployment: Deployment, requester: Person, client: Client, path: str
) -> None:
    for number in range(12):
        run = factories.run(asked(deployment, requester), state=["queued", "succeeded"][number % 2])
        told(run.task)
    with CaptureQueriesContext(connection) as found:
        shown(client, path.format(run.task.uid))
    sql = [one["sql"] for one in found.captured_queries if not one["sql"].startswith(("SAVEPOINT", "BEGIN"))]
    assert len(sql) <= 8, "\n".join(text[:200] for text in sql)
