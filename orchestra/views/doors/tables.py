"""All doors there are, in parts, each with the roles that come to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from orchestra.views.doors import interface, pages
from orchestra.views.doors.cast import CALLERS, ROLES
from orchestra.views.doors.rules import Door, Role

PARTS: Final[Mapping[str, tuple[Sequence[Role], Sequence[Door]]]] = {
    "Pages": (ROLES, pages.PAGES),
    "HTTP API": (CALLERS, interface.OPERATIONS),
}
