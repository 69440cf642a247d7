"""The picture of a workflow, with how a run stands in it: places from `runs.graph`, states as words. For one template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestra.runs import graph
from orchestra.runs.facts import Standing
from orchestra.runs.graph import HEIGHT, WIDTH, Arrow, Node
from orchestra.workflows.spec import WorkflowSpec

#: More steps than this are listed, and not drawn.
MOST: Final = 1_000
#: So many letters fit into a step.
LETTERS: Final = 22


@dataclass(frozen=True, slots=True)
class Box:
    """One step as it is drawn, with its state in words, and the steps that come after it."""

    node: Node
    label: str
    state: str
    items: str
    note: str
    after: Sequence[str]

    @property
    def first_line(self) -> int:
        """Where its name stands."""
        return self.node.y + HEIGHT * 2 // 5

    @property
    def second_line(self) -> int:
        """Where its state stands."""
        return self.node.y + HEIGHT * 4 // 5


@dataclass(frozen=True, slots=True)
class Drawn:
    """The whole picture; `size` is that of one box."""

    width: int
    height: int
    boxes: Sequence[Box]
    arrows: Sequence[Arrow]
    size: tuple[int, int] = (WIDTH, HEIGHT)


def of(spec: WorkflowSpec, standing: Mapping[str, Standing]) -> Drawn | None:
    """The picture of a run of this workflow; None for one with too many steps, or without any."""
    if not 0 < len(spec.steps) <= MOST:
        return None
    picture = graph.picture(spec)
    after: dict[str, list[str]] = {}
    for arrow in picture.arrows:
        after.setdefault(arrow.source, []).append(_way(arrow))
    boxes = [
        _box(node, standing.get(node.name, Standing("pending")), after.get(node.name, []))
        for node in picture.nodes
    ]
    return Drawn(picture.width, picture.height, boxes, picture.arrows)


def _box(node: Node, standing: Standing, after: Sequence[str]) -> Box:
    label = node.name if len(node.name) <= LETTERS else f"{node.name[: LETTERS - 1]}…"
    return Box(node, label, standing.state, standing.items, f"{node.kind} · {standing.state}", after)


def _way(arrow: Arrow) -> str:
    words = {
        "failure": f"{arrow.target} when it fails",
        "again": "itself once more",
        "route": f"perhaps {arrow.target}",
    }
    return words.get(arrow.kind, arrow.target)
