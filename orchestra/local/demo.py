"""`python -m orchestra.local.demo`: services, example data, web and workers in one terminal, until Ctrl-C.

Refuses to import Django: the commands that need it run as processes once the services answer.
"""

from __future__ import annotations

import argparse
import http.client
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from orchestra.local import embedded, folders, ports
from orchestra.local.embedded import Services
from orchestra.local.processes import CannotStart, Command, Running, run
from orchestra.local.stopping import Stopped, Stopping
from orchestra.local.supervisor import Supervisor

ROOT = Path(__file__).resolve().parent.parent.parent
SLOW = 60.0  # seconds after which we say why it is not ready yet
GRANIAN = (
    *("--interface", "wsgi", "--host", ports.HOST, "--workers", "2", "--blocking-threads", "64"),
    # Without a limit, a SIGTERM while its workers start makes granian hang for good.
    *("--workers-kill-timeout", "3", "--respawn-failed-workers", "--no-access-log", "--log-level", "error"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    options = _options(arguments)
    local = Path(os.environ.get("ORCHESTRA_LOCAL", ROOT / ".local"))
    try:
        if options.reset:
            embedded.reset(local)
            print(f"The data in {local} is gone; the next start begins anew.")
        else:
            with Stopping() as stopping:
                _demonstrate(local, options.port, options.workers, stopping)
    except CannotStart as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except Stopped:
        print("demo: stopped while starting; nothing is left running", file=sys.stderr)
    return 0


def _demonstrate(local: Path, wanted: int, workers: int, stopping: Stopping) -> None:
    print("demo: starting PostgreSQL and Valkey", flush=True)
    with embedded.start(local, pause=stopping.pause) as started:
        environment = _environment(local, started)
        _prepare("migrate", environment, stopping)
        hints = _prepare("seed_demo", environment, stopping)
        port = ports.next_free(wanted)
        if port != wanted:
            print(f"demo: port {wanted} is taken, using {port}", flush=True)
        apps = [_web(port, environment), *(_worker(n, environment) for n in range(1, workers + 1))]
        supervisor = Supervisor(
            local=local, services=started.running, apps=[Running(app) for app in apps], stopping=stopping
        )
        supervisor.run(_Greeting(port, hints, supervisor))
    print("demo: all stopped; the data stays for the next start", flush=True)


class _Greeting:
    """Looks until the web answers ready, then says once where it is and how to sign in."""

    def __init__(self, port: int, hints: str, supervisor: Supervisor) -> None:
        self._port = port
        self._hints = hints.strip()
        self._supervisor = supervisor
        self._slow = time.monotonic() + SLOW
        self._done = False

    def __call__(self) -> None:
        if self._done:
            return
        problem = _not_ready(self._port)
        if not problem:
            self._done = True
            print(self._text(), flush=True)
        elif time.monotonic() > self._slow:
            self._slow = time.monotonic() + SLOW
            self._supervisor.say(f"not ready yet: {problem}")

    def _text(self) -> str:
        lines = ["", f"  Orchestra is ready: http://localhost:{self._port}/", ""]
        lines += [f"  {line}" for line in self._hints.splitlines()]
        lines += ["", "  Ctrl-C stops it and keeps the data; make demo-reset throws the data away.", ""]
        return "\n".join(lines)


def _not_ready(port: int) -> str:
    """What the web says is missing; empty when it is ready."""
    connection = http.client.HTTPConnection(ports.HOST, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read(2000).decode(errors="replace")
        return "" if answer.status == 200 else f"/readyz answers {answer.status}: {said}"
    except (OSError, http.client.HTTPException) as error:
        return f"no answer at port {port} ({error})"
    finally:
        connection.close()


def _environment(local: Path, started: Services) -> Mapping[str, str]:
    """Ours, with the services' addresses, a secret key that stays, and lines that come at once."""
    (local / "static").mkdir(exist_ok=True)  # where the web looks for collected files; here it has none
    environment = {**os.environ, **started.environment}
    environment.setdefault("SECRET_KEY", _secret_key(local / "secret_key"))
    return {**environment, "ORCHESTRA_LOCAL": str(local), "PYTHONUNBUFFERED": "1"}


def _secret_key(path: Path) -> str:
    if not path.exists():
        folders.write_private(path, secrets.token_urlsafe(48))
    return path.read_text(encoding="utf-8").strip()


def _prepare(name: str, environment: Mapping[str, str], stopping: Stopping) -> str:
    """Run a management command to its end; what it printed. CannotStart, with that, when it fails."""
    print(f"demo: manage.py {name}", flush=True)
    quiet = {**environment, "LOG_LEVEL": "WARNING"}
    status, said = run(_manage(name, (name,), quiet), pause=stopping.pause)
    if status:
        raise CannotStart(f"manage.py {name} failed (exit status {status}):\n{said.strip()}")
    return said


def _manage(name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Command:
    argv = (sys.executable, "manage.py", *arguments)
    return Command(name=name, argv=argv, environment=environment, folder=ROOT)


def _web(port: int, environment: Mapping[str, str]) -> Command:
    argv = (sys.executable, "-m", "granian", *GRANIAN, "--port", str(port), "orchestra.wsgi:application")
    return Command(name="web", argv=argv, environment=environment, folder=ROOT)


def _worker(number: int, environment: Mapping[str, str]) -> Command:
    name = f"worker{number}"
    return _manage(name, ("work", "--name", name), environment)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description="Run all of Orchestra here, with example data.")
    parser.add_argument(
        "--port", type=_whole(1, 65535), default=8000, help="of the web; the next free one if taken"
    )
    parser.add_argument("--workers", type=_whole(1, 32), default=2, help="how many worker processes")
    parser.add_argument("--reset", action="store_true", help="throw the data away and end")
    return parser.parse_args(arguments)


def _whole(least: int, most: int) -> Callable[[str], int]:
    """A reader of whole numbers within bounds, for argparse."""

    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {least} to {most}")
        return int(text)

    return read


if __name__ == "__main__":
    sys.exit(main())
