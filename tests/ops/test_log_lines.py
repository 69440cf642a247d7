"""A log line is one line, says what it belongs to, and holds no payload."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra import logs
from orchestra.errors import Invalid

Lines = Callable[[], list[str]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What the handler of the settings would print, from the start of the test."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.LineFormatter())
    handler.addFilter(logs.ContextFilter())
    logging.getLogger().addHandler(handler)
    yield lambda: stream.getvalue().split("\n")[:-1]
    logging.getLogger().removeHandler(handler)


def formatted(**fields: logs.Field) -> str:
    """One line with these fields, without a handler."""
    record = logging.LogRecord("orchestra.step", logging.INFO, __file__, 1, "step.finished", (), None)
    record.orchestra_fields = fields
    return logs.LineFormatter().format(record)


def test_an_event_is_one_line_with_time_level_logger_and_fields(lines: Lines) -> None:
    logs.event("step.finished", step="pay", attempt=2, ms=1.23456, late=False)
    [line] = lines()
    time, rest = line.split(" ", 1)
    assert time.startswith("time=20")
    assert time.endswith("Z")
    assert rest == (
        "level=info logger=orchestra.step event=step.finished step=pay attempt=2 ms=1.235 late=false"
    )


def test_fields_that_are_none_are_left_out(lines: Lines) -> None:
    logs.event("step.finished", step="pay", failure_class=None)
    assert "failure_class" not in lines()[0]


def test_request_and_run_are_on_every_line_also_of_libraries(lines: Lines) -> None:
    run = uuid4()
    with logs.context(request_id="request-1"), logs.context(run=run):
        logs.event("run.claimed")
        logging.getLogger("some.library").warning("slow")
    assert all(line.endswith(f"run={run} request_id=request-1") for line in lines())
    assert len(lines()) == 2


def test_a_field_named_run_wins_over_the_context(lines: Lines) -> None:
    with logs.context(run="outer"):
        logs.event("run.claimed", run="inner")
    assert "run=inner" in lines()[0]
    assert "outer" not in lines()[0]


def test_the_context_ends_where_it_ends() -> None:
    with logs.context(run="a", request_id="b", traceparent="c") as inner:
        assert logs.current() == inner == logs.Trace(request_id="b", traceparent="c", run="a")
    assert logs.current() == logs.Trace()


def test_a_new_thread_starts_without_a_trace() -> None:
    found: list[logs.Trace] = []
    with logs.context(run="a"):
        thread = threading.Thread(target=lambda: found.append(logs.current()))
        thread.start()
        thread.join()
    assert found == [logs.Trace()]


@pytest.mark.parametrize(
    "hostile",
    [
        "x\ntime=2026-01-01T00:00:00Z level=info logger=orchestra.run event=run.finished",
        "x\r\n",
        'x" event=run.finished "',
        "x outcome=succeeded",
        "x\x1b[2Kgone",
        "x\x00\x7f\x85\u2028\u202e",
        "x\ud800",
        "",
    ],
)
def test_hostile_text_stays_inside_its_quotes(hostile: str) -> None:
    line = formatted(step=hostile, outcome="failed")
    before, _, after = line.partition(' step="')
    inside, _, rest = after.rpartition('" ')
    assert before.endswith("event=step.finished")
    assert rest == "outcome=failed"
    assert '"' not in inside.replace('\\"', "")
    assert line.isascii()
    assert line.isprintable()


@given(st.text(max_size=300))
def test_no_text_adds_a_line_or_a_field(text: str) -> None:
    assert (
        parsed(formatted(step=text, outcome="failed")).keys()
        == parsed(formatted(step="a", outcome="b")).keys()
    )


def parsed(line: str) -> dict[str, str]:
    """A strict reader of logfmt: what a log collector would understand."""
    assert line.isprintable()
    found: dict[str, str] = {}
    while line:
        key, _, line = line.partition("=")
        assert key.isidentifier()
        assert key not in found
        if line.startswith('"'):
            end = next(at for at in range(1, len(line)) if line[at] == '"' and not escaped(line, at))
            found[key], line = line[1:end], line[end + 1 :]
        else:
            found[key], _, line = line.partition(" ")
            line = f" {line}" if line else line
        assert not line or line.startswith(" ")
        line = line[1:]
    return found


def escaped(line: str, at: int) -> bool:
    """Whether an odd number of backslashes stands before that place."""
    before = line[:at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def test_long_text_is_cut() -> None:
    cut = parsed(formatted(step="a" * 1000))["step"]
    assert cut == "a" * (logs.LONGEST - 3) + "..."


@pytest.mark.parametrize("payload", [{"card": 1}, ["x"], b"body", object(), ("a",)])
def test_payloads_are_refused(payload: Any) -> None:
    with pytest.raises(TypeError, match="log an id, a count or a digest"):
        logs.event("step.finished", output=payload)


@pytest.mark.parametrize("name", ["finished", "Step.finished", "step finished", "step.finished now", ""])
def test_a_name_is_a_family_and_what_happened(name: str) -> None:
    with pytest.raises(ValueError, match="no event name"):
        logs.event(name)


@pytest.mark.parametrize("field", ["time", "event", "message", "Upper", "a b", "a=b"])
def test_a_field_cannot_pass_itself_off_as_another(field: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        logs.event("step.finished", **{field: "x"})  # type: ignore[arg-type]


def test_an_exception_tells_type_and_place_but_not_what_it_carries(lines: Lines) -> None:
    try:
        raise_for("secret-card-number")
    except KeyError as error:
        logs.event("sweep.failed", level=logs.ERROR, error=error)
    [line] = lines()
    assert "level=error" in line
    assert " error=KeyError cause=ValueError place=ops/test_log_lines.py:" in line
    assert ":raise_for<ops/test_log_lines.py:" in line
    assert "secret" not in line


def test_an_exception_of_our_own_tells_its_message(lines: Lines) -> None:
    try:
        raise Invalid("The input has no order.")
    except Invalid as error:
        logs.event("step.finished", error=error)
    assert lines()[0].endswith('message="The input has no order."')


def test_the_message_of_a_library_is_one_line_without_the_text_of_exceptions(lines: Lines) -> None:
    logging.getLogger("some.library").warning("failed: %s\nDETAIL: secret", ValueError("secret"))
    logging.getLogger("some.library").warning(ValueError("secret"))
    try:
        raise_for("secret")
    except KeyError:
        logging.getLogger("some.library").exception("it broke")
    assert len(lines()) == 3
    assert 'message="failed: ValueError"' in lines()[0]
    assert "message=ValueError" in lines()[1]
    assert "error=KeyError" in lines()[2]
    assert all("secret" not in line for line in lines())


def test_a_message_whose_arguments_do_not_fit_is_still_a_line() -> None:
    record = logging.LogRecord("some.library", logging.INFO, __file__, 1, "%s and %s", ("secret",), None)
    assert logs.LineFormatter().format(record).endswith('message="%s and %s (arguments do not fit)"')


def raise_for(text: str) -> None:
    """An exception with a cause, both carrying the text."""
    try:
        raise ValueError(text)
    except ValueError as error:
        raise KeyError(text) from error
