"""Who has a proposal open right now. Advisory, like a claim."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import models

from orchestra.models import Person, Proposal
from orchestra.models.fields import Row

#: A page that is open tells of itself so often that half a minute of silence means it is closed.
LOOKS_FOR: Final = timedelta(seconds=30)


class Presence(Row):
    """A person had a proposal open at a moment."""

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="presences")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="presences")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["proposal", "person"], name="presence_is_one_per_person")
        ]

    def __str__(self) -> str:
        return f"{self.person} has {self.proposal_id} open"
