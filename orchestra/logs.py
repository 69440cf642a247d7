"""Log lines in logfmt: one line for one event, with the request and the run that it belongs to.
Refuses payloads: a field is short text, a number or an id. No text can forge a line or a field.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import PurePath
from types import TracebackType
from uuid import UUID

from orchestra.errors import OrchestraError

DEBUG, INFO, WARNING, ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR
Field = str | int | float | UUID | None

LONGEST = 200
FRAMES = 6
RESERVED = frozenset({"time", "level", "logger", "event", "cause", "place", "message"})
_EVENT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_KEY = re.compile(r"[a-z][a-z0-9_]*")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@+,<>~-]+")


@dataclass(frozen=True, slots=True)
class Trace:
    """What the work at hand belongs to; "" where there is none. `traceparent` is the W3C header."""

    request_id: str = ""
    traceparent: str = ""
    run: str = ""


_trace: ContextVar[Trace] = ContextVar("orchestra_trace", default=Trace())  # noqa: B039  Trace is frozen


def current() -> Trace:
    """The trace of the work at hand. A new thread starts without one: give it its own `context`."""
    return _trace.get()


@contextmanager
def context(
    *, run: UUID | str | None = None, request_id: str | None = None, traceparent: str | None = None
) -> Iterator[Trace]:
    """Everything logged inside carries these; what is not given stays as it was outside."""
    outer = _trace.get()
    inner = Trace(
        request_id=outer.request_id if request_id is None else request_id,
        traceparent=outer.traceparent if traceparent is None else traceparent,
        run=outer.run if run is None else str(run),
    )
    token = _trace.set(inner)
    try:
        yield inner
    finally:
        _trace.reset(token)


def event(name: str, /, *, level: int = INFO, error: BaseException | None = None, **fields: Field) -> None:
    """Log one event, named `family.what`, to the logger `orchestra.family`.

    Fields that are None are left out, long text is cut. `error` adds type and place; its message only
    when it is ours. Raises TypeError for anything that may be a payload, ValueError for a bad name.
    """
    if not _EVENT.fullmatch(name):
        raise ValueError(f"{name!r} is no event name: use family.what, in small letters.")
    if error is not None and not isinstance(error, BaseException):
        raise TypeError("error wants an exception; name the field failure_class if it is a word.")
    for key, value in fields.items():
        _check(key, value)
    logger = logging.getLogger(f"orchestra.{name.partition('.')[0]}")
    if logger.isEnabledFor(level):
        logger.log(level, name, exc_info=error, extra={"orchestra_fields": fields})


class ContextFilter(logging.Filter):
    """Writes request id and run of the caller onto every record, also those of libraries."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: it adds and drops nothing."""
        trace = current()
        record.request_id, record.run = trace.request_id, trace.run
        return True


class LineFormatter(logging.Formatter):
    """One logfmt line for a record: time (UTC), level, logger, event, fields, run, request id."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, in ASCII, without a line end."""
        ours: dict[str, Field] | None = getattr(record, "orchestra_fields", None)
        fields: dict[str, Field] = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": "log.message" if ours is None else str(record.msg),
        }
        fields |= {"message": _foreign(record)} if ours is None else ours
        for key in ("run", "request_id"):
            fields.setdefault(key, getattr(record, key, "") or None)
        if record.exc_info and record.exc_info[1] is not None:
            fields |= _failure(record.exc_info[1])
        return " ".join(f"{key}={_quote(value)}" for key, value in fields.items() if value is not None)


def _check(key: str, value: object) -> None:
    if not _KEY.fullmatch(key) or key in RESERVED:
        raise ValueError(f"{key!r} cannot be the name of a log field.")
    if value is not None and not isinstance(value, str | int | float | UUID):
        raise TypeError(
            f"Log field {key} is a {type(value).__name__}: log an id, a count or a digest instead."
        )


def _quote(value: Field) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(round(value, 3))
    text = str(value)
    if len(text) > LONGEST:
        text = text[: LONGEST - 3] + "..."
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=True)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _foreign(record: logging.LogRecord) -> str:
    """First line of a library's message: what follows (SQL details, tracebacks) may quote payloads."""
    words = (
        tuple(_type_if_error(arg) for arg in record.args) if isinstance(record.args, tuple) else record.args
    )
    text = str(_type_if_error(record.msg))
    try:
        text = text % words if words else text
    except (TypeError, ValueError, KeyError):
        text += " (arguments do not fit)"
    return next(iter(text.splitlines()), "")


def _type_if_error(value: object) -> object:
    return type(value).__name__ if isinstance(value, BaseException) else value


def _failure(error: BaseException) -> dict[str, Field]:
    """Types and places of an exception. Its message only when it is ours: others may quote payloads."""
    chain = list(islice(_causes(error), 5))
    found: dict[str, Field] = {"error": type(error).__name__}
    if len(chain) > 1:
        found["cause"] = "<".join(type(link).__name__ for link in chain[1:])
    if state := next((state for link in chain if (state := getattr(link, "sqlstate", None))), None):
        found["sqlstate"] = str(state)
    if error.__traceback__ is not None:
        found["place"] = _place(error.__traceback__)
    if isinstance(error, OrchestraError):
        found["message"] = error.message
    return found


def _causes(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _place(trace: TracebackType) -> str:
    """Where it was raised and who called, innermost first, so that cutting loses the least."""
    frames = traceback.StackSummary.extract(traceback.walk_tb(trace), lookup_lines=False)
    names = [f"{'/'.join(PurePath(at.filename).parts[-2:])}:{at.lineno}:{at.name}" for at in frames[-FRAMES:]]
    return "<".join(reversed(names))
