"""The private PostgreSQL server: its data, its roles, and what earlier starts left behind."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import psutil
import psycopg
import pytest

from orchestra.local import folders, postgres, processes
from orchestra.local.postgres import APP, OWNER, Postgres
from orchestra.local.processes import CannotStart, Command
from tests.local.conftest import running
from tests.services import POSTGRES
from tests.waiting import until


def write(server: Postgres, value: int) -> None:
    with psycopg.connect(server.url(OWNER)) as owner:
        owner.execute("DROP TABLE IF EXISTS kept")
        owner.execute("CREATE TABLE kept (value int)")
        owner.execute("INSERT INTO kept VALUES (%s)", [value])


def read(server: Postgres) -> list[int]:
    with psycopg.connect(server.url(OWNER)) as owner:
        return [row[0] for row in owner.execute("SELECT value FROM kept ORDER BY value")]


def test_second_start_finds_the_data_at_the_same_port(data: Path) -> None:
    with running(data) as server:
        write(server, 1)
    with running(data) as again:
        assert read(again) == [1]
        assert again.port == server.port


def test_stop_leaves_no_process_and_no_lock(data: Path) -> None:
    with running(data) as server:
        pid = server.running.pid
    assert pid
    assert not psutil.pid_exists(pid)
    assert not (data / "cluster" / "postmaster.pid").exists()


def test_settings_are_durable_unless_asked_otherwise(data: Path) -> None:
    server = postgres.start(data)
    try:
        with psycopg.connect(server.url(APP)) as app:
            assert app.execute("SHOW fsync").fetchone() == ("on",)
            assert app.execute("SHOW synchronous_commit").fetchone() == ("on",)
            assert app.execute("SHOW max_connections").fetchone() == ("100",)
    finally:
        server.stop()


def test_what_was_committed_survives_kill_9_of_the_server(data: Path) -> None:
    with running(data) as server:
        write(server, 1)
        session = psycopg.connect(server.url(APP))  # its process outlives the server for a moment
        server.running.kill()
        with running(data) as again:
            assert read(again) == [1]
        session.close()


def test_killed_server_is_revived_at_its_port(data: Path) -> None:
    with running(data) as server:
        write(server, 1)
        server.running.kill()
        server.revive()
        assert read(server) == [1]


def test_server_that_outlived_its_supervisor_is_ended_first(data: Path) -> None:
    with running(data) as server:
        write(server, 1)
    orphan = untied(server.running.command)
    try:
        until(lambda: accepts(server), what="the orphan to answer")
        with running(data) as again:
            assert orphan.poll() is not None
            assert read(again) == [1]
    finally:
        orphan.kill()
        orphan.wait()


def untied(command: Command) -> subprocess.Popen[bytes]:
    """Started without the tie to our life, as on a system that has none."""
    uid, gid = (command.user.uid, command.user.gid) if command.user else (None, None)
    return subprocess.Popen(command.argv, cwd="/", stderr=subprocess.DEVNULL, user=uid, group=gid)


def accepts(server: Postgres) -> bool:
    try:
        psycopg.connect(server.url(APP)).close()
    except psycopg.OperationalError:
        return False
    return True


def test_lock_of_a_dead_server_naming_a_stranger_does_not_hinder(data: Path) -> None:
    with running(data) as server:
        command = server.running.command
    stranger = processes.spawn(
        Command(name="stranger", argv=("sleep", "60"), user=command.user), subprocess.DEVNULL
    )
    try:
        lock = data / "cluster" / "postmaster.pid"
        lock.write_text(f"{stranger.pid}\n{data / 'cluster'}\n1\n{server.port}\n\n127.0.0.1\n0 0\n")
        with running(data):
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_roles_cut_short_are_completed(data: Path) -> None:
    with running(data) as server, server.admin() as admin:
        admin.execute("DROP DATABASE orchestra WITH (FORCE)")
        admin.execute("DROP ROLE orchestra_app")
    with running(data) as again, psycopg.connect(again.url(APP)) as app:
        assert app.execute("SELECT has_schema_privilege('public', 'CREATE')").fetchone() == (False,)


def test_lost_passwords_are_said(data: Path) -> None:
    file = data / "passwords.json"
    kept = file.rename(file.with_suffix(".kept"))
    try:
        with pytest.raises(CannotStart, match=r"passwords\.json is missing"):
            postgres.start(data, settings=POSTGRES)
    finally:
        kept.rename(file)


def test_server_that_cannot_start_says_why_and_leaves_nothing(data: Path) -> None:
    with pytest.raises(CannotStart, match="unrecognized configuration parameter"):
        postgres.start(data, settings={**POSTGRES, "no_such_setting": "1"})
    assert not (data / "cluster" / "postmaster.pid").exists()


def test_two_servers_run_side_by_side_each_with_its_data(data: Path, folder: Path) -> None:
    with running(data) as first:
        other = folder / "postgres"
        other.mkdir()
        (other / "port").write_text(f"{first.port}\n")
        with running(other) as second:
            assert second.port != first.port
            write(first, 1)
            write(second, 2)
            assert (read(first), read(second)) == ([1], [2])


def test_recorded_port_that_is_taken_is_left(data: Path) -> None:
    with running(data) as server:
        port = server.port
    with socket.create_server(("127.0.0.1", port)), running(data) as again:
        assert again.port != port
        assert int((data / "port").read_text()) == again.port


def test_start_that_is_told_to_stop_leaves_no_server(data: Path) -> None:
    def pause(seconds: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        postgres.start(data, settings=POSTGRES, pause=pause)
    assert not (data / "cluster" / "postmaster.pid").exists()


def test_making_the_data_that_is_told_to_stop_leaves_no_half(folder: Path) -> None:
    def pause(seconds: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        postgres.start(folder / "postgres", settings=POSTGRES, pause=pause)
    assert not (folder / "postgres" / "cluster").exists()


def test_first_start_replaces_what_a_killed_one_left_and_shortens_a_long_socket_path(folder: Path) -> None:
    deep = folder / ("d" * 100) / ("e" * 100) / "postgres"
    half = deep / "cluster.partial"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with running(deep) as server:
        write(server, 1)
        assert len(str(server.socket)) < 80
        assert server.socket.stat().st_mode & 0o077 == 0
    assert not half.exists()
    folders.leave(server.socket)
    assert not server.socket.exists()


def test_signal_of_stop_ends_sessions_without_losing_what_is_committed(data: Path) -> None:
    with running(data) as server:
        write(server, 1)
        session = psycopg.connect(server.url(APP))
        assert server.running.process
        server.running.process.send_signal(signal.SIGINT)
        server.running.process.wait(30)
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    with running(data) as again:
        assert read(again) == [1]
