"""A walk along chains finds every kind of damage, names it, and says nothing about what is sound."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.audit.chain import Head, Link
from tests.audit.chains import SECOND, chained, faults, findings, head, links, name, record

COLUMNS = [column.name for column in fields(Link) if column.name not in {"chain", "seq"}]


def altered(item: Any, column: str) -> Any:
    """The same with another value in one column."""
    value = getattr(item, column)
    return replace(item, **{column: value + {int: 1, str: "!", bytes: b"!"}[type(value)]})


def test_a_sound_record_has_no_findings() -> None:
    assert findings(record(links(1), links(2), links(3))) == []


def test_an_empty_record_has_no_findings() -> None:
    assert findings([]) == []


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("place", range(7))
def test_an_edited_column_is_found_in_its_link(column: str, place: int) -> None:
    chain = links()
    chain[place] = altered(chain[place], column)
    assert ("edited", place + 1) in faults(record(chain) if column != "digest" else [*chain, head(links())])


def test_an_edited_link_with_a_new_digest_does_not_fit_the_next_one() -> None:
    chain = links()
    chain[2] = chained([replace(chain[2], reason="harmless")], chain[1].digest, 2)[0]
    assert faults(record(chain)) == {("replaced", 4)}


def test_an_edited_last_link_with_a_new_digest_does_not_fit_the_head() -> None:
    chain = links()
    rebuilt = [*chain[:6], *chained([replace(chain[6], reason="harmless")], chain[5].digest, 6)]
    assert faults([*rebuilt, head(chain)]) == {("head", 7)}


def test_a_missing_link_is_found() -> None:
    chain = links()
    del chain[3:5]
    found = findings(record(chain))
    assert {(str(one.fault), one.seq) for one in found} == {("deleted", 6), ("life", 6)}
    assert "links 4 to 5 are missing" in str(found[0])


def test_a_missing_link_is_found_though_the_others_were_renumbered() -> None:
    chain = links()
    del chain[3]
    chain = [replace(link, seq=seq) for seq, link in enumerate(chain, start=1)]
    assert ("moved", 4) in faults(record(chain))


def test_links_that_changed_places_are_found() -> None:
    chain = links()
    chain[3], chain[4] = replace(chain[4], seq=4), replace(chain[3], seq=5)
    assert {("moved", 4), ("moved", 5)} <= faults(record(chain))


def test_a_link_that_was_put_in_is_found() -> None:
    chain = links()
    false = chained([replace(chain[2], reason="false")], chain[2].digest, 3)[0]
    chain = [*chain[:3], false, *(replace(link, seq=link.seq + 1) for link in chain[3:])]
    assert ("inserted", 5) in faults(record(chain))


def test_a_backdated_link_at_the_end_is_found() -> None:
    chain = links()
    false = replace(chain[6], at=chain[0].at, source="succeeded", target="failed")
    chain += chained([false], chain[6].digest, 7)
    assert ("backdated", 8) in faults(record(chain))


def test_a_clock_that_was_set_back_a_little_is_no_damage() -> None:
    chain = links()
    early = [replace(link, at=link.at - (2 * SECOND if link.seq == 3 else 0)) for link in chain]
    assert findings(record(chained(early))) == []


def test_a_cut_tail_is_found_by_the_head() -> None:
    chain = links()
    assert faults([*chain[:5], head(chain)]) == {("cut", None)}


def test_a_chain_that_is_gone_is_found_by_its_head() -> None:
    assert faults([head(links())]) == {("cut", None)}


def test_a_head_that_is_gone_is_found() -> None:
    assert faults(links()) == {("head", None)}


def test_links_behind_the_head_are_found() -> None:
    chain = links()
    assert faults([*chain, head(chain[:5])]) == {("inserted", 5)}


def test_a_fork_is_found() -> None:
    chain = links()
    fork = chained([replace(chain[4], reason="another story")], chain[3].digest, 4)
    items = sorted([*chain, *fork], key=lambda link: link.seq)
    assert faults([*items, head(chain)]) == {("forked", 5)}


def test_a_chain_that_comes_twice_is_found() -> None:
    assert ("file", None) in faults([*record(links(2)), *record(links(1)), *record(links(2))])


def test_a_chain_rebuilt_as_a_whole_is_found_by_a_seal_only() -> None:
    chain = links()
    rebuilt = chained(replace(link, reason="harmless") for link in chain)
    assert findings(record(rebuilt)) == []
    assert faults(record(rebuilt), {name(): {5: chain[4].digest}}) == {("rebuilt", 5)}


def test_a_tail_cut_with_its_head_is_found_by_a_seal_only() -> None:
    chain = links()
    assert findings(record(chain[:5])) == []
    assert faults(record(chain[:5]), {name(): {7: chain[6].digest}}) == {("cut", None)}


def test_a_chain_that_is_gone_with_its_head_is_found_by_a_seal_only() -> None:
    points = {name(1): {7: links(1)[6].digest}, name(2): {7: links(2)[6].digest}}
    [found] = findings(record(links(1)), points)
    assert str(found) == (
        f"cut: chain {name(2)}: a seal names this chain, and all of it is missing; "
        "look for the missing links in an older export or backup"
    )


def test_an_event_too_many_and_one_too_few_are_found() -> None:
    chain = links()
    assert ("life", 4) in faults(record(chained([*chain[:3], *chain[2:]])))
    assert ("life", 3) in faults(record(chained([*chain[:2], *chain[3:]])))


def test_a_move_that_no_machine_knows_is_found() -> None:
    chain = links()
    chain[6] = replace(chain[6], target="nowhere")
    assert faults(record(chained(chain))) == {("life", 7)}


def test_kinds_without_a_machine_are_left_alone() -> None:
    chain = [replace(link, kind="policy", source="a", target="b") for link in links()]
    assert findings(record(chained(chain))) == []


def test_what_an_attacker_wrote_cannot_turn_the_terminal_round() -> None:
    assert "\x1b" not in str(findings([Head("\x1b[2J", 1, b"")])[0])


@given(st.data())
def test_whatever_is_changed_in_one_place_is_found(data: st.DataObject) -> None:
    """Any one item changed, dropped, doubled or moved elsewhere."""
    items = record(links(1), links(2))
    place = data.draw(st.integers(0, len(items) - 1))
    match data.draw(st.sampled_from(["change", "drop", "double", "move"])):
        case "change":
            column = data.draw(st.sampled_from([column.name for column in fields(items[place])]))
            items[place] = altered(items[place], column)
        case "drop":
            del items[place]
        case "double":
            items.insert(place, items[place])
        case "move":
            item = items.pop(place)
            elsewhere = data.draw(st.integers(0, len(items)).filter(lambda there: there != place))
            items.insert(elsewhere, item)
    assert findings(items) != []
