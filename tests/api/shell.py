"""Somebody at a terminal who uses the command `orchestra`."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

from orchestra.client import cli
from orchestra.client.terminal import Terminal
from tests.api.site import Site


@dataclass
class Shell:
    """Somebody at a terminal with a folder of their own."""

    site: Site
    home: Path
    out: io.StringIO = field(default_factory=io.StringIO)
    err: io.StringIO = field(default_factory=io.StringIO)

    def run(self, *arguments: str, typed: str = "", **variables: str) -> int:
        """One command; its exit code. What it says is in `said` and `warned`."""
        self.out, self.err = io.StringIO(), io.StringIO()
        environment = {"XDG_CONFIG_HOME": str(self.home), **variables}
        return cli.main(arguments, Terminal(environment, self.out, self.err, io.StringIO(typed)))

    @property
    def said(self) -> str:
        """What went to standard output."""
        return self.out.getvalue()

    @property
    def warned(self) -> str:
        """What went to standard error."""
        return self.err.getvalue()

    @property
    def file(self) -> Path:
        """Where the token is kept."""
        return self.home / "orchestra" / "account.json"
