"""Stands in for manage.py where the demo is tested without Django: says what it sees, works until SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def main(command: str, *arguments: str) -> None:
    """Act as the named management command."""
    local = Path(os.environ["ORCHESTRA_LOCAL"])
    if (local / f"{command}-fails").exists():
        sys.exit(f"{command} cannot do this")
    if command == "seed_demo":
        assert "STORE_ADMIN_TOKEN" in os.environ
        sys.stdout.write("Sign in as ada\nKey " + os.environ["SECRET_KEY"] + "\n")
    if command == "work":
        token = os.environ["STORE_TOKEN"]
        sys.stdout.write(f"working as {arguments[-1]} on {os.environ['DATABASE_URL']}, store token {token}\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
