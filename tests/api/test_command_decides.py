"""The command `orchestra` for reviewers: it shows before it asks, and decides on nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestra.models import Proposal
from orchestra.people.roles import Holder
from tests.api.shell import Shell
from tests.api.site import Site


@pytest.fixture(scope="module")
def works() -> bool:
    """The runs behind these proposals are no real ones."""
    return False


@pytest.fixture
def waiting(site: Site) -> Proposal:
    """A proposal whose sentence would clear the screen."""
    return site.proposal(sentence="Refund 5.00 EUR\x1b[2J")


def test_reviewer_sees_what_waits_and_approves_what_was_shown(
    shell: Callable[[Holder], Shell], site: Site, waiting: Proposal
) -> None:
    one, digest = shell(site.reviewer), bytes(waiting.digest).hex()
    assert one.run("queue") == 0
    assert str(waiting.uid) in one.said
    assert one.run("show", str(waiting.uid)) == 0
    assert digest in one.said
    assert "\x1b" not in one.said
    assert one.run("approve", str(waiting.uid), typed="yes\n") == 4
    assert "Nothing was decided" in one.warned
    assert Proposal.objects.get(pk=waiting.pk).state == "pending"
    assert one.run("approve", str(waiting.uid), typed=digest[:8] + "\n") == 0
    assert (one.said.splitlines()[-1], Proposal.objects.get(pk=waiting.pk).state) == ("approved", "approved")
    assert one.run("approve", str(waiting.uid), "--digest", digest) == 4
    assert "stale-state" in one.warned


@pytest.mark.parametrize(("verb", "state"), [("reject", "rejected"), ("changes", "returned")])
def test_reviewer_turns_down_with_a_reason(
    shell: Callable[[Holder], Shell], site: Site, waiting: Proposal, verb: str, state: str
) -> None:
    one = shell(site.reviewer)
    with pytest.raises(SystemExit):
        one.run(verb, str(waiting.uid))
    digest = bytes(waiting.digest).hex()
    assert one.run(verb, str(waiting.uid), "--digest", digest, "--reason", "wrong order") == 0
    assert Proposal.objects.get(pk=waiting.pk).state == state


def test_who_may_not_decide_is_told_before_being_asked(
    shell: Callable[[Holder], Shell], site: Site, waiting: Proposal
) -> None:
    one = shell(site.requester)
    assert one.run("approve", str(waiting.uid), typed=bytes(waiting.digest).hex()[:8]) == 4
    assert "right to review" in one.warned
