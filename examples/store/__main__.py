"""Starts the shop: makes its tables, checks its data, then becomes its server. Refuses to start half set up."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import psycopg

from examples.store import data, database, exact, settings

ROOT = Path(__file__).resolve().parents[2]
GRANIAN = (
    *("-m", "granian", "--interface", "asgi", "--factory", "--workers", "1", "--no-ws"),
    # Without a limit, a SIGTERM while its workers start makes granian hang for good.
    *("--workers-kill-timeout", "3", "--respawn-failed-workers", "--no-access-log", "--log-level", "error"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns when the shop cannot start, or was only to make its tables."""
    parser = argparse.ArgumentParser(prog="store", description="Run the example shop.")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--migrate", action="store_true", help="make the tables and end")
    options = parser.parse_args(arguments)
    try:
        given = settings.read()
        data.load(given.data)
        database.migrate(given.database_url)
    except (settings.BadSetting, OSError, exact.NotPlain, psycopg.Error) as error:
        print(f"store: {error}", file=sys.stderr)
        return 1
    if not options.migrate:
        _serve(given, options.host, options.port)
    return 0


def _serve(given: settings.Settings, host: str, port: int) -> NoReturn:
    """Become granian: the process keeps its pid, so that whoever started it can stop it."""
    print(f"store: starting at http://{host}:{port}/", flush=True)
    os.environ["STORE_DATA"] = str(given.data or "")
    os.chdir(ROOT)
    target = ("--host", host, "--port", str(port), "examples.store.asgi:build")
    os.execv(sys.executable, (sys.executable, *GRANIAN, *target))  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    sys.exit(main())
