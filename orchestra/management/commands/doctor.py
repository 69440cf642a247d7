"""`manage.py doctor`: holds the whole database against what must always be so. Reads only; safe while work goes on.

Exit codes: 0 nothing is broken, 1 an invariant is broken (with --strict: or something around needs a person),
2 it could not look.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from orchestra.doctor import examination, surroundings
from orchestra.doctor.examination import Broken
from orchestra.doctor.surroundings import Warned
from orchestra.errors import Unavailable
from orchestra.metrics import readings

BROKEN, BLIND = 1, 2


class Command(BaseCommand):
    """The doctor."""

    help = "Check that every invariant holds for every row, and that what is around the database is well."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """How deep, how strict, for whom."""
        parser.add_argument(
            "--quick", action="store_true", help="leave out digests and the walk of the record"
        )
        parser.add_argument("--strict", action="store_true", help="exit with 1 for warnings too")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, tell, and exit with what was found."""
        try:
            broken = list(examination.examine(thorough=not options["quick"]))
            with readings.session() as ask:
                warned = list(surroundings.look(ask))
        except (OperationalError, Unavailable) as error:
            raise CommandError(f"The database could not be looked at: {error}", returncode=BLIND) from None
        self._tell(broken, warned, as_json=options["json"])
        if broken or (warned and options["strict"]):
            sys.exit(BROKEN)

    def _tell(self, broken: list[Broken], warned: list[Warned], *, as_json: bool) -> None:
        if as_json:
            told = {"broken": [asdict(one) for one in broken], "warnings": [asdict(one) for one in warned]}
            self.stdout.write(json.dumps(told))
            return
        for one in broken:
            self.stdout.write(_line(one))
        for each in warned:
            self.stdout.write(f"warning  {each.what.rstrip('.')}. {each.remedy}")
        if not broken:
            self.stdout.write(f"{len(examination.RULES)} rules hold; no invariant is broken.")


def _line(one: Broken) -> str:
    more = f" and {one.count - len(one.names)} more" if one.count > len(one.names) else ""
    return f"{one.invariant}  {one.what}: {', '.join(one.names)}{more}. {one.remedy}"
