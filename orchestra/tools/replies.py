"""What a reply means: outcome, result for the agent, and an error in words. Pure.

Refuses to guess: what no table says of a writing tool is unknown. Everything in a reply is hostile data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.contracts import Delivery, Outcome, Reply, SendFailure
from orchestra.errors import Invalid, Unavailable
from orchestra.tools.declarations import Declaration

LONGEST_TEXT: Final = 4_000
LONGEST_ERROR: Final = 500
#: Statuses by which a system says no before it did anything.
REFUSALS: Final = frozenset({400, 401, 403, 404, 409, 410, 422})
#: Statuses of a reading by which a system says that it has no such thing.
NOT_THERE: Final = frozenset({400, 404, 409, 410, 422})
#: Members of an error body that hold its message, the most telling first.
_MESSAGES: Final = ("detail", "error", "message", "title")


class Settled(NamedTuple):
    """What one sending came to. `result` is what came back, as JSON; `error` is empty after a success."""

    outcome: Outcome
    result: Json
    error: str


def outcome(declaration: Declaration, reply: Reply | SendFailure) -> Settled:
    """What the reply to a call, or its absence, means."""
    if isinstance(reply, SendFailure):
        return _silence(declaration, reply)
    found = _status(declaration, reply.status)
    result = read(reply)
    return Settled(found, result, "" if found is Outcome.SUCCEEDED else _error(reply.status, result))


def found(declaration: Declaration, reply: Reply | SendFailure) -> bool | None:
    """What a lookup answered: whether the call took effect; None when the system did not say."""
    if isinstance(reply, SendFailure) or declaration.lookup is None:
        return None
    if reply.status in declaration.lookup.found:
        return True
    return False if reply.status in declaration.lookup.absent else None


def observed(declaration: Declaration, reply: Reply | SendFailure) -> Json:
    """What an observation read; None when the system says that there is no such thing.

    Raises Unavailable when nobody can say: what is not known must not look like what is not there.
    """
    settled = outcome(declaration, reply)
    if settled.outcome is Outcome.SUCCEEDED and not _is_cut(settled.result):
        return settled.result
    if isinstance(reply, Reply) and reply.status in NOT_THERE:
        return None
    raise Unavailable(f"{declaration.name} gave no answer that can be judged by. {settled.error}")


def read(reply: Reply) -> Json:
    """The body: JSON, or `{"text": ...}` for anything else, None if empty."""
    if not reply.body:
        return None
    kind = next((value for name, value in reply.headers.items() if name.lower() == "content-type"), "")
    if not kind or "json" in kind.lower():
        try:
            return canonical.parse(reply.body, limits=canonical.RESULTS)
        except Invalid:
            pass  # kept as text, so that nothing which came back is lost
    text = reply.body[: 4 * LONGEST_TEXT].decode("utf-8", "replace").replace("\0", "\ufffd")
    return {"text": text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"}


def _is_cut(result: Json) -> bool:
    """Whether the end of what came back is not there: a change behind it would not be seen."""
    text = result.get("text") if isinstance(result, dict) and set(result) == {"text"} else None
    return isinstance(text, str) and len(text) == LONGEST_TEXT and text.endswith("…")


def _silence(declaration: Declaration, failure: SendFailure) -> Settled:
    if failure.not_sent is not None:
        return Settled(Outcome.FAILED_CLEAN, None, failure.message)
    return Settled(Outcome.UNKNOWN if declaration.writes else Outcome.FAILED, None, failure.message)


def _status(declaration: Declaration, status: int) -> Outcome:
    """The declared meaning of the status or of its class, or else the usual one."""
    for name in (str(status), f"{status // 100}xx"):
        if name in declaration.replies:
            return declaration.replies[name]
    if 200 <= status < 300:
        return Outcome.SUCCEEDED
    if not declaration.writes:
        return Outcome.FAILED
    if status == 409 and declaration.delivery is Delivery.KEY:
        return Outcome.UNKNOWN  # many systems say so while the first request with this key is still at work
    return Outcome.FAILED if status in REFUSALS else Outcome.UNKNOWN


def _error(status: int, result: Json) -> str:
    said = next(_messages(result), "") if isinstance(result, Mapping) else result
    text = said if isinstance(said, str) else ""
    return f"{status}: {text[:LONGEST_ERROR]}" if text else f"The system answered with status {status}."


def _messages(result: Mapping[str, Json]) -> Iterator[str]:
    for name in (*_MESSAGES, "text"):
        value = result.get(name)
        if isinstance(value, Mapping):
            yield from _messages(value)
        elif isinstance(value, str) and value:
            yield value
