"""The body of a message: a CloudEvents 1.0 event in JSON. Holds ids and names of ours, and the requester's own number.

The same message has the same bytes whenever it is told: a receiver may compare them.
"""

from __future__ import annotations

from datetime import UTC
from typing import Final

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.models import OutboxMessage

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
TYPE: Final = "orchestra."


def body(message: OutboxMessage) -> bytes:
    """The event. The message comes with its run, task, deployment, workflow and environment."""
    return canonical.encode(event(message))


def event(message: OutboxMessage) -> dict[str, Json]:
    """The event as plain data."""
    at = message.created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "specversion": "1.0",
        "id": str(message.uid),
        "type": f"{TYPE}{message.topic}",
        "source": f"/deployments/{message.run.deployment.uid}" if message.run else "/",
        "subject": _subject(message),
        "time": at,
        "datacontenttype": "application/json",
        "data": _data(message),
    }


def _subject(message: OutboxMessage) -> str:
    """What it is about, as the path of its page."""
    payload: dict[str, Json] = message.payload
    if "proposal" in payload:
        return f"/reviews/{payload['proposal']}/"
    if "question" in payload:
        return f"/reviews/questions/{payload['question']}/"
    return f"/runs/{payload['run']}/"


def _data(message: OutboxMessage) -> dict[str, Json]:
    payload: dict[str, Json] = {name: value for name, value in message.payload.items() if value is not None}
    if message.run is None or message.task is None:
        return payload
    deployment = message.run.deployment
    return {
        **payload,
        "task": str(message.task.uid),
        "reference": message.task.reference,
        "workflow": deployment.workflow.name,
        "environment": deployment.environment.name,
    }
