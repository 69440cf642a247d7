"""What every table shares: the two kinds of key, the database's clock, and the check of a state column."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from orchestra.states import Machine


class Row(models.Model):
    """A table with a bigint key inside and the database's time of birth."""

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


class PublicRow(Row):
    """A row that is named outside by a random UUID, made here so that digests can name it before INSERT."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        abstract = True


def state_field(machine: Machine) -> models.CharField[str, str]:
    """The state column of a machine. Only `moves` writes it."""
    return models.CharField(max_length=20, choices=[(state, state) for state in machine.states])


def known_state(machine: Machine) -> models.CheckConstraint:
    """The database's own list of a machine's states."""
    return models.CheckConstraint(
        condition=Q(state__in=list(machine.states)), name=f"{machine.name}_state_is_known"
    )


def one_of(name: str, field: str, values: Iterable[str]) -> models.CheckConstraint:
    """A text column that takes one of a closed list of words."""
    return models.CheckConstraint(condition=Q(**{f"{field}__in": list(values)}), name=name)


def exactly_one(columns: Iterable[str]) -> Q:
    """Exactly one of the columns is not null."""
    names = list(columns)
    found = Q()
    for chosen in names:
        found |= Q(**{f"{name}__isnull": name != chosen for name in names})
    return found


def none_of(columns: Iterable[str]) -> Q:
    """All of the columns are null."""
    return Q(**{f"{name}__isnull": True for name in columns})
