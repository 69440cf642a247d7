"""Does something once for each idempotency key, and keeps the first answer for seven days.

Refuses a key that comes again with another body, and keeps nothing of requests that were refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import IntegrityError
from django.db.models.functions import Now

from orchestra import canonical
from orchestra.engine.connections import borrow
from orchestra.errors import Bug, Invalid, KeyReused
from orchestra.models import IdempotencyKey, Task
from orchestra.people import roles
from orchestra.people.roles import Holder

LIFE: Final = timedelta(days=7)
#: What a key keeps as the status of its first answer.
CREATED: Final = 201


@dataclass(frozen=True, slots=True)
class Done:
    """The task that a request made or was about, and what was said of it; `repeated`: the request came before."""

    task: Task
    answer: str
    repeated: bool = False


def once(key: str, *, by: Holder, body: object, make: Callable[[], Done]) -> Done:
    """What `make` did, now or when this holder's key came first. Raises Invalid (key), KeyReused."""
    canonical.check(key)
    if not key.strip():
        raise Invalid.at("/key", "An idempotency key is not blank.")
    digest = canonical.digest(body)
    return _first(key, by, digest, make) or _known(key, by, digest) or _anew(key, by, digest, make)


def _first(key: str, by: Holder, digest: bytes, make: Callable[[], Done]) -> Done | None:
    """The key goes in first: whoever comes with the same one waits there, and makes nothing. None when it is taken."""
    try:
        with borrow():
            row = IdempotencyKey.objects.create(
                owner=roles.name_of(by), key=key, body_digest=digest, expires_at=Now() + LIFE
            )
            done = make()
            IdempotencyKey.objects.filter(pk=row.pk).update(
                task=done.task, status=CREATED, answer=done.answer
            )
            return done
    except IntegrityError as error:
        if "idempotencykey_is_unique" not in str(error):
            raise
        return None


def _anew(key: str, by: Holder, digest: bytes, make: Callable[[], Done]) -> Done:
    """The key is taken by a request whose seven days are over: the first one that comes now has it."""
    with borrow():
        IdempotencyKey.objects.filter(owner=roles.name_of(by), key=key, expires_at__lte=Now()).delete()
    done = _first(key, by, digest, make) or _known(key, by, digest)
    if done is None:
        raise Bug("an idempotency key that is taken, and by nobody")
    return done


def _known(key: str, by: Holder, digest: bytes) -> Done | None:
    with borrow():
        rows = IdempotencyKey.objects.filter(owner=roles.name_of(by), key=key, expires_at__gt=Now())
        row = rows.select_related("task__deployment").first()
        if row is None or row.task is None:
            return None
        if bytes(row.body_digest) != digest:
            raise KeyReused(f"The key {key} came before with another body. Use a new key for a new request.")
        return Done(row.task, str(row.answer or ""), repeated=True)
