"""Two people at once: one outcome, never none and never two."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from django.db import connections

from orchestra.errors import OrchestraError
from orchestra.models import Proposal, ToolCall
from reviews import decisions
from tests.decisions.conftest import Scene, propose

ROUNDS = 40


def at_once(*acts: Callable[[], object]) -> list[BaseException | None]:
    """Run the acts in threads that start together; what each raised."""
    barrier = threading.Barrier(len(acts))
    raised: list[BaseException | None] = [None] * len(acts)

    def play(place: int) -> None:
        try:
            barrier.wait()
            acts[place]()
        except OrchestraError as error:
            raised[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=play, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_quorum_is_never_missed_when_both_votes_come_at_once(scene: Scene) -> None:
    for _ in range(ROUNDS):
        proposal = propose(scene.proposal.deployment, scene.requester, votes_needed=2)
        digest = bytes(proposal.digest)
        raised = at_once(
            partial(decisions.approve, proposal.uid, by=scene.reviewer, digest=digest, reason="x"),
            partial(decisions.approve, proposal.uid, by=scene.second_reviewer, digest=digest, reason="x"),
        )
        assert raised == [None, None]
        assert Proposal.objects.get(pk=proposal.pk).state == "approved"


def test_approve_and_reject_at_once_have_one_winner(scene: Scene) -> None:
    for _ in range(ROUNDS):
        proposal = propose(scene.proposal.deployment, scene.requester)
        digest = bytes(proposal.digest)
        raised = at_once(
            partial(decisions.approve, proposal.uid, by=scene.reviewer, digest=digest, reason="x"),
            partial(decisions.reject, proposal.uid, by=scene.second_reviewer, digest=digest, reason="x"),
        )
        assert sorted(error is None for error in raised) == [False, True]
        call = ToolCall.objects.get(pk=proposal.toolcall_id)
        assert Proposal.objects.get(pk=proposal.pk).state == call.state
        assert call.state == ("approved" if raised[0] is None else "rejected")
