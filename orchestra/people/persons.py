"""Finds and makes people, by the short names that commands use."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from orchestra import canonical
from orchestra.errors import Invalid, NotAllowed, NotFound, Problem
from orchestra.models import Person, User

NAME = re.compile(r"[a-z][a-z0-9-]{0,79}")
GROUP = re.compile(r"[a-z][a-z0-9-]{0,149}")
LONGEST_NAME = 200


def find(name: str) -> Person:
    """The active person of that name. Raises NotFound or NotAllowed."""
    person = Person.objects.filter(name=name).first() if NAME.fullmatch(name) else None
    if person is None:
        raise NotFound(f"There is no person {name}. Add one with: manage.py person add {name}")
    if not person.active:
        raise NotAllowed(f"{person} is not active any more.")
    return person


@transaction.atomic
def add(*, name: str, full_name: str, groups: Iterable[str], password: str | None) -> Person:
    """Add a person with one account of the same name, in these groups. Raises Invalid.

    Without a password the account cannot sign in.
    """
    if not NAME.fullmatch(name):
        raise Invalid(f"{name!r} is no short name: small letters, digits and hyphens, a letter first.")
    if User.objects.filter(username=name).exists() or Person.objects.filter(name=name).exists():
        raise Invalid(f"There is a person or an account named {name} already.")
    person = Person.objects.create(name=name, full_name=_full_name(full_name))
    account = User(username=name, person=person)
    if password is not None:
        _check_password(password, account)
    account.set_password(password)
    account.save()
    account.groups.set(_groups(groups))
    return person


def is_in_group(person: Person, group: str) -> bool:
    """Whether an active account of the person is in the group, now."""
    return person.active and User.objects.filter(person=person, is_active=True, groups__name=group).exists()


def add_group(name: str) -> bool:
    """Add a group; whether it is new. Raises Invalid."""
    if not GROUP.fullmatch(name):
        raise Invalid(
            f"{name[:50]!r} is no name of a group: small letters, digits and hyphens, a letter first."
        )
    return Group.objects.get_or_create(name=name)[1]


def _full_name(text: str) -> str:
    kept = str(canonical.check(text)).strip()
    if len(kept) > LONGEST_NAME:
        raise Invalid(f"A full name has at most {LONGEST_NAME} characters.")
    return kept


def _check_password(password: str, account: User) -> None:
    try:
        validate_password(password, account)
    except ValidationError as error:
        raise Invalid.of(Problem("", message) for message in error.messages) from None


def _groups(names: Iterable[str]) -> list[Group]:
    wanted = sorted(set(names))
    found = {group.name: group for group in Group.objects.filter(name__in=wanted)}
    if missing := [name for name in wanted if name not in found]:
        raise Invalid(
            f"There is no group {', '.join(missing)}. Add it first: manage.py person group {missing[0]}"
        )
    return list(found.values())
