"""Deciding over the API: people only, for exactly one digest, and told of in the same words as on the pages."""

from __future__ import annotations

import pytest

from orchestra.client import ApiError
from orchestra.models import Approval, Proposal
from tests import factories
from tests.api.site import Site


@pytest.fixture(scope="module")
def works() -> bool:
    """The runs behind these proposals are no real ones."""
    return False


def state(proposal: Proposal) -> str:
    return Proposal.objects.get(pk=proposal.pk).state


def code(caught: pytest.ExceptionInfo[ApiError]) -> tuple[int, str]:
    return caught.value.status, caught.value.code


def test_queue_tells_what_waits_and_one_proposal_tells_all_of_it(site: Site) -> None:
    proposal = site.proposal()
    client = site.client(site.reviewer)
    assert str(proposal.uid) in {row.uid for row in client.proposals().items}
    shown = client.proposal(str(proposal.uid))
    assert (shown.sentence, shown.digest, shown.against) == (
        proposal.sentence,
        bytes(proposal.digest).hex(),
        "",
    )
    assert "POST" in shown.request
    mine = site.client(site.requester).proposal(str(proposal.uid))
    assert "right to review" in mine.against


def test_pages_of_the_queue_lead_through_all_of_it_once(site: Site) -> None:
    for number in range(60):
        site.proposal(tier=1 + number % 4)
    client, seen, cursor = site.client(site.reviewer), list[str](), ""
    while True:
        page = client.proposals(cursor=cursor)
        seen += [row.uid for row in page.items]
        if page.next is None:
            break
        cursor = page.next
    assert len(seen) == len(set(seen)) >= 60


@pytest.mark.parametrize(
    ("verb", "after"), [("approve", "approved"), ("reject", "rejected"), ("ask_changes", "returned")]
)
def test_decision_counts_and_keeps_how_it_was_made(site: Site, verb: str, after: str) -> None:
    proposal, client = site.proposal(), site.client(site.reviewer)
    made = getattr(client, verb)(str(proposal.uid), digest=bytes(proposal.digest).hex(), reason="it is so")
    assert (made.state, state(proposal)) == (after, after)
    vote = Approval.objects.get(proposal=proposal)
    assert (vote.person, vote.reason) == (site.reviewer, "it is so")
    assert vote.authentication["method"] == "token"


def test_time_of_looking_that_cannot_be_is_not_kept_and_the_vote_counts(site: Site) -> None:
    proposal = site.proposal()
    body = {"digest": bytes(proposal.digest).hex(), "opened_at": "9999-12-31T23:59:59-01:00"}
    told = site.send("POST", f"/proposals/{proposal.uid}/approve", body, token=site.token(site.reviewer))
    assert (told.status, state(proposal)) == (200, "approved")
    assert Approval.objects.get(proposal=proposal).opened_at is None


def test_another_digest_is_refused(site: Site) -> None:
    proposal, client = site.proposal(), site.client(site.reviewer)
    with pytest.raises(ApiError) as caught:
        client.approve(str(proposal.uid), digest="00" * 32)
    assert (code(caught), state(proposal)) == ((409, "stale-state"), "pending")


@pytest.mark.parametrize("digest", ["", "00", "zz" * 32, "00" * 33, "AB" * 32])
def test_digest_that_is_none_is_refused(site: Site, digest: str) -> None:
    proposal = site.proposal()
    with pytest.raises(ApiError) as caught:
        site.client(site.reviewer).approve(str(proposal.uid), digest=digest)
    assert code(caught) == (422, "invalid")
    assert caught.value.problems[0].pointer == "/digest"


def test_token_of_a_system_neither_reads_nor_decides(site: Site) -> None:
    proposal, system = site.proposal(), site.service("reviewers", "operators")
    client = site.client(system, "proposals:read")
    for act in (
        client.proposals,
        lambda: client.proposal(str(proposal.uid)),
        lambda: client.approve(str(proposal.uid), digest=bytes(proposal.digest).hex()),
    ):
        with pytest.raises(ApiError) as caught:
            act()
        assert code(caught) == (403, "not-allowed")
    assert state(proposal) == "pending"


def test_scope_to_decide_slipped_into_the_row_of_a_system_decides_nothing(site: Site) -> None:
    proposal = site.proposal()
    text = site.token(site.service("reviewers"), "tasks:read")
    row = site.row(text)
    row.scopes = ["proposals:decide"]
    row.save()
    body = {"digest": bytes(proposal.digest).hex()}
    told = site.send("POST", f"/proposals/{proposal.uid}/approve", body, token=text)
    assert (told.status, state(proposal)) == (403, "pending")


def test_requester_and_stranger_cannot_decide(site: Site) -> None:
    proposal = site.proposal()
    for person, told in ((site.requester, (403, "not-allowed")), (site.outsider, (404, "not-found"))):
        with pytest.raises(ApiError) as caught:
            site.client(person).approve(str(proposal.uid), digest=bytes(proposal.digest).hex())
        assert code(caught) == told
    assert state(proposal) == "pending"


def test_second_decision_hears_of_the_first(site: Site) -> None:
    proposal = site.proposal()
    digest = bytes(proposal.digest).hex()
    site.client(site.reviewer).reject(str(proposal.uid), digest=digest, reason="wrong order")
    with pytest.raises(ApiError) as caught:
        site.client(site.second_reviewer).approve(str(proposal.uid), digest=digest)
    assert code(caught) == (409, "stale-state")
    assert str(site.reviewer) in caught.value.detail


def test_time_that_has_run_out_is_told_so(site: Site) -> None:
    proposal = site.proposal(expires_at=factories.now(-5))
    with pytest.raises(ApiError) as caught:
        site.client(site.reviewer).approve(str(proposal.uid), digest=bytes(proposal.digest).hex())
    assert (code(caught), state(proposal)) == ((410, "expired"), "expired")


def test_rule_that_wants_a_fresh_sign_in_is_not_met_by_a_token(site: Site) -> None:
    proposal = site.proposal(requirements={"step_up": True})
    with pytest.raises(ApiError) as caught:
        site.client(site.reviewer).approve(str(proposal.uid), digest=bytes(proposal.digest).hex())
    assert (code(caught), state(proposal)) == ((403, "not-allowed"), "pending")


def test_high_tier_needs_a_reason(site: Site) -> None:
    proposal = site.proposal(tier=3)
    with pytest.raises(ApiError) as caught:
        site.client(site.reviewer).approve(str(proposal.uid), digest=bytes(proposal.digest).hex())
    assert (code(caught), caught.value.problems[0].pointer) == ((422, "invalid"), "/reason")


def test_vote_can_be_taken_back_while_all_is_open(site: Site) -> None:
    proposal = site.proposal(votes_needed=2)
    client = site.client(site.reviewer)
    shown = client.approve(str(proposal.uid), digest=bytes(proposal.digest).hex())
    assert (shown.state, len(shown.votes)) == ("pending", 1)
    assert client.withdraw(str(proposal.uid)).state == "pending"
