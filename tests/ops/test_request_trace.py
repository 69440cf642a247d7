"""Every request has an id and a trace: the caller's when they are well formed, else new ones."""

from __future__ import annotations

import re

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from orchestra import logs
from orchestra.views import tracing

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
local = Client(headers={"host": "localhost"})


def seen(**headers: str) -> logs.Trace:
    """What a view sees as its trace."""
    found: list[logs.Trace] = []

    def view(_request: HttpRequest) -> HttpResponse:
        found.append(logs.current())
        return HttpResponse()

    names = {name.replace("_", "-"): value for name, value in headers.items()}
    tracing.RequestTrace(view)(RequestFactory(headers=names).get("/"))
    return found[0]


def test_the_callers_request_id_is_kept_and_given_back() -> None:
    assert seen(x_request_id="abc-DEF_123").request_id == "abc-DEF_123"
    assert local.get("/healthz", headers={"x-request-id": "abc-DEF_123"})["X-Request-ID"] == "abc-DEF_123"


@pytest.mark.parametrize(
    "given", ["short", "a" * 65, "abc def gh", "abcdefgh\n", "abcdefgh=x", "äbcdefgh", ""]
)
def test_a_malformed_request_id_is_replaced(given: str) -> None:
    found = seen(x_request_id=given).request_id
    assert found != given
    assert re.fullmatch(r"[0-9a-f]{32}", found)


def test_two_requests_without_an_id_get_two() -> None:
    assert local.get("/healthz")["X-Request-ID"] != local.get("/healthz")["X-Request-ID"]


def test_the_callers_trace_is_kept() -> None:
    assert seen(traceparent=TRACEPARENT).traceparent == TRACEPARENT


@pytest.mark.parametrize(
    "given",
    [
        "",
        TRACEPARENT.replace("00-", "01-", 1),
        TRACEPARENT.replace("00-", "ff-", 1),
        TRACEPARENT.upper(),
        TRACEPARENT + "-x",
        TRACEPARENT + "\n",
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
    ],
)
def test_a_malformed_trace_is_replaced(given: str) -> None:
    found = seen(traceparent=given).traceparent
    assert found != given
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", found)


def test_the_trace_ends_with_the_request() -> None:
    seen(x_request_id="abcdefgh")
    assert logs.current() == logs.Trace()


def test_a_request_is_one_line_without_its_query(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="orchestra"):
        local.get("/healthz", {"search": "secret"}, headers={"x-request-id": "abcdefgh"})
    [record] = [record for record in caplog.records if record.msg == "request.finished"]
    line = logs.LineFormatter().format(record)
    assert "event=request.finished method=GET path=/healthz status=200 ms=" in line
    assert "secret" not in line
