"""Tool calls as they may be shown: without the values that their tool, or the rules, keep from people. Reads only."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

from orchestra.canonical import Json
from orchestra.errors import OrchestraError
from orchestra.models import ToolCall
from orchestra.tools import redaction, toolbox
from orchestra.tools.sentences import visible

HIDDEN = "(holds what is not shown here)"


def paths(call: ToolCall) -> Sequence[str]:
    """The paths of what is not shown, of a call that was read with its `question`."""
    proposal = getattr(call, "question", None)
    ruled = (proposal.requirements.get("redact") or ()) if proposal is not None else ()
    return [*_of_tool(call), *ruled]


def masked(call: ToolCall) -> ToolCall:
    """A copy in memory whose arguments and result lack what is not shown; it must not be saved."""
    shown = redaction.masked({"args": call.arguments, "result": call.result}, paths(call))
    made = copy.copy(call)
    made.arguments, made.result = shown["args"], shown["result"]
    return made


def hides(call: ToolCall, *roots: str) -> bool:
    """Whether something below one of these roots is not shown, so that its raw bytes are not either."""
    return any(path.startswith(roots) for path in paths(call))


def request(call: ToolCall) -> Iterator[str]:
    """The lines that are sent, and which secret is added; where an argument is not shown, only where they go."""
    if call.body is None:
        yield HIDDEN if hides(call, "args") else visible(bytes(call.raw or b"").decode("utf-8", "replace"))
        return
    if hides(call, "args"):
        yield from (visible(f"{call.method} {call.target}"), "", HIDDEN)
        return
    yield visible(f"{call.method} {call.target}{call.path}")
    yield from (visible(f"{name}: {value}") for name, value in call.headers)
    if call.credential:
        yield visible(call.credential)
    yield ""
    yield from _lines(call.body)


def reply(call: ToolCall, raw: bytes | memoryview | None) -> str:
    """What the system answered, as text; its bytes may be any."""
    if raw is None:
        return ""
    if hides(call, "result", "observed", "preview"):
        return HIDDEN
    return "\n".join(_lines(raw))


def _lines(raw: bytes | memoryview) -> Iterator[str]:
    """Bytes as text: at a line feed a line ends, and at nothing else."""
    yield from (visible(line) for line in bytes(raw).decode("utf-8", "replace").split("\n"))


def arguments(call: ToolCall, written: str) -> Json:
    """What a model wrote as arguments: its own text where nothing is kept from people, else what is left of it."""
    return written if not hides(call, "args") else masked(call).arguments


def _of_tool(call: ToolCall) -> Sequence[str]:
    """A declaration that this release cannot read hides everything."""
    if call.tool_version_id is None:
        return ()
    try:
        return toolbox.declared(call.tool_version_id).redact
    except OrchestraError:
        return ("args", "result", "observed", "preview")
