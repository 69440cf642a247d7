"""Makes, lists and revokes the API tokens of systems. People make theirs on their own page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser

from orchestra.errors import NotFound
from orchestra.management.base import OrchestraCommand, count, person, person_option, uid
from orchestra.models import ServiceAccount
from orchestra.people import roles, scopes, tokens

#: What a system usually does.
USUAL = ("tasks:submit", "tasks:read", "runs:read")


class Command(OrchestraCommand):
    """token make SYSTEM NAME | list SYSTEM | revoke SYSTEM UID: the API tokens of a system (service account)."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command for each verb."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        making = verbs.add_parser("make", help="A new token; its text is printed once.")
        making.add_argument("system")
        making.add_argument("name", help="Where it is used.")
        making.add_argument(
            "--scope", dest="scopes", action="append", choices=sorted(set(scopes.SCOPES) - scopes.OF_PEOPLE)
        )
        making.add_argument("--days", type=count, default=90, help="How long it lives; 366 at most.")
        verbs.add_parser("list", help="Its living tokens.").add_argument("system")
        revoking = verbs.add_parser("revoke", help="End one now.")
        revoking.add_argument("system")
        revoking.add_argument("uid", type=uid)
        for each in (making, revoking):
            person_option(each)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says."""
        system = _found(options["system"])
        for line in {"make": _make, "list": _list, "revoke": _revoke}[options["verb"]](system, options):
            self.stdout.write(line)


def _make(system: ServiceAccount, options: dict[str, Any]) -> Iterator[str]:
    if not roles.accounts_of(system).exists():
        raise CommandError(
            f"{system} has no open account, so its tokens open nothing. Add one in the administration."
        )
    made = tokens.mint(
        holder=system,
        name=options["name"],
        wanted=options["scopes"] or USUAL,
        life=timedelta(days=options["days"]),
        by=roles.name_of(person(options)),
    )
    yield made.text


def _list(system: ServiceAccount, _options: dict[str, Any]) -> Iterator[str]:
    for row in tokens.listing(system):
        used = f"{row.last_used_at:%Y-%m-%d %H:%M}" if row.last_used_at is not None else "never"
        yield f"{row.uid}  {row.prefix}…  {row.name}  until {row.expires_at:%Y-%m-%d}  used {used}  {', '.join(row.scopes)}"


def _revoke(system: ServiceAccount, options: dict[str, Any]) -> Iterator[str]:
    ended = tokens.revoke(options["uid"], holder=system, by=roles.name_of(person(options)))
    yield f"{ended.name} ({ended.prefix}…) opens nothing any more"


def _found(name: str) -> ServiceAccount:
    found = ServiceAccount.objects.filter(name=name).first()
    if found is None:
        raise NotFound(f"There is no system {name[:80]!r}. An administrator adds one under service accounts.")
    return found
