"""Runs a worker process."""

from __future__ import annotations

import os
import socket
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from orchestra import worker


class Command(BaseCommand):
    """Advances runs until it is told to stop (SIGTERM or Ctrl-C); needs PostgreSQL, uses Redis while it is there."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """A name for the record, and how many runs at once."""
        parser.add_argument(
            "--name", default=f"{socket.gethostname()}-{os.getpid()}", help="Name in logs and pages."
        )
        parser.add_argument("--slots", type=int, default=settings.SLOTS, help="Runs in flight at once.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work."""
        worker.work(options["name"], slots=options["slots"])
