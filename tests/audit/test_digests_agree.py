"""The database and Python make the same digest of the same event, whatever is in it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.audit import record
from orchestra.audit.append import SQL, Event, append
from orchestra.audit.chain import Link, digest
from tests import factories
from tests.audit import attacker, chains
from tests.databases import Database

# PostgreSQL's text holds everything but NUL and lone surrogates.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
WORD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
NAME = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=120)
BIGINT = st.integers(-(2**63), 2**63 - 1)
EVENTS = st.tuples(WORD, BIGINT, NAME, WORD, WORD, NAME, TEXT, st.binary(max_size=200))

HOSTILE = [
    "",
    " ",
    " x ",
    "a\nb\r\nc\td",
    "\x1b[31m\x07\x7f",
    "'; DROP TABLE orchestra_run; --",
    "\\x00 \\000 %s %% {}",
    "\u202e\u2066\ufeff",
    "e\u0301 é 𝕏 👩‍👩‍👧 한글",
    "\U0010ffff\ue000",
    "4:text",
]


def stored(chain: UUID) -> list[Link]:
    """The links of a chain, through the road that verification takes."""
    return attacker.links_of(chain)


def appended(*columns: Any) -> Link:
    """The one link of a new chain that the database's function makes of an event."""
    chain = factories.uid()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL, [[value] for value in (chain, *columns)])
    return stored(chain)[0]


@settings(max_examples=150, deadline=None)
@given(event=EVENTS)
def test_any_event_has_one_digest(shared: Database, event: tuple[Any, ...]) -> None:
    link = appended(*event)
    told = (
        link.kind,
        link.object_id,
        link.subject,
        link.source,
        link.target,
        link.actor,
        link.reason,
        link.data,
    )
    assert told == event
    assert digest(link) == link.digest


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_has_one_digest(shared: Database, text: str) -> None:
    link = appended(text[:20], 1, text, text[:20], text[:20], text, text * 50, text.encode())
    assert digest(link) == link.digest
    assert link.reason == text * 50


def test_texts_that_run_into_each_other_have_different_digests(shared: Database) -> None:
    one = appended("run", 1, "ab", "c", "", "", "", b"")
    two = appended("run", 1, "a", "bc", "", "", "", b"")
    same = [digest(Link(**{**fields(link), "chain": "", "at": 0, "transaction": 0})) for link in (one, two)]
    assert same[0] != same[1]


@pytest.mark.parametrize(
    "at",
    [
        "4713-01-01 BC",
        "0001-01-01",
        "1969-12-31 23:59:59.999999",
        "9999-12-31",
        "199999-12-31 23:59:59.999999",
    ],
)
def test_far_times_are_read_to_the_microsecond(shared: Database, at: str) -> None:
    """No clock shows them, but who writes them by hand must not make verification stumble."""
    chain = factories.uid()
    with attacker.guards_off(shared) as admin:
        attacker.insert(admin, chains.chained([link_of(chain)])[0])
        admin.execute(
            "UPDATE orchestra_auditevent SET at = %s::timestamp AT TIME ZONE 'UTC' WHERE chain = %s",
            [at, chain],
        )
        micros = admin.execute(
            "SELECT (extract(epoch FROM at) * 1000000)::bigint FROM orchestra_auditevent WHERE chain = %s",
            [chain],
        ).fetchone()
    assert micros
    assert stored(chain)[0].at == micros[0]
    assert "edited" in attacker.faults()


@pytest.mark.parametrize("at", ["infinity", "-infinity", "294276-12-31 23:59:59.999999"])
def test_a_time_beyond_all_clocks_is_an_edit_and_no_crash(shared: Database, at: str) -> None:
    chain = factories.uid()
    with attacker.guards_off(shared) as admin:
        attacker.insert(admin, chains.chained([link_of(chain)])[0])
        admin.execute("UPDATE orchestra_auditevent SET at = %s WHERE chain = %s", [at, chain])
    assert "edited" in attacker.faults()


def test_events_of_one_statement_are_chained_in_their_order(shared: Database) -> None:
    chain = factories.uid()
    events = [
        Event(chain, "note", 1, "a note", "", str(place), "system", "", {"n": place}) for place in range(50)
    ]
    with transaction.atomic():
        append(events)
    links = stored(chain)
    assert [link.target for link in links] == [str(place) for place in range(50)]
    assert [link.seq for link in links] == list(range(1, 51))
    assert [link.previous for link in links[1:]] == [link.digest for link in links[:-1]]
    assert [link.at for link in links] == sorted(link.at for link in links)


def test_nul_never_reaches_the_record(shared: Database) -> None:
    with pytest.raises(DataError, match="NUL"), transaction.atomic():
        appended("run", 1, "a\0b", "", "", "", "", b"")


def test_what_is_read_is_as_of_one_moment(shared: Database) -> None:
    run = factories.run()
    with record.snapshot():
        before = list(record.items(run.uid))
        with shared.connect() as other:
            other.execute(
                "SELECT orchestra_audit_append(%s, 'note', 1, '', '', '', '', '', ''::bytea)", [run.uid]
            )
        assert list(record.items(run.uid)) == before
    assert len(stored(run.uid)) == len(before)


def fields(link: Link) -> dict[str, Any]:
    """The columns of a link."""
    return {name: getattr(link, name) for name in attacker.COLUMNS}


def link_of(chain: UUID) -> Link:
    """A loose link of a chain."""
    return Link(str(chain), 1, 0, 1, "note", 1, "", "", "", "", "", b"", b"", b"")
