"""The roles that the matrix tells of: who comes, with the usual rights of the seeded groups on their own deployment."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from orchestra.people import roles, scopes
from orchestra.views.doors.administration import PERMISSIONS
from orchestra.views.doors.rules import Role


def _member(name: str, group: str, says: str, *, staff: bool = False) -> Role:
    """A person in one of the seeded groups."""
    given = PERMISSIONS.get(group, frozenset()) if staff else frozenset()
    return Role(
        name, says, rights=frozenset(roles.DEFAULTS[group]), staff=staff, group=group, permissions=given
    )


ROLES: Final[tuple[Role, ...]] = (
    Role("anonymous", "has not signed in", account=False, person=False),
    Role("nobody", "an account that belongs to no person", person=False),
    Role("system", "an account of a service account, in a browser", person=False),
    Role("guest", "a person in no group"),
    _member("requester", "requesters", "in `requesters`"),
    _member("reviewer", "reviewers", "in `reviewers`"),
    _member("operator", "operators", "in `operators`"),
    _member("admin", "admins", "in `admins`, staff", staff=True),
    _member("auditor", "auditors", "in `auditors`"),
    Role("superuser", "a person whose account is a superuser", everywhere=True, staff=True),
)

#: Who comes to the administration.
STAFF: Final[tuple[Role, ...]] = (
    *(role for role in ROLES if role.name in {"anonymous", "operator"}),
    Role("clerk", "staff in no group", staff=True),
    _member("keeper", "auditors", "staff in `auditors`", staff=True),
    *(role for role in ROLES if role.name in {"admin", "superuser"}),
)

#: Every right that a group can get on a deployment.
RIGHTS: Final = frozenset(right for given in roles.DEFAULTS.values() for right in given)
SCOPES: Final = frozenset(scopes.SCOPES)


def _caller(role: Role) -> Role:
    """A person who comes with a token of every scope."""
    return replace(role, says=f"{role.says}; every scope", scopes=SCOPES)


#: Who comes to the API. A person's token has what the person has; systems never get what is for people alone.
CALLERS: Final[tuple[Role, ...]] = (
    Role(
        "no token",
        "no token, one that is not known, revoked or past its time; cookies do not count",
        account=False,
    ),
    Role(
        "narrow token",
        "a token of a superuser with the scope `tokens:manage` alone",
        everywhere=True,
        scopes=frozenset({"tokens:manage"}),
    ),
    Role(
        "system",
        "a service account with every right",
        person=False,
        rights=RIGHTS,
        scopes=SCOPES - scopes.OF_PEOPLE,
    ),
    *(_caller(role) for role in ROLES if role.person and role.name != "anonymous"),
)
