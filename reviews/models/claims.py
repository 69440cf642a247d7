"""Who is looking at what. Advisory: a claim never blocks another person's decision."""

from __future__ import annotations

from django.db import models

from orchestra.models import Person, Proposal
from orchestra.models.fields import Row


class Claim(Row):
    """A person is looking at a proposal until a moment."""

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="claims")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="claims")
    until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["proposal", "person"], name="claim_is_one_per_person")]

    def __str__(self) -> str:
        return f"{self.person} looks at {self.proposal_id}"
