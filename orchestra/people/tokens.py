"""API tokens: makes, finds and revokes them. Keeps a digest alone; the token itself is told once, to whoever makes it.

A token is no right: it acts for its holder, who may do with it what they may do anyway and its scopes name.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Least, Now

from orchestra import canonical, logs
from orchestra.errors import Bug, Invalid, NotAllowed, NotFound, Problem
from orchestra.models import ApiToken, Person, ServiceAccount, User
from orchestra.people import roles, scopes
from orchestra.people.roles import Holder

#: Scanners of secrets find a leaked token by its first letters.
MARK: Final = "orc_"
FORM: Final = re.compile(r"orc_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")
PREFIX: Final = len(MARK) + 8
LONGEST_NAME: Final = 120
#: Living tokens of one holder.
MOST: Final = 100
#: How exactly the last use is kept.
MINUTE: Final = timedelta(minutes=1)
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token: its row, and the text that nobody can read again."""

    token: ApiToken
    text: str


def mint(
    *,
    holder: Holder,
    name: str,
    wanted: Collection[str],
    life: timedelta,
    by: str,
    through: ApiToken | None = None,
) -> Minted:
    """Make a token. Raises Invalid for what may not be, NotAllowed for more than the token it is made `through` has."""
    name = str(canonical.check(name)).strip()
    if problems := list(_problems(holder, name, wanted, life)):
        raise Invalid.of(problems)
    if through is not None:
        _within(through, wanted)
    text = f"{MARK}{''.join(secrets.choice(_LETTERS) for _ in range(8))}_{secrets.token_urlsafe(32)}"
    end = Now() + life
    row = ApiToken.objects.create(
        **_owner(holder),
        name=name,
        prefix=text[:PREFIX],
        digest=sha256(text.encode()).digest(),
        scopes=[scope for scope in scopes.SCOPES if scope in wanted],
        expires_at=end if through is None else Least(end, through.expires_at),
    )
    row.refresh_from_db(fields=["expires_at"])
    logs.event("token.made", token=row.prefix, by=by, holder=roles.name_of(holder))
    return Minted(row, text)


def find(text: str) -> ApiToken | None:
    """The living token of this text, of a holder who may still come in; None for anything else."""
    if not FORM.fullmatch(text):
        return None
    rows = _alive(ApiToken.objects.filter(prefix=text[:PREFIX])).annotate(read_at=Now())
    row = rows.select_related("person", "service").first()
    if row is None or not secrets.compare_digest(bytes(row.digest), sha256(text.encode()).digest()):
        return None
    return row


def used(token: ApiToken) -> None:
    """Keep that it was used, at most once a minute; asks the database only when the row that was read is older."""
    read_at = getattr(token, "read_at", None)
    if read_at is not None and token.last_used_at is not None and read_at - token.last_used_at < MINUTE:
        return
    old = Q(last_used_at__isnull=True) | Q(last_used_at__lt=Now() - MINUTE)
    ApiToken.objects.filter(old, pk=token.pk).update(last_used_at=Now())


def listing(holder: Holder) -> QuerySet[ApiToken]:
    """Their tokens that can still be used, the newest first."""
    return _unrevoked(ApiToken.objects.filter(**_owner(holder))).order_by("-pk")


def revoke(uid: UUID, *, holder: Holder, by: str) -> ApiToken:
    """End a token now; ending it again changes nothing. Raises NotFound for one that is not theirs."""
    row = ApiToken.objects.filter(uid=uid, **_owner(holder)).first()
    if row is None:
        raise NotFound(f"There is no token {uid}.")
    if ApiToken.objects.filter(pk=row.pk, revoked_at__isnull=True).update(revoked_at=Now()):
        logs.event("token.revoked", token=row.prefix, by=by, holder=roles.name_of(holder))
    row.refresh_from_db(fields=["revoked_at"])
    return row


def holder_of(token: ApiToken) -> Holder:
    """Whose it is."""
    holder = token.person or token.service
    if holder is None:
        raise Bug("a token of nobody, which the database refuses")
    return holder


def _unrevoked(rows: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
    return rows.filter(revoked_at__isnull=True, expires_at__gt=Now())


def _alive(rows: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
    """Neither revoked nor past its time, and its holder has an account that is open."""
    accounts = User.objects.filter(is_active=True)
    of_person = accounts.filter(person=OuterRef("person"), person__active=True)
    of_system = accounts.filter(service=OuterRef("service"), service__active=True)
    return _unrevoked(rows).filter(Q(Exists(of_person)) | Q(Exists(of_system)))


def _owner(holder: Holder) -> dict[str, Any]:
    return {"service": holder} if isinstance(holder, ServiceAccount) else {"person": holder}


def _problems(holder: Holder, name: str, wanted: Collection[str], life: timedelta) -> Iterator[Problem]:
    if not name:
        yield Problem("/name", "Give it a name that says where it is used.")
    if len(name) > LONGEST_NAME:
        yield Problem("/name", f"At most {LONGEST_NAME} characters.")
    if not wanted:
        yield Problem("/scopes", "Choose at least one.")
    for scope in sorted(set(wanted) - set(scopes.SCOPES)):
        yield Problem("/scopes", f"There is no scope {scope[:40]!r}.")
    if not isinstance(holder, Person) and (denied := scopes.OF_PEOPLE & set(wanted)):
        yield Problem("/scopes", f"Only people decide: a system cannot have {', '.join(sorted(denied))}.")
    if not timedelta() < life <= scopes.longest(wanted):
        hours = scopes.longest(wanted).total_seconds() / 3600
        yield Problem("/hours", f"With these scopes it lives at least 1 hour, at most {hours:.0f}.")
    if listing(holder).count() >= MOST:
        yield Problem("", f"There are {MOST} tokens already. Revoke one that is not used any more.")


def _within(through: ApiToken, wanted: Collection[str]) -> None:
    if more := sorted(set(wanted) - set(through.scopes)):
        raise NotAllowed(f"The token that you use has no {', '.join(more)}, so it cannot make one that has.")
