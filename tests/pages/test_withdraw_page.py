"""Taking a vote back in the browser: the offer on every page while it can be, and on the page of the proposal."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from orchestra.models import Approval, Proposal
from tests.decisions.conftest import Scene, propose
from tests.decisions.conftest import scene as scene
from tests.pages.test_detail_decisions import send
from tests.pages.test_review_pages import signed_in, state


def slow(scene: Scene) -> Proposal:
    return propose(scene.proposal.deployment, scene.requester, requirements={"grace": 600})


def test_decision_in_its_window_is_offered_to_be_undone_on_every_page(scene: Scene) -> None:
    proposal, client = slow(scene), signed_in(scene.reviewer)
    send(client, proposal, "approve")
    undo = f'action="/reviews/{proposal.uid}/withdraw/"'
    for path in ("/reviews/", f"/reviews/{scene.proposal.uid}/", f"/reviews/{proposal.uid}/"):
        assert undo in client.get(path).content.decode()
    answer = client.post(f"/reviews/{proposal.uid}/withdraw/", follow=True)
    assert answer.redirect_chain[-1][0] == f"/reviews/{proposal.uid}/"
    text = answer.content.decode()
    assert "Your vote does not count any more" in text
    assert 'name="digest"' in text
    assert "does not count</span>" in text
    assert undo not in client.get("/reviews/").content.decode()
    assert Approval.objects.get(proposal=proposal).withdrawn_at is not None


def test_offer_can_be_put_away_and_stays_on_the_page_of_the_proposal(scene: Scene) -> None:
    proposal, client = slow(scene), signed_in(scene.reviewer)
    send(client, proposal, "approve")
    client.post("/reviews/undo/")
    undo = f"/reviews/{proposal.uid}/withdraw/"
    assert undo not in client.get("/reviews/").content.decode()
    assert undo in client.get(f"/reviews/{proposal.uid}/").content.decode()


def test_window_that_is_over_is_told_and_nothing_is_taken_back(scene: Scene) -> None:
    proposal, client = slow(scene), signed_in(scene.reviewer)
    send(client, proposal, "approve")
    Proposal.objects.filter(pk=proposal.pk).update(effective_at=Now() - timedelta(seconds=1))
    assert "The time to take it back is over" in client.get(f"/reviews/{proposal.uid}/").content.decode()
    answer = client.post(f"/reviews/{proposal.uid}/withdraw/")
    assert (answer.status_code, "the decision counts" in answer.content.decode()) == (409, True)


def test_what_took_effect_at_once_cannot_be_undone_and_the_page_says_so(scene: Scene) -> None:
    client = signed_in(scene.reviewer)
    send(client, scene.proposal, "approve")
    assert client.post(f"/reviews/{scene.proposal.uid}/withdraw/").status_code == 409
    text = client.get(f"/reviews/{scene.proposal.uid}/").content.decode()
    assert "cannot be undone here" in text
    assert "/withdraw/" not in text


def test_vote_of_an_unfinished_quorum_can_be_taken_back_and_given_anew(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, votes_needed=2)
    client = signed_in(scene.reviewer)
    send(client, proposal, "approve")
    client.post(f"/reviews/{proposal.uid}/withdraw/")
    assert send(client, proposal, "reject", token="t2")[0] == 302
    assert state(proposal) == "rejected"


def test_nobody_takes_back_what_is_not_theirs_and_not_by_reading(scene: Scene) -> None:
    proposal = slow(scene)
    send(signed_in(scene.reviewer), proposal, "approve")
    assert signed_in(scene.second_reviewer).post(f"/reviews/{proposal.uid}/withdraw/").status_code == 409
    assert signed_in(scene.reviewer).get(f"/reviews/{proposal.uid}/withdraw/").status_code == 405
    assert proposal.approvals.filter(withdrawn_at__isnull=True).count() == 1
