"""Submits a task."""

from __future__ import annotations

import time
from argparse import ArgumentTypeError
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from orchestra.intake import tasks
from orchestra.management.base import OrchestraCommand, count, person, person_option, read_json
from orchestra.models import Run


class Command(OrchestraCommand):
    """Submits a task to a workflow and prints the id of its run; with --wait, follows it to its end."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Workflow, input, and how the requester knows the task."""
        parser.add_argument("workflow")
        parser.add_argument("--input", default="{}", help="JSON, or @FILE.")
        person_option(parser)
        parser.add_argument("--environment", default="dev")
        parser.add_argument("--subject", default="", help="What it is about, for people.")
        parser.add_argument("--reference", default="", help="The requester's own number.")
        parser.add_argument(
            "--label", action="append", default=[], type=_label, metavar="NAME=VALUE", help="May be repeated."
        )
        parser.add_argument("--priority", type=int, default=0, help="-100 to 100; higher goes first.")
        parser.add_argument("--key", help="Idempotency key: the same key and input give the same task.")
        parser.add_argument("--count", type=count, default=1, help="Submit so many times (not with --key).")
        parser.add_argument("--wait", type=float, metavar="SECONDS", help="Wait so long for the end.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Submit."""
        if options["key"] and options["count"] != 1:
            raise CommandError("--count cannot go with --key: one key is one task.")
        request = tasks.Request(
            workflow=options["workflow"],
            environment=options["environment"],
            payload=read_json(options["input"]),
            source="command",
            subject=options["subject"],
            reference=options["reference"],
            labels=dict(options["label"]),
            priority=options["priority"],
        )
        by = person(options)
        for _ in range(options["count"]):
            made = tasks.accept(request, by=by, key=options["key"])
            self.stdout.write(str(made.run.uid))
            if options["wait"] is not None:
                self.stdout.write(_follow(made.run.uid, options["wait"]))


def _label(text: str) -> tuple[str, str]:
    """A label as argument. Raises ArgumentTypeError."""
    name, divided, value = text.partition("=")
    if not (name and divided):
        raise ArgumentTypeError(f"{text!r} is no NAME=VALUE.")
    return name, value


def _follow(uid: UUID, patience: float) -> str:
    """Waits for success. Raises CommandError when the run ends otherwise, or has not ended."""
    until = time.monotonic() + patience
    while True:
        run = Run.objects.get(uid=uid)
        if run.state == "succeeded":
            return run.state
        if run.finished_at is not None:
            raise CommandError(
                f"The run {run.state}: {run.error}" if run.error else f"The run is {run.state}."
            )
        if time.monotonic() >= until:
            raise CommandError(f"The run is {run.state}. Look at it with: manage.py run show {uid}")
        time.sleep(0.1)
