"""Strict parsing, the number profile, limits, canonical bytes and digests."""

from __future__ import annotations

import enum
import hashlib
import json
import math
import struct
from collections.abc import Callable
from typing import Any

import pytest

from orchestra import canonical
from orchestra.canonical import LARGEST, RESULTS, Limits
from orchestra.errors import Invalid


def refusal(attempt: Callable[[], object]) -> Invalid:
    with pytest.raises(Invalid) as caught:
        attempt()
    assert len(caught.value.problems) == 1
    return caught.value


# The poison table: name, body, pointer of the refusal, a word of the message.
POISON: list[tuple[str, bytes, str, str]] = [
    ("raw NUL", b'{"a": "x\0y"}', "", "NUL"),
    ("escaped NUL", b'{"a": ["x", "y\\u0000"]}', "/a/1", "NUL"),
    ("NUL in a key", b'{"a": {"k\\u0000": 1}}', "/a/k\\x00", "NUL"),
    ("lone high surrogate", b'{"a": "\\ud800"}', "/a", "surrogate"),
    ("lone low surrogate", b'["\\udc00\\ud800"]', "/0", "surrogate"),
    ("lone surrogate in a key", b'{"\\ud83d": 1}', "/\\ud83d", "surrogate"),
    ("surrogate as UTF-8", b'"\xed\xa0\x80"', "", "UTF-8"),
    ("invalid UTF-8", b'{"a": "\xff"}', "", "UTF-8"),
    ("overlong UTF-8", b'"\xc0\xaf"', "", "UTF-8"),
    ("UTF-16 with mark", '{"a": 1}'.encode("utf-16"), "", "UTF-8"),
    ("UTF-16 without mark", '{"a": 1}'.encode("utf-16-le"), "", "UTF-16"),
    ("UTF-32", '{"a": 1}'.encode("utf-32-le"), "", "UTF-16"),
    ("byte order mark", b"\xef\xbb\xbf{}", "", "byte order mark"),
    ("NaN", b'{"a": {"b": [1, NaN]}}', "/a/b/1", "NaN"),
    ("Infinity", b'{"a": Infinity}', "/a", "Infinity"),
    ("-Infinity", b"-Infinity", "", "-Infinity"),
    ("1e400", b'{"rows": 1e400}', "/rows", "string"),
    ("1e100000", b"[1e100000]", "/0", "string"),
    ("5,000 digits", b'{"n": ' + b"9" * 5000 + b"}", "/n", "string"),
    ("250,000 digits", b"9" * 250_000, "", "string"),
    ("2^53", b"[9007199254740992]", "/0", "2^53"),
    ("-2^53", b"[-9007199254740992]", "/0", "2^53"),
    ("1e16, whole and beyond", b"[1e16]", "/0", "2^53"),
    ("1e22, whole and beyond", b"[1e22]", "/0", "2^53"),
    ("underflow", b"[1e-400]", "/0", "digits"),
    ("absurd exponent", b"[1e-999999999999999999999999]", "/0", "digits"),
    ("more digits than a double", b'{"a": 0.1000000000000000055}', "/a", "digits"),
    ("half above 2^53-1", b"[9007199254740991.5]", "/0", "2^53"),
    ("duplicate keys", b'{"a": [{"b": 1, "c": 2, "b": 3}]}', "/a/0/b", "more than once"),
    ("duplicate keys by escape", b'{"a": 1, "\\u0061": 1}', "/a", "more than once"),
    ("depth 65", b"[" * 65 + b"]" * 65, "", "64 levels"),
    ("depth 1,000", b"[" * 1000 + b"]" * 1000, "", "64 levels"),
    ("depth 100,000, never closed", b"[" * 100_000, "", "100001 values"),
    ("depth behind an escaped backslash", b'["\\\\", ' + b"[" * 5000, "", "64 levels"),
    ("depth behind an escaped quote", b'["\\"", ' + b"[" * 5000, "", "64 levels"),
    ("depth in objects", b'{"a":' * 65 + b"1" + b"}" * 65, "", "64 levels"),
    ("10,001 values", json.dumps([1] * 10_000).encode(), "", "10000"),
    ("10,001 keys", json.dumps(dict.fromkeys(map(str, range(10_000)), 1)).encode(), "", "10000"),
    ("10,001 empty lists", json.dumps([[]] * 10_000).encode(), "", "10000"),
    ("more than 256 KiB", b'"' + b"a" * 256 * 1024 + b'"', "", "262144"),
    ("empty", b"", "", "not JSON"),
    ("two documents", b"{} {}", "", "not JSON"),
    ("trailing comma", b"[1,]", "", "not JSON"),
    ("comment", b"[1] // no", "", "not JSON"),
    ("raw control character", b'"a\nb"', "", "not JSON"),
    ("leading zero", b"[01]", "", "not JSON"),
    ("refused value before a syntax error", b"[1e400,", "", "not JSON"),
]


@pytest.mark.parametrize(
    ("body", "place", "word"), [row[1:] for row in POISON], ids=[row[0] for row in POISON]
)
def test_poison_is_refused_with_the_place_and_the_reason(body: bytes, place: str, word: str) -> None:
    error = refusal(lambda: canonical.parse(body))
    assert error.problems[0].pointer == place
    assert word in error.message
    error.message.encode()  # the message itself must be safe to send
    assert len(error.message) < 500


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b' {"a": [true, false, null]}\n', {"a": [True, False, None]}),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\\\u0000"', "\\u0000"),
        (b"9007199254740991", LARGEST),
        (b"-9007199254740991", -LARGEST),
        (b"0.1", 0.1),
        (b"0.30000000000000004", 0.30000000000000004),
        (b"5e-324", 5e-324),
        (b'{"A": 2, "\\u00e4": 3, "a\\u0308": 4}', {"A": 2, "\u00e4": 3, "a\u0308": 4}),
        (b"[" * 64 + b"]" * 64, None),
        (b'["' + b"[" * 500 + b'", "\\"[[[["]', ["[" * 500, '"[[[[']),
        (json.dumps([","] * 9_999).encode(), [","] * 9_999),
        (json.dumps({"a": [{}] * 4_999, "b": ["[]{},"] * 4_998}).encode(), None),
    ],
)
def test_what_only_looks_like_poison_is_read(body: bytes, value: object) -> None:
    read = canonical.parse(body)
    assert value is None or read == value


@pytest.mark.parametrize(
    ("body", "value"),
    [(b"1.0", 1), (b"-0.0", 0), (b"-0", 0), (b"1e2", 100), (b"9007199254740991.0", LARGEST), (b"2.50", 2.5)],
)
def test_a_number_has_one_form_however_it_was_written(body: bytes, value: int | float) -> None:
    read = canonical.parse(body)
    assert (type(read), read) == (type(value), value)
    assert math.copysign(1, read) == 1  # type: ignore[arg-type]


def test_a_syntax_error_says_the_line() -> None:
    assert refusal(lambda: canonical.parse(b'{\n "a": 1,\n "b" 2}')).problems[0].line == 3


def test_text_is_held_to_the_same_rules_as_bytes() -> None:
    assert canonical.parse('{"ä": 1}') == {"ä": 1}
    assert "UTF-8" in refusal(lambda: canonical.parse('"\ud800"')).message
    assert "bytes" in refusal(lambda: canonical.parse('"' + "ä" * 131_072 + '"')).message


def test_results_may_be_larger_than_arguments() -> None:
    body = b'"' + b"a" * 300_000 + b'"'
    assert len(str(canonical.parse(body, limits=RESULTS))) == 300_000
    assert "2097152" in refusal(lambda: canonical.parse(b" " * (2 * 1024 * 1024 + 1), limits=RESULTS)).message


def test_a_long_key_does_not_swell_the_message() -> None:
    body = json.dumps({"k" * 100_000: float("nan")}).encode()
    assert len(refusal(lambda: canonical.parse(body)).message) < 300


# Values made by code ---------------------------------------------------------------------------------


class Colour(enum.StrEnum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


def test_a_checked_value_is_a_plain_copy() -> None:
    given_value = {"a": (1, [2.0, -0.0]), "b": Colour.RED, Colour.RED: None}
    made = canonical.check(given_value)
    assert made == {"a": [1, [2, 0]], "b": "red", "red": None}
    assert isinstance(made, dict)
    assert type(made["b"]) is str
    assert [type(key) for key in made] == [str, str, str]
    assert json.dumps(made) == '{"a": [1, [2, 0]], "b": "red", "red": null}'
    given_value["a"][1].append(3)  # type: ignore[union-attr, index]
    assert made["a"] == [1, [2, 0]]


def _endless() -> list[Any]:
    knot: list[Any] = []
    knot += [knot, knot]
    return knot


@pytest.mark.parametrize(
    ("value", "place", "word"),
    [
        ({"a": [{1: 2}]}, "/a/0/1", "keys are strings"),
        ({"a/b": {"~": object()}}, "/a~1b/~0", "object"),
        ([b"x"], "/0", "bytes"),
        ([{1, 2}], "/0", "set"),
        ([Number.ONE], "/0", "Number"),
        ({"a": float("nan")}, "/a", "NaN"),
        ({"a": float("inf")}, "/a", "2^53"),
        ({"a": 1e22}, "/a", "2^53"),
        ({"a": 2**53}, "/a", "2^53"),
        ({"a": 10**5000}, "/a", "2^53"),
        ({"a": "\0"}, "/a", "NUL"),
        ({"\0": 1}, "/\\x00", "NUL"),
        (["é\ud800"], "/0", "surrogate"),
        ({"a": {"\ud800": 1}}, "/a/\\ud800", "surrogate"),
        (_endless(), "", "levels"),
        ([1] * 10_000, "", "values"),
        (["a" * 256 * 1024], "", "bytes"),
        (float("nan"), "", "NaN"),
    ],
)
def test_values_outside_of_the_profile_are_refused_with_the_place(
    value: object, place: str, word: str
) -> None:
    error = refusal(lambda: canonical.check(value))
    assert error.problems[0].pointer == place
    assert word in error.message
    error.message.encode()


def _nested(levels: int) -> Any:
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


def test_checking_and_parsing_draw_the_line_at_the_same_depth_and_count() -> None:
    deep: list[Any] = []
    for _ in range(63):
        deep = [deep]
    assert canonical.check(deep) == canonical.parse(canonical.encode(deep))
    assert "64 levels" in refusal(lambda: canonical.check([deep])).message
    assert canonical.encode([deep])  # what we put around a value that was checked must have room
    assert "128 levels" in refusal(lambda: canonical.encode(_nested(129))).message
    assert canonical.check([1] * 9_999) == [1] * 9_999
    small = Limits(size=10, depth=1, nodes=3)
    assert canonical.check(["a", "b"], limits=small) == canonical.parse(b'["a","b"]', limits=small)
    assert "bytes" in refusal(lambda: canonical.check(["aaaa", "b"], limits=small)).message
    assert "values" in refusal(lambda: canonical.check([1, 2, 3], limits=small)).message


@pytest.mark.parametrize(
    "value", [{1: 2}, [object()], float("nan"), 2**53, "\0", "\ud800", {"\ud800": 1}, [1e22]]
)
def test_what_is_outside_of_the_profile_has_no_bytes(value: object) -> None:
    refusal(lambda: canonical.encode(value))


def test_a_knot_has_no_bytes_and_takes_no_time() -> None:
    refusal(lambda: canonical.encode(_endless()))


# Bytes -------------------------------------------------------------------------------------------------


def test_keys_are_ordered_by_utf_16_code_units_as_in_the_rfc() -> None:
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    read = json.loads(canonical.encode(value))
    assert list(read.values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_the_sample_of_the_rfc_inside_our_profile() -> None:
    value = canonical.parse(
        b'{"numbers": [333333333.33333329, 4.50, 2e-3, 0.000000000000000000000000001],'
        b'"string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/",'
        b'"literals": [null, true, false]}'.replace(b"333333333.33333329", b"333333333.3333333")
    )
    assert (
        canonical.encode(value)
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


@pytest.mark.parametrize(
    ("bits", "text"),
    [  # RFC 8785, appendix B, as far as our profile goes
        ("0000000000000000", b"0"),
        ("8000000000000000", b"0"),
        ("0000000000000001", b"5e-324"),
        ("8000000000000001", b"-5e-324"),
        ("433fffffffffffff", b"9007199254740991"),
        ("3eb0c6f7a0b5ed8d", b"0.000001"),
        ("3eb0c6f7a0b5ed8c", b"9.999999999999997e-7"),
        ("41b3de4355555553", b"333333333.3333332"),
        ("41b3de4355555554", b"333333333.33333325"),
        ("41b3de4355555555", b"333333333.3333333"),
        ("41b3de4355555556", b"333333333.3333334"),
        ("becbf647612f3696", b"-0.0000033333333333333333"),
    ],
)
def test_numbers_are_written_as_in_the_appendix_of_the_rfc(bits: str, text: bytes) -> None:
    assert canonical.encode(struct.unpack(">d", bytes.fromhex(bits))[0]) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(1e-4, b"0.0001"), (1e-5, b"0.00001"), (1e-7, b"1e-7"), (1.5e-10, b"1.5e-10"), (100.0, b"100")],
)
def test_small_and_whole_floats_are_written_as_ecmascript_does(number: float, text: bytes) -> None:
    assert canonical.encode([number]) == b"[" + text + b"]"


def test_strings_escape_only_what_the_rfc_escapes() -> None:
    text = "".join(map(chr, range(1, 0x20))) + '"\\/\x7f\u2028<é😀'
    for value in (text, [text], {"é": text}):
        assert json.loads(canonical.encode(value)) == value
    assert (
        canonical.encode('\b\t\n\f\r\x01\x1f"\\/\x7f\u2028')
        == b'"\\b\\t\\n\\f\\r\\u0001\\u001f\\"\\\\/\x7f\xe2\x80\xa8"'
    )


def test_a_digest_is_sha_256_of_the_canonical_bytes() -> None:
    assert canonical.digest({"b": 1, "a": 2.0}) == hashlib.sha256(b'{"a":2,"b":1}').digest()


def test_frames_are_length_prefixed_and_domains_separate() -> None:
    assert canonical.frame(b"ab", b"") == b"\x00\x00\x00\x02ab\x00\x00\x00\x00"
    expected = hashlib.sha256(b"\x00\x00\x00\x06call/1\x00\x00\x00\x01x").digest()
    assert canonical.framed_digest("call/1", b"x") == expected
    assert canonical.framed_digest("call/2", b"x") != expected
    assert canonical.framed_digest("call/", b"1x") != expected
