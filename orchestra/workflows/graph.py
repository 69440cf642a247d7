"""Decides what a run may do next, from the spec and the states of its steps alone.

Owns joins, routes, failure edges and skips. Refuses conditions, data and time: those are the engine's. Pure.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestra.errors import Bug
from orchestra.workflows.spec import CONTINUE, ESCALATE, Join, StepSpec, WorkflowSpec


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one step: a state of `states.STEP`; for a route step that succeeded, the name it chose."""

    state: str
    chosen: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do next; names in topological order, no name in two of the first three.

    `cancel` may name pending steps (write them off at once) and steps in flight (ask them to stop; they are
    named again until their row is settled). `finished`: nothing will happen any more. `failed`: the failures
    nobody handles; the run does not go on by itself, and the steps not begun are left pending.
    """

    start: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    cancel: tuple[str, ...] = ()
    finished: bool = False
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """One arrow of the drawing: `kind` is need, route or failure."""

    source: str
    target: str
    kind: str


@dataclass(frozen=True, slots=True)
class Node:
    """One step as numbers: positions in `Index.nodes`, which is in topological order."""

    name: str
    needs: tuple[int, ...]
    join: Join
    count: int
    routes: tuple[int, ...]
    faults: tuple[int, ...]
    on_failure: str


@dataclass(frozen=True, slots=True)
class Index:
    """A spec prepared for `ready`. `races` are the positions of steps with `join: first`, last ones first."""

    nodes: tuple[Node, ...]
    position: Mapping[str, int]
    races: tuple[int, ...]


# What a need is worth. Everything from DONE on is settled. TOLERATED: failed, and `on_failure` is `continue`.
_OPEN, _MOVING, _DONE, _TOLERATED, _FAILED, _OFF = range(6)
_WORTH = {
    "pending": _OPEN,
    "running": _MOVING,
    "waiting": _MOVING,
    "succeeded": _DONE,
    "failed": _FAILED,
    "skipped": _OFF,
    "cancelled": _OFF,
}
_HOLD, _START, _SKIP = range(3)
_CACHE = "_graph_index"


def ready(spec: WorkflowSpec, rows: Mapping[str, Row]) -> Decision:
    """What may start, must be skipped or cancelled now. A step without a row is pending; other rows are ignored.

    Raises Bug for a state that `states.STEP` does not have.
    """
    plan = index(spec)
    worth, unhandled = _worth(plan, rows)
    if unhandled:
        return Decision(finished=_MOVING not in worth, failed=unhandled)
    chosen = {name: row.chosen for name, row in rows.items() if row.chosen is not None}
    cancel = _lost_races(plan, worth, chosen)
    start, skip = _settle(plan, worth, chosen)
    finished = _OPEN not in worth and _MOVING not in worth
    return Decision(tuple(start), tuple(skip), tuple(plan.nodes[at].name for at in sorted(cancel)), finished)


def index(spec: WorkflowSpec) -> Index:
    """The prepared form, made once for each spec. Raises Bug for a cycle or an unknown name: `checks` refuses both."""
    made = vars(spec).get(_CACHE)
    if not isinstance(made, Index):
        made = _index(spec)
        vars(spec)[_CACHE] = made  # as functools.cached_property does; the spec cannot import this module
    return made


def edges(steps: Iterable[StepSpec]) -> tuple[Edge, ...]:
    """Every arrow, in the order of the file: needs, then what a route may choose, then failure edges."""
    found: list[Edge] = []
    for step in steps:
        found += [Edge(need, step.name, "need") for need in step.needs]
        found += [Edge(step.name, to, "route") for to in dict.fromkeys(route.to for route in step.routes)]
        if step.on_failure not in (ESCALATE, CONTINUE):
            found.append(Edge(step.name, step.on_failure, "failure"))
    return tuple(found)


def before(steps: Sequence[StepSpec]) -> Mapping[str, tuple[str, ...]]:
    """For each step those it waits for directly, over arrows of every kind; names of no step are left out."""
    sources: dict[str, dict[str, None]] = {step.name: {} for step in steps}
    for edge in edges(steps):
        if edge.target in sources and edge.source in sources:
            sources[edge.target][edge.source] = None
    return {name: tuple(found) for name, found in sources.items()}


def ancestors(sources: Mapping[str, Sequence[str]], name: str) -> frozenset[str]:
    """All steps that come before this one, by the answer of `before`: those whose output it may read."""
    seen: set[str] = set()
    todo = list(sources[name])
    while todo:
        source = todo.pop()
        if source not in seen:
            seen.add(source)
            todo += sources[source]
    return frozenset(seen)


def last(spec: WorkflowSpec) -> tuple[str, ...]:
    """The steps nothing comes after, in the order of the file: their outputs are the default output of the run."""
    inner = {edge.source for edge in edges(spec.steps)}
    return tuple(step.name for step in spec.steps if step.name not in inner)


def cycle(steps: Sequence[StepSpec]) -> tuple[str, ...]:
    """One cycle as a path whose first and last names are the same, or () if there is none."""
    sources = before(steps)
    _, stuck = _order(tuple(sources), sources)
    if not stuck:
        return ()
    path = [next(name for name in sources if name in stuck)]
    while path[-1] not in path[:-1]:
        path.append(next(source for source in sources[path[-1]] if source in stuck))
    return tuple(reversed(path[path.index(path[-1]) :]))


def _index(spec: WorkflowSpec) -> Index:
    sources = before(spec.steps)
    order, stuck = _order(tuple(sources), sources)
    if stuck:
        raise Bug(f"workflow {spec.name} has a cycle; it should have been refused when it was parsed")
    position = {name: at for at, name in enumerate(order)}
    arrows = edges(spec.steps)
    if unknown := {name for edge in arrows for name in (edge.source, edge.target)} - set(position):
        raise Bug(f"workflow {spec.name} names steps it does not have: {', '.join(sorted(unknown))}")
    entering: dict[tuple[str, str], list[int]] = {}
    for edge in arrows:
        entering.setdefault((edge.target, edge.kind), []).append(position[edge.source])
    nodes = tuple(_node(spec.by_name[name], entering) for name in order)
    races = tuple(at for at in reversed(range(len(nodes))) if spec.by_name[order[at]].join is Join.FIRST)
    return Index(nodes, position, races)


def _node(step: StepSpec, entering: Mapping[tuple[str, str], Sequence[int]]) -> Node:
    """A race is a count of one; what sets it apart is that it stops the losers."""
    join, count = (step.join, 1) if isinstance(step.join, Join) else (Join.FIRST, step.join)
    return Node(
        name=step.name,
        needs=tuple(entering.get((step.name, "need"), ())),
        join=join,
        count=count,
        routes=tuple(entering.get((step.name, "route"), ())),
        faults=tuple(entering.get((step.name, "failure"), ())),
        on_failure=step.on_failure,
    )


def _order(
    names: Sequence[str], sources: Mapping[str, Sequence[str]]
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Topological order, file order among equals; and the names that are on a cycle or after one."""
    place = {name: at for at, name in enumerate(names)}
    missing = {name: len(sources[name]) for name in names}
    targets: dict[str, list[str]] = {name: [] for name in names}
    for name in names:
        for source in sources[name]:
            targets[source].append(name)
    heap = [place[name] for name in names if not missing[name]]
    order: list[str] = []
    while heap:
        name = names[heapq.heappop(heap)]
        order.append(name)
        for target in targets[name]:
            missing[target] -= 1
            if not missing[target]:
                heapq.heappush(heap, place[target])
    return tuple(order), frozenset(names) - frozenset(order)


def _worth(plan: Index, rows: Mapping[str, Row]) -> tuple[list[int], tuple[str, ...]]:
    worth: list[int] = []
    unhandled: list[str] = []
    for node in plan.nodes:
        row = rows.get(node.name)
        code = _OPEN if row is None else _WORTH.get(row.state, -1)
        if code == -1 and row is not None:
            raise Bug(f"step {node.name} is in state {row.state!r}, which no step has")
        if code == _FAILED and node.on_failure == CONTINUE:
            code = _TOLERATED
        elif code == _FAILED and node.on_failure == ESCALATE:
            unhandled.append(node.name)
        worth.append(code)
    return worth, tuple(unhandled)


def _lost_races(plan: Index, worth: list[int], chosen: Mapping[str, str]) -> list[int]:
    """What a decided `join: first` no longer wants; pending ones are written off in `worth`.

    Last races first: a race that a later race writes off does not begin, so it stops nobody.
    """
    lost: dict[int, None] = {}
    for at in plan.races:
        node = plan.nodes[at]
        if worth[at] == _OFF or (worth[at] == _OPEN and _verdict(node, plan, worth, chosen) != _START):
            continue
        for need in node.needs:
            if worth[need] == _OPEN:
                worth[need] = _OFF
                lost[need] = None
            elif worth[need] == _MOVING:
                lost[need] = None
    return list(lost)


def _settle(plan: Index, worth: list[int], chosen: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """One pass in topological order, so that a skip reaches everything after it in the same call."""
    start: list[str] = []
    skip: list[str] = []
    for at, node in enumerate(plan.nodes):
        if worth[at] != _OPEN:
            continue
        verdict = _verdict(node, plan, worth, chosen)
        if verdict == _START:
            start.append(node.name)
        elif verdict == _SKIP:
            worth[at] = _OFF
            skip.append(node.name)
    return start, skip


def _verdict(node: Node, plan: Index, worth: Sequence[int], chosen: Mapping[str, str]) -> int:
    """Whether a pending step starts, is skipped or is held: its trigger (if it has one) and its needs must hold."""
    trigger = _trigger(node, plan, worth, chosen) if node.routes or node.faults else _START
    if trigger == _SKIP or not node.needs:
        return trigger
    needs = _joined(node, [worth[need] for need in node.needs])
    return needs if trigger == _START or needs == _SKIP else _HOLD


def _trigger(node: Node, plan: Index, worth: Sequence[int], chosen: Mapping[str, str]) -> int:
    """Chosen by a route or called by a failure: one is enough; none left to hope for means skip."""
    if any(worth[at] == _DONE and chosen.get(plan.nodes[at].name) == node.name for at in node.routes):
        return _START
    if any(worth[at] == _FAILED for at in node.faults):
        return _START
    settled = all(worth[at] >= _DONE for at in node.routes + node.faults)
    return _SKIP if settled else _HOLD


def _joined(node: Node, found: Sequence[int]) -> int:
    """A tolerated failure serves `all` and `any`; in a race or a count only a success counts."""
    if node.join is Join.ALL:
        if _FAILED in found or _OFF in found:
            return _SKIP
        return _HOLD if _OPEN in found or _MOVING in found else _START
    if node.join is Join.ANY:
        if _OPEN in found or _MOVING in found:
            return _HOLD
        return _START if _DONE in found or _TOLERATED in found else _SKIP
    done = found.count(_DONE)
    if done >= node.count:
        return _START
    return _HOLD if done + found.count(_OPEN) + found.count(_MOVING) >= node.count else _SKIP
