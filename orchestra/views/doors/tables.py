"""All doors there are, in parts, each with the roles that come to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from orchestra.views.doors import accounts, administration, interface, pages
from orchestra.views.doors.cast import CALLERS, ROLES, STAFF
from orchestra.views.doors.rules import Door, Role

PARTS: Final[Mapping[str, tuple[Sequence[Role], Sequence[Door]]]] = {
    "Pages": (ROLES, pages.PAGES),
    "Sign-in and one's own account": (ROLES, accounts.ACCOUNTS),
    "Administration: pages of their own": (STAFF, administration.DESK),
    "HTTP API": (CALLERS, interface.OPERATIONS),
}
