"""Says whether this process can do its work, what is missing, and what to do about it.

A failure means: send no traffic here. A warning does not. Refuses to tell secrets: addresses, names of roles.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from django.db.migrations.loader import MigrationLoader

from orchestra.errors import Unavailable
from orchestra.metrics import readings
from orchestra.metrics.readings import Ask

KEEP_SECONDS = 1.0
NAMED = 5


class Level(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `remedy` says how to mend it; empty when there is nothing to mend."""

    name: str
    level: Level
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All checks; ready means that none failed."""

    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        """Whether requests may be sent here."""
        return all(check.level is not Level.FAILURE for check in self.checks)


class Recent:
    """The last report, kept for `KEEP_SECONDS`, so that a flood of questions costs one database session."""

    def __init__(self, make: Callable[[], Report]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._report: Report | None = None
        self._until = 0.0

    def get(self) -> Report:
        """The kept report, or a new one; made by one thread at a time."""
        with self._lock:
            if self._report is None or time.monotonic() >= self._until:
                self._report = self._make()
                self._until = time.monotonic() + KEEP_SECONDS
            return self._report

    def forget(self) -> None:
        """Make the next report a new one."""
        with self._lock:
            self._report = None


def report() -> Report:
    """Look at everything now; takes seconds at most, whatever is away."""
    return Report(checks=(*_database(), _redis()))


recent = Recent(report)


def _database() -> Iterator[Check]:
    try:
        with readings.session() as ask:
            yield Check("database", Level.OK, "PostgreSQL answers.")
            for name, look in _CHECKS.items():
                yield _look(name, look, ask)
    except Unavailable as error:
        remedy = "Check that PostgreSQL runs, and DATABASE_URL: host, port, name, role and password."
        yield Check("database", Level.FAILURE, error.message, remedy)


def _look(name: str, look: Callable[[str, Ask], Check], ask: Ask) -> Check:
    try:
        return look(name, ask)
    except readings.Unreadable as error:
        return Check(
            name, Level.WARNING, error.message, "See the check of migrations; else look for slow queries."
        )


def _migrations(name: str, ask: Ask) -> Check:
    remedy = "Run manage.py migrate as the owner (DATABASE_OWNER_URL)."
    try:
        applied = {(app, migration) for app, migration in ask("SELECT app, name FROM django_migrations", {})}
    except readings.Unreadable:
        return Check(name, Level.FAILURE, "None is applied, or the app role may not read which are.", remedy)
    missing = [
        f"{app}.{migration}" for app, migration in _known_migrations() if (app, migration) not in applied
    ]
    if not missing:
        return Check(name, Level.OK, "All are applied.")
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return Check(name, Level.FAILURE, f"Not applied: {', '.join(missing[:NAMED])}{more}.", remedy)


@cache
def _known_migrations() -> tuple[tuple[str, str], ...]:
    """Migrations of the installed code; they cannot change while it runs."""
    return tuple(sorted(MigrationLoader(None).disk_migrations or ()))


def _role(name: str, ask: Ask) -> Check:
    sql = """
        SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
               count(*) FILTER (WHERE pg_has_role(current_user, relowner, 'USAGE'))
        FROM pg_class
        WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
        AND relkind IN ('r', 'p', 'v', 'S')
    """
    [(superuser, owned)] = ask(sql, {})
    if not superuser and not owned:
        return Check(name, Level.OK, "The app role owns nothing.")
    what = "is a superuser" if superuser else f"owns {owned} tables"
    remedy = "Give DATABASE_URL the app role, and the owner only to migrations (DATABASE_OWNER_URL)."
    return Check(name, Level.WARNING, f"The app role {what}: it could rewrite history.", remedy)


def _workers(name: str, ask: Ask) -> Check:
    count = int(readings.live_workers(ask))
    if count:
        return Check(name, Level.OK, f"{count} alive.")
    detail = f"No worker process was seen in the last {readings.ALIVE_SECONDS} s: runs wait."
    return Check(name, Level.WARNING, detail, "Start one: manage.py work.")


def _stuck(name: str, ask: Ask) -> Check:
    count = int(readings.stuck_runs(ask))
    if not count:
        return Check(name, Level.OK, "No run is stuck.")
    remedy = "SELECT * FROM orchestra_run_stuck names them and says why; please report it as a bug."
    return Check(name, Level.WARNING, f"{count} runs wait for nothing that could come.", remedy)


def _redis() -> Check:
    if readings.queue_length() is not None:
        return Check("redis", Level.OK, "Redis answers.")
    return Check(
        "redis",
        Level.WARNING,
        "Redis does not answer: runs advance by polling, a little later.",
        "Check that Redis runs, and REDIS_URL.",
    )


_CHECKS: dict[str, Callable[[str, Ask], Check]] = {
    "migrations": _migrations,
    "role": _role,
    "workers": _workers,
    "stuck_runs": _stuck,
}
