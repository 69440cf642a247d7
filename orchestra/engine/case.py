"""One step that uses tools, with everything that is at hand to decide on its calls."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

from orchestra import moves
from orchestra.audit.append import Event, append
from orchestra.canonical import Json
from orchestra.engine import scope
from orchestra.engine.flight import Flight, Node, Work
from orchestra.engine.history import Place, Talk
from orchestra.engine.surroundings import Surroundings, newest
from orchestra.errors import Bug
from orchestra.models import AgentVersion, OutboxMessage, Person, Step, ToolCall
from orchestra.tools.toolbox import Equipped
from orchestra.workflows.spec import Kind, StepSpec

#: Seconds after which what was read of the foreign system is read again before anything is sent.
FRESH: Final = 5.0


#: Where a preview is kept among what was observed; no observation can have this name.
PREVIEW: Final = "(preview)"


class Reading(NamedTuple):
    """What a hand read of the foreign system for a call, and when (monotonic). None: it could not be read."""

    observed: dict[str, Json] | None
    preview: Json
    at: float

    @property
    def witnessed(self) -> dict[str, Json] | None:
        """What must be the same when the call is sent: the observed state, and the preview where there is one."""
        if self.observed is None or self.preview is None:
            return self.observed
        return {**self.observed, PREVIEW: self.preview}

    @property
    def is_fresh(self) -> bool:
        """Whether the gate may still go by it."""
        return time.monotonic() - self.at < FRESH


#: Of a tool that observes nothing.
NOTHING_TO_READ: Final = Reading({}, None, float("inf"))


def remembered(call: ToolCall) -> Reading:
    """What a call was proposed on."""
    kept = call.witness
    observed = {name: value for name, value in kept.items() if name != PREVIEW} if kept is not None else None
    return Reading(observed, (kept or {}).get(PREVIEW), float("inf"))


@dataclass(slots=True)
class Intent:
    """A call that is to be proposed: what is wanted at a place, in whose revision.

    `editor` is who changed the arguments last, if anybody has; `edited` says that it was in this revision.
    """

    place: Place
    name: str
    arguments: Json
    parent: ToolCall | None = None
    editor: Person | None = None
    edited: bool = False

    @property
    def revision(self) -> int:
        """One after the call that it replaces."""
        return 0 if self.parent is None else self.parent.revision + 1


@dataclass
class Case:
    """A step of a flight, its turns and calls, and the surroundings. `events` and `news` await the next `flush`."""

    flight: Flight
    node: Node
    around: Surroundings
    talk: Talk
    readings: dict[Place, Reading] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    news: list[OutboxMessage] = field(default_factory=list)

    @property
    def step(self) -> Step:
        """The row of the step."""
        if self.node.row is None:
            raise Bug("A step is looked at before it is written down.")
        return self.node.row

    @property
    def version(self) -> AgentVersion:
        """The agent at work, once it is known that there is one."""
        if self.agent is None:
            raise Bug(f"{self.node.path} has no agent")
        return self.agent

    @cached_property
    def spec(self) -> StepSpec:
        """What the workflow says of the step."""
        return scope.inner(self.flight, self.node)

    @cached_property
    def agent(self) -> AgentVersion | None:
        """The agent at work, in the version it began with; None for a tool step."""
        if self.spec.kind is not Kind.AGENT:
            return None
        if self.talk.turns:
            return self.talk.turns[0].agent_version
        return newest(str(self.spec.settings["agent"]))

    @cached_property
    def allowed(self) -> frozenset[str]:
        """Names of the tools that this step may use: granted, meant for the step, bound here."""
        if self.spec.kind is not Kind.AGENT:
            return frozenset({str(self.spec.settings["tool"])})
        if self.agent is None:
            return frozenset()
        granted = self.around.granted(self.agent.agent)
        meant = self.spec.settings.get("tools")
        return granted if meant is None else granted & frozenset(meant)

    def tool(self, name: str) -> Equipped | None:
        """The tool of that name as it is bound here now."""
        return self.around.toolbox.get(name)

    def move(self, row: Any, target: str, *, reason: str, actor: str = "", **columns: Any) -> None:
        """Move a call or proposal; its event is written with the next flush."""
        said = {"digest": bytes(row.digest).hex()} if row.digest is not None else {}
        actor = actor or self.flight.worker
        self.events.append(moves.moved(row, target, actor=actor, reason=reason, data=said, **columns))

    def flush(self) -> None:
        """Append the events so far: before other code appends, and at the end. The news go to the outbox."""
        append(self.events)
        self.events.clear()
        OutboxMessage.objects.bulk_create(self.news)
        self.news.clear()

    def begin(self, kind: str, name: str, place: Place, errand: object) -> None:
        """Give a hand something to do for a call."""
        run = self.flight.run
        work = Work(
            run.pk, str(run.uid), run.fence, self.node.key, kind, name, place=str(place), errand=errand
        )
        self.flight.begin_work(work, self.node.attempt)

    def at_work(self, place: Place) -> bool:
        """Whether a hand does something for the call at this place."""
        return (*self.node.key, str(place)) in self.flight.at_work

    @property
    def used(self) -> int:
        """How many calls the run has made, or is reading for: places of calls, and attempts of tools of our own."""
        calls = self.talk.history.calls
        made = {(call.step_id, call.turn_id, call.ordinal) for call in calls}
        nodes = self.flight.nodes.values()
        own = sum(node.attempt for node in nodes if node.kind == Kind.TOOL and not node.gated)
        return len(made) + own + len(self._read_for - {str(place) for place in self.talk.latest()})

    @property
    def _read_for(self) -> set[str]:
        """Places of this step for which something is read, or has just been."""
        slots = self.flight.at_work
        at_work = {
            slot[2] for slot, job in slots.items() if slot[:2] == self.node.key and job.work.kind == "read"
        }
        return at_work | {str(place) for place in self.readings}
