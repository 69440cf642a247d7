"""The services of one checkout: one start at a time, and only what the environment does not name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestra.local import embedded
from orchestra.local.embedded import AlreadyRunning
from orchestra.local.processes import CannotStart
from tests.services import POSTGRES

THEIRS = "postgresql://app@db.example.org/orchestra"
THEIR_REDIS = "redis://cache.example.org/0"


def test_addresses_are_told_privately_while_it_runs_and_a_second_start_is_refused(local: Path) -> None:
    told = local / "environment"
    with embedded.start(local, given={}, settings=POSTGRES) as services:
        lines = dict(line.split("=", 1) for line in told.read_text().splitlines())
        assert lines == services.environment
        assert set(lines) == {"DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_DIRECT_URL", "REDIS_URL"}
        assert "//orchestra_app:" in lines["DATABASE_URL"]
        assert "//orchestra_app:" in lines["DATABASE_DIRECT_URL"]
        assert "//orchestra_owner:" in lines["DATABASE_OWNER_URL"]
        assert told.stat().st_mode & 0o077 == 0

        second = embedded.start(local, given={})
        with pytest.raises(AlreadyRunning, match=rf"already running here \(pid {os.getpid()}\)"):
            second.__enter__()
        with pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}"):
            embedded.reset(local)
        assert [running.pid is not None for running in services.running] == [True, True]
    assert not told.exists()
    assert [running.pid for running in services.running] == [None, None]


def test_services_that_the_environment_names_are_not_started(folder: Path) -> None:
    with embedded.start(folder, given={"DATABASE_URL": THEIRS, "REDIS_URL": THEIR_REDIS}) as services:
        assert services.running == ()
        assert set(services.environment.values()) == {THEIRS, THEIR_REDIS}


def test_addresses_in_secret_files_are_found_and_empty_ones_count_as_none(folder: Path) -> None:
    (folder / "secret").write_text(f"{THEIRS}\n")
    given = {"DATABASE_URL": "", "DATABASE_URL_FILE": str(folder / "secret"), "REDIS_URL": THEIR_REDIS}
    with embedded.start(folder, given=given) as services:
        assert services.running == ()
        assert services.environment["DATABASE_OWNER_URL"] == THEIRS
    with pytest.raises(CannotStart, match="DATABASE_URL_FILE cannot be read"):
        embedded.start(folder, given={"DATABASE_URL_FILE": str(folder / "none")}).__enter__()


def test_each_service_is_replaced_alone(folder: Path) -> None:
    owner = THEIRS.replace("app@", "owner@")
    with embedded.start(folder, given={"DATABASE_URL": THEIRS, "DATABASE_OWNER_URL": owner}) as services:
        assert services.postgres is None
        assert services.valkey
        assert services.environment == {
            "DATABASE_URL": THEIRS,
            "DATABASE_OWNER_URL": owner,
            "DATABASE_DIRECT_URL": THEIRS,
            "REDIS_URL": services.valkey.url(),
        }


@pytest.mark.parametrize("name", ["DATABASE_OWNER_URL", "DATABASE_DIRECT_URL"])
def test_a_database_named_in_part_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(CannotStart, match=f"{name} is set but DATABASE_URL is not"):
        embedded.start(folder, given={name: THEIRS}).__enter__()


def test_start_that_fails_half_way_stops_what_it_began(local: Path) -> None:
    (local / "valkey").write_text("in the way")
    with pytest.raises(FileExistsError), embedded.start(local, given={}, settings=POSTGRES):
        pass
    assert not (local / "postgres" / "cluster" / "postmaster.pid").exists()
    assert not (local / "environment").exists()


def test_reset_removes_what_is_ours_and_nothing_else(folder: Path) -> None:
    for name in ("postgres/cluster", "valkey", "static", "store"):
        (folder / name).mkdir(parents=True)
    for name in ("environment", "secret_key", "mine.txt"):
        (folder / name).write_text("kept\n")
    embedded.reset(folder, also=["store", "absent"])
    assert {path.name for path in folder.iterdir()} == {"lock", "static", "mine.txt"}
