"""The roles that the matrix tells of: who comes, with the usual rights of the seeded groups on their own deployment."""

from __future__ import annotations

from typing import Final

from orchestra.people import roles
from orchestra.views.doors.rules import Role


def _member(name: str, group: str, says: str, *, staff: bool = False) -> Role:
    """A person in one of the seeded groups."""
    return Role(name, says, rights=frozenset(roles.DEFAULTS[group]), staff=staff)


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
