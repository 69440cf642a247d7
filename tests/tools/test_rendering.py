"""A request is exactly what declaration and arguments say: the same bytes each time, and values stay in their places."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestra import canonical
from orchestra.contracts import Request
from orchestra.edge import messages
from orchestra.edge.hosts import Target
from orchestra.errors import Bug, Invalid
from orchestra.tools import rendering
from tests.tools.files import CANCEL, LEAST, READ, tool

CANCELLING = tool(CANCEL)
READING = tool(READ)
ARGUMENTS: dict[str, Any] = {"order_id": "#W1", "reason": "no longer needed"}
IDENTITY: dict[str, Any] = {
    "run": UUID(int=1),
    "call": UUID(int=2),
    "agent": "helper v3",
    "subject": "ann",
    "tool": "t",
    "version_digest": bytes(32),
    "target": "https://store.example.org",
    "environment": "prod",
    "epoch": "1",
    "witness": b'{"order":null}',
}
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
hostile = texts | st.sampled_from(
    [
        "..",
        ".",
        "a/b",
        "a\\b",
        "%2e%2e",
        "?x=1",
        "#f",
        "a b",
        "\r\nHost: evil",
        "{order_id}",
        "{{ key }}",
        "é",
        "😀",
        ";x",
    ]
)


def test_arguments_are_sent_as_canonical_json() -> None:
    request = rendering.render(CANCELLING, {"reason": "é", "order_id": "#W1", "note": "1.0"})
    assert request.body == '{"note":"1.0","order_id":"#W1","reason":"é"}'.encode()
    assert (request.method, request.path) == ("POST", "/tools/cancel/%23W1")


def test_headers_stand_in_one_order_and_hold_no_secret() -> None:
    request = rendering.render(CANCELLING, ARGUMENTS, key="1:abc")
    assert request.headers == (
        ("Accept", "application/json"),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "1:abc"),
    )


def test_without_a_key_the_header_for_it_is_left_out() -> None:
    assert "Idempotency-Key" not in dict(rendering.render(CANCELLING, ARGUMENTS).headers)


def test_a_declared_header_takes_the_place_of_ours() -> None:
    found = tool(LEAST.replace("path: /do", "path: /do, headers: {accept: text/csv, X-Version: '2'}"))
    headers = rendering.render(found, {}).headers
    assert headers == (("accept", "text/csv"), ("Content-Type", "application/json"), ("X-Version", "2"))


def test_the_path_of_the_binding_stands_before_that_of_the_tool() -> None:
    assert (
        rendering.render(CANCELLING, ARGUMENTS, prefix="/worlds/w1").path == "/worlds/w1/tools/cancel/%23W1"
    )


def test_a_reading_has_no_body_and_its_query_in_order_of_name() -> None:
    spec = READ.replace("deep: {type: boolean}", "deep: {type: boolean}, at: {type: array}")
    found = tool(spec.replace('{deep: "{{', '{deep: "{{ args.deep }}", at: "{{ args.at }}", b: "{{'))
    request = rendering.render(found, {"id": "1", "deep": True, "at": ["x y", 2]})
    assert request == Request(
        "GET", "/orders/1?at=x%20y&at=2&b=true&deep=true", (("Accept", "application/json"),), b""
    )


def test_an_optional_argument_that_is_not_given_is_left_out_of_query_and_body() -> None:
    assert rendering.render(READING, {"id": "1"}).path == "/orders/1"
    body = 'path: /do, body: {a: {x: "{{ args.x }}", y: 1}}'
    spec = LEAST.replace("path: /do", body).replace("{type: object}", "{type: object, properties: {x: {}}}")
    assert rendering.render(tool(spec), {}).body == b'{"a":{"y":1}}'
    assert rendering.render(tool(spec), {"x": None}).body == b'{"a":{"x":null,"y":1}}'


def test_a_body_template_keeps_types_and_takes_the_key() -> None:
    body = 'path: /do, body: {ref: "{{ key }}", all: "{{ args }}"}'
    found = tool(LEAST.replace("path: /do", body))
    assert json.loads(rendering.render(found, {"n": [1, None]}, key="k").body) == {
        "ref": "k",
        "all": {"n": [1, None]},
    }
    with pytest.raises(Invalid, match="`key` is missing"):
        rendering.render(found, {})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"order_id": "#W1"}, "reason"),
        ({"order_id": 1, "reason": "x"}, "/order_id"),
        ({"order_id": "#W1", "reason": "x", "more": 1}, "more"),
        ([], "array|object"),
        (None, "object"),
        ({"order_id": "", "reason": "x"}, "/order_id: is empty"),
        ({"order_id": "..", "reason": "x"}, "dots only"),
        ({"order_id": "a/b", "reason": "x"}, "slash"),
        ({"order_id": "a\\b", "reason": "x"}, "slash"),
        ({"order_id": "a\nb", "reason": "x"}, "control character"),
        ({"order_id": "\ud800", "reason": "x"}, "surrogate"),
        ({"order_id": "x", "reason": "y" * 300_000}, "at most 262144"),
    ],
)
def test_what_does_not_fit_or_cannot_be_rendered_is_refused(arguments: Any, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        rendering.render(CANCELLING, arguments)


def test_a_value_in_a_schema_error_is_not_repeated() -> None:
    with pytest.raises(Invalid) as caught:
        rendering.render(CANCELLING, {"order_id": ["secret-value"], "reason": "x"})
    assert "secret-value" not in str(caught.value)


@given(hostile, hostile)
def test_a_value_in_a_path_stays_in_its_part_of_the_path(order: str, reason: str) -> None:
    try:
        request = rendering.render(CANCELLING, {"order_id": order, "reason": reason}, prefix="/w")
    except Invalid:
        assume(False)
    split = urlsplit(request.path)
    assert (split.query, split.fragment) == ("", "")
    parts = split.path.split("/")
    assert parts[:4] == ["", "w", "tools", "cancel"]
    assert len(parts) == 5
    assert unquote(parts[4]) == order
    assert len(unquote(split.path).split("/")) == 5  # also for a server that decodes first
    assert canonical.parse(request.body) == {"order_id": order, "reason": reason}


@given(hostile, hostile)
def test_hostile_values_in_a_query_stay_values(name: str, deep: str) -> None:
    spec = READ.replace("deep: {type: boolean}", "deep: {type: string}")
    try:
        request = rendering.render(tool(spec), {"id": name, "deep": deep})
    except Invalid:
        assume(False)
    assert parse_qsl(urlsplit(request.path).query, keep_blank_values=True) == [("deep", deep)]


@given(hostile, hostile)
def test_what_is_rendered_passes_the_edge_and_has_one_request_line(order: str, reason: str) -> None:
    try:
        request = rendering.render(CANCELLING, {"order_id": order, "reason": reason}, key="1:k")
    except Invalid:
        assume(False)
    wire = messages.write(request, Target("https", "store.example.org", 443), {})
    head, _, body = wire.partition(b"\r\n\r\n")
    assert body == request.body
    assert len(head.split(b"\r\n")) == 1 + 1 + len(request.headers) + 3


@given(st.dictionaries(texts, st.integers(-1000, 1000) | texts, max_size=5))
def test_the_same_arguments_in_any_order_give_the_same_bytes(arguments: dict[str, Any]) -> None:
    found = tool(LEAST)
    backwards = dict(reversed(list(arguments.items())))
    assert rendering.render(found, arguments) == rendering.render(found, backwards)


def test_a_template_in_a_value_is_never_filled_in() -> None:
    found = tool(LEAST.replace("path: /do", 'path: /do, body: {all: "{{ args }}", key: "{{ key }}"}'))
    body = json.loads(rendering.render(found, {"x": "{{ key }}"}, key="k").body)
    assert body == {"all": {"x": "{{ key }}"}, "key": "k"}


# --- The digest.

REQUEST = rendering.render(CANCELLING, ARGUMENTS, key="1:k")
DIGEST = rendering.digest(REQUEST, **IDENTITY)


def test_the_digest_is_the_same_each_time_and_has_32_bytes() -> None:
    assert rendering.digest(REQUEST, **IDENTITY) == DIGEST
    assert len(DIGEST) == 32


@given(st.data())
def test_flipping_any_bit_of_any_part_changes_the_digest(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*IDENTITY, "method", "path", "header name", "header value", "body"]))
    changed = dict(IDENTITY)
    request = REQUEST
    if name in IDENTITY:
        changed[name] = flipped(data, IDENTITY[name])
    elif name.startswith("header"):
        place = data.draw(st.integers(0, len(REQUEST.headers) - 1))
        pair = list(REQUEST.headers[place])
        side = name == "header value"
        pair[side] = flipped(data, pair[side])
        headers = (*REQUEST.headers[:place], (pair[0], pair[1]), *REQUEST.headers[place + 1 :])
        request = replace(REQUEST, headers=headers)
    else:
        request = replace(REQUEST, **{name: flipped(data, getattr(REQUEST, name))})
    assert rendering.digest(request, **changed) != DIGEST


def flipped(data: st.DataObject, value: Any) -> Any:
    """The value with one bit turned over; a text stays one."""
    if isinstance(value, UUID):
        return UUID(bytes=flipped(data, value.bytes))
    raw = bytearray(value.encode() if isinstance(value, str) else value)
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 6 if isinstance(value, str) else 7))
    return raw.decode() if isinstance(value, str) else bytes(raw)


@given(st.data())
def test_bytes_that_move_from_one_part_to_the_next_change_the_digest(data: st.DataObject) -> None:
    names = ["agent", "subject", "tool", "target", "environment", "epoch"]
    first = data.draw(st.sampled_from(names[:-1]))
    second = names[names.index(first) + 1]
    moved = {first: IDENTITY[first][:-1], second: IDENTITY[first][-1] + IDENTITY[second]}
    assert rendering.digest(REQUEST, **{**IDENTITY, **moved}) != DIGEST


def test_a_header_that_moves_into_the_body_changes_the_digest() -> None:
    bare = replace(
        REQUEST, headers=(), body=b"".join(n.encode() + v.encode() for n, v in REQUEST.headers) + REQUEST.body
    )
    assert rendering.digest(bare, **IDENTITY) != DIGEST


def test_every_part_of_the_identity_is_named_by_the_test() -> None:
    assert rendering.digest.__kwdefaults__ is None
    assert set(rendering.digest.__annotations__) - {"request", "return"} == set(IDENTITY)


# --- Lookups and objects.


def test_the_question_after_a_lost_reply_holds_the_key_and_nothing_else_of_it() -> None:
    request = rendering.probe(CANCELLING, ARGUMENTS, key="1:a-b", prefix="/w")
    assert request == Request("GET", "/w/effects/1%3Aa-b", (("Accept", "application/json"),), b"")


def test_a_tool_without_a_lookup_cannot_be_asked() -> None:
    with pytest.raises(Bug):
        rendering.probe(tool(LEAST), {}, key="k")


def test_an_argument_named_key_does_not_stand_in_for_the_key() -> None:
    assert rendering.probe(CANCELLING, {**ARGUMENTS, "key": "other"}, key="mine").path == "/effects/mine"


def test_the_object_of_a_call_is_the_value_of_its_argument() -> None:
    assert rendering.object_key(CANCELLING, ARGUMENTS) == "#W1"
    assert rendering.object_key(CANCELLING, {}) is None
    assert rendering.object_key(tool(LEAST), {}) is None
