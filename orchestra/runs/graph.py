"""Places the steps of a workflow on a plane: layers by the longest way, order and places by their neighbours. Pure.

Refuses to draw: a page makes a picture of it. The same spec always gives the same places.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestra.workflows import graph
from orchestra.workflows.graph import Edge
from orchestra.workflows.spec import WorkflowSpec

WIDTH: Final = 176
HEIGHT: Final = 52
ACROSS: Final = 24
DOWN: Final = 48
MARGIN: Final = 16
#: A way past a layer is as wide as this.
LANE: Final = 8
SWEEPS: Final = 4
#: With more lanes than this the long arrows go straight.
MOST_LANES: Final = 4_000


@dataclass(frozen=True, slots=True)
class Node:
    """One step; `x` and `y` are its upper left corner. `again`: it may repeat itself; `many`: one for each item."""

    name: str
    kind: str
    x: int
    y: int
    again: bool = False
    many: bool = False

    @property
    def middle(self) -> int:
        """Where its arrows begin and end, from the left."""
        return self.x + WIDTH // 2


@dataclass(frozen=True, slots=True)
class Arrow:
    """One way from step to step, as an SVG path; `kind` is need, route, failure, or again for a way back to itself."""

    source: str
    target: str
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that there is to draw, and how large it is."""

    width: int
    height: int
    nodes: Sequence[Node]
    arrows: Sequence[Arrow]


#: A place in a row: the name of a step, or an arrow (by number) that passes this layer.
Spot = str | tuple[int, int]
Links = Mapping[Spot, Sequence[Spot]]


def picture(spec: WorkflowSpec) -> Picture:
    """The whole workflow. Raises Bug for a cycle: publishing refuses them."""
    order = [node.name for node in graph.index(spec).nodes]
    edges = graph.edges(spec.steps)
    layer = _layers(order, edges)
    chains = list(_chains(edges, layer))
    rows = _rows(order, layer, chains)
    above, below = _links(chains)
    _sort(rows, above, below)
    lefts = _places(rows, above, below)
    nodes = [
        Node(
            step.name,
            str(step.kind),
            lefts[step.name],
            _top(layer[step.name]),
            step.repeat is not None,
            step.each is not None,
        )
        for step in spec.steps
    ]
    arrows = [
        Arrow(edge.source, edge.target, edge.kind, _path(chain, lefts, layer))
        for edge, chain in zip(edges, chains, strict=True)
    ]
    arrows += [Arrow(node.name, node.name, "again", _back(node)) for node in nodes if node.again]
    right = max((node.x + WIDTH for node in nodes), default=0)
    deepest = max(layer.values(), default=-1)
    return Picture(right + 2 * MARGIN, _top(deepest + 1) - DOWN + MARGIN, nodes, arrows)


def _layers(order: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """How many steps at most come before each."""
    sources: dict[str, list[str]] = {name: [] for name in order}
    for edge in edges:
        sources[edge.target].append(edge.source)
    layer: dict[str, int] = {}
    for name in order:
        layer[name] = 1 + max((layer[source] for source in sources[name]), default=-1)
    return layer


def _chains(edges: Sequence[Edge], layer: Mapping[str, int]) -> Iterator[list[Spot]]:
    """For each arrow the spots that it passes; where there would be too many, none."""
    lanes = sum(layer[edge.target] - layer[edge.source] - 1 for edge in edges)
    for number, edge in enumerate(edges):
        between = range(layer[edge.source] + 1, layer[edge.target]) if lanes <= MOST_LANES else ()
        yield [edge.source, *((number, at) for at in between), edge.target]


def _rows(
    order: Sequence[str], layer: Mapping[str, int], chains: Iterable[Sequence[Spot]]
) -> list[list[Spot]]:
    rows: list[list[Spot]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for name in order:
        rows[layer[name]].append(name)
    for chain in chains:
        for spot in chain:
            if isinstance(spot, tuple):
                rows[spot[1]].append(spot)
    return rows


def _links(chains: Iterable[Sequence[Spot]]) -> tuple[dict[Spot, list[Spot]], dict[Spot, list[Spot]]]:
    above: dict[Spot, list[Spot]] = {}
    below: dict[Spot, list[Spot]] = {}
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            below.setdefault(upper, []).append(lower)
            above.setdefault(lower, []).append(upper)
    return above, below


def _sort(rows: list[list[Spot]], above: Links, below: Links) -> None:
    """Order each row by the mean place of its neighbours, down and up in turn, so that few arrows cross."""
    for sweep in range(SWEEPS):
        ordered, links = (rows, above) if sweep % 2 == 0 else (rows[::-1], below)
        for before, row in itertools.pairwise(ordered):
            place = {spot: at for at, spot in enumerate(before)}
            own = {spot: at for at, spot in enumerate(row)}
            row.sort(key=lambda spot: (_mean(spot, links, place, own[spot]), own[spot]))


def _mean(spot: Spot, links: Links, place: Mapping[Spot, float], otherwise: float) -> float:
    """The mean place of what a spot is linked to in the row before."""
    found = [place[other] for other in links.get(spot, ()) if other in place]
    return sum(found) / len(found) if found else otherwise


def _places(rows: Sequence[Sequence[Spot]], above: Links, below: Links) -> dict[Spot, int]:
    """The left edge of every spot: as near to the middle of its neighbours as its row allows."""
    middles: dict[Spot, float] = {}
    for row in rows:
        middles |= _spread(row, dict.fromkeys(row, 0.0))
    for ordered, links in ((rows, above), (rows[::-1], below), (rows, above)):
        for row in ordered:
            middles |= _spread(row, {spot: _mean(spot, links, middles, middles[spot]) for spot in row})
    lefts = {spot: middle - _wide(spot) / 2 for spot, middle in middles.items()}
    shift = MARGIN - min(lefts.values(), default=0)
    return {spot: round(left + shift) for spot, left in lefts.items()}


def _spread(row: Sequence[Spot], wanted: Mapping[Spot, float]) -> dict[Spot, float]:
    """Middles in the order of the row and far enough apart, with the least squares of departures from what is wanted.

    With the least distances taken off, this is isotonic regression: neighbours out of order share their mean.
    """
    offsets, reach = [], 0.0
    for at, spot in enumerate(row):
        reach += (_wide(row[at - 1]) + _wide(spot)) / 2 + ACROSS if at else 0
        offsets.append(reach)
    blocks: list[tuple[float, int]] = []
    for spot, offset in zip(row, offsets, strict=True):
        total, number = wanted[spot] - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / number:
            more, others = blocks.pop()
            total, number = total + more, number + others
        blocks.append((total, number))
    levels = [total / number for total, number in blocks for _ in range(number)]
    return {spot: level + offset for spot, level, offset in zip(row, levels, offsets, strict=True)}


def _wide(spot: Spot) -> int:
    return WIDTH if isinstance(spot, str) else LANE


def _top(layer: int) -> int:
    return MARGIN + layer * (HEIGHT + DOWN)


def _path(chain: Sequence[Spot], lefts: Mapping[Spot, int], layer: Mapping[str, int]) -> str:
    """From the lower edge of a step down through its lanes to the upper edge of another."""
    points: list[tuple[int, int]] = []
    for at, spot in enumerate(chain):
        middle = lefts[spot] + _wide(spot) // 2
        top = _top(layer[spot] if isinstance(spot, str) else spot[1])
        points += [(middle, top)] if at else []
        points += [(middle, top + HEIGHT)] if at < len(chain) - 1 else []
    path = f"M{points[0][0]} {points[0][1]}"
    for number in range(1, len(points)):
        (x1, y1), (x2, y2) = points[number - 1], points[number]
        half = (y1 + y2) // 2
        path += f"V{y2}" if x1 == x2 else f"C{x1} {half} {x2} {half} {x2} {y2}"
    return path


def _back(node: Node) -> str:
    """Out of the right side of a step and into it again."""
    x, y = node.x + WIDTH, node.y + HEIGHT // 4
    return f"M{x} {y + HEIGHT // 2}C{x + MARGIN} {y + HEIGHT // 2} {x + MARGIN} {y} {x} {y}"
