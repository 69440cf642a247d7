"""What our commands share: people by name, JSON input, and errors said in words instead of tracebacks."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.errors import Invalid, OrchestraError
from orchestra.models import Person
from orchestra.people import persons


class OrchestraCommand(BaseCommand):
    """A command whose expected errors end it with exit code 1 and one line each."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """As Django's, with our errors said in words."""
        try:
            return super().execute(*args, **options)
        except OrchestraError as error:
            say(error)
        except OperationalError as error:
            raise CommandError(f"The database does not answer. Does it run? ({error})") from None


def say(error: OrchestraError, where: str = "") -> NoReturn:
    """End the command with everything that is wrong, a line each."""
    problems = error.problems if isinstance(error, Invalid) else ()
    lines = [str(problem) for problem in problems] or [error.message]
    raise CommandError("\n".join(f"{where}: {line}" if where else line for line in lines)) from None


def person_option(parser: CommandParser) -> None:
    """`--as NAME`, required."""
    parser.add_argument("--as", dest="person", required=True, help="Who does this: a person's short name.")


def person(options: dict[str, Any]) -> Person:
    """The person named by `--as`."""
    return persons.find(options["person"])


def uid(text: str) -> UUID:
    """An id as argument. Raises ArgumentTypeError, which argparse says in words."""
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no id.") from None


def count(text: str) -> int:
    """A number of things, from 1, as argument. Raises ArgumentTypeError."""
    if not (text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise ArgumentTypeError(f"{text!r} is no number from 1.")
    return int(text)


def read_json(text: str) -> Json:
    """JSON given on the command line, or `@FILE` for the content of a file. Raises Invalid, CommandError."""
    if not text.startswith("@"):
        return canonical.parse(text)
    try:
        return canonical.parse(Path(text[1:]).read_bytes())
    except OSError as error:
        raise CommandError(f"{text[1:]} cannot be read: {error.strerror}") from None
