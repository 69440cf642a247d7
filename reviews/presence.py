"""Notes who has a proposal open, and tells who else has. Advisory: it keeps nobody from deciding."""

from __future__ import annotations

from uuid import UUID

from django.db.models.functions import Now

from orchestra.errors import NotFound
from orchestra.models import Person, Proposal
from orchestra.people import roles
from reviews.listing import rows
from reviews.listing.rows import Standing
from reviews.models import Presence


def look(uid: UUID, person: Person) -> Standing:
    """The person has it open now; how it stands. Raises NotFound, also for one that is not theirs to see."""
    seen = Proposal.objects.filter(uid=uid, deployment__in=roles.visible_to(person))
    found = rows.with_standing(seen, person).first()
    if found is None:
        raise NotFound(f"There is no proposal {uid}.")
    Presence.objects.bulk_create(
        [Presence(proposal=found, person=person, seen_at=Now())],
        update_conflicts=True,
        unique_fields=["proposal", "person"],
        update_fields=["seen_at"],
    )
    return rows.of_votes(vars(found))
