"""Publishes definitions from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from orchestra.engine import publish
from orchestra.errors import OrchestraError
from orchestra.management.base import OrchestraCommand, person, person_option, say
from orchestra.models import Person
from orchestra.workflows import functions


class Command(OrchestraCommand):
    """Publishes every definition in the files, each file whole or not at all; problems are told with their lines."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Files, author, environment."""
        parser.add_argument("files", nargs="+", type=Path)
        person_option(parser)
        parser.add_argument("--environment", default="dev", help="Where it is deployed (default: dev).")

    def handle(self, *args: Any, **options: Any) -> None:
        """Publish."""
        functions.load(settings.STEP_FUNCTIONS)
        by = person(options)
        for path in options["files"]:
            for made in _publish(path, by, options["environment"]):
                word = "published" if made.new else "unchanged"
                where = f"{made.environment} ({made.digest[:12]})"
                number = f" v{made.number}" if made.number else ""
                self.stdout.write(f"{made.kind} {made.name}{number} {word} in {where}")


def _publish(path: Path, by: Person, environment: str) -> list[publish.Published]:
    try:
        return publish.text(path.read_text(encoding="utf-8"), by=by, environment=environment)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None
    except OrchestraError as error:
        say(error, str(path))
