"""A reply means what the tool's table says, or else the careful thing: doubt about a write is unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra import canonical
from orchestra.contracts import NotSent, Outcome, Reply, SendFailure
from orchestra.errors import Unavailable
from orchestra.tools import replies
from tests.tools.files import CANCEL, LEAST, READ, tool

WRITING = tool(LEAST)
KEYED = tool(CANCEL.replace('replies: {"409": failed, "429": failed_clean}\n', ""))
DECLARED = tool(CANCEL.replace('"409": failed', '5xx: failed, "503": failed_clean'))
READING = tool(READ)
JSON = {"Content-Type": "application/json"}


def reply(status: int, body: bytes = b"{}", **headers: str) -> Reply:
    return Reply(status, headers or JSON, body, 0.1)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *[(status, Outcome.SUCCEEDED) for status in (200, 201, 202, 204)],
        *[(status, Outcome.FAILED) for status in (400, 401, 403, 404, 409, 410, 422)],
        *[(status, Outcome.UNKNOWN) for status in (301, 302, 402, 408, 425, 429, 500, 502, 503, 504, 599)],
    ],
)
def test_a_write_without_a_table_failed_only_where_a_system_says_no(status: int, outcome: Outcome) -> None:
    assert replies.outcome(WRITING, reply(status)).outcome is outcome


def test_a_conflict_of_a_keyed_write_is_unknown_since_the_first_request_may_still_be_at_work() -> None:
    assert replies.outcome(KEYED, reply(409)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("status", [301, 404, 409, 429, 500, 503])
def test_a_reading_that_is_no_success_failed(status: int) -> None:
    assert replies.outcome(READING, reply(status)).outcome is Outcome.FAILED


def test_a_declared_status_goes_before_its_class_and_the_class_before_the_usual() -> None:
    assert replies.outcome(DECLARED, reply(503)).outcome is Outcome.FAILED_CLEAN
    assert replies.outcome(DECLARED, reply(500)).outcome is Outcome.FAILED
    assert replies.outcome(DECLARED, reply(429)).outcome is Outcome.FAILED_CLEAN
    assert replies.outcome(DECLARED, reply(404)).outcome is Outcome.FAILED


@pytest.mark.parametrize("proof", list(NotSent))
@pytest.mark.parametrize("found", [WRITING, READING])
def test_proof_that_nothing_was_sent_is_a_clean_failure(proof: NotSent, found: object) -> None:
    failure = SendFailure("No connection: refused.", proof)
    settled = replies.outcome(found, failure)  # type: ignore[arg-type] # both are declarations
    assert settled == (Outcome.FAILED_CLEAN, None, "No connection: refused.")


def test_silence_after_a_write_is_unknown_and_after_a_reading_a_failure() -> None:
    failure = SendFailure("No complete reply in time.", timed_out=True)
    assert replies.outcome(WRITING, failure).outcome is Outcome.UNKNOWN
    assert replies.outcome(READING, failure).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("body", "headers", "result"),
    [
        (b'{"a": 1.50}', JSON, {"a": 1.5}),
        (b'"done"', JSON, "done"),
        (b"", JSON, None),
        (b"null", JSON, None),
        (b"{}", {"content-type": "application/problem+json; charset=utf-8"}, {}),
        (b"1", {}, 1),
        (b"1", {"content-type": "text/plain"}, {"text": "1"}),
        (b'{"a":1,"a":2}', JSON, {"text": '{"a":1,"a":2}'}),
        (b"\xff\x00x", JSON, {"text": "\ufffd\ufffdx"}),
        (b"NaN", JSON, {"text": "NaN"}),
        (b"[" * 100, JSON, {"text": "[" * 100}),
    ],
)
def test_a_body_is_json_or_kept_as_text(body: bytes, headers: dict[str, str], result: object) -> None:
    assert replies.read(Reply(200, headers, body, 0.0)) == result


def test_a_long_text_is_cut() -> None:
    found = replies.read(Reply(200, {}, ("é" * 10_000).encode(), 0.0))
    assert isinstance(found, dict)
    assert found["text"] == "é" * (replies.LONGEST_TEXT - 1) + "…"


@given(st.binary(max_size=200), st.sampled_from([200, 404, 409, 500]))
def test_whatever_comes_back_can_be_stored(body: bytes, status: int) -> None:
    settled = replies.outcome(WRITING, reply(status, body))
    canonical.check(settled.result, limits=canonical.RESULTS)
    assert "\0" not in settled.error


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error": "order not found"}', "409: order not found"),
        (b'{"error": {"message": "no"}}', "409: no"),
        (b'{"title": "Conflict", "detail": "it is closed"}', "409: it is closed"),
        (b'"no"', "409: no"),
        (b"plain words", "409: plain words"),
        (b'{"error": 1}', "The system answered with status 409."),
        (b"", "The system answered with status 409."),
        (b"[1]", "The system answered with status 409."),
    ],
)
def test_an_error_says_what_the_system_said(body: bytes, error: str) -> None:
    assert replies.outcome(WRITING, reply(409, body)).error == error


def test_a_success_has_no_error() -> None:
    assert replies.outcome(WRITING, reply(200, b'{"error": "no"}')).error == ""


def test_a_lookup_tells_found_absent_or_nothing() -> None:
    assert replies.found(KEYED, reply(200)) is True
    assert replies.found(KEYED, reply(404)) is False
    assert replies.found(KEYED, reply(503)) is None
    assert replies.found(KEYED, SendFailure("x", NotSent.CONNECT)) is None
    assert replies.found(WRITING, reply(200)) is None


def test_an_observation_tells_what_is_not_there_from_what_nobody_knows() -> None:
    assert replies.observed(READING, reply(200, b'{"id": 1}')) == {"id": 1}
    assert replies.observed(READING, reply(404)) is None
    for silence in (reply(503), reply(401), reply(302), SendFailure("x", NotSent.CONNECT)):
        with pytest.raises(Unavailable):
            replies.observed(READING, silence)
