"""Who gets which answer at a door: a pure function of what the door needs, who comes, and whose things are behind it.

Refuses to look at anything: the views themselves ask `people.roles`; this says what they have to answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Answer(StrEnum):
    """What comes back. LET_IN stands for all that a view itself may say, also that a form is not right yet."""

    LET_IN = "yes"
    SIGN_IN = "sign in"
    UNKNOWN = "401"
    REFUSED = "403"
    HIDDEN = "404"


class Need(StrEnum):
    """What a door asks of who comes."""

    NOTHING = "nothing"
    ACCOUNT = "an account"
    PERSON = "a person"
    RIGHT = "a right there"
    SOMEWHERE = "a right somewhere"
    OWN = "that it is theirs"
    KEY = "an account, and that it is theirs"
    FACTOR = "an account that has such a factor (none has here)"
    HALFWAY = "a sign-in that is half done (who has signed in is led on)"
    LINKING = "a first sign-in by an identity provider (none is under way here)"
    PROVIDER = "an identity provider that is set up (none is here)"
    FAILURE = "nothing: it tells that an identity provider let nobody in"
    STAFF = "staff"
    DESK = "staff, a right there"
    MACHINE = "this machine itself"
    NEVER = "nobody gets in"


@dataclass(frozen=True, slots=True)
class Role:
    """Somebody who comes. `rights` hold on their own deployment alone, `everywhere` on every one."""

    name: str
    says: str
    account: bool = True
    person: bool = True
    rights: frozenset[str] = frozenset()
    everywhere: bool = False
    staff: bool = False
    permissions: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    group: str = ""

    def holds(self, right: str, *, own: bool) -> bool:
        """Whether they have the right on a deployment, their own or a foreign one; `a or b` is either of two."""
        return self.everywhere or (own and not self.rights.isdisjoint(right.split(" or ")))


@dataclass(frozen=True, slots=True)
class Door:
    """An address with a method. `right` is what is asked on the deployment, or the permission that staff need.

    `lacks` is what those get who see the thing without having the right: 404 where even its being there is a secret.
    `unseen` is what those get who do not see it: a form that names it comes back as if there were no such thing.
    `scope` is what a token needs; None where cookies count. `people`: a token of a system does not open it.
    `group` has to be one's own besides; superusers do not escape it.
    """

    address: str
    method: str
    need: Need
    right: str = ""
    lacks: Answer = Answer.REFUSED
    unseen: Answer = Answer.HIDDEN
    scope: str | None = None
    people: bool = False
    group: str = ""

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.method} {self.address}"

    @property
    def asks(self) -> str:
        """What it asks, in words."""
        wanted = [f"{self.need}: {self.right}" if self.right else str(self.need)]
        wanted += [f"scope {self.scope}"] if self.scope else []
        wanted += ["of a person"] if self.people else []
        wanted += ["in the group that is asked"] if self.group else []
        return ", ".join(wanted)


def answer(door: Door, role: Role, *, own: bool) -> Answer:
    """What the role gets at the door. `own`: what is behind it is in the role's own deployment, or is the role's own."""
    if door.scope is not None and (refused := _token(door, role)) is not None:
        return refused
    return JUDGES[door.need](door, role, own)


def _token(door: Door, role: Role) -> Answer | None:
    """What a token is told before anything is looked at; None when it opens the door."""
    if not role.account:
        return Answer.UNKNOWN
    allowed = not door.scope or door.scope in role.scopes
    return None if allowed and (role.person or not door.people) else Answer.REFUSED


def _account(_door: Door, role: Role, _own: bool) -> Answer:
    return Answer.LET_IN if role.account else Answer.SIGN_IN


def _person(door: Door, role: Role, _own: bool) -> Answer:
    if not role.account:
        return Answer.SIGN_IN
    return Answer.LET_IN if role.person or door.scope is not None else Answer.REFUSED


def _right(door: Door, role: Role, own: bool) -> Answer:
    if (known := _person(door, role, own)) != Answer.LET_IN:
        return known
    if not role.holds("view", own=own):
        return door.unseen
    member = not door.group or role.group == door.group
    return Answer.LET_IN if member and role.holds(door.right, own=own) else door.lacks


def _somewhere(door: Door, role: Role, own: bool) -> Answer:
    if (known := _person(door, role, own)) != Answer.LET_IN:
        return known
    return Answer.LET_IN if role.holds(door.right, own=True) else door.lacks


def _own(door: Door, role: Role, own: bool) -> Answer:
    if (known := _person(door, role, own)) != Answer.LET_IN:
        return known
    return Answer.LET_IN if own else Answer.HIDDEN


def _key(door: Door, role: Role, own: bool) -> Answer:
    known = _account(door, role, own)
    return known if known != Answer.LET_IN or own else Answer.HIDDEN


def _staff(door: Door, role: Role, _own: bool) -> Answer:
    if (known := _enters(role)) != Answer.LET_IN:
        return known
    allowed = role.everywhere or not door.right or door.right in role.permissions
    return Answer.LET_IN if allowed else door.lacks


def _desk(door: Door, role: Role, own: bool) -> Answer:
    return known if (known := _enters(role)) != Answer.LET_IN else _right(door, role, own)


def _enters(role: Role) -> Answer:
    """Whether they come into the administration at all."""
    return Answer.LET_IN if role.staff else Answer.SIGN_IN


JUDGES: Final[Mapping[Need, Callable[[Door, Role, bool], Answer]]] = {
    Need.NOTHING: lambda *_: Answer.LET_IN,
    Need.ACCOUNT: _account,
    Need.PERSON: _person,
    Need.RIGHT: _right,
    Need.SOMEWHERE: _somewhere,
    Need.OWN: _own,
    Need.KEY: _key,
    Need.FACTOR: lambda _door, role, _own: Answer.HIDDEN if role.account else Answer.SIGN_IN,
    Need.HALFWAY: _account,
    Need.LINKING: lambda *_: Answer.SIGN_IN,
    Need.FAILURE: lambda *_: Answer.UNKNOWN,
    Need.PROVIDER: lambda *_: Answer.HIDDEN,
    Need.STAFF: _staff,
    Need.DESK: _desk,
    Need.MACHINE: lambda *_: Answer.LET_IN,
    Need.NEVER: lambda *_: Answer.HIDDEN,
}
