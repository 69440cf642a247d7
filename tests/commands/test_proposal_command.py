"""manage.py proposal: what waits, everything about one, and decisions through the same door as every page."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group

from orchestra.models import Approval, Edit, Proposal, User
from orchestra.people import roles
from tests import factories
from tests.commands.typed import refused, typed
from tests.databases import Database
from tests.decisions.conftest import Scene, member, propose, scene

__all__ = ["scene"]

HIDDEN = "pay\u202elater"


def shown(proposal: Proposal, by: str = "rob") -> str:
    found = typed("proposal", "show", str(proposal.uid), "--as", by)
    assert found.code == 0, found
    return found.out


def deciding(verb: str, proposal: Proposal, by: str = "rob", *more: str) -> list[str]:
    digest = bytes(proposal.digest).hex()
    return ["proposal", verb, str(proposal.uid), "--digest", digest, "--as", by, *more]


def state(proposal: Proposal) -> str:
    return Proposal.objects.values_list("state", flat=True).get(pk=proposal.pk)


def test_list_has_the_highest_tier_first_and_says_what_is_not_for_the_reader(scene: Scene) -> None:
    deployment = scene.proposal.deployment
    high = propose(deployment, scene.requester, tier=3, sentence="Refund all of it")
    lines = typed("proposal", "list", "--as", "rob").lines
    assert [line.split()[0] for line in lines] == [str(high.uid), str(scene.proposal.uid)]
    assert lines[0].endswith("Refund all of it")
    assert "tier 1" in lines[1]
    assert all("(not yours: " in line for line in typed("proposal", "list", "--as", "rita").lines)
    assert typed("proposal", "list", "--as", "rob", "--limit", "1").lines[1:] == ["and 1 more"]


def test_who_may_not_look_sees_nothing(scene: Scene) -> None:
    assert typed("proposal", "list", "--as", "olaf").lines == []
    assert "There is no proposal" in refused("proposal", "show", str(scene.proposal.uid), "--as", "olaf")
    assert "There is no proposal" in refused(*deciding("approve", scene.proposal, "olaf"))
    assert state(scene.proposal) == "pending"


def test_show_has_sentence_rules_request_digest_and_the_command_to_decide(database: Database) -> None:
    deployment = factories.deployment()
    roles.give_defaults(deployment)
    rita = member("rita", "requesters")
    member("rob", "reviewers")
    run = factories.run(factories.task(deployment, requester=rita, subject=HIDDEN))
    call = factories.toolcall(
        factories.step(run),
        target="https://shop.example.org",
        headers=[["Accept", "application/json"]],
        body='{"amount":"5.00","note":"\u202e"}'.encode(),
        agent_reason="Trust me.",
        witness={"order": {"status": "open"}},
    )
    factories.walk(call, "awaiting_approval")
    rule = {"id": "large", "policy": "refunds", "version": 4, "verdict": "review", "message": "It is large."}
    asked = factories.ruling(call, verdict="review", rules=[rule])
    proposal = factories.proposal(call, ruling=asked, tier=3, votes_needed=2)
    text = shown(proposal)
    for part in (
        "Refund 5.00 EUR\n",
        f"{proposal.uid}, pending, tier 3 (high)",
        "“pay⟨U+202E⟩later” by ",
        "review, large of refunds v4: It is large.",
        "2 to approve, 1 to reject, a reason",
        "POST https://shop.example.org/refunds\n              Accept: application/json\n",
        '{"amount":"5.00","note":"⟨U+202E⟩"}',
        '{"order":{"status":"open"}}',
        "“Trust me.” (its own words",
        f"digest      {bytes(proposal.digest).hex()}\n",
        f"proposal approve {proposal.uid} --digest {bytes(proposal.digest).hex()} --as rob",
    ):
        assert part in text
    assert "\u202e" not in text
    assert "deciding needs the right" in shown(proposal, "rita")
    assert "--digest" not in shown(proposal, "rita")


def test_what_rules_redact_is_not_shown(scene: Scene) -> None:
    run = factories.run(factories.task(scene.proposal.deployment, requester=scene.requester))
    told: dict[str, Any] = {
        "arguments": {"card": "4000-1", "amount": "5.00"},
        "body": b'{"card":"4000-1"}',
    }
    call = factories.walk(factories.toolcall(factories.step(run), **told), "awaiting_approval")
    text = shown(factories.proposal(call, requirements={"redact": ["args.card"]}))
    assert '{"amount":"5.00","card":"[redacted]"}' in text
    assert "4000-1" not in text


@pytest.mark.parametrize(
    ("verb", "more", "becomes"),
    [
        ("approve", [], "approved"),
        ("reject", ["--reason", "wrong order"], "rejected"),
        ("changes", ["--reason", "ask first"], "returned"),
    ],
)
def test_one_vote_decides(scene: Scene, verb: str, more: list[str], becomes: str) -> None:
    found = typed(*deciding(verb, scene.proposal, "rob", *more))
    assert (found.code, found.lines) == (0, [f"{scene.proposal.uid} {becomes}"])
    assert state(scene.proposal) == becomes
    vote = Approval.objects.get(proposal=scene.proposal)
    assert (vote.person, vote.reason) == (scene.reviewer, more[1] if more else "")
    assert typed("proposal", "list", "--as", "rob").lines == []
    assert f"vote        {vote.verdict} by " in shown(scene.proposal)


def test_first_of_two_votes_leaves_it_pending(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, votes_needed=2)
    assert "more are needed" in typed(*deciding("approve", proposal)).out
    assert typed(*deciding("approve", proposal, "sue")).lines == [f"{proposal.uid} approved"]


def test_blind_votes_are_shown_to_who_has_voted(scene: Scene) -> None:
    wanted = {"votes_needed": 2, "requirements": {"blind": True}}
    proposal = propose(scene.proposal.deployment, scene.requester, **wanted)
    typed(*deciding("approve", proposal))
    assert "vote        approve by" in shown(proposal)
    assert "vote        approve by" not in shown(proposal, "sue")


def test_edit_of_what_fits_no_tool_is_refused(scene: Scene) -> None:
    account = User.objects.create(username="eda", person=factories.person("eda"))
    account.groups.add(Group.objects.get(name="reviewers"))
    told = refused(*deciding("edit", scene.proposal, "eda", "--arguments", "[1]"))
    assert "JSON object" in told
    told = refused(*deciding("edit", scene.proposal, "eda", "--arguments", '{"a": 1}'))
    assert "names no tool" in told
    assert not Edit.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", str(uuid4()), "--as", "rob"], "There is no proposal"),
        (["show", "nonsense", "--as", "rob"], "is no id"),
        (["list"], "--as"),
        (["list", "--as", "nobody"], "There is no person nobody"),
        (["approve", str(uuid4()), "--as", "rob"], "--digest"),
        (["approve", str(uuid4()), "--as", "rob", "--digest", "abc"], "64 characters"),
        (["approve", str(uuid4()), "--as", "rob", "--digest", "0" * 64], "There is no proposal"),
    ],
)
def test_what_is_wrong_is_said_in_words(scene: Scene, arguments: list[str], said: str) -> None:
    assert said in refused("proposal", *arguments)


def test_decisions_that_may_not_be_are_refused(scene: Scene) -> None:
    proposal = scene.proposal
    assert "deciding needs the right" in refused(*deciding("approve", proposal, "rita"))
    assert "Say why" in refused(*deciding("reject", proposal))
    other = ["proposal", "approve", str(proposal.uid), "--digest", "0" * 64, "--as", "rob"]
    assert "not what would be executed now" in refused(*other)
    assert state(proposal) == "pending"
    typed(*deciding("approve", proposal))
    assert "This was approved by " in refused(*deciding("reject", proposal, "sue", "--reason", "no"))
