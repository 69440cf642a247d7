"""Several decisions by one form: what is set apart and why, what may be approved together, and what came of each."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from orchestra.models import Approval, Person, Proposal
from orchestra.people import roles
from reviews import bulk
from tests import factories
from tests.decisions.conftest import Scene, member, propose
from tests.decisions.conftest import scene as scene
from tests.pages.test_review_pages import HOST, signed_in


def more(scene: Scene, number: int, **columns: Any) -> list[Proposal]:
    """Further proposals beside the scene's one."""
    return [propose(scene.proposal.deployment, scene.requester, **columns) for _ in range(number)]


def look(person: Person, verb: str, *proposals: Proposal) -> tuple[int, str]:
    """The page of the set."""
    asked = {"verb": verb, "item": [str(proposal.uid) for proposal in proposals]}
    answer = signed_in(person).get("/reviews/bulk/", asked)
    return answer.status_code, " ".join(answer.content.decode().split())


def form(text: str, **changes: Any) -> dict[str, Any]:
    """What the form of a page sends."""
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', text)
    sent: dict[str, Any] = {"item": [value for name, value in hidden if name == "item"]}
    sent |= {name: value for name, value in hidden if name not in {"item", "next"}}
    return {**sent, "reason": "it is right", **changes}


def send(person: Person, verb: str, *proposals: Proposal, **changes: Any) -> tuple[int, str]:
    """Open the page of the set, and send its form."""
    answer = signed_in(person).post("/reviews/bulk/", form(look(person, verb, *proposals)[1], **changes))
    return answer.status_code, " ".join(answer.content.decode().split())


def states(*proposals: Proposal) -> list[str]:
    return [Proposal.objects.get(pk=proposal.pk).state for proposal in proposals]


def outcomes(text: str) -> list[str]:
    """The word of each item on the page of the result."""
    return re.findall(r'<td><span class="badge" data-state="[^"]+">([^<]+)</span></td>', text)


@pytest.mark.parametrize(
    ("verb", "after"), [("approve", "approved"), ("reject", "rejected"), ("changes", "returned")]
)
def test_each_of_a_set_is_decided(scene: Scene, verb: str, after: str) -> None:
    proposals = [scene.proposal, *more(scene, 2)]
    status, text = send(scene.reviewer, verb, *proposals, category="too_risky" if verb == "reject" else "")
    assert (status, states(*proposals)) == (200, [after] * 3)
    assert outcomes(text) == [after] * 3
    assert "3 of 3 done" in text
    votes = Approval.objects.filter(person=scene.reviewer)
    assert {(vote.reason, vote.category) for vote in votes} == {
        ("it is right", "too_risky" if verb == "reject" else "")
    }


def test_page_lists_each_with_sentence_and_digest_and_decides_nothing(scene: Scene) -> None:
    proposals = [scene.proposal, *more(scene, 1, tier=4, sentence="Delete 214 rows")]
    status, text = look(scene.reviewer, "reject", *proposals)
    assert status == 200
    for proposal in proposals:
        assert proposal.sentence in text
        assert f"<code>{bytes(proposal.digest).hex()}</code>" in text
    assert states(*proposals) == ["pending", "pending"]


def test_what_may_not_be_decided_is_set_apart_with_the_reason(scene: Scene) -> None:
    own = propose(scene.proposal.deployment, scene.reviewer)
    over = factories.walk(more(scene, 1)[0], "expired")
    voted = more(scene, 1, votes_needed=2)[0]
    factories.approval(voted, scene.reviewer)
    text = look(scene.reviewer, "reject", scene.proposal, own, over, voted)[1]
    apart = text.partition("Set apart: 3")[2]
    for why in ("You requested this", "It is expired already", "You have voted on this already"):
        assert why in apart
    assert form(text)["item"] == [str(scene.proposal.uid)]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"tier": 3}, "Its tier is too high"),
        ({"requirements": {"step_up": True}}, "It wants a fresh sign-in"),
    ],
)
def test_what_wants_a_closer_look_is_not_approved_in_a_set(
    scene: Scene, columns: dict[str, Any], why: str
) -> None:
    proposal = more(scene, 1, **columns)[0]
    text = look(scene.reviewer, "approve", scene.proposal, proposal)[1]
    assert why in text.partition("Set apart: 1")[2]
    sent = form(text)
    sent["item"].append(str(proposal.uid))
    sent[f"digest-{proposal.uid}"] = bytes(proposal.digest).hex()
    answer = signed_in(scene.reviewer).post("/reviews/bulk/", sent)
    assert answer.status_code == 200
    assert states(scene.proposal, proposal) == ["approved", "pending"]


def _other_tool(scene: Scene, **columns: Any) -> Proposal:
    run = factories.run(factories.task(scene.proposal.deployment, requester=scene.requester))
    call = factories.walk(factories.toolcall(factories.step(run), tool_name="cancel"), "awaiting_approval")
    return factories.proposal(call, **columns)


def _other_environment(scene: Scene) -> Proposal:
    deployment = factories.deployment(where="prod")
    roles.give_defaults(deployment)
    return propose(deployment, scene.requester)


def _other_rules(scene: Scene) -> Proposal:
    run = factories.run(factories.task(scene.proposal.deployment, requester=scene.requester))
    call = factories.walk(factories.toolcall(factories.step(run)), "awaiting_approval")
    hit = {
        "id": "a",
        "policy": "p",
        "version": 2,
        "verdict": "review",
        "message": "",
        "author": "",
        "digest": "",
    }
    return factories.proposal(call, ruling=factories.ruling(call, verdict="review", rules=[hit]))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_other_tool, "one tool"),
        (_other_environment, "one environment"),
        (_other_rules, "the same version of the rules"),
    ],
)
def test_only_what_is_alike_is_approved_together(scene: Scene, make: Any, why: str) -> None:
    other = make(scene)
    status, text = look(scene.reviewer, "approve", scene.proposal, other)
    assert status == 200
    assert text.count(why) == 2
    sent = {"verb": "approve", "item": [str(row.uid) for row in (scene.proposal, other)], "reason": "yes"}
    sent |= {f"digest-{row.uid}": bytes(row.digest).hex() for row in (scene.proposal, other)}
    assert signed_in(scene.reviewer).post("/reviews/bulk/", sent).status_code == 403
    assert states(scene.proposal, other) == ["pending", "pending"]
    assert send(scene.reviewer, "reject", scene.proposal, other)[0] == 200
    assert states(scene.proposal, other) == ["rejected", "rejected"]


def test_one_that_changed_meanwhile_keeps_no_other_back(scene: Scene) -> None:
    proposals = [scene.proposal, *more(scene, 2)]
    sent = form(look(scene.reviewer, "approve", *proposals)[1])
    sent[f"digest-{proposals[1].uid}"] = "00" * 32
    factories.walk(proposals[2], "rejected")
    answer = signed_in(scene.reviewer).post("/reviews/bulk/", sent)
    text = " ".join(answer.content.decode().split())
    assert states(*proposals) == ["approved", "pending", "rejected"]
    assert sorted(outcomes(text)) == ["approved", "conflict", "not allowed"]
    assert "What you looked at is not what would be executed now" in text
    assert "1 of 3 done" in text


def test_an_item_without_its_digest_is_a_conflict(scene: Scene) -> None:
    sent = {"verb": "approve", "item": [str(scene.proposal.uid)], "reason": "yes"}
    text = signed_in(scene.reviewer).post("/reviews/bulk/", sent).content.decode()
    assert ("conflict" in text, states(scene.proposal)) == (True, ["pending"])


@pytest.mark.parametrize("verb", ["reject", "changes"])
def test_without_a_reason_nothing_is_turned_down(scene: Scene, verb: str) -> None:
    status, text = send(scene.reviewer, verb, scene.proposal, reason="  ")
    assert (status, "Say why" in text, states(scene.proposal)) == (422, True, ["pending"])


def test_typed_reason_is_kept_when_the_form_comes_back(scene: Scene) -> None:
    status, text = send(scene.reviewer, "reject", scene.proposal, reason="x" * 5_000, category="too_risky")
    assert (status, "x" * 4_000 in text, states(scene.proposal)) == (422, True, ["pending"])
    assert '<option value="too_risky" selected>' in text


def test_reason_that_is_too_long_comes_back_whole(scene: Scene) -> None:
    fits, long = "\r\n".join(["x" * 99] * 40), f"{'x' * 4_001}needle"
    status, text = send(scene.reviewer, "reject", scene.proposal, reason=long)
    assert (status, "at most 4000 characters" in text, "needle" in text) == (422, True, True)
    assert send(scene.reviewer, "reject", scene.proposal, reason=fits)[0] == 200
    assert states(scene.proposal) == ["rejected"]


def test_sign_in_on_the_way_leads_back_to_the_set(scene: Scene) -> None:
    _, text = look(scene.reviewer, "reject", scene.proposal)
    action = re.findall(r'<form method="post" action="([^"]+)" data-keep="bulk-', text)[0].replace(
        "&amp;", "&"
    )
    answer = Client(headers=HOST).post(action, form(text))
    back = parse_qs(urlsplit(answer.headers["Location"]).query)["next"][0]
    assert back == f"/reviews/bulk/?verb=reject&item={scene.proposal.uid}"
    assert signed_in(scene.reviewer).get(back).status_code == 200


def test_more_than_the_most_and_none_at_all_are_refused(scene: Scene) -> None:
    proposals = more(scene, bulk.MOST + 1)
    assert look(scene.reviewer, "reject", *proposals)[0] == 422
    assert look(scene.reviewer, "reject", *proposals[1:])[0] == 200
    assert look(scene.reviewer, "reject")[0] == 422
    assert look(scene.reviewer, "burn", scene.proposal)[0] == 422


def test_what_is_not_theirs_to_see_hides_the_whole_set(scene: Scene) -> None:
    foreign = propose(factories.deployment(where="prod"), scene.requester)
    assert look(scene.reviewer, "reject", scene.proposal, foreign)[0] == 404


def test_who_may_only_look_decides_nothing(scene: Scene) -> None:
    status, text = look(member("audrey", "auditors"), "reject", scene.proposal)
    assert (status, "needs the right to review" in text) == (200, True)
    sent = {"verb": "reject", "item": [str(scene.proposal.uid)], "reason": "no"}
    sent[f"digest-{scene.proposal.uid}"] = scene.digest.hex()
    answer = signed_in(Person.objects.get(name="audrey")).post("/reviews/bulk/", sent)
    assert (answer.status_code, states(scene.proposal)) == (403, ["pending"])


def test_form_from_elsewhere_is_refused(scene: Scene) -> None:
    sent = form(look(scene.reviewer, "reject", scene.proposal)[1])
    client = signed_in(scene.reviewer, csrf=True)
    assert client.post("/reviews/bulk/", sent).status_code == 403
    assert states(scene.proposal) == ["pending"]


def test_votes_of_a_set_keep_when_it_was_opened_and_how_the_person_signed_in(scene: Scene) -> None:
    proposals = [scene.proposal, *more(scene, 1)]
    send(scene.reviewer, "approve", *proposals)
    votes = Approval.objects.filter(person=scene.reviewer)
    assert [vote.opened_at is not None for vote in votes] == [True, True]
    assert all(vote.authentication["method"] and vote.authentication["form"] for vote in votes)


def test_second_click_on_the_same_set_shows_what_came_of_the_first(scene: Scene) -> None:
    proposals = [scene.proposal, *more(scene, 1), *more(scene, 1, votes_needed=2)]
    sent = form(look(scene.reviewer, "approve", *proposals)[1])
    client = signed_in(scene.reviewer)
    first, second = (client.post("/reviews/bulk/", sent) for _ in range(2))
    told = outcomes(" ".join(first.content.decode().split()))
    assert (first.status_code, sorted(told)) == (200, ["approved", "approved", "your vote is counted"])
    assert (second.status_code, outcomes(" ".join(second.content.decode().split()))) == (200, told)
    assert Approval.objects.count() == 3
    assert client.post("/reviews/bulk/", {**sent, "token": "another"}).status_code == 409


def test_second_click_takes_what_the_first_could_not(scene: Scene) -> None:
    proposals = [scene.proposal, *more(scene, 1)]
    sent = form(look(scene.reviewer, "approve", *proposals)[1])
    broken = {**sent, f"digest-{proposals[1].uid}": "00" * 32}
    client = signed_in(scene.reviewer)
    assert "1 of 2 done" in client.post("/reviews/bulk/", broken).content.decode()
    assert "2 of 2 done" in client.post("/reviews/bulk/", sent).content.decode()


def test_grace_windows_of_a_set_tell_their_time(scene: Scene) -> None:
    text = send(scene.reviewer, "approve", *more(scene, 1, requirements={"grace": 600}))[1]
    assert re.search(r"counts from \d\d:\d\d:\d\d UTC", text)


def test_what_is_set_apart_anyway_keeps_the_others_together(scene: Scene) -> None:
    other = _other_tool(scene, tier=4)
    text = look(scene.reviewer, "approve", scene.proposal, other)[1]
    assert "one tool" not in text
    assert form(text)["item"] == [str(scene.proposal.uid)]


def test_quorum_that_is_not_reached_is_told_as_a_vote(scene: Scene) -> None:
    proposal = more(scene, 1, votes_needed=2)[0]
    text = send(scene.reviewer, "approve", proposal)[1]
    assert (outcomes(text), states(proposal)) == (["your vote is counted"], ["pending"])
