"""Taking a vote back in the browser: the offer on every page while it can be, and on the page of the proposal."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from orchestra.engine import halt
from orchestra.models import Approval, Proposal
from orchestra.models.halts import Scope
from tests.decisions.conftest import Scene, member, propose
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


def test_rejection_in_the_window_is_not_told_as_what_takes_effect(scene: Scene) -> None:
    more = {"rejects_needed": 2, "requirements": {"grace": 600}}
    proposal = propose(scene.proposal.deployment, scene.requester, **more)
    send(signed_in(scene.reviewer), proposal, "approve")
    client = signed_in(scene.second_reviewer)
    send(client, proposal, "reject", reason="no")
    text = " ".join(client.get(f"/reviews/{proposal.uid}/").content.decode().split())
    assert "You rejected it. The others' approval takes effect at" in text
    assert "1 more rejection is needed" in text
    assert "the others&#x27; approval takes effect at" in text  # what is said right after the vote
    assert "It takes effect" not in text
    assert f"/reviews/{proposal.uid}/withdraw/" in text
    assert "/withdraw/" not in client.get("/reviews/").content.decode()


def test_vote_without_a_window_hides_no_offer_that_is_open(scene: Scene) -> None:
    slowly, client = slow(scene), signed_in(scene.reviewer)
    send(client, slowly, "approve")
    send(client, propose(scene.proposal.deployment, scene.requester, votes_needed=2), "approve")
    assert f"/reviews/{slowly.uid}/withdraw/" in client.get("/reviews/").content.decode()


def test_putting_the_offer_away_leaves_the_person_where_they_were(scene: Scene) -> None:
    proposal, client = slow(scene), signed_in(scene.reviewer)
    send(client, proposal, "approve")
    here = "/reviews/?tab=others"
    assert f'name="next" value="{here}"' in client.get(here).content.decode()
    assert client.post("/reviews/undo/", {"next": here}).headers["Location"] == here
    for elsewhere in ("https://example.com/", "//example.com", ""):
        assert client.post("/reviews/undo/", {"next": elsewhere}).headers["Location"] == "/reviews/"


def test_under_a_halt_the_time_to_undo_stands_still_on_the_page_too(scene: Scene) -> None:
    proposal, client = slow(scene), signed_in(scene.reviewer)
    send(client, proposal, "approve")
    halt.set_on(Scope.GLOBAL, by=member("olga", "operators"), reason="a fire")
    Proposal.objects.filter(pk=proposal.pk).update(effective_at=Now() - timedelta(seconds=1))
    text = client.get(f"/reviews/{proposal.uid}/").content.decode()
    assert f"/reviews/{proposal.uid}/withdraw/" in text
    assert "The time to take it back is over" not in text


def test_blind_vote_that_stays_says_why_and_offers_no_undo(scene: Scene) -> None:
    wanted = {"votes_needed": 3, "requirements": {"blind": True, "votes": 3, "groups": ["reviewers"]}}
    proposal = propose(scene.proposal.deployment, scene.requester, **wanted)
    send(signed_in(scene.reviewer), proposal, "approve")
    client = signed_in(scene.second_reviewer)
    before = " ".join(client.get(f"/reviews/{proposal.uid}/").content.decode().split())
    assert "one of reviewers" in before
    assert "still needed" not in before
    send(client, proposal, "approve")
    after = " ".join(client.get(f"/reviews/{proposal.uid}/").content.decode().split())
    assert "one of reviewers: there" in after
    assert "yours is not given twice" in after
    assert f"/reviews/{proposal.uid}/withdraw/" not in after
    assert client.post(f"/reviews/{proposal.uid}/withdraw/").status_code == 409
