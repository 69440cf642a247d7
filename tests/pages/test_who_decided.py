"""Who is named as having decided: somebody whose word brought about the state, and nobody else who voted."""

from __future__ import annotations

from orchestra.models import Proposal
from reviews import decisions
from tests import factories
from tests.decisions.conftest import Scene, propose
from tests.decisions.conftest import scene as scene
from tests.decisions.test_withdraw import approve, mature, over
from tests.pages.test_detail_decisions import send
from tests.pages.test_review_pages import signed_in


def outvoted(scene: Scene) -> Proposal:
    """Rob agreed, sue was against it in the grace window, alone."""
    proposal = propose(
        scene.proposal.deployment, scene.requester, rejects_needed=2, requirements={"grace": 60}
    )
    approve(proposal, scene.reviewer)
    decisions.reject(proposal.uid, by=scene.second_reviewer, digest=bytes(proposal.digest), reason="oh no")
    over(proposal)
    assert mature(proposal) == "approved"
    return proposal


def row(scene: Scene, proposal: Proposal) -> str:
    """How it stands in the list of what is decided."""
    text = signed_in(scene.reviewer).get("/reviews/", {"tab": "decided"}).content.decode()
    return text.partition(f'id="s-{proposal.uid}"')[2].partition("</span>")[0]


def test_who_was_outvoted_in_the_grace_window_is_not_named(scene: Scene) -> None:
    proposal = outvoted(scene)
    assert row(scene, proposal).endswith("by rob")
    status, text = send(signed_in(scene.second_reviewer), proposal, "reject", reason="again", token="t2")
    assert (status, "This was approved by rob at" in text, "rob approved it" in text) == (409, True, True)


def test_who_edited_it_is_named_and_not_who_had_voted(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, votes_needed=2)
    approve(proposal, scene.reviewer)
    factories.edit(proposal, scene.second_reviewer, reason="half is enough")
    factories.walk(proposal, "superseded")
    assert row(scene, proposal).endswith("by sue")
    status, text = send(signed_in(scene.reviewer), proposal, "approve", token="t2")
    assert (status, "This was superseded by sue" in text, "sue changed it" in text) == (409, True, True)
    assert "half is enough" in text


def test_nobody_is_named_where_no_word_was_the_last(scene: Scene) -> None:
    for end in ("superseded", "cancelled", "expired"):
        proposal = propose(scene.proposal.deployment, scene.requester, votes_needed=2)
        approve(proposal, scene.reviewer)
        factories.walk(proposal, end)
        told = signed_in(scene.reviewer).get(
            "/reviews/", {"tab": "expired" if end == "expired" else "decided"}
        )
        standing = told.content.decode().partition(f'id="s-{proposal.uid}"')[2].partition("</span>")[0]
        assert end in standing
        assert "rob" not in standing
