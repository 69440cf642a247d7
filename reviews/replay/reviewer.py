"""The scripted reviewer: decides what is pending as the labels of the recording say, through the door of every page."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from orchestra.engine.connections import borrow
from orchestra.errors import Expired, StaleState
from orchestra.models import Person, Proposal
from reviews import decisions
from reviews.replay import places
from reviews.replay.dataset import APPROVE, Dataset


@dataclass(slots=True)
class Reviewer:
    """Two persons with one script: the second votes only where one vote is not enough."""

    data: Dataset
    persons: tuple[Person, ...]
    known: set[UUID] = field(default_factory=set)

    def decide(self) -> int:
        """Decide all that is pending; how many proposals that were."""
        with borrow():
            pending = list(_pending())
        found = [proposal for proposal in pending if proposal.uid not in self.known]
        for proposal in found:
            self.known.add(proposal.uid)
            self._decide(proposal)
        return len(found)

    def _decide(self, proposal: Proposal) -> None:
        verdict, why = self._script(proposal)
        vote = decisions.approve if verdict == APPROVE else decisions.reject
        state = proposal.state
        for person in self.persons[
            : proposal.votes_needed if verdict == APPROVE else proposal.rejects_needed
        ]:
            if state != "pending":
                return
            try:
                state = vote(proposal.uid, by=person, digest=bytes(proposal.digest), reason=why).state
            except (
                StaleState,
                Expired,
            ):  # it changed under our eyes: a new proposal comes, or none is needed
                return

    def _script(self, proposal: Proposal) -> tuple[str, str]:
        call = proposal.toolcall
        with borrow():
            turn, ordinal = places.of_call(call)
        label = self.data.label(call.run.task.reference, turn, ordinal)
        if label is None:
            return "reject", "The recording has no write here."
        broken = f", broken rules: {', '.join(label.broken_rules)}" if label.broken_rules else ""
        return label.decision, f"Labelled {label.label}{broken}."


def _pending() -> list[Proposal]:
    rows = Proposal.objects.filter(state="pending")
    return list(rows.select_related("toolcall__run__task", "toolcall__turn").order_by("pk"))
