"""Seal files: each line follows from the lines before it, or nothing in it is believed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.audit import sealed, signatures
from orchestra.audit.chain import Head
from orchestra.audit.sealed import Book, Seal
from tests.audit.chains import name

SECRET = bytes(range(32))
PUBLIC = signatures.public_key(SECRET)
OTHER = bytes(range(1, 33))
STATES = [
    {1: 1},
    {1: 3, 2: 1},
    {1: 3, 2: 4, 3: 2},
]


def heads(state: dict[int, int]) -> list[Head]:
    """Heads of chains: number of the chain, number of its last link."""
    return [Head(name(chain), seq, bytes([chain, seq]) * 16) for chain, seq in sorted(state.items())]


def made(state: dict[int, int], day: int, *, secret: bytes = SECRET, origin: str = "shop/prod") -> Seal:
    """A seal over heads."""
    seal = Seal(
        origin=origin,
        at=f"2026-01-{day:02}T00:00:00.000000+00:00",
        heads=len(state),
        events=sum(state.values()),
        root=sealed.root(heads(state)),
        previous=bytes(32),
        key=signatures.public_key(secret),
    )
    return seal.signed(secret)


def lines(states: list[dict[int, int]] = STATES, **given: Any) -> list[bytes]:
    """A file: the first line with all heads, the others with what changed."""
    written: list[bytes] = []
    known: dict[str, Head] = {}
    for day, state in enumerate(states, start=1):
        changed = sealed.changed(heads(state), known)
        written.append(sealed.write(made(state, day, **given), changed, whole=day == 1).encode())
        known = {head.chain: head for head in heads(state)}
    return written


def read(file: Iterable[bytes], **given: Any) -> tuple[Book, list[str]]:
    """What a file says, and what is wrong with it."""
    book = Book(**given)
    return book, [str(finding) for finding in sealed.read(file, book)]


def test_a_file_tells_every_sealed_point_and_the_last_heads() -> None:
    book, wrong = read(lines())
    assert wrong == []
    assert book.heads == {head.chain: head for head in heads(STATES[-1])}
    assert {chain: list(points) for chain, points in book.points.items()} == {
        name(1): [1, 3],
        name(2): [1, 4],
        name(3): [2],
    }


def test_a_later_line_holds_only_what_changed() -> None:
    assert [len(json.loads(line).get("changed", [])) for line in lines()] == [0, 2, 2]


def test_all_heads_may_come_again() -> None:
    again = sealed.write(made(STATES[-1], 9), heads(STATES[-1]), whole=True).encode()
    assert read([*lines(), again])[1] == []


def test_a_missing_line_is_found() -> None:
    first, _, third = lines()
    assert "its root does not fit its heads" in read([first, third])[1][0]


def test_lines_that_changed_places_are_found() -> None:
    first, second, third = lines()
    assert "its root does not fit its heads" in read([first, third, second])[1][0]


def test_a_line_that_comes_again_is_found_when_it_is_older() -> None:
    whole = sealed.write(made(STATES[0], 1), heads(STATES[0]), whole=True).encode()
    assert "it is less than the line before it" in read([*lines(), whole])[1][0]


def test_another_key_is_found_when_the_right_one_is_given() -> None:
    file = lines(secret=OTHER)
    assert read(file)[1] == []
    assert "signed with another key" in read(file, keys=frozenset([PUBLIC]))[1][0]


def test_a_key_that_changes_on_the_way_is_found() -> None:
    assert "signed with another key" in read([*lines()[:1], *lines(secret=OTHER)[1:]])[1][0]


def test_seals_of_another_log_are_found() -> None:
    file = lines(origin="shop/test")
    assert "it is of another log, 'shop/test'" in read(file, origin="shop/prod")[1][0]
    assert "it is of another log" in read([*lines()[:1], *file[1:]])[1][0]


def test_a_seal_that_forgets_a_chain_is_found() -> None:
    """Signed with the right key: whoever holds it cannot take back what was sealed before."""
    shrunk = sealed.write(made({1: 9, 4: 9, 5: 9}, 9), heads({1: 9, 4: 9, 5: 9}), whole=True).encode()
    assert "a chain that was sealed before is shorter or missing" in read([*lines(), shrunk])[1][0]


def test_nothing_of_a_wrong_line_is_believed() -> None:
    file = lines()
    file[0] = file[0].replace(b"shop/prod", b"shop/fake")
    book, wrong = read(file[:1])
    assert "the signature does not fit" in wrong[0]
    assert (book.points, book.heads, book.last) == ({}, {}, None)


def test_younger_seals_say_nothing_about_an_older_export() -> None:
    book, wrong = read(lines(), until="2026-01-02T12:00:00.000000+00:00")
    assert wrong == []
    assert book.younger == 1
    assert name(3) not in book.points


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"format":"orchestra.seal.v1"}',
        b'{"format":"orchestra.seal.v1","all":[],"changed":[]}',
        b"[" * 100_000,
    ],
)
def test_garbage_is_a_finding_and_no_crash(raw: bytes) -> None:
    assert read([raw])[1] != []


@given(st.data())
def test_no_field_of_a_line_can_be_changed(data: st.DataObject) -> None:
    file = lines()
    number = data.draw(st.integers(0, 2))
    line = json.loads(file[number])
    field = data.draw(st.sampled_from(sorted(line)))
    junk = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.lists(st.text())))
    value = data.draw(junk.filter(lambda found: found != line[field]))
    file[number] = json.dumps(line | {field: value}).encode()
    assert read(file)[1] != []


def test_the_signed_text_is_what_the_documents_say() -> None:
    seal = replace(made({1: 1}, 1), root=bytes(32), key=bytes(32))
    zeros = "A" * 43 + "="
    assert seal.text().decode() == (
        "orchestra.seal.v1\nshop/prod\n2026-01-01T00:00:00.000000+00:00\n1\n1\n" + f"{zeros}\n" * 3
    )


@pytest.mark.parametrize("text", ["", "AAAA", "no base64!", "A" * 44, "Ä" * 32])
def test_what_is_no_key_is_refused_in_words(text: str) -> None:
    with pytest.raises(signatures.BadKey, match="--key wants 32 bytes in base64"):
        signatures.key_bytes(text, name="--key")


def test_a_new_key_signs_what_its_public_half_confirms() -> None:
    secret = signatures.key_bytes(signatures.new_key(), name="key")
    public = signatures.public_key(secret)
    assert signatures.genuine(public, b"text", signatures.sign(secret, b"text"))
    assert not signatures.genuine(public, b"other", signatures.sign(secret, b"text"))
