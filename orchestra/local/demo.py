"""`python -m orchestra.local.demo`: services, example data, web and workers in one terminal, until Ctrl-C.

Refuses to import Django: the commands that need it run as processes once the services answer.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from orchestra.local import embedded, folders, ports, shop
from orchestra.local.embedded import Services
from orchestra.local.greeting import Greeting
from orchestra.local.processes import CannotStart, Command, Running, run
from orchestra.local.shop import Shop
from orchestra.local.stopping import Stopped, Stopping
from orchestra.local.supervisor import Supervisor

ROOT = Path(__file__).resolve().parent.parent.parent
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
            embedded.reset(local, also=[shop.NAME])
            print(f"The data in {local} is gone; the next start begins anew.")
        else:
            with Stopping() as stopping:
                _demonstrate(local, options, stopping)
    except CannotStart as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except Stopped:
        print("demo: stopped while starting; nothing is left running", file=sys.stderr)
    return 0


def _demonstrate(local: Path, options: argparse.Namespace, stopping: Stopping) -> None:
    print("demo: starting PostgreSQL and Valkey", flush=True)
    with embedded.start(local, pause=stopping.pause) as started:
        environment = _environment(local, started)
        store = shop.prepare(local, started, options.data, root=ROOT, pause=stopping.pause)
        with shop.serve(store, root=ROOT) as running:
            hints = _fill(environment, store, running, stopping)
            port = ports.next_free(options.port)
            if port != options.port:
                print(f"demo: port {options.port} is taken, using {port}", flush=True)
            apps = [_web(port, environment)]
            apps += [_worker(n, {**environment, **store.callers}) for n in range(1, options.workers + 1)]
            supervisor = Supervisor(
                local=local,
                services=(*started.running, running),
                apps=[Running(app) for app in apps],
                stopping=stopping,
            )
            supervisor.run(Greeting(port, hints, supervisor.say))
    print("demo: all stopped; the data stays for the next start", flush=True)


def _fill(environment: Mapping[str, str], store: Shop, running: Running, stopping: Stopping) -> str:
    """Tables, then the example data; what there is to know about them. The store starts meanwhile."""
    _prepare(("migrate",), environment, stopping)
    shop.wait_for(store, running, pause=stopping.pause)
    arguments = ("seed_demo", "--store", store.address, "--data", str(store.data))
    hints = _prepare(arguments, {**environment, **store.admins}, stopping)
    store.settle()
    return hints


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


def _prepare(arguments: Sequence[str], environment: Mapping[str, str], stopping: Stopping) -> str:
    """Run a management command to its end; what it printed. CannotStart, with that, when it fails."""
    name = arguments[0]
    print(f"demo: manage.py {name}", flush=True)
    quiet = {**environment, "LOG_LEVEL": "WARNING"}
    status, said = run(_manage(name, arguments, quiet), pause=stopping.pause)
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
    parser.add_argument("--data", type=Path, help="folder of recorded runs; left out: the store's own dozen")
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
