"""Deciding on the page: what the form must carry, what is critical, conflicts that keep the text, claims, what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestra.engine import cancel, halt
from orchestra.models import Approval, Proposal, ToolCall, User
from orchestra.models.halts import Scope
from reviews.models import Claim, Presence
from tests import factories
from tests.decisions.conftest import Scene, member, propose
from tests.decisions.conftest import scene as scene
from tests.pages.test_review_pages import form, signed_in, state

MOST_QUERIES = 8
HTMX = {"HX-Request": "true"}


def of(proposal: Proposal, **changes: str) -> dict[str, str]:
    """What the form of this proposal sends."""
    told = {"proposal": str(proposal.uid), "digest": bytes(proposal.digest).hex(), "state": "pending"}
    return {**told, "reason": "it is right", "opened": timezone.now().isoformat(), "token": "t1", **changes}


def send(client: Client, to: Proposal, verb: str, **changes: str) -> tuple[int, str]:
    """Send the form; status and text, every gap one space wide."""
    answer = client.post(f"/reviews/{to.uid}/{verb}/", of(to) | changes)
    return answer.status_code, " ".join(answer.content.decode().split())


def critical(scene: Scene, **columns: Any) -> Proposal:
    run = factories.run(factories.task(scene.proposal.deployment, requester=scene.requester))
    call = factories.toolcall(factories.step(run), arguments={"order": "#W1"}, **columns)
    return factories.proposal(factories.walk(call, "awaiting_approval"), tier=4)


def test_critical_approval_needs_the_name_of_what_it_is_about(scene: Scene) -> None:
    proposal, client = critical(scene), signed_in(scene.reviewer)
    assert 'data-wanted="#W1"' in client.get(f"/reviews/{proposal.uid}/").content.decode()
    for typed in ("", "#W2", "w1"):
        status, text = send(client, proposal, "approve", target=typed)
        assert (status, state(proposal), "type #W1" in text) == (422, "pending", True)
        assert "it is right" in text
    assert send(client, proposal, "approve", target=" #W1 ")[0] == 302
    assert state(proposal) == "approved"


def test_critical_rejection_needs_no_typing(scene: Scene) -> None:
    proposal = critical(scene)
    assert send(signed_in(scene.reviewer), proposal, "reject")[0] == 302
    assert state(proposal) == "rejected"


def test_name_that_nobody_can_type_is_not_asked_for(scene: Scene) -> None:
    run = factories.run(factories.task(scene.proposal.deployment, requester=scene.requester))
    call = factories.toolcall(factories.step(run), arguments={"a": "x\u200b", "b": {"c": 1}, "d": 7})
    proposal = factories.proposal(factories.walk(call, "awaiting_approval"), tier=4)
    assert 'data-wanted="7"' in signed_in(scene.reviewer).get(f"/reviews/{proposal.uid}/").content.decode()


def test_high_approval_needs_a_reason_and_the_field_is_marked(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, tier=3)
    status, text = send(signed_in(scene.reviewer), proposal, "approve", reason="")
    assert (status, state(proposal)) == (422, "pending")
    assert 'aria-describedby="reason-hint reason-error" aria-invalid="true" autofocus' in text
    assert '<span id="reason-error" class="error">Say why' in text
    assert "/reason" not in text


def test_lines_of_a_reason_count_as_they_were_typed(scene: Scene) -> None:
    reason = "\r\n".join(["x" * 99] * 40)  # 3,999 characters for who typed them
    assert send(signed_in(scene.reviewer), scene.proposal, "reject", reason=reason)[0] == 302
    assert Approval.objects.get(proposal=scene.proposal).reason == reason.replace("\r\n", "\n")


def test_category_of_a_rejection_is_one_of_a_closed_list(scene: Scene) -> None:
    client = signed_in(scene.reviewer)
    assert send(client, scene.proposal, "reject", category="because")[0] == 422
    assert send(client, scene.proposal, "reject", category="wrong_target")[0] == 302
    assert Approval.objects.get(proposal=scene.proposal).category == "wrong_target"


@pytest.mark.parametrize(
    "changes",
    [{"proposal": "00000000-0000-0000-0000-000000000000"}, {"state": "approved"}, {"digest": "00" * 32}],
)
def test_form_for_something_else_is_refused_with_the_text(scene: Scene, changes: dict[str, str]) -> None:
    status, text = send(
        signed_in(scene.reviewer), scene.proposal, "approve", reason="long thought", **changes
    )
    assert (status, state(scene.proposal), "long thought" in text) == (409, "pending", True)


def test_second_click_on_the_same_form_is_no_conflict(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, votes_needed=2)
    client = signed_in(scene.reviewer)
    assert [send(client, proposal, "approve")[0] for _ in range(2)] == [302, 302]
    assert proposal.approvals.count() == 1
    assert send(client, proposal, "approve", token="t2")[0] == 409


def test_vote_keeps_when_the_page_was_opened_and_how_the_person_signed_in(scene: Scene) -> None:
    account = User.objects.get(person=scene.reviewer)
    account.set_password("a long enough password")
    account.save()
    client = Client(headers={"host": "localhost"})
    client.post("/accounts/login/", {"login": account.username, "password": "a long enough password"})
    assert send(client, scene.proposal, "approve")[0] == 302
    vote = Approval.objects.get(proposal=scene.proposal)
    assert vote.opened_at is not None
    assert vote.authentication["method"] == "password"
    assert vote.authentication["age"] >= 0


@pytest.mark.parametrize(
    "opened", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "2026-01-01T00:00:00+00:00", "now"]
)
def test_time_of_opening_that_cannot_be_is_not_kept_and_the_vote_counts(scene: Scene, opened: str) -> None:
    client = signed_in(scene.reviewer)
    assert send(client, scene.proposal, "approve", opened=opened)[0] == 302
    assert Approval.objects.get(proposal=scene.proposal).opened_at is None
    assert client.get(f"/reviews/{scene.proposal.uid}/").status_code == 200


def test_collision_tells_who_when_and_why_and_keeps_the_text(scene: Scene) -> None:
    send(
        signed_in(scene.reviewer),
        scene.proposal,
        "reject",
        reason="not this customer",
        category="wrong_target",
    )
    following = propose(scene.proposal.deployment, scene.requester)
    status, text = send(signed_in(scene.second_reviewer), scene.proposal, "approve", reason="my long thought")
    assert status == 409
    for said in (
        "rob rejected it",
        "not this customer",
        "my long thought",
        "Wrong target",
        "See decision",
        "Next",
    ):
        assert said in text
    assert f"/reviews/{following.uid}/" in text


def test_collision_is_a_part_of_the_page_for_htmx(scene: Scene) -> None:
    send(signed_in(scene.reviewer), scene.proposal, "reject")
    answer = signed_in(scene.second_reviewer).post(
        f"/reviews/{scene.proposal.uid}/approve/", of(scene.proposal), headers=HTMX
    )
    text = answer.content.decode()
    assert (answer.status_code, "<html" in text, text.lstrip().startswith("<aside")) == (409, False, True)


def test_decision_by_htmx_leads_on_by_a_header(scene: Scene) -> None:
    answer = signed_in(scene.reviewer).post(
        f"/reviews/{scene.proposal.uid}/approve/", of(scene.proposal), headers=HTMX
    )
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, "/reviews/?tab=yours")


def test_changed_proposal_shows_the_difference_and_where_to_read_on(scene: Scene) -> None:
    old = scene.proposal
    call = ToolCall.objects.get(pk=old.toolcall_id)
    factories.walk(old, "superseded")
    factories.walk(call, "superseded")
    made = factories.toolcall(
        call.step, parent=call, revision=1, ordinal=call.ordinal, arguments={"city": "Bonn"}
    )
    newer = factories.proposal(factories.walk(made, "awaiting_approval"))
    status, text = send(signed_in(scene.reviewer), old, "approve", reason="my thought")
    assert status == 409
    assert f"/reviews/{newer.uid}/" in text
    for said in ("Something else took the place", "Bonn", "earlier votes do not count", "my thought"):
        assert said in text


def test_expired_proposal_says_so(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, expires_at=factories.now(-5))
    status, text = send(signed_in(scene.reviewer), proposal, "approve", reason="too late")
    assert (status, state(proposal)) == (410, "expired")
    assert "The time to decide this has run out" in text
    assert "too late" in text
    assert 'name="digest"' not in text


def test_expiry_is_told_in_words_and_stands_out_when_it_is_near(scene: Scene) -> None:
    client = signed_in(scene.reviewer)
    for seconds, mark in ((600, "mark"), (86_400, "muted")):
        proposal = propose(scene.proposal.deployment, scene.requester, expires_at=factories.now(seconds))
        text = " ".join(client.get(f"/reviews/{proposal.uid}/").content.decode().split())
        assert f'class="{mark}"> Expires in' in text


def test_halt_is_told_with_who_and_why_and_what_ran_out_under_it_is_423(scene: Scene) -> None:
    olga = member("olga", "operators")
    proposal = propose(scene.proposal.deployment, scene.requester, expires_at=factories.now(-5))
    halt.set_on(Scope.DEPLOYMENT, by=olga, reason="a fire", deployment=scene.proposal.deployment)
    client = signed_in(scene.reviewer)
    assert "Halted by olga: a fire" in client.get(f"/reviews/{proposal.uid}/").content.decode()
    status, text = send(client, proposal, "approve", reason="my thought")
    assert (status, state(proposal), "my thought" in text) == (423, "pending", True)


def test_halt_of_something_else_is_not_told(scene: Scene) -> None:
    other = factories.deployment()
    factories.halt(deployment=other)
    assert (
        "Halted by" not in signed_in(scene.reviewer).get(f"/reviews/{scene.proposal.uid}/").content.decode()
    )


def test_run_that_is_called_off_is_a_conflict(scene: Scene) -> None:
    run = scene.proposal.toolcall.run
    cancel.request(uid=run.uid, by=member("olga", "operators"), reason="not needed")
    client = signed_in(scene.reviewer)
    status, text = send(client, scene.proposal, "approve", reason="my thought")
    assert (status, "my thought" in text) == (409, True)


def test_signed_out_without_scripts_leads_back_to_the_proposal(scene: Scene) -> None:
    answer = Client(headers={"host": "localhost"}).post(
        f"/reviews/{scene.proposal.uid}/approve/", of(scene.proposal)
    )
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/accounts/login/?next=/reviews/{scene.proposal.uid}/"


def test_signed_out_with_htmx_is_told_in_place(scene: Scene) -> None:
    answer = Client(headers={"host": "localhost"}).post(
        f"/reviews/{scene.proposal.uid}/approve/", of(scene.proposal), headers=HTMX
    )
    assert (answer.status_code, "signed out" in answer.content.decode()) == (401, True)


def test_quorum_progress_is_shown_and_blind_votes_are_not(scene: Scene) -> None:
    seen = propose(scene.proposal.deployment, scene.requester, votes_needed=2)
    blind = propose(
        scene.proposal.deployment, scene.requester, votes_needed=2, requirements={"blind": True, "votes": 2}
    )
    for proposal in (seen, blind):
        send(signed_in(scene.reviewer), proposal, "approve", reason="my secret reason")
    client = signed_in(scene.second_reviewer)
    text = client.get(f"/reviews/{seen.uid}/").content.decode()
    assert ("<strong>1 of 2</strong>" in text, "my secret reason" in text) == (True, True)
    for part in ("", "print/"):
        text = client.get(f"/reviews/{blind.uid}/{part}").content.decode()
        assert "my secret reason" not in text
        assert "1 of 2" not in text


def test_groups_and_stages_say_what_they_still_need(scene: Scene) -> None:
    wanted = {"groups": ["reviewers"], "stages": [["reviewers", "operators"]], "votes": 2}
    proposal = propose(scene.proposal.deployment, scene.requester, votes_needed=2, requirements=wanted)
    text = " ".join(signed_in(scene.reviewer).get(f"/reviews/{proposal.uid}/").content.decode().split())
    assert "one of reviewers: still needed" in text
    send(signed_in(scene.reviewer), proposal, "approve")
    text = " ".join(
        signed_in(scene.second_reviewer).get(f"/reviews/{proposal.uid}/").content.decode().split()
    )
    assert "one of reviewers: there" in text
    assert "stage 2, operators: still needed" in text
    assert "First it is for operators to decide. You may still reject it" in text


def test_claim_is_told_to_others_holds_up_nobody_and_can_be_let_go(scene: Scene) -> None:
    first, second = signed_in(scene.reviewer), signed_in(scene.second_reviewer)
    address = f"/reviews/{scene.proposal.uid}/"
    assert (
        first.post(f"{address}claim/?tab=yours&tier=1").headers["Location"] == f"{address}?tab=yours&tier=1"
    )
    held = Claim.objects.get()
    assert 590 < (held.until - timezone.now()).total_seconds() <= 600
    assert "rob looks after it until" in second.get(address).content.decode()
    assert "You look after it until" in first.get(address).content.decode()
    first.post(f"{address}claim/", {"release": "yes"})
    assert "looks after it" not in second.get(address).content.decode()
    first.post(f"{address}claim/")
    assert send(second, scene.proposal, "approve")[0] == 302


def test_claim_is_for_those_who_may_decide(scene: Scene) -> None:
    assert signed_in(scene.requester).post(f"/reviews/{scene.proposal.uid}/claim/").status_code == 403
    assert not Claim.objects.exists()


def test_who_else_looks_is_told(scene: Scene) -> None:
    for person, ago in ((scene.second_reviewer, 5), (scene.requester, 60), (scene.reviewer, 1)):
        Presence.objects.create(proposal=scene.proposal, person=person, seen_at=factories.now(-ago))
    text = signed_in(scene.reviewer).get(f"/reviews/{scene.proposal.uid}/").content.decode()
    assert "1 other looking at it now" in text


def test_neighbours_keep_tab_and_filters(scene: Scene) -> None:
    rows = [propose(scene.proposal.deployment, scene.requester, tier=2) for _ in range(3)]
    text = signed_in(scene.reviewer).get(f"/reviews/{rows[1].uid}/?tab=yours&tier=2").content.decode()
    assert f'href="/reviews/{rows[0].uid}/?tab=yours&amp;tier=2"' in text
    assert f'href="/reviews/{rows[2].uid}/?tab=yours&amp;tier=2"' in text
    assert str(scene.proposal.uid) not in text
    nonsense = signed_in(scene.reviewer).get(f"/reviews/{rows[1].uid}/?tab=no&tier=9")
    assert nonsense.status_code == 200


def test_decision_leads_to_the_next_with_the_same_filters(scene: Scene) -> None:
    rows = [propose(scene.proposal.deployment, scene.requester, tier=2) for _ in range(3)]
    answer = signed_in(scene.reviewer).post(f"/reviews/{rows[1].uid}/approve/?tab=yours&tier=2", of(rows[1]))
    assert answer.headers["Location"] == f"/reviews/{rows[2].uid}/?tab=yours&tier=2"


def test_printed_decision_names_votes_times_rule_and_digest(scene: Scene) -> None:
    send(signed_in(scene.reviewer), scene.proposal, "approve", reason="checked with the customer")
    text = signed_in(scene.reviewer).get(f"/reviews/{scene.proposal.uid}/print/").content.decode()
    for said in (
        "rob",
        "approved",
        "checked with the customer",
        scene.digest.hex(),
        str(scene.proposal.uid),
        "UTC",
    ):
        assert said in text


def test_page_asks_the_database_seldom_however_much_there_is(scene: Scene) -> None:
    client = signed_in(scene.second_reviewer)
    quorum = propose(scene.proposal.deployment, scene.requester, votes_needed=3)
    send(signed_in(scene.reviewer), quorum, "approve")
    for _ in range(5):
        factories.step(quorum.toolcall.run)
        Claim.objects.create(proposal=quorum, person=factories.person(), until=factories.now(60))
    for proposal in (scene.proposal, quorum):
        client.get(f"/reviews/{proposal.uid}/")
        with CaptureQueriesContext(connection) as asked:
            assert client.get(f"/reviews/{proposal.uid}/").status_code == 200
        counted = [
            one["sql"][:300]
            for one in asked.captured_queries
            if not one["sql"].startswith(("SAVEPOINT", "BEGIN"))
        ]
        assert len(counted) <= MOST_QUERIES, "\n".join(counted)


def test_form_without_a_pressed_button_decides_nothing(scene: Scene) -> None:
    text = signed_in(scene.reviewer).get(f"/reviews/{scene.proposal.uid}/").content.decode()
    own = text.partition('class="decision"')[2].partition('action="')[2].partition("?")[0]
    assert signed_in(scene.reviewer).post(own, of(scene.proposal)).status_code == 404
    assert state(scene.proposal) == "pending"
    for verb in ("approve", "reject", "changes"):
        assert f'formaction="/reviews/{scene.proposal.uid}/{verb}/' in text


def test_old_form_without_a_state_still_says_what_it_displayed(scene: Scene) -> None:
    answer = signed_in(scene.reviewer).post(f"/reviews/{scene.proposal.uid}/approve/", form(scene))
    assert answer.status_code == 302
