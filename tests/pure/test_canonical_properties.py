"""Canonical bytes and strict parsing, for any value and any bytes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestra import canonical
from orchestra.canonical import ARGUMENTS, LARGEST
from orchestra.errors import Invalid

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NUMBERS = st.integers(-LARGEST, LARGEST) | st.floats(-LARGEST, LARGEST) | st.floats(-1e-3, 1e-3)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert canonical.parse(canonical.encode(value)) == value


@given(VALUES)
def test_reading_gives_the_checked_value_down_to_the_types(value: Any) -> None:
    assert repr(canonical.parse(canonical.encode(canonical.check(value)))) == repr(
        canonical.parse(canonical.encode(value))
    )
    assert canonical.encode(canonical.check(value)) == canonical.encode(value)


def _shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shuffled(value[key]) for key in reversed(value)}
    return [_shuffled(item) for item in value] if isinstance(value, list) else value


@given(VALUES)
def test_bytes_do_not_depend_on_key_order(value: Any) -> None:
    assert canonical.encode(_shuffled(value)) == canonical.encode(value)


@given(VALUES)
def test_the_quick_and_the_careful_encoder_agree(value: Any) -> None:
    plain = canonical.check(value)
    assert canonical._quick(plain) in (None, canonical._write(plain))


@given(
    st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes_give_a_value_or_invalid(body: bytes) -> None:
    try:
        value = canonical.parse(body)
    except Invalid as error:
        error.message.encode()
    else:
        assert canonical.parse(canonical.encode(value)) == value


@given(
    st.lists(
        st.sampled_from([*'[]{}:,"\\ -+.0159eEntuf', "true", "null", "NaN", "\\u0000", "\\ud800", "1e400"])
    )
)
def test_any_mixture_of_json_pieces_gives_a_value_or_invalid(pieces: list[str]) -> None:
    try:
        value = canonical.parse("".join(pieces))
    except Invalid:
        return
    assert canonical.check(value, limits=ARGUMENTS) == value


@given(st.lists(st.binary(max_size=8)), st.lists(st.binary(max_size=8)))
def test_different_parts_never_give_the_same_frame(one: list[bytes], other: list[bytes]) -> None:
    assert (canonical.frame(*one) == canonical.frame(*other)) == (one == other)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_kept_or_refused_never_changed(number: float) -> None:
    try:
        read = canonical.parse(repr(number))
    except Invalid:
        assert abs(number) > LARGEST
    else:
        assert read == number


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,4})?", fullmatch=True))
def test_a_number_is_kept_exactly_or_refused(text: str) -> None:
    try:
        read = canonical.parse(text)
    except Invalid:
        return
    assert Decimal(text) == Decimal(repr(read))
