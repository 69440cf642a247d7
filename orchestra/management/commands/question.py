"""Shows and answers questions to people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from orchestra.engine import tasks
from orchestra.management.base import OrchestraCommand, count, person, person_option, read_json, uid
from orchestra.models import HumanTask


class Command(OrchestraCommand):
    """question list | answer UID: forms of human steps, and escalations to settle."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command for each verb."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="Open questions, oldest first.")
        listing.add_argument("--group")
        listing.add_argument("--limit", type=count, default=50)
        answering = verbs.add_parser("answer", help="Answer one.")
        answering.add_argument("uid", type=uid)
        answering.add_argument(
            "--values", required=True, help="JSON that fits the question's form, or @FILE."
        )
        person_option(answering)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says."""
        for line in _list(options) if options["verb"] == "list" else _answer(options):
            self.stdout.write(line)


def _list(options: dict[str, Any]) -> Iterator[str]:
    rows = HumanTask.objects.filter(state="open").select_related("group", "run").order_by("created_at")
    if options["group"]:
        rows = rows.filter(group__name=options["group"])
    for row in rows[: options["limit"]]:
        yield f"{row.uid}  {row.kind:<10} {row.group.name:<12} run {row.run.uid}  {row.title}"


def _answer(options: dict[str, Any]) -> Iterator[str]:
    made = tasks.answer(uid=options["uid"], by=person(options), values=read_json(options["values"]))
    yield f"{made.uid} answered"
