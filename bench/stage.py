"""The stage of a workload: services of its own with fsync on, a migrated database, worker processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
from django.core.management import call_command

from orchestra.local import embedded
from orchestra.local.embedded import Services

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = {"shared_buffers": "512MB", "max_wal_size": "4GB"}


@dataclass(frozen=True, slots=True)
class Stage:
    """Running services, told to this process and to the ones it starts."""

    services: Services
    folder: Path

    @contextmanager
    def workers(self, count: int) -> Iterator[list[int]]:
        """Run so many worker processes; yields their pids once each has said that it started."""
        with ExitStack() as stack:
            yield [stack.enter_context(self._worker(number)) for number in range(1, count + 1)]

    @contextmanager
    def _worker(self, number: int) -> Iterator[int]:
        log = self.folder / f"worker{number}.log"
        command = [sys.executable, str(ROOT / "manage.py"), "work", "--name", f"bench{number}"]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=ROOT)
        try:
            while b"worker.started" not in log.read_bytes():
                if process.poll() is not None:
                    raise SystemExit(f"worker {number} ended:\n{log.read_text()}")
            yield process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextmanager
def set_up(functions: str) -> Iterator[Stage]:
    """Start the services, migrate, and set Django up; `functions` are the modules of step functions."""
    with tempfile.TemporaryDirectory(prefix="orchestra-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with embedded.start(folder / "local", given={}, settings=POSTGRES) as services:
            os.environ |= {
                **services.environment,
                "DJANGO_SETTINGS_MODULE": "orchestra.settings",
                "ORCHESTRA_STEP_FUNCTIONS": functions,
                "LOG_LEVEL": "INFO",
            }
            django.setup()
            call_command("migrate", interactive=False, verbosity=0)
            yield Stage(services, folder)
