"""The edge of the API: what two readers could see differently, or nobody can keep, is refused with its place, and never breaks."""

from __future__ import annotations

import itertools

import pytest

from orchestra.api.parsing import BODY
from tests.api.site import Site

numbers = itertools.count(1)


def body(site: Site, payload: str) -> bytes:
    """A submission with this text as its payload."""
    return f'{{"workflow": "{site.workflow}", "environment": "dev", "payload": {payload}}}'.encode(
        "utf-8", "surrogatepass"
    )


POISON = {
    "NUL": '{"x": "a\x00b"}',
    "escaped NUL": r'{"x": "a\u0000b"}',
    "NUL in a key": r'{"a\u0000b": 1}',
    "half of a surrogate pair": r'{"x": "\ud800"}',
    "half of a pair in bytes": '{"x": "\ud800"}',
    "NaN": '{"x": NaN}',
    "Infinity": '{"x": -Infinity}',
    "1e400": '{"x": 1e400}',
    "1e100000": '{"x": 1e100000}',
    "long integer": '{"x": ' + "9" * 5000 + "}",
    "large integer": '{"x": 9007199254740992}',
    "digits beyond a double": '{"x": 0.1234567890123456789}',
    "key twice": '{"x": 1, "x": 2}',
    "deep": '{"x": ' + "[" * 1000 + "]" * 1000 + "}",
    "a level too deep": '{"x": ' + "[" * 64 + "]" * 64 + "}",
    "many keys": "{" + ",".join(f'"k{n}": 1' for n in range(12_000)) + "}",
    "no JSON": "{x: 1}",
    "list": "[]",
    "text": '"x"',
    "comment": '{"x": 1 /* one */}',
    "trailing comma": '{"x": 1,}',
}


@pytest.mark.parametrize("what", POISON)
def test_poison_in_the_input_is_refused_with_its_place(site: Site, what: str) -> None:
    told = site.send("POST", "/tasks", body(site, POISON[what]), token=site.token(site.requester))
    assert (told.status, told.code) == (422, "invalid")
    assert told.body["problems"]


@pytest.mark.parametrize("form", ["utf-16", "utf-32", "utf-8-sig", "latin-1"])
def test_other_forms_of_text_are_refused(site: Site, form: str) -> None:
    text = body(site, '{"x": "é"}').decode()
    told = site.send("POST", "/tasks", text.encode(form), token=site.token(site.requester))
    assert (told.status, told.code) == (422, "invalid")


def test_what_is_allowed_comes_through_unchanged(site: Site) -> None:
    payload = {"a": -0.5, "b": "\U0001f600\u202e", "c": 2**53 - 1, "d": {"e": [None, True, "x" * 100_000]}}
    client = site.client(site.requester)
    made = client.submit(payload, workflow=site.workflow, environment="dev")
    assert client.task(made.uid).payload == payload


@pytest.mark.parametrize(
    ("path", "given", "pointer"),
    [
        ("/tasks", {"workflow": "w", "environment": "dev", "more": 1}, "/more"),
        ("/tasks", {"workflow": 1, "environment": "dev"}, "/workflow"),
        ("/tasks", {"workflow": "w", "environment": "dev", "priority": "1"}, "/priority"),
        ("/tasks", {"workflow": "w", "environment": "dev", "priority": True}, "/priority"),
        ("/tasks", {"workflow": "w", "environment": "dev", "due_at": 12}, "/due_at"),
        ("/tasks", {"workflow": "w", "environment": "dev", "due_at": "tomorrow"}, "/due_at"),
        ("/tasks", {"workflow": "w", "environment": "dev", "due_at": "2026-01-01T00:00:00"}, "/due_at"),
        ("/tasks", {"workflow": "w", "environment": "dev", "due_at": "0001-01-01T00:00:00+14:00"}, "/due_at"),
        ("/tasks", {"workflow": "w", "environment": "dev", "labels": {"a": 1}}, "/labels/a"),
        ("/tasks", {"workflow": "w", "environment": "dev", "subject": "s" * 201}, "/subject"),
        ("/tokens", {"name": "t", "scopes": ["tasks:read"]}, "/hours"),
        ("/tokens", {"name": "t", "scopes": "tasks:read", "hours": 1}, "/scopes"),
    ],
)
def test_field_that_does_not_fit_is_named(
    site: Site, path: str, given: dict[str, object], pointer: str
) -> None:
    told = site.send("POST", path, given, token=site.token(site.requester))
    assert (told.status, told.code) == (422, "invalid")
    assert pointer in {each["pointer"] for each in told.body["problems"]}


@pytest.mark.parametrize("given", [b"", b"[]", b"null", b'"x"', b"1"])
def test_body_that_is_no_object_is_refused(site: Site, given: bytes) -> None:
    told = site.send("POST", "/tasks", given, token=site.token(site.requester))
    assert (told.status, told.code) == (422, "invalid")


def test_large_body_is_refused_before_it_is_read(site: Site) -> None:
    token = site.token(site.requester)
    told = site.send("POST", "/tasks", b" " * (BODY.size + 1), token=token)
    assert (told.status, told.code) == (413, "too-large")
    assert site.send("POST", "/tasks", body(site, '{"x": "' + "x" * 262_000 + '"}'), token=token).status in {
        201,
        422,
    }


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_body_that_is_not_said_to_be_json_is_refused(site: Site, kind: str) -> None:
    told = site.send(
        "POST", "/tasks", b"{}", token=site.token(site.requester), headers={"Content-Type": kind}
    )
    assert (told.status, told.code) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("text/html, */*;q=0.1", 200),
        ("application/*", 200),
        ("", 200),
    ],
)
def test_only_json_is_served(site: Site, accept: str, status: int) -> None:
    told = site.send("GET", "/me", token=site.token(site.requester), headers={"Accept": accept})
    assert told.status == status
    if status == 406:
        assert told.code == "not-acceptable"


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/tasks"), ("POST", "/me"), ("PUT", "/runs"), ("PATCH", "/tokens"), ("OPTIONS", "/me")],
)
def test_other_methods_are_refused_and_the_right_ones_named(site: Site, method: str, path: str) -> None:
    told = site.send(method, path, token=site.token(site.requester))
    assert (told.status, told.code) == (405, "method-not-allowed")
    assert "GET" in told.headers["Allow"]


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/tasks/", "/tasks/7", "/runs/../../admin", "/runs/%00", "/tasks/%ff"]
)
def test_address_that_leads_nowhere_is_a_problem_too(site: Site, path: str) -> None:
    told = site.send("GET", path, token=site.token(site.requester))
    assert (told.status, told.code) == (404, "not-found")


@pytest.mark.parametrize(
    "query",
    [
        "reference=a%00b",
        "cursor=x",
        "cursor=WzFd.WzFd",
        "cursor=" + "x" * 500,
        "reference=a&reference=b",
        "mine=perhaps",
    ],
)
def test_parameters_that_mean_nothing_are_refused(site: Site, query: str) -> None:
    told = site.send("GET", f"/tasks?{query}", token=site.token(site.requester))
    assert (told.status, told.code) == (422, "invalid")


@pytest.mark.parametrize(
    "cursor",
    ["W251bGxd", "WzFlNTAwXQ", "Wy0xXQ", "W1sxXV0", "WyJ4Il0", "WzFlMzBd", "Wzk5OTk5OTk5OTk5OTk5OTk5OTld"],
)
def test_forged_cursor_breaks_nothing(site: Site, cursor: str) -> None:
    token = site.token(site.operator)
    for path in ("/tasks", "/runs", "/proposals", "/questions"):
        assert site.send("GET", f"{path}?cursor={cursor}", token=token).status == 422


def test_answers_are_kept_by_nobody_on_the_way(site: Site) -> None:
    told = site.send("GET", "/me", token=site.token(site.requester))
    assert told.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in told.headers


def test_types_of_problems_lead_to_their_words(site: Site) -> None:
    told = site.send("GET", "/nothing")
    way = site.send("GET", f"/../..{told.body['type']}")
    assert way.status == 404  # no way out of the API
    assert told.body["type"] == "/api/problems/not-found"
