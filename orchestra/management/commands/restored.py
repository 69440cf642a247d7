"""Says that the database was restored from a backup. Run it before the first worker starts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from orchestra.engine import restore
from orchestra.management.base import OrchestraCommand, person, person_option


class Command(OrchestraCommand):
    """Begins a new epoch: calls that were decided before are asked about again, and no old key is sent any more."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Who says so, and why."""
        person_option(parser)
        parser.add_argument("--reason", required=True, help="Which backup, and why it was needed.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Begin."""
        begun = restore.begin(by=person(options), reason=options["reason"])
        self.stdout.write(f"{begun.epoch.uid} begun")
        self.stdout.write(f"{begun.decided} calls were decided on and not sent: they are asked about again")
        self.stdout.write(
            f"{begun.under_way} calls were under way: people are asked whether they happened, or they are read anew"
        )
