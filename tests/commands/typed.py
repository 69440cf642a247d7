"""Commands as they are typed: through the entry point of `manage.py`, in this process.

Log lines, also those of a worker beside, are left out of what a command says.
"""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from django.core.management import ManagementUtility


@dataclass(frozen=True, slots=True)
class Typed:
    """Exit code, and what was printed where."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What was printed, line by line."""
        return self.out.splitlines()


def typed(*arguments: str) -> Typed:
    """Run `manage.py ARGUMENTS`; an exception that nobody caught would be a traceback, and is raised."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            ManagementUtility(["manage.py", *arguments]).execute()
        except SystemExit as end:
            code = int(end.code or 0)
    err.seek(0)
    return Typed(code, out.getvalue(), "".join(line for line in err if not line.startswith("time=")))


def refused(*arguments: str) -> str:
    """What a command says when it refuses: exit code 1 or 2, nothing on stdout, no traceback."""
    found = typed(*arguments)
    assert found.code in {1, 2}, found
    assert "Traceback" not in found.err
    return found.err
