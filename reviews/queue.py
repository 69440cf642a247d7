"""What waits for people: proposals that a person may see. Refuses to decide; see `decisions`."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from orchestra.errors import NotFound
from orchestra.models import Person, Proposal
from orchestra.people import roles


def pending(person: Person) -> QuerySet[Proposal]:
    """What waits where the person may look: the highest tier first, the oldest of it first."""
    return visible(person).filter(state="pending").order_by("-tier", "created_at", "id")


def find(uid: UUID, person: Person) -> Proposal:
    """One proposal. Raises NotFound, also for one that is not theirs to see."""
    found = visible(person).filter(uid=uid).first()
    if found is None:
        raise NotFound(f"There is no proposal {uid}.")
    return found


def visible(person: Person) -> QuerySet[Proposal]:
    """All that the person may look at, with what is needed to tell of it."""
    rows = Proposal.objects.filter(deployment__in=roles.visible_to(person))
    return rows.select_related(
        "deployment__workflow",
        "deployment__environment",
        "ruling",
        "toolcall__run__task__requester",
        "toolcall__run__task__service",
        "toolcall__turn__agent_version__agent",
        "toolcall__edited_by",
    )
