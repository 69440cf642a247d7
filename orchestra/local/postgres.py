"""Owns a private PostgreSQL server: makes its data and roles, starts it, stops it.

Refuses to grant rights on tables (migrations do that) and to touch a server it did not start.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg
from psycopg import sql

from orchestra.local import folders, ports
from orchestra.local.processes import CannotStart, Command, Pause, Running, User, end, recognise, run

ADMIN = "orchestra_admin"
OWNER = "orchestra_owner"
APP = "orchestra_app"
DATABASE = "orchestra"

SETTINGS: Mapping[str, str] = {
    "listen_addresses": ports.HOST,
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
NO_SETTINGS: Mapping[str, str] = {}
PATIENCE = 120.0  # seconds until it must answer; replaying the log after a crash takes time
STOP_GRACE = 20.0
REVIVALS = 10
LOG_LIMIT = 5_000_000  # bytes; a longer log is put aside at the next start
PASSING = ("could not bind", "Address already in use", "still in use", "lock file")


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that answers. `socket` is the folder of its unix socket."""

    running: Running
    port: int
    socket: Path
    passwords: Mapping[str, str]

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address for a role, over the loopback address."""
        return f"postgresql://{role}:{self.passwords[role]}@{ports.HOST}:{self.port}/{database}"

    @contextmanager
    def admin(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """A session of the superuser over the socket, committing each statement."""
        with psycopg.connect(
            host=str(self.socket),
            port=self.port,
            user=ADMIN,
            password=self.passwords[ADMIN],
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        ) as connection:
            yield connection

    def create_database(self, name: str, *, template: str = "template1") -> None:
        """A database of the owner that the app may connect to. Rights inside come with the template."""
        with self.admin() as admin:
            _say(admin, "CREATE DATABASE {} OWNER {} TEMPLATE {}", name, OWNER, template)
        self.restrict(name)

    def lodge(self, name: str) -> str:
        """A role and a database of that name for a service that knows nothing of ours; the address, new at each call."""
        password = secrets.token_urlsafe(24)
        with self.admin() as admin:
            if not _exists(admin, "SELECT 1 FROM pg_roles WHERE rolname = %s", name):
                _say(admin, "CREATE ROLE {} LOGIN", name)
            secret = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), sql.Literal(password))
            admin.execute(secret)
            if not _exists(admin, "SELECT 1 FROM pg_database WHERE datname = %s", name):
                _say(admin, "CREATE DATABASE {} OWNER {}", name, name)
            _say(admin, "REVOKE ALL ON DATABASE {} FROM PUBLIC", name)
        return f"postgresql://{name}:{password}@{ports.HOST}:{self.port}/{name}"

    def restrict(self, name: str) -> None:
        """Only owner and app may connect to the database."""
        with self.admin() as admin:
            _say(admin, "REVOKE ALL ON DATABASE {} FROM PUBLIC", name)
            _say(admin, "GRANT CONNECT ON DATABASE {} TO {}", name, APP)

    def restrict_schema(self, name: str) -> None:
        """Inside the database only the owner creates; the app may use what it is granted."""
        with self.admin(name) as admin:
            _say(admin, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
            _say(admin, "GRANT USAGE ON SCHEMA public TO {}", APP)

    def drop_database(self, name: str) -> None:
        """Drop it, ending the sessions in it."""
        with self.admin() as admin:
            _say(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def stop(self) -> None:
        """Stop it; sessions are ended, what they committed is kept."""
        self.running.stop()

    def revive(self, *, pause: Pause = time.sleep) -> None:
        """Start it again on the same port if it does not run; returns when it answers, or CannotStart."""
        for _ in range(REVIVALS):
            if self.running.pid is None:
                self.running.start()
            if self.answers(pause=pause):
                return
            pause(0.2)  # sessions of a killed server end in a moment
        raise CannotStart(f"PostgreSQL does not start again; see {self.running.command.log}")

    def answers(self, *, pause: Pause = time.sleep) -> bool:
        """True once it answers, False when it ended instead. CannotStart when it takes too long."""
        until = time.monotonic() + PATIENCE
        while self.running.pid is not None:
            try:
                with self.admin():
                    return True
            except psycopg.OperationalError as error:
                if "password authentication" in str(error) or time.monotonic() > until:
                    raise CannotStart(f"PostgreSQL runs but does not let us in: {error}") from None
                pause(0.02)
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Installation:
    """Where the parts of one server are, and whom it runs as."""

    data: Path
    cluster: Path
    sockets: Path
    programs: Path
    user: User | None
    passwords: Mapping[str, str]
    settings: Mapping[str, str]


def start(data: Path, *, settings: Mapping[str, str] = NO_SETTINGS, pause: Pause = time.sleep) -> Postgres:
    """Start the server of that folder, making it first if need be; returns when it answers.

    `settings` are PostgreSQL's, added to ours. Raises CannotStart, with what the server said. The caller
    sees to it that nobody else uses the folder: a server that runs there is taken for a leftover and ended.
    """
    installation = _installation(data, settings)
    end_leftover(installation.cluster)
    if not installation.cluster.exists():
        _initialise(installation, pause)
    postgres = _boot(installation, pause)
    try:
        _make_roles(postgres)
    except BaseException:
        postgres.stop()
        raise
    return postgres


def cluster_folder(data: Path) -> Path:
    """Where the server of that folder keeps its data: inside, unless its user cannot enter there."""
    wanted = data / "cluster"
    return folders.place(wanted, folders.server_user(wanted))


def end_leftover(cluster: Path) -> None:
    """End a server that outlived its supervisor, after proving that it is the one of this folder."""
    lock = cluster / "postmaster.pid"
    try:
        pid = int(lock.read_text().splitlines()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    if found := recognise(pid, name="postgres", folder=cluster):
        end(found, by=signal.SIGINT, grace=STOP_GRACE)
        return
    for pid in psutil.pids():  # sessions may survive their killed server for a moment
        if session := recognise(pid, name="postgres", folder=cluster):
            end(session, by=signal.SIGQUIT, grace=STOP_GRACE)
    # The number may belong to a stranger or a zombie by now; PostgreSQL would take that for a server.
    lock.unlink(missing_ok=True)


def _installation(data: Path, settings: Mapping[str, str]) -> _Installation:
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o711)  # the server's user must be able to pass
    cluster = cluster_folder(data)
    user = folders.server_user(cluster)
    if user is None and cluster.exists() and cluster.stat().st_uid != os.geteuid():
        raise CannotStart(f"{cluster} belongs to another user (was it made by root?). Start as that user.")
    return _Installation(
        data=data,
        cluster=cluster,
        sockets=folders.sockets(cluster, user),
        programs=folders.programs(user),
        user=user,
        passwords=_passwords(data / "passwords.json", made=cluster.exists()),
        settings={**SETTINGS, **settings},
    )


def _passwords(path: Path, *, made: bool) -> Mapping[str, str]:
    if path.exists():
        found: dict[str, str] = json.loads(path.read_text())
        return found
    if made:
        raise CannotStart(f"{path} is missing, so nobody can sign in. Put it back, or make demo-reset.")
    passwords = {role: secrets.token_urlsafe(24) for role in (ADMIN, OWNER, APP)}
    folders.write_private(path, json.dumps(passwords, indent=1))
    return passwords


def _initialise(installation: _Installation, pause: Pause) -> None:
    """Make the data beside its place and move it there when complete: a start that is killed leaves no half."""
    partial = installation.cluster.with_name("cluster.partial")
    user = installation.user
    if partial.exists():
        shutil.rmtree(partial)
    if not folders.claim(partial, mode=0o700, owner=user):
        raise CannotStart(f"{partial} cannot be made.")
    with tempfile.NamedTemporaryFile("w", dir=partial.parent) as secret:
        secret.write(installation.passwords[ADMIN])
        secret.flush()
        if user:
            os.chown(secret.name, user.uid, user.gid)
        options = ["-D", str(partial), "-U", ADMIN, f"--pwfile={secret.name}", "--data-checksums"]
        options += ["--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--encoding=UTF8"]
        options += [
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ]
        if installation.settings.get("fsync") == "off":
            options.append("--no-sync")
        code, said = run(
            Command(name="initdb", argv=(str(installation.programs / "initdb"), *options), user=user),
            pause=pause,
        )
    if code:
        raise CannotStart(f"PostgreSQL cannot make its data in {partial}:\n{said.strip()}")
    partial.rename(installation.cluster)


def _boot(installation: _Installation, pause: Pause) -> Postgres:
    log = installation.data / "server.log"
    _put_aside(log)
    log.touch(mode=0o600)
    for attempt in range(1, 6):
        port = ports.choose(installation.data / "port")
        command = _command(installation, port, log)
        postgres = Postgres(Running(command), port, installation.sockets, installation.passwords)
        begin = log.stat().st_size
        postgres.running.start()
        try:
            if postgres.answers(pause=pause):
                return postgres
        except BaseException:
            postgres.stop()
            raise
        said = log.read_bytes()[begin:].decode(errors="replace").strip()
        if attempt == 5 or not any(word in said for word in PASSING):
            break
        pause(0.2 * attempt)
    raise CannotStart(f"PostgreSQL does not start; {log} says:\n{said[-2000:]}")


def _command(installation: _Installation, port: int, log: Path) -> Command:
    settings = {**installation.settings, "port": str(port)}
    settings["unix_socket_directories"] = str(installation.sockets)
    options = [f"--{name}={value}" for name, value in settings.items()]
    return Command(
        name="postgres",
        argv=(str(installation.programs / "postgres"), "-D", str(installation.cluster), *options),
        user=installation.user,
        log=log,
        stop=signal.SIGINT,  # "fast": ends sessions, keeps what was committed
        grace=STOP_GRACE,
    )


def _make_roles(postgres: Postgres) -> None:
    """Roles and database as they should be; every time, so that a first start cut short is completed."""
    with postgres.admin() as admin:
        for role in (OWNER, APP):
            if not _exists(admin, "SELECT 1 FROM pg_roles WHERE rolname = %s", role):
                password = sql.Literal(postgres.passwords[role])
                admin.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), password)
                )
        if not _exists(admin, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
            _say(admin, "CREATE DATABASE {} OWNER {}", DATABASE, OWNER)
    postgres.restrict(DATABASE)
    postgres.restrict_schema(DATABASE)


def _exists(connection: psycopg.Connection, query: LiteralString, name: str) -> bool:
    return connection.execute(query, [name]).fetchone() is not None


def _say(connection: psycopg.Connection, statement: LiteralString, *names: str) -> None:
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _put_aside(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.rename(log.with_suffix(".log.1"))
