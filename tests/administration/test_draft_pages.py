"""Drafts in the administration: a wrong text is kept and told line by line; publishing shows first what it does."""

from __future__ import annotations

import pytest

from orchestra import canonical
from orchestra.audit import governance
from orchestra.engine import publish
from orchestra.models import Deployment, Draft, Environment, PolicyPublication, User
from tests.administration.conftest import data, send, signed_in, staff, text
from tests.administration.test_drafts import POLICY
from tests.databases import Database


@pytest.fixture
def draft(admin: User) -> Draft:
    assert admin.person
    return Draft.objects.create(kind="policy", name="refunds", source=POLICY, author=admin.person)


def edit(row: Draft) -> str:
    return f"/admin/orchestra/draft/{row.pk}/change/"


def look(row: Draft, environment: str = "dev") -> str:
    return f"/admin/orchestra/draft/{row.pk}/look/?environment={environment}"


def press(by: User, row: Draft, environment: str = "dev", **changes: str) -> str:
    """Publish as the page would; the page that follows."""
    given = {"environment": environment, "seen": canonical.digest(row.source).hex(), **changes}
    return text(signed_in(by).post(f"/admin/orchestra/draft/{row.pk}/publish/", given, follow=True))


def test_a_wrong_draft_is_kept_and_its_lines_are_told(admin: User, draft: Draft) -> None:
    wrong = POLICY.replace("verdict: review\n", "verdict: maybe\n")
    answer = send(signed_in(admin), edit(draft), source=wrong.replace("\n", "\r\n"), _continue="1")
    assert answer.status_code == 302
    draft.refresh_from_db()
    assert (draft.source, draft.author) == (wrong, admin.person)
    assert draft.changed_at is not None
    page = text(signed_in(admin).get(edit(draft)))
    assert "1 thing to mend" in page
    line = page.partition('id="line-7"')[2].partition("</li>")[0]
    assert "verdict: maybe" in line
    assert "is not one of" in line


def test_a_sound_draft_says_so_and_shows_tests_and_differences(admin: User, draft: Draft) -> None:
    assert "Nothing is wrong with it" in text(signed_in(admin).get(edit(draft)))
    page = text(signed_in(admin).get(look(draft)))
    assert "passes" in page
    assert "<ins>" in page
    assert "Publish in dev" in page


def test_hostile_text_in_a_draft_stays_text(admin: User, draft: Draft) -> None:
    Draft.objects.filter(pk=draft.pk).update(source=f"# <script>alert(1)</script> </textarea>\n{POLICY}")
    for path in (edit(draft), look(draft)):
        page = signed_in(admin).get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_publishing_puts_it_into_force_in_the_name_of_who_asks(admin: User, draft: Draft) -> None:
    assert "Policy refunds v1 is in force in dev" in press(admin, draft)
    assert PolicyPublication.objects.get().published_by == admin.person
    assert "None: it says the same" in text(signed_in(admin).get(look(draft)))


def test_what_was_changed_since_it_was_shown_is_not_published(admin: User, draft: Draft) -> None:
    assert "The draft was changed since you looked" in press(admin, draft, seen="00")
    assert not PolicyPublication.objects.exists()


def test_in_a_protected_environment_somebody_else_publishes(admin: User, draft: Draft) -> None:
    place = Environment.objects.create(name="prod", protected=True)
    second = staff("bea", "admins")
    assert "you wrote this draft, so someone else must publish it" in text(
        signed_in(admin).get(look(draft, "prod"))
    )
    assert "someone else must publish it" in press(admin, draft, "prod")
    assert governance.told(place)[0].target == "refused"
    assert "is in force in prod" in press(second, draft, "prod")


def test_who_edits_a_draft_is_its_author(admin: User, draft: Draft) -> None:
    second = staff("bea", "admins")
    send(signed_in(second), edit(draft), source=f"{POLICY}# more\n")
    draft.refresh_from_db()
    assert draft.author == second.person


def test_auditor_reads_drafts_and_publishes_none(auditor: User, draft: Draft) -> None:
    client = signed_in(auditor)
    assert "Publishing a policy needs a right" in text(client.get(look(draft)))
    assert "needs a right" in press(auditor, draft)
    assert client.post(edit(draft), {"source": "x"}).status_code == 403
    assert client.post(f"/admin/orchestra/draft/{draft.pk}/delete/", {"post": "yes"}).status_code == 403
    assert not PolicyPublication.objects.exists()


def test_a_draft_starts_from_what_is_in_force(admin: User) -> None:
    assert admin.person
    publish.text(POLICY, by=admin.person, environment="dev")
    policy = PolicyPublication.objects.get().policy
    page = text(signed_in(admin).get(f"/admin/orchestra/policy/{policy.pk}/change/"))
    assert "Start a draft from dev" in page
    path = "/admin/orchestra/draft/add/?kind=policy&name=refunds&environment=dev"
    given = data(signed_in(admin), path)
    assert given["source"][0].strip() == POLICY.strip()
    assert signed_in(admin).post("/admin/orchestra/draft/add/", given).status_code == 302
    assert Draft.objects.get().author == admin.person
    assert "Go on with the draft" in text(
        signed_in(admin).get(f"/admin/orchestra/policy/{policy.pk}/change/")
    )


def test_published_versions_show_their_text_and_nothing_to_change(admin: User) -> None:
    assert admin.person
    publish.text(POLICY, by=admin.person, environment="dev")
    policy = PolicyPublication.objects.get().policy
    page = text(signed_in(admin).get(f"/admin/orchestra/policy/{policy.pk}/v1/"))
    assert "People look at it." in page
    assert "<textarea" not in page
    assert signed_in(admin).get(f"/admin/orchestra/policy/{policy.pk}/v9/").status_code == 404


def test_what_waits_for_a_second_person_is_no_draft_of_a_definition(
    admin: User, deployment: Deployment, database: Database
) -> None:
    assert admin.person
    row = Draft.objects.create(kind="settings", name="deployment-1", source="{}", author=admin.person)
    assert "deployment-1" not in text(signed_in(admin).get("/admin/orchestra/draft/"))
    assert signed_in(admin).get(look(row)).status_code == 404
