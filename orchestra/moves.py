"""The one place that changes a state: compare-and-set, with a reason and an audit event in the same transaction.

Refuses moves that `states` does not list, and rows that are no longer where the caller saw them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol
from uuid import UUID

from django.db import connection, models

from orchestra import states
from orchestra.audit.append import Event, append
from orchestra.errors import Bug, StaleState


class Moving(Protocol):
    """A row of a state machine, and its place in the record."""

    pk: Any
    state: str
    _meta: ClassVar[Any]

    @property
    def chain(self) -> UUID: ...
    @property
    def subject(self) -> str: ...


def move(
    row: Moving,
    target: str,
    *,
    actor: str,
    reason: str,
    data: Mapping[str, object] | None = None,
    only: Mapping[str, object] | None = None,
    **columns: object,
) -> None:
    """Move one row and record it. Raises StaleState when it is not where `row.state` says."""
    append([moved(row, target, actor=actor, reason=reason, data=data, only=only, **columns)])


def moved(
    row: Moving,
    target: str,
    *,
    actor: str,
    reason: str,
    data: Mapping[str, object] | None = None,
    only: Mapping[str, object] | None = None,
    **columns: object,
) -> Event:
    """Move one row and return its event, which the caller must append in the same transaction.

    `only` adds conditions, for example a fence; `columns` are written with the state. The database
    refuses the transaction when the event is missing.
    """
    machine = machine_of(row)
    source = row.state
    if not machine.allows(source, target):
        raise Bug(f"{machine.name}: {source} to {target} is not a legal move")
    _in_transaction()
    rows = type(row).objects.filter(pk=row.pk, state=source, **(only or {}))  # type: ignore[attr-defined]
    if rows.update(state=target, **columns) != 1:
        raise StaleState(f"This {machine.name} is no longer {source}. Read it again.")
    row.state = target
    for name, value in columns.items():
        setattr(row, name, value)
    return _event(row, source, target, actor=actor, reason=reason, data=data)


def moved_all(
    rows: Sequence[Moving], target: str, *, actor: str, reason: str, **columns: object
) -> list[Event]:
    """Move rows of one table, which the caller has locked, in one statement; their events are to be appended.

    Column expressions are not read back: the caller knows what they made of the rows.
    """
    _in_transaction()
    if not rows:
        return []
    sources = [row.state for row in rows]
    machine = machine_of(rows[0])
    if not all(machine.allows(source, target) for source in sources):
        raise Bug(f"{machine.name}: not all of {sorted(set(sources))} may go to {target}")
    found = type(rows[0]).objects.filter(pk__in=[row.pk for row in rows], state__in=set(sources))  # type: ignore[attr-defined]
    if found.update(state=target, **columns) != len(rows):
        raise StaleState(f"One of these rows of {machine.name} has moved. Read them again.")
    for row in rows:
        row.state = target
    return [
        _event(row, source, target, actor=actor, reason=reason)
        for row, source in zip(rows, sources, strict=True)
    ]


def born(rows: Sequence[models.Model], *, actor: str, reason: str) -> list[Event]:
    """Insert rows of one table in one statement and return their events, which the caller must append."""
    _in_transaction()
    if not rows:
        return []
    type(rows[0])._default_manager.bulk_create(rows)
    return [_event(row, "", row.state, actor=actor, reason=reason) for row in rows]  # type: ignore[attr-defined, arg-type]


def bear(row: models.Model, *, actor: str, reason: str) -> None:
    """Insert one row and record its birth."""
    append(born([row], actor=actor, reason=reason))


def note(row: Moving, *, actor: str, reason: str, data: Mapping[str, object] | None = None) -> None:
    """Record something that somebody did about a row without moving it."""
    append([noted(row, actor=actor, reason=reason, data=data)])


def noted(row: Moving, *, actor: str, reason: str, data: Mapping[str, object] | None = None) -> Event:
    """The event of such a thing, which the caller must append."""
    return _event(row, row.state, row.state, actor=actor, reason=reason, data=data)


def machine_of(row: Moving) -> states.Machine:
    """The machine that a row belongs to."""
    return _BY_TABLE[row._meta.db_table]


def _event(
    row: Moving,
    source: str,
    target: str,
    *,
    actor: str,
    reason: str,
    data: Mapping[str, object] | None = None,
) -> Event:
    return Event(
        chain=row.chain,
        kind=machine_of(row).name,
        object_id=row.pk,
        subject=row.subject,
        source=source,
        target=target,
        actor=actor,
        reason=reason,
        data=data or {},
    )


def _in_transaction() -> None:
    if not connection.in_atomic_block:
        raise Bug("A state moves only inside a transaction, together with its event.")


_BY_TABLE = {machine.table: machine for machine in states.MACHINES.values()}
