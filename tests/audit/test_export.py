"""Files of the record: what goes in comes out, and what is cut, garbled or out of place is said."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.audit import export, verify
from orchestra.audit.chain import Head, Link
from orchestra.audit.export import Header
from tests.audit.chains import links, name, record


def lines(items: Iterable[Link | Head], chain: str | None = None) -> list[str]:
    """The lines of an export."""
    written: list[str] = []
    export.write(Header("shop/prod", "2026-01-01T00:00:00.000000+00:00", chain), items, written.append)
    return written


def verified(path: Path, content: Iterable[str]) -> tuple[int, list[str]]:
    """Exit code and lines of a verification."""
    path.write_text("".join(content))
    said: list[str] = []
    return verify.run(path, None, [], "", said.append), said


def test_a_sound_file_is_sound(tmp_path: Path) -> None:
    code, said = verified(tmp_path / "a", lines(record(links(1), links(2))))
    assert (code, said[0]) == (0, "sound: 2 chains, 14 events, 0 seals")


def test_links_survive_the_way_through_a_file() -> None:
    assert [export.link_of(json.loads(line)) for line in lines(links())[1:-1]] == links()


@given(st.binary(max_size=100))
def test_bytes_survive_as_text(data: bytes) -> None:
    assert export.unbase64(export.base64(data)) == data


def test_a_chain_does_not_hide_in_the_file_of_another(tmp_path: Path) -> None:
    code, said = verified(tmp_path / "a", lines(record(links(1), links(2)), chain=name(1)))
    assert code == 1
    assert name(2) in said[0]
    assert "does not belong into a file of one chain" in said[0]


@pytest.mark.parametrize("kept", range(10))
def test_a_file_that_was_cut_is_found(tmp_path: Path, kept: int) -> None:
    whole = lines(record(links()))
    assert len(whole) == 10
    code, said = verified(tmp_path / "a", whole[:kept])
    assert code == 1
    assert any(line.startswith("file: record: ") for line in said)


def test_lines_behind_the_end_are_found(tmp_path: Path) -> None:
    code, said = verified(tmp_path / "a", [*lines(record(links())), "{}\n"])
    assert (code, "line 11: stands behind the end" in said[0]) == (1, True)


def test_a_whole_chain_left_out_is_found_by_the_counts(tmp_path: Path) -> None:
    whole = lines(record(links(1), links(2)))
    code, said = verified(tmp_path / "a", [*whole[:9], whole[-1]])
    assert code == 1
    assert "the file holds 1 chains and 7 events, its end says otherwise" in said[0]


def test_a_packed_file_that_was_cut_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress("".join(lines(record(links()))).encode())[:-20])
    said: list[str] = []
    assert verify.run(path, None, [], "", said.append) == 1
    assert "cut off or damaged" in said[0]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{}",
        "\x00",
        "NaN",
        '{"head":1}',
        '{"head":{"chain":1,"seq":1,"digest":""}}',
        '{"chain":"\\ud800"}',
        "[" * 100_000,
        "1" * 5_000,
        '{"end":{}}',
        lines(links())[2].replace('"seq":2', '"seq":true'),
        lines(links())[2].replace('"seq":2', '"seq":2.0'),
        lines(links())[2].replace('"actor":"system"', '"actor":"\\ud800"'),
        lines(links())[2].replace('"data":"', '"data":"!'),
    ],
)
def test_a_line_of_garbage_is_a_finding_and_no_crash(tmp_path: Path, line: str) -> None:
    whole = lines(record(links()))
    code, said = verified(tmp_path / "a", [*whole[:3], line.rstrip() + "\n", *whole[3:]])
    assert code == 1
    assert any(one.startswith("file: record: line 4") for one in said)


@pytest.mark.parametrize(
    "line", ["", "{}", '{"format":"orchestra.export.v2","origin":"a","chain":null}', "x"]
)
def test_what_is_no_export_is_not_called_sound(tmp_path: Path, line: str) -> None:
    code, said = verified(tmp_path / "a", [line + "\n", *lines([])[1:]])
    assert code == 1
    assert said[0].startswith("file: record: ")
