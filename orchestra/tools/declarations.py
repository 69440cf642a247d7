"""Declarations of tools as plain data: what a published version means, after parsing.

Owns the shapes and their defaults only; reading YAML is `parse`, storing is `stored`. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from orchestra.canonical import Json
from orchestra.contracts import Delivery, Effect, Outcome

#: Methods that carry no body unless the declaration writes one out.
BODILESS: Final = frozenset({"DELETE", "GET", "HEAD"})
TIMEOUT: Final = 30.0
#: Added to the timeout where no quiet period is declared (seconds).
MARGIN: Final = 60.0


@dataclass(frozen=True, slots=True)
class RequestForm:
    """How arguments become an HTTP request. `body` None means the arguments themselves, as one JSON object.

    `path` has gaps such as `{order_id}`; `query` and `body` hold `{{ args.x }}` and `{{ key }}`.
    """

    method: str
    path: str
    query: Mapping[str, Json] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None


@dataclass(frozen=True, slots=True)
class Use:
    """Another tool, and a template of its arguments."""

    tool: str
    with_: Json


@dataclass(frozen=True, slots=True)
class Observation:
    """One reading before judging, and again before sending. Known as `observed.NAME`.

    With `each`, a lookup of a list, one reading for each `item` whose arguments differ; the value is a list, or
    with `by`, a lookup of a text or number, an object.
    `only` keeps these members of an object: what is left out can neither be judged nor make the call stale.
    """

    name: str
    tool: str
    with_: Json
    each: str | None = None
    by: str | None = None
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """The question whether a call took effect: a request by its `{key}`, and the statuses that answer it."""

    path: str
    method: str = "GET"
    found: tuple[int, ...] = (200,)
    absent: tuple[int, ...] = (404,)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A whole tool. Times are in seconds; `tier` is the base, which others only raise.

    `hands_off`: using it ends the agent's part. `identifies`: its result says who the subject of the run is.
    """

    name: str
    description: str
    arguments: Mapping[str, Any]
    request: RequestForm
    effect: Effect = Effect.DESTRUCTIVE
    delivery: Delivery = Delivery.OPAQUE
    tier: int = 4
    sentence: str = ""
    key_header: str = ""
    key_life: float | None = None
    replies: Mapping[str, Outcome] = field(default_factory=dict)
    observe: tuple[Observation, ...] = ()
    lookup: Probe | None = None
    reverse: Use | None = None
    preview: Use | None = None
    hands_off: bool = False
    identifies: bool = False
    object: str | None = None
    timeout: float = TIMEOUT
    quiet_period: float = TIMEOUT + MARGIN
    redact: tuple[str, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether using it changes anything."""
        return self.effect is not Effect.READ


def least_tier(effect: Effect, delivery: Delivery) -> int:
    """The tier that a tool has at least: one more where nobody can know what became of a lost reply."""
    if effect is Effect.READ:
        return 1
    return (2 if effect is Effect.WRITE else 3) + (delivery is Delivery.OPAQUE)


def offered(declaration: Declaration) -> dict[str, Any]:
    """The tool as a model is told of it, in the format of OpenAI's function calling."""
    return {
        "type": "function",
        "function": {
            "name": declaration.name,
            "description": declaration.description,
            "parameters": dict(declaration.arguments),
        },
    }
