"""Changes of settings that take two persons: one proposes, another confirms. What is proposed changes nothing.

Refuses to let anybody confirm their own. Who may propose and confirm is for the callers to say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.db.models.functions import Now

from orchestra.audit import governance
from orchestra.errors import Invalid, NotAllowed, NotFound
from orchestra.models import Draft, Person

KIND: Final = "settings"


@dataclass(frozen=True, slots=True)
class Pending:
    """What is proposed for a row: values by column, why, and by whom."""

    draft: Draft
    changes: Mapping[str, Any]
    why: str

    @property
    def words(self) -> str:
        """One line."""
        return "; ".join(f"{name}: {_shown(value)}" for name, value in self.changes.items())


def pending(row: Model) -> Pending | None:
    """What is proposed for the row, if anything."""
    draft = Draft.objects.select_related("author").filter(kind=KIND, name=_name(row)).first()
    if draft is None:
        return None
    held = json.loads(draft.source)
    return Pending(draft, held["changes"], held["why"])


@transaction.atomic
def propose(row: Model, changes: Mapping[str, Any], *, by: Person, why: str) -> Pending:
    """Keep values for columns of the row until somebody else confirms them; they take the place of earlier ones."""
    source = json.dumps({"changes": dict(changes), "why": why})
    Draft.objects.update_or_create(
        kind=KIND, name=_name(row), defaults={"source": source, "author": by, "changed_at": Now()}
    )
    found = pending(row)
    if found is None:
        raise NotFound("Nothing is proposed.")
    governance.record(row, "proposed", by=by, reason=_reason(found))
    return found


@transaction.atomic
def confirm(row: Model, *, by: Person, seen: int) -> None:
    """Make what is proposed true; `seen` is the draft that was shown. Raises NotFound, NotAllowed, Invalid."""
    found = _held(row, seen)
    if found.draft.author_id == by.pk:
        raise NotAllowed("You proposed this, so someone else must confirm it.")
    fields = {name: row._meta.get_field(name) for name in found.changes}
    before = getattr(row, "mode", "") if "mode" in fields else ""
    for name, value in found.changes.items():
        setattr(row, fields[name].attname, value)  # type: ignore[union-attr]
    try:
        row.full_clean()
    except ValidationError as error:
        raise Invalid("; ".join(error.messages)) from None
    row.save(update_fields=list(fields))
    target = getattr(row, "mode", "") if before else "changed"
    reason = f"{_reason(found)}; proposed by {found.draft.author.name}"
    governance.record(row, target, by=by, source=before, reason=reason)
    found.draft.delete()


@transaction.atomic
def discard(row: Model, *, by: Person, seen: int) -> None:
    """Forget what is proposed. Raises NotFound."""
    found = _held(row, seen)
    governance.record(row, "discarded", by=by, reason=_reason(found))
    found.draft.delete()


def _held(row: Model, seen: int) -> Pending:
    Draft.objects.select_for_update().filter(kind=KIND, name=_name(row)).first()
    found = pending(row)
    if (
        found is None
        or found.draft.changed_at is None
        or int(found.draft.changed_at.timestamp() * 1000) != seen
    ):
        raise NotFound("What you saw is no longer proposed. Read the page again.")
    return found


def _reason(found: Pending) -> str:
    return f"{found.words}: {found.why}" if found.why else found.words


def _name(row: Model) -> str:
    return f"{row._meta.model_name}-{row.pk}"


def _shown(value: object) -> str:
    return {None: "nothing", True: "yes", False: "no"}.get(value, str(value))  # type: ignore[call-overload, no-any-return]
