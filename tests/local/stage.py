"""A small stage for the supervisor's tests: `stage.py LOCAL NAME=PYTHON...` runs services and these programs.

Refuses nothing; it is the demo without Django.
"""

from __future__ import annotations

import sys
from pathlib import Path

from orchestra.local import embedded
from orchestra.local.processes import Command, Running
from orchestra.local.stopping import Stopped, Stopping
from orchestra.local.supervisor import Supervisor


def main(local: Path, *programs: str) -> None:
    """Supervise until a signal comes; print `up` once all run."""
    with (
        Stopping() as stopping,
        embedded.start(local, settings={"fsync": "off"}, pause=stopping.pause) as services,
    ):
        apps = [program(text) for text in programs]
        supervisor = Supervisor(local=local, services=services.running, apps=apps, stopping=stopping)
        said: list[None] = []

        def tick() -> None:
            if not said:
                said.append(None)
                pids = {running.command.name: running.pid for running in (*services.running, *apps)}
                sys.stdout.write(f"up {pids}\n")
                sys.stdout.flush()

        supervisor.run(tick)
    sys.stdout.write("all stopped\n")


def program(text: str) -> Running:
    """NAME=PYTHON as a command with a short grace."""
    name, _, code = text.partition("=")
    return Running(Command(name=name, argv=(sys.executable, "-u", "-c", code), grace=2.5))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), *sys.argv[2:])
    except Stopped:
        sys.stdout.write("stopped early\n")
