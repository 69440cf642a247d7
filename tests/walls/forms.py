"""What the pages are asked for: the things behind their addresses, and what their forms send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.walls.stage import Place

Part = Callable[[Place, str], Mapping[str, object]]
WHY: Final = {"reason": "it is right"}
PROPOSAL, RUN = "/reviews/<uuid:uid>/", "/runs/<uuid:uid>/"


def _of(name: str) -> Part:
    return lambda place, _: {"uid": getattr(place, name).uid}


def _digest(place: Place) -> dict[str, str]:
    return {"digest": bytes(place.proposal.digest).hex(), **WHY}


def _several(place: Place) -> dict[str, Any]:
    uid = str(place.proposal.uid)
    return {"verb": "reject", "item": [uid], f"digest-{uid}": bytes(place.proposal.digest).hex(), **WHY}


#: What an address with gaps leads to, in one place, for one role.
PARTS: Final[Mapping[str, Part]] = {
    "/api/problems/<slug:code>": lambda *_: {"code": "stale-state"},
    PROPOSAL: _of("proposal"),
    **{
        f"{PROPOSAL}{part}/": _of("proposal")
        for part in ("conversation", "value", "print", "edit", "withdraw", "claim")
    },
    f"{PROPOSAL}<str:verb>/": lambda place, _: {"uid": place.proposal.uid, "verb": "approve"},
    "/reviews/questions/<uuid:uid>/": _of("question"),
    RUN: _of("run"),
    f"{RUN}cancel/": _of("run"),
    f"{RUN}retry/": _of("failed"),
    f"{RUN}fork/": _of("failed"),
    "/halts/<uuid:uid>/": _of("halt"),
    "/halts/<uuid:uid>/lift/": _of("halt"),
    "/policies/<slug:name>/": lambda place, _: {"name": place.policy},
    "/policies/<slug:name>/diff/": lambda place, _: {"name": place.policy},
    "/accounts/tokens/<uuid:uid>/revoke/": lambda place, role: {"uid": place.token(role).uid},
    "/tasks/new/<uuid:uid>/": _of("deployment"),
    **{f"/tasks/<uuid:uid>/{part}": _of("task") for part in ("", "news", "read/", "cancel/")},
    "/deliveries/<uuid:uid>/resend/": _of("delivery"),
}
#: What is sent along: enough to come to the question whether it is allowed.
FORMS: Final[Mapping[str, Callable[[Place], Mapping[str, Any]]]] = {
    "/reviews/bulk/": _several,
    "/reviews/news": lambda _: {"since": "2026-01-01T00:00:00+00:00~", "tab": "yours"},
    f"{PROPOSAL}<str:verb>/": _digest,
    f"{PROPOSAL}value/": lambda _: {"of": "/args/note"},
    f"{RUN}cancel/": lambda _: WHY,
    f"{RUN}retry/": lambda _: WHY,
    f"{RUN}fork/": lambda _: {**WHY, "checkpoint": "0"},
    "/halts/set/": lambda place: {"scope": "deployment", "deployment": str(place.deployment.uid), **WHY},
    "/halts/<uuid:uid>/lift/": lambda _: WHY,
}
