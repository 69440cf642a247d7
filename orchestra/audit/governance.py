"""Records what people change about the rules themselves: one event on the chain of the governed thing.

Runs inside the caller's transaction, with the change. Refuses payloads and secrets: names, numbers and words only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Protocol
from uuid import UUID, uuid5

from django.contrib.auth.models import AbstractBaseUser

from orchestra.audit.append import Event, append
from orchestra.models import AuditEvent, Person, User

_FAMILY: Final = UUID("6d1a8f2e-5b0c-4c39-9d3e-1f0a7c9b2e44")
LONGEST: Final = 20


class Governed(Protocol):
    """A row whose changes are kept."""

    pk: Any
    _meta: ClassVar[Any]


def chain(row: Governed) -> UUID:
    """The chain that tells the row's life: its own public id, else one made from its table and key."""
    own = getattr(row, "uid", None)
    return own if isinstance(own, UUID) else uuid5(_FAMILY, f"{row._meta.label_lower}:{row.pk}")


def actor(by: Person | AbstractBaseUser) -> str:
    """Who did it: the person, or an account that belongs to none."""
    person = by.person if isinstance(by, User) else by
    if isinstance(person, Person):
        return f"person:{person.name}"
    return f"account:{by.get_username()[:100]}" if isinstance(by, AbstractBaseUser) else "system"


def record(
    row: Governed,
    target: str,
    *,
    by: Person | AbstractBaseUser,
    reason: str,
    source: str = "",
    data: Mapping[str, object] | None = None,
) -> None:
    """Append one event: what became of the row (`target`, such as changed, published, refused), by whom, why."""
    append(
        [
            Event(
                chain=chain(row),
                kind=row._meta.model_name[:LONGEST],
                object_id=row.pk,
                subject=str(row),
                source=source[:LONGEST],
                target=target[:LONGEST],
                actor=actor(by),
                reason=reason,
                data=data or {},
            )
        ]
    )


def told(row: Governed, *, most: int = 200) -> list[AuditEvent]:
    """The newest events of a governed row."""
    found = AuditEvent.objects.filter(chain=chain(row), kind=row._meta.model_name[:LONGEST], object_id=row.pk)
    return list(found.order_by("-seq")[:most])
