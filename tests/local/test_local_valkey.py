"""The private Valkey server: what it keeps, whom it lets in, and what earlier starts left behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from orchestra.local import valkey
from orchestra.local.processes import CannotStart
from tests.waiting import until


def client(server: valkey.Valkey) -> redis.Redis:
    return redis.Redis.from_url(server.url(), decode_responses=True)


def test_second_start_finds_the_data_at_the_same_port(folder: Path) -> None:
    first = valkey.start(folder / "valkey")
    client(first).set("kept", "yes")
    first.stop()
    again = valkey.start(folder / "valkey")
    try:
        assert client(again).get("kept") == "yes"
        assert again.port == first.port
    finally:
        again.stop()


def test_killed_server_is_revived_with_what_it_had(folder: Path) -> None:
    server = valkey.start(folder / "valkey")
    try:
        client(server).rpush("queue", *range(1000))
        server.running.kill()
        server.revive()
        assert client(server).llen("queue") == 1000
    finally:
        server.stop()


def test_server_that_outlived_its_supervisor_is_ended_first(folder: Path) -> None:
    first = valkey.start(folder / "valkey")
    client(first).set("kept", "yes")
    first.stop()
    orphan = subprocess.Popen(first.running.command.argv, stdout=subprocess.DEVNULL)
    try:
        until((folder / "valkey" / "valkey.pid").exists)
        again = valkey.start(folder / "valkey")
        assert orphan.poll() is not None
        assert client(again).get("kept") == "yes"
        again.stop()
    finally:
        orphan.kill()
        orphan.wait()


def test_nobody_enters_without_the_password_which_is_private(folder: Path) -> None:
    server = valkey.start(folder / "valkey")
    try:
        for password in (None, "wrong"):
            stranger = redis.Redis(port=server.port, password=password, retry=Retry(NoBackoff(), 0))
            with pytest.raises(redis.AuthenticationError):
                stranger.ping()
        assert server.password not in " ".join(psutil.Process(server.running.pid).cmdline())
        assert (folder / "valkey" / "valkey.conf").stat().st_mode & 0o077 == 0
        listens = {
            c.laddr.ip for c in psutil.Process(server.running.pid).net_connections() if c.status == "LISTEN"
        }
        assert listens == {"127.0.0.1"}
    finally:
        server.stop()


def test_full_server_refuses_and_forgets_nothing(folder: Path) -> None:
    server = valkey.start(folder / "valkey", memory="3mb")
    try:
        full = client(server)
        full.set("first", "kept")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            fill(full)
        assert full.get("first") == "kept"
    finally:
        server.stop()


def fill(full: redis.Redis) -> None:
    for number in range(1000):
        full.set(f"more-{number}", "x" * 10_000)


def test_folder_that_cannot_be_read_is_said(folder: Path) -> None:
    (folder / "valkey" / "appendonlydir").mkdir(parents=True)
    (folder / "valkey" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(CannotStart, match=r"server\.log says"):
        valkey.start(folder / "valkey")
