"""docs/permission-matrix.md, written from the table of doors by `manage.py docs`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from orchestra.people import roles
from orchestra.views.doors import administration, tables
from orchestra.views.doors.cast import ROLES, STAFF
from orchestra.views.doors.rules import Door, Role, answer

HEAD: Final = """\
# Who may go through which door

Every address, in every role, written from `orchestra/views/doors/` by `manage.py docs`. Do not edit.
A test goes through all of it: each address and method, as each role, for things of the role's own deployment and of a
foreign one. An address that is missing here fails it, and so does an answer that differs.

- **yes**: let in. What comes back then is a matter of the view, such as that a form is not right yet.
- **sign in**: led to the page where one signs in. **401**: no token, or none that counts.
- **403**: one may see it, and lacks the right. **404**: it does not exist, or it is not theirs to see: both look alike.
- Two answers, such as *yes / 404*: for what is in their own deployment (or is theirs), and for what is foreign.
- Nothing changes by GET. Every other method refuses what did not come from our own pages, with 403.

"""


def document() -> str:
    """The whole of it, in Markdown."""
    return HEAD + "\n".join([*_roles(), *_rights(), *_parts(), *_administration()])


def _roles() -> Iterator[str]:
    yield from ("## Roles", "", "| role | who |", "|---|---|")
    yield from (f"| {role.name} | {role.says} |" for role in dict.fromkeys((*ROLES, *STAFF)))
    yield ""


def _rights() -> Iterator[str]:
    """What the seeded groups may do on a deployment, until an administrator changes it."""
    rights = list(dict.fromkeys(right for given in roles.DEFAULTS.values() for right in given))
    yield from ("## Rights of the seeded groups on a new deployment", "")
    yield from _table(
        ["group", *rights], ([group, *_marks(rights, given)] for group, given in roles.DEFAULTS.items())
    )


def _marks(rights: Sequence[str], given: Sequence[str]) -> list[str]:
    return ["yes" if right in given else "" for right in rights]


def _parts() -> Iterator[str]:
    for title, (cast, doors) in tables.PARTS.items():
        yield from (f"## {title}", "")
        names = ["address", "method", "asks", *(role.name for role in cast)]
        yield from _table(names, (_line(door, cast) for door in doors))


def _administration() -> Iterator[str]:
    """By kind of row: the pages of lists, of adding, changing and deleting follow from it."""
    yield from ("## Administration: kinds of rows", "")
    yield from (
        "Staff alone come in; others are led to the sign-in. Of deployments and what happened in them, staff see those on",
        "which they hold the right to view, and links of the record where they hold the right to audit; superusers see all.",
        "",
    )
    rows = sorted(administration.MODELS.items())
    names = ["kind of row", *(f"staff in `{who}`" for who in administration.WHO[:-1]), "superusers"]
    yield from _table(names, ([kind, *verbs] for kind, verbs in rows))


def _line(door: Door, cast: Sequence[Role]) -> list[str]:
    return [f"`{door.address}`", door.method, door.asks, *(_cell(door, role) for role in cast)]


def _cell(door: Door, role: Role) -> str:
    own, foreign = (str(answer(door, role, own=where)) for where in (True, False))
    return own if own == foreign else f"{own} / {foreign}"


def _table(names: Sequence[str], lines: Iterator[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield "|---" * len(names) + "|"
    yield from (f"| {' | '.join(line)} |" for line in lines)
    yield ""
