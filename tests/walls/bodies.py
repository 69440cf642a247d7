"""What the operations of the HTTP API are asked for: the things behind their addresses, and the bodies they want."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from orchestra.views.doors.interface import V1
from tests.walls.stage import Place

WHY: Final = {"reason": "it is right"}
RUNS, PROPOSALS, QUESTIONS = f"{V1}/runs", f"{V1}/proposals", f"{V1}/questions"


def _of(name: str) -> Callable[[Place, str], Mapping[str, object]]:
    return lambda place, _: {"uid": getattr(place, name).uid}


def _digest(place: Place) -> dict[str, str]:
    return {"digest": bytes(place.proposal.digest).hex(), **WHY}


PARTS: Final[Mapping[str, Callable[[Place, str], Mapping[str, object]]]] = {
    f"{V1}/tasks/<uuidstr:uid>": _of("task"),
    f"{RUNS}/<uuidstr:uid>": _of("run"),
    f"{RUNS}/<uuidstr:uid>/events": _of("run"),
    f"{RUNS}/<uuidstr:uid>/cancel": _of("run"),
    f"{RUNS}/<uuidstr:uid>/retry": _of("failed"),
    f"{RUNS}/<uuidstr:uid>/fork": _of("failed"),
    f"{PROPOSALS}/<uuidstr:uid>": _of("proposal"),
    **{
        f"{PROPOSALS}/<uuidstr:uid>/{verb}": _of("proposal")
        for verb in ("approve", "reject", "changes", "edit", "withdraw")
    },
    f"{QUESTIONS}/<uuidstr:uid>": _of("question"),
    f"{QUESTIONS}/<uuidstr:uid>/answer": _of("question"),
    f"{V1}/tokens/<uuidstr:uid>": lambda place, role: {"uid": place.token(role).uid},
}
BODIES: Final[Mapping[str, Callable[[Place], Mapping[str, Any]]]] = {
    f"{V1}/tasks": lambda place: {
        "workflow": place.deployment.workflow.name,
        "environment": place.deployment.environment.name,
        "payload": {"order": "W1"},
    },
    f"{V1}/tokens": lambda _: {"name": "of a test", "scopes": ["tokens:manage"], "hours": 1},
    **{f"{RUNS}/<uuidstr:uid>/{verb}": lambda _: WHY for verb in ("cancel", "retry")},
    f"{RUNS}/<uuidstr:uid>/fork": lambda _: {"checkpoint": 0, **WHY},
    **{f"{PROPOSALS}/<uuidstr:uid>/{verb}": _digest for verb in ("approve", "reject", "changes")},
    f"{PROPOSALS}/<uuidstr:uid>/edit": lambda place: {**_digest(place), "arguments": {"note": "other"}},
    f"{QUESTIONS}/<uuidstr:uid>/answer": lambda _: {"values": {"genuine": True}},
}
