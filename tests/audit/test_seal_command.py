"""`manage.py audit` from key to verified seal, and what a rebuilt record looks like to who kept the seals."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from orchestra.audit import export, seal, signatures
from orchestra.errors import Invalid, StaleState
from orchestra.models import AuditSeal, Run
from tests import factories
from tests.audit import attacker
from tests.conftest import ROOT
from tests.databases import Database

SECRET = bytes(range(32))
PUBLIC = export.base64(signatures.public_key(SECRET))
OTHER = bytes(range(1, 33))


@pytest.fixture(autouse=True)
def key() -> Iterator[None]:
    """The sealer's key is set."""
    with override_settings(SEAL_KEY=export.base64(SECRET)):
        yield


@pytest.fixture
def run(database: Database) -> Run:
    """A run that ended, beside another."""
    factories.step(state="succeeded")
    return factories.run(state="succeeded")


@pytest.fixture
def seals(run: Run, tmp_path: Path) -> Path:
    """A file with one seal over both."""
    path = tmp_path / "seals.jsonl"
    assert audit("seal", "--origin", "shop/prod", out=path)[0] == 0
    return path


def audit(*words: str, **options: Path | str) -> tuple[int, str]:
    """Run `manage.py audit`: exit code and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    named = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    try:
        call_command("audit", *words, *named, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    return 0, out.getvalue()


def rebuild(database: Database, run: Run) -> None:
    """Give the whole chain another story, with digests and head that fit."""
    attacker.rebuild(database, run.uid, lambda links: [replace(link, reason="harmless") for link in links])


def seal_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a seal file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_sound_record_verifies_against_its_seals(seals: Path) -> None:
    code, said = audit("verify", seals=seals)
    assert (code, said) == (0, "sound: 2 chains, 6 events, 1 seals\n")


def test_a_record_that_went_on_still_verifies(seals: Path, run: Run) -> None:
    factories.run(state="running")
    assert audit("verify", seals=seals)[0] == 0
    assert audit("seal", out=seals)[0] == 0
    assert audit("verify", seals=seals)[0] == 0
    assert [len(line.get("changed") or line["all"]) for line in seal_lines(seals)] == [2, 1]


def test_without_seals_verification_says_what_it_cannot_show(run: Run) -> None:
    code, said = audit("verify")
    assert code == 0
    assert "note: without exported seals (--seals) a chain that was rebuilt" in said


def test_a_chain_rebuilt_as_a_whole_is_found(database: Database, run: Run, seals: Path) -> None:
    rebuild(database, run)
    assert audit("verify")[0] == 0
    code, said = audit("verify", seals=seals)
    assert code == 1
    assert f"rebuilt: chain {run.uid} link 3: is not the link that a seal names" in said


def test_a_rebuilt_chain_is_not_sealed_over(database: Database, run: Run, seals: Path) -> None:
    rebuild(database, run)
    code, said = audit("seal", out=seals)
    assert code == 1
    assert "1 sealed chains were rewritten" in said
    assert AuditSeal.objects.count() == len(seal_lines(seals)) == 1


def test_a_smaller_record_is_not_sealed(database: Database, run: Run, seals: Path, tmp_path: Path) -> None:
    attacker.rebuild(database, run.uid, lambda links: links[:-1])
    code, said = audit("seal", out=tmp_path / "new.jsonl")
    assert code == 1
    assert "smaller than when it was last sealed" in said


def test_a_rebuilt_record_with_seals_of_another_key_is_found(
    database: Database, run: Run, seals: Path
) -> None:
    rebuild(database, run)
    with attacker.guards_off(database) as admin:
        admin.execute("DELETE FROM orchestra_auditseal")
    with override_settings(SEAL_KEY=export.base64(OTHER)):
        forged = seals.with_name("forged.jsonl")
        assert audit("seal", "--origin", "shop/prod", out=forged)[0] == 0
        assert audit("verify", seals=forged)[0] == 0
    code, said = audit("verify", seals=forged, key=PUBLIC)
    assert code == 1
    assert said.count("it is signed with another key") == 2
    code, said = audit("verify", seals=seals)
    assert "rebuilt: " in said
    assert "exported seals are missing in the table" in said


def test_a_log_is_not_taken_for_another(database: Database, seals: Path) -> None:
    assert "it cannot be sealed as shop/test" in audit("seal", "--origin", "shop/test")[1]
    code, said = audit("verify", origin="shop/test", seals=seals)
    assert code == 1
    assert said.count("it is of another log, 'shop/prod'") == 2


def test_a_swapped_log_is_found(database: Database, seals: Path) -> None:
    """A whole other record under the same name, with everything in it fitting."""
    with attacker.guards_off(database) as admin:
        for table in ("auditevent", "audithead", "auditseal"):
            admin.execute(f"DELETE FROM orchestra_{table}")
        admin.execute("SET session_replication_role = replica")
        for table in ("step", "run"):
            admin.execute(f"ALTER TABLE orchestra_{table} DISABLE TRIGGER ALL")
            admin.execute(f"DELETE FROM orchestra_{table}")
    factories.run(state="succeeded")
    assert audit("verify")[0] == 0
    code, said = audit("verify", seals=seals)
    assert code == 1
    assert said.count("a seal names this chain, and all of it is missing") == 2


def test_seals_that_vanish_or_change_in_the_table_are_found(database: Database, seals: Path) -> None:
    for _ in range(2):
        factories.run()
        audit("seal", out=seals)
    with attacker.guards_off(database) as admin:
        admin.execute("DELETE FROM orchestra_auditseal WHERE id = 2")
    code, said = audit("verify", seals=seals)
    assert code == 1
    assert "seal 3 of the table: the signature does not fit" in said
    assert "1 of the exported seals are missing in the table" in said


def test_an_export_verifies_without_a_database(seals: Path, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    assert audit("export", "--all", out=path)[0] == 0
    bare = subprocess.run(
        [sys.executable, "-S", "-m", "orchestra.audit.verify", str(path)],
        cwd=ROOT,
        env={},
        check=False,
        capture_output=True,
        text=True,
    )
    assert bare.stderr == ""
    assert bare.stdout.startswith("sound: 2 chains, 6 events, 0 seals\nnote: without exported seals")
    assert bare.returncode == 0


def test_seals_without_the_library_are_refused_in_words(seals: Path, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    audit("export", "--all", out=path)
    bare = subprocess.run(
        [sys.executable, "-S", "-m", "orchestra.audit.verify", str(path), "--seals", str(seals)],
        cwd=ROOT,
        env={},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (bare.returncode, bare.stdout) == (2, "")
    assert "seals need the package `cryptography`" in bare.stderr


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz"])
def test_an_export_verifies_against_seals(seals: Path, run: Run, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"record.{suffix}"
    audit("export", "--all", out=path)
    factories.run()
    audit("seal", out=seals)
    code, said = audit("verify", str(path), seals=seals, key=PUBLIC)
    assert code == 0
    assert said.splitlines() == [
        "sound: 2 chains, 6 events, 1 seals",
        "note: 1 seals are younger than this export and say nothing about it",
    ]


def test_packed_seals_are_added_to_and_read(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "seals.jsonl.gz"
    assert audit("seal", "--origin", "shop/prod", out=path)[0] == 0
    assert audit("seal", out=path)[0] == 0
    assert len(gzip.decompress(path.read_bytes()).splitlines()) == 2
    assert audit("verify", seals=path)[0] == 0


def test_an_export_of_a_rebuilt_record_is_found(
    database: Database, run: Run, seals: Path, tmp_path: Path
) -> None:
    rebuild(database, run)
    path = tmp_path / "record.jsonl"
    audit("export", "--all", out=path)
    assert audit("verify", str(path))[0] == 0
    code, said = audit("verify", str(path), seals=seals)
    assert code == 1
    assert f"rebuilt: chain {run.uid}" in said


def test_one_run_is_exported_and_verified_alone(run: Run, seals: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    assert audit("export", run=str(run.uid), out=path)[0] == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("target") for line in lines[1:-2]] == ["queued", "running", "succeeded"]
    assert audit("verify", str(path), seals=seals) == (0, "sound: 1 chains, 3 events, 1 seals\n")


def test_an_export_never_overwrites(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_text("precious")
    assert audit("export", "--all", out=path)[0] == 2
    assert path.read_text() == "precious"


def test_wrong_usage_is_told_apart_from_damage(run: Run, tmp_path: Path) -> None:
    assert audit("export", run=str(factories.uid()))[0] == 2
    assert audit("verify", str(tmp_path / "absent"))[0] == 2
    assert audit("verify", key="short")[0] == 2
    assert audit("seal")[1].startswith("This log has no name yet")
    with override_settings(SEAL_KEY=""):
        code, said = audit("seal", "--origin", "a")
    assert (code, "audit key" in said) == (2, True)


def test_an_absent_database_is_no_damage(database: Database) -> None:
    database.postgres.stop()
    code, said = audit("verify")
    assert code == 2
    assert "does not answer" in said


def test_damaged_seals_are_not_added_to(seals: Path) -> None:
    seals.write_text(seals.read_text().replace("shop/prod", "shop/fake"))
    code, said = audit("seal", out=seals)
    assert code == 1
    assert "Begin a new file" in said


def test_only_one_seals_at_a_time(database: Database, run: Run) -> None:
    with database.connect() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [seal.LOCK])
        with pytest.raises(StaleState, match="Somebody else is sealing"):
            seal.seal(secret=SECRET, origin="a")
        other.execute(
            "SELECT pg_advisory_unlock(%s)", [seal.LOCK]
        )  # a session that is left ends a little later
    assert seal.seal(secret=SECRET, origin="a")[0].heads == 2


def test_each_seal_names_the_one_before_it(database: Database, run: Run) -> None:
    first, heads = seal.seal(secret=SECRET, origin="a")
    second, _ = seal.seal(secret=SECRET, origin="a")
    assert first.previous == bytes(32)
    assert second.previous == first.root
    assert [head.chain for head in heads] == sorted(head.chain for head in heads)


@pytest.mark.parametrize("origin", ["", "two\nlines", "a" * 121, " a"])
def test_a_name_that_could_be_misread_is_refused(origin: str) -> None:
    with pytest.raises(Invalid, match="An origin is"):
        seal.seal(secret=SECRET, origin=origin)


def test_keys_are_made_and_shown(database: Database) -> None:
    assert audit("key") == (0, f"{PUBLIC}\n")
    with override_settings(SEAL_KEY=""):
        code, secret = audit("key")
    assert code == 0
    assert len(signatures.key_bytes(secret, name="it")) == 32
