"""Takes the digest of every stored call anew: what people and rules decided on must still be what is kept."""

from __future__ import annotations

from collections.abc import Iterator

from orchestra.engine import propose
from orchestra.models import ToolCall
from orchestra.tools import rendering, toolbox

BATCH = 500


def altered() -> Iterator[str]:
    """Uids of calls whose stored bytes, target, tool or witness do not make their digest. Inside a snapshot."""
    calls = ToolCall.objects.exclude(digest=None).select_related(
        "run__task", "run__deployment__environment", "turn__agent_version__agent"
    )
    for call in calls.iterator(chunk_size=BATCH):
        if _digest(call) != bytes(call.digest or b""):
            yield str(call.uid)


def _digest(call: ToolCall) -> bytes:
    version = call.turn.agent_version if call.turn is not None else None
    return rendering.digest(
        propose.stored(call),
        run=call.run.uid,
        call=call.uid,
        agent=f"{version.agent.name}/{version.number}" if version is not None else "",
        subject=call.run.task.subject,
        tool=call.tool_name,
        version_digest=toolbox.digest(call.tool_version_id) if call.tool_version_id is not None else b"",
        target=f"{call.target} {call.credential}",
        environment=call.run.deployment.environment.name,
        epoch=call.key.rpartition("-")[0],
        witness=propose.witness(call.witness),
    )
