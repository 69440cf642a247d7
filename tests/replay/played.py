"""Rows as a played run leaves them: messages of an agent, calls in their places, what was decided and sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orchestra.models import Deployment, Person, Proposal, Run, Step, ToolCall, Turn
from orchestra.people import roles
from reviews.replay import scene
from reviews.replay.scene import Cast
from tests import factories

SILENT = "silent"


@dataclass
class Stage:
    """One run of a recording, with an agent step in it."""

    cast: Cast
    run: Run
    step: Step
    turns: list[Turn] = field(default_factory=list)

    def said(self, *messages: str) -> None:
        """Turns of the agent, each with a message or without one."""
        for text in messages:
            message = None if text == SILENT else {"role": "assistant", "content": text}
            number = len(self.turns)
            self.turns.append(factories.turn(self.step, number=number, message=message))

    def call(self, tool: str, *, ordinal: int = 0, state: str = "proposed", **columns: Any) -> ToolCall:
        """A call of the last message."""
        given = {"turn": self.turns[-1], "tool_name": tool, "ordinal": ordinal, **columns}
        return factories.toolcall(self.step, state=state, **given)

    def proposed(self, tool: str, *, ordinal: int = 0, **columns: Any) -> Proposal:
        """A call of the last message that waits for people."""
        return factories.proposal(self.call(tool, ordinal=ordinal, state="awaiting_approval"), **columns)


def stage(recording: str, *, cast: Cast | None = None) -> Stage:
    """A run of that recording."""
    cast = cast or scene.people()
    run = factories.run(factories.task(_deployment(), requester=cast.requester, reference=recording))
    return Stage(cast, run, factories.step(run, "serve", kind="agent"))


def _deployment() -> Deployment:
    made = factories.deployment()
    roles.give_defaults(made)
    return made


def voters(proposal: Proposal) -> list[Person]:
    """Who voted, in their order."""
    return [found.person for found in proposal.approvals.order_by("pk")]
