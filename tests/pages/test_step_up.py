"""A rule that wants a fresh sign-in: asked for one digest, taken by allauth, kept with the vote, used once."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from orchestra.models import Approval, Proposal, User
from reviews.views import step_up
from tests.decisions.conftest import Scene, propose
from tests.decisions.conftest import scene as scene
from tests.pages.test_detail_decisions import of, send
from tests.pages.test_review_pages import state

PASSWORD = "a long enough password"


@pytest.fixture
def client(scene: Scene) -> Client:
    """A browser in which rob has signed in by password."""
    account = User.objects.get(person=scene.reviewer)
    account.set_password(PASSWORD)
    account.save()
    made = Client(headers={"host": "localhost"})
    made.post("/accounts/login/", {"login": account.username, "password": PASSWORD})
    return made


def careful(scene: Scene) -> Proposal:
    return propose(scene.proposal.deployment, scene.requester, requirements={"step_up": True})


def prove(client: Client, address: str) -> str:
    """Sign in again where one was led; where that leads to."""
    answer = client.post(address, {"password": PASSWORD})
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def challenge(client: Client, proposal: Proposal, **changes: str) -> str:
    """Approve, and be led to the fresh sign-in."""
    answer = client.post(f"/reviews/{proposal.uid}/approve/?tab=yours", of(proposal, **changes))
    assert (answer.status_code, state(proposal)) == (302, "pending")
    address = str(answer.headers["Location"])
    assert address.startswith("/accounts/reauthenticate/?next=")
    return address


def test_approval_leads_to_a_fresh_sign_in_and_back_with_the_text_and_then_counts(
    scene: Scene, client: Client
) -> None:
    proposal = careful(scene)
    back = prove(client, challenge(client, proposal, reason="my long thought"))
    assert back == f"/reviews/{proposal.uid}/?tab=yours"
    text = client.get(back).content.decode()
    assert ("my long thought" in text, "just proved that it is you" in text) == (True, True)
    assert state(proposal) == "pending"
    assert send(client, proposal, "approve")[0] == 302
    assert state(proposal) == "approved"
    proof = Approval.objects.get(proposal=proposal).authentication["step_up"]
    assert (proof["method"], proof["digest"]) == ("password", bytes(proposal.digest).hex())
    assert 0 <= proof["age"] < 60


def test_proof_for_one_proposal_does_not_serve_another(scene: Scene, client: Client) -> None:
    first, second = careful(scene), careful(scene)
    prove(client, challenge(client, first))
    prove(client, challenge(client, second))
    challenge(client, first)
    assert (state(first), state(second)) == ("pending", "pending")


def test_sign_in_from_before_the_challenge_proves_nothing(scene: Scene, client: Client) -> None:
    proposal = careful(scene)
    prove(client, "/accounts/reauthenticate/?next=/reviews/")
    challenge(client, proposal)
    challenge(client, proposal)


def test_proof_holds_for_one_decision(scene: Scene, client: Client) -> None:
    proposal = propose(
        scene.proposal.deployment, scene.requester, requirements={"step_up": True, "grace": 600}
    )
    prove(client, challenge(client, proposal))
    assert send(client, proposal, "approve")[0] == 302
    assert proposal.approvals.count() == 1
    client.post(f"/reviews/{proposal.uid}/withdraw/")
    challenge(client, proposal, token="t2")


def test_proof_runs_out(scene: Scene, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    proposal = careful(scene)
    prove(client, challenge(client, proposal))
    later = time.time() + step_up.HOLDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    challenge(client, proposal)


def test_wrong_password_proves_nothing(scene: Scene, client: Client) -> None:
    proposal = careful(scene)
    assert client.post(challenge(client, proposal), {"password": "wrong"}).status_code == 200
    challenge(client, proposal)


def test_account_that_has_nothing_to_sign_in_with_again_is_told(scene: Scene, client: Client) -> None:
    proposal = careful(scene)
    account = User.objects.get(person=scene.reviewer)
    other = Client(headers={"host": "localhost"})
    account.set_unusable_password()
    account.save()
    other.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    status, text = send(other, proposal, "approve", reason="my thought")
    assert (status, state(proposal)) == (403, "pending")
    assert "neither a password nor a second factor" in text
    assert "my thought" in text


def test_htmx_is_led_to_the_fresh_sign_in_by_a_header(scene: Scene, client: Client) -> None:
    proposal = careful(scene)
    answer = client.post(f"/reviews/{proposal.uid}/approve/", of(proposal), headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith("/accounts/reauthenticate/")


def test_rejection_asks_for_no_fresh_sign_in(scene: Scene, client: Client) -> None:
    proposal = careful(scene)
    assert send(client, proposal, "reject")[0] == 302
    assert state(proposal) == "rejected"
