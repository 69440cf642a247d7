"""Who owns the server can write round every guard; verification of the database says what they did."""

from __future__ import annotations

from dataclasses import replace
from typing import LiteralString

import pytest

from orchestra import states
from orchestra.audit.chain import Link
from orchestra.models import Run
from tests import factories
from tests.audit import attacker, chains
from tests.audit.attacker import faults, guards_off, links_of, rebuild, verified
from tests.databases import Database

EDITS: list[LiteralString] = [
    "reason = 'harmless'",
    "actor = 'person:mallory'",
    "source = 'waiting'",
    "target = 'failed'",
    "at = at + interval '1 microsecond'",
    "transaction = transaction + 1",
    "data = '{\"a\":1}'",
    "kind = 'step'",
    "subject = 'another'",
    "object_id = object_id + 1",
    "previous = sha256('')",
    "digest = sha256('')",
]


@pytest.fixture
def run(database: Database) -> Run:
    """A run with a long life, among others."""
    factories.step(state="succeeded")
    factories.toolcall(state="succeeded")
    factories.halt(state="lifted")
    factories.proposal(state="approved")
    return factories.run(state="succeeded")


def test_what_the_app_wrote_is_sound(run: Run) -> None:
    factories.run(state="escalated")
    assert verified() == []


def test_an_edited_event_is_found(database: Database) -> None:
    edited = {factories.run(state="running").uid: change for change in EDITS}
    with guards_off(database) as admin:
        for chain, change in edited.items():
            admin.execute(f"UPDATE orchestra_auditevent SET {change} WHERE chain = %s AND seq = 2", [chain])
    found = {(one.chain, str(one.fault), one.seq) for one in verified()}
    assert {(str(chain), "edited", 2) for chain in edited} <= found


def test_a_deleted_event_is_found(database: Database, run: Run) -> None:
    with guards_off(database) as admin:
        admin.execute("DELETE FROM orchestra_auditevent WHERE chain = %s AND seq = 2", [run.uid])
    assert "deleted" in faults()


def test_events_that_changed_places_are_found(database: Database, run: Run) -> None:
    with guards_off(database) as admin:
        for old, new in ((2, -1), (3, 2), (-1, 3)):
            admin.execute(
                "UPDATE orchestra_auditevent SET seq = %s WHERE chain = %s AND seq = %s", [new, run.uid, old]
            )
    assert "moved" in faults()


def test_a_backdated_event_between_others_is_found(database: Database, run: Run) -> None:
    first, second, *_ = links_of(run.uid)
    false = chains.chained([replace(second, reason="false")], first.digest, 1)[0]
    with guards_off(database) as admin:
        for shift in (1_000, -999):
            admin.execute(
                "UPDATE orchestra_auditevent SET seq = seq + %s WHERE chain = %s AND seq > 1",
                [shift, run.uid],
            )
        attacker.insert(admin, false)
    assert {"inserted", "life"} <= faults()


def test_a_backdated_event_at_the_end_is_found(database: Database, run: Run) -> None:
    def add(links: list[Link]) -> list[Link]:
        return [*links, replace(links[0], kind="note", at=links[0].at - 10 * chains.SECOND)]

    rebuild(database, run.uid, add)
    assert faults() == {"backdated"}


def test_a_cut_tail_is_found_by_the_head(database: Database, run: Run) -> None:
    with guards_off(database) as admin:
        admin.execute("DELETE FROM orchestra_auditevent WHERE chain = %s AND seq = 3", [run.uid])
    assert "cut" in faults()


def test_a_tail_cut_with_its_head_is_found_by_the_row(database: Database, run: Run) -> None:
    rebuild(database, run.uid, lambda links: links[:-1])
    assert faults() == {"row"}


def test_a_fork_is_found(database: Database, run: Run) -> None:
    first, second, *_ = links_of(run.uid)
    false = chains.chained([replace(second, reason="another story")], first.digest, 1)[0]
    with guards_off(database) as admin:
        admin.execute("ALTER TABLE orchestra_auditevent DROP CONSTRAINT auditevent_chain_has_no_fork")
        attacker.insert(admin, false)
    assert "forked" in faults()


def test_a_row_that_was_moved_in_silence_is_found(database: Database, run: Run) -> None:
    with guards_off(database, "orchestra_run") as admin:
        admin.execute("UPDATE orchestra_run SET state = 'cancelled' WHERE id = %s", [run.pk])
    [finding] = verified()
    assert "is cancelled, its last event says succeeded" in finding.what


def test_a_row_that_was_born_in_silence_is_found(database: Database) -> None:
    rows = {kind: getattr(factories, kind)() for kind in states.MACHINES}
    with guards_off(database) as admin:
        for kind, row in rows.items():
            admin.execute(
                "DELETE FROM orchestra_auditevent WHERE kind = %s AND object_id = %s", [kind, row.pk]
            )
            admin.execute("DELETE FROM orchestra_audithead WHERE chain = %s", [row.chain])
    silent = {f"{kind} {row.pk} is {row.state}, its last event says nothing" for kind, row in rows.items()}
    assert silent <= {one.what for one in verified()}


def test_a_row_that_vanished_is_found(database: Database, run: Run) -> None:
    with guards_off(database, "orchestra_run") as admin:
        admin.execute("DELETE FROM orchestra_run WHERE id = %s", [run.pk])
    assert f"tells of run {run.pk}, which is not there" in {one.what for one in verified()}


def test_an_event_that_the_app_invents_is_found(database: Database, run: Run) -> None:
    """The app's role can append what it likes; it cannot make it fit."""
    other = factories.run()
    with database.connect() as app:
        app.execute(
            "SELECT orchestra_audit_append(%s, 'run', %s, 'run', 'queued', 'running', 'system', '', ''::bytea)",
            [run.uid, other.pk],
        )
    assert {"life", "row"} <= faults()


def test_a_chain_rebuilt_as_a_whole_is_found_only_against_a_seal(database: Database, run: Run) -> None:
    before = links_of(run.uid)
    rebuild(database, run.uid, lambda links: [replace(link, reason="harmless") for link in links])
    assert verified() == []
    points = {str(run.uid): {link.seq: link.digest for link in before}}
    assert faults(points) == {"rebuilt"}


def test_a_life_erased_with_all_its_rows_is_found_only_against_a_seal(database: Database, run: Run) -> None:
    with guards_off(database, "orchestra_run") as admin:
        admin.execute("DELETE FROM orchestra_auditevent WHERE chain = %s", [run.uid])
        admin.execute("DELETE FROM orchestra_audithead WHERE chain = %s", [run.uid])
        admin.execute("DELETE FROM orchestra_run WHERE id = %s", [run.pk])
    assert verified() == []
    assert faults({str(run.uid): {3: bytes(32)}}) == {"cut"}
