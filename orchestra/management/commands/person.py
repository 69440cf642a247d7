"""Adds people and groups."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import CommandError, CommandParser

from orchestra.management.base import OrchestraCommand
from orchestra.models import Person, User
from orchestra.people import persons


class Command(OrchestraCommand):
    """person add NAME | group NAME | list: people, and the groups that questions are asked of."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command for each verb."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        adding = verbs.add_parser("add", help="A person with an account of the same name.")
        adding.add_argument("name")
        adding.add_argument("--full-name", default="")
        adding.add_argument("--group", dest="groups", action="append", default=[])
        adding.add_argument("--no-password", action="store_true", help="The account cannot sign in yet.")
        adding.add_argument(
            "--superuser",
            action="store_true",
            help="The account enters the administration with every right: for the first administrator.",
        )
        verbs.add_parser("group", help="A group.").add_argument("name")
        verbs.add_parser("list", help="Everybody.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says."""
        for line in {"add": _add, "group": _group, "list": _list}[options["verb"]](options):
            self.stdout.write(line)


def _add(options: dict[str, Any]) -> Iterator[str]:
    password = None if options["no_password"] else _ask()
    made = persons.add(
        name=options["name"], full_name=options["full_name"], groups=options["groups"], password=password
    )
    if options["superuser"]:
        User.objects.filter(person=made).update(is_staff=True, is_superuser=True)
    yield f"{made.name} added"


def _group(options: dict[str, Any]) -> Iterator[str]:
    made = persons.add_group(options["name"])
    yield f"{options['name']} {'added' if made else 'is there already'}"


def _ask() -> str:
    try:
        return getpass.getpass("Password: ")
    except EOFError:
        raise CommandError(
            "No password was given. With --no-password the account cannot sign in yet."
        ) from None


def _list(_options: dict[str, Any]) -> Iterator[str]:
    for row in Person.objects.order_by("name"):
        groups = (
            Group.objects.filter(user__person=row).order_by("name").values_list("name", flat=True).distinct()
        )
        yield f"{row.name:<20} {row.full_name:<30} {', '.join(groups)}{'' if row.active else '  (not active)'}"
