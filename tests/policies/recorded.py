"""Recorded runs of real agents as actions to judge: the state before each write, rebuilt in memory call by call.

Labels are read to measure and to know what took effect, never to judge.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from examples.store import data as base
from examples.store import operations
from examples.store.dialects import DIALECTS
from orchestra import canonical, schemas
from orchestra.canonical import Json
from orchestra.contracts import Action, Delivery, Effect
from orchestra.policies.origins import REQUESTER, TOOL, Seen
from orchestra.policies.parse import parse

ROOT = Path(__file__).resolve().parents[2]
POLICIES = ROOT / "examples" / "store" / "policies"
FOLDER = Path(os.environ.get("STORE_DATA") or ROOT.parent / "shared" / "data" / "retail")
IDENTIFYING = {"find_user_id_by_email", "find_user_id_by_name_zip"}
LIBRARY = tuple(parse(path.read_text(encoding="utf-8")) for path in sorted(POLICIES.glob("*.yaml")))
TIERS = {"read": 1, "write": 2, "destructive": 3}

Label = Mapping[str, Any]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Write:
    """One recorded write: the action as the policies would see it, whether its arguments fit the tool, its label."""

    action: Action
    fits: bool
    label: Label


@dataclass(slots=True)
class Run:
    """What has happened in a run so far."""

    world: operations.World
    seen: Seen = field(default_factory=Seen)
    identified: list[str] = field(default_factory=list)
    last_message: str = ""
    succeeded: Counter[str] = field(default_factory=Counter)


class Recording:
    """The folder of recorded runs."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.data = base.load(folder)
        self.tools = {
            tool["function"]["name"]: tool for tool in json.loads((folder / "tools.json").read_text())
        }
        self.schemas = {
            name: schemas.compile({**tool["function"]["parameters"], "additionalProperties": False})
            for name, tool in self.tools.items()
        }
        self.labels: dict[tuple[str, int, int], Label] = {
            (row["run"], row["message"], row["call"]): row for row in _lines(folder / "labels.jsonl.gz")
        }
        self.folder = folder

    def runs(self) -> Iterator[Row]:
        """Every recorded run."""
        yield from _lines(self.folder / "trajectories.jsonl.gz")

    def walk(self, run: Row, performs: Callable[[Write, Run], bool]) -> None:
        """Go through a run; `performs` is told each write, with the run so far, and says whether it is done to the world."""
        dialect = DIALECTS["lenient" if run["source"] == "S3" else "strict"]
        now = Run(operations.World(self.data, operations.Memory(), dialect))
        names: dict[str, str] = {}
        undone: set[str] = set()
        for number, message in enumerate(run["messages"]):
            if message["role"] == "user":
                now.seen.add(REQUESTER, message["content"])
                now.last_message = message["content"]
            elif message["role"] == "tool" and message["tool_call_id"] not in undone:
                _hear(message, names.get(message["tool_call_id"], ""), now)
            for place, call in enumerate(message.get("tool_calls") or ()):
                names[call["id"]] = call["function"]["name"]
                label = self.labels.get((run["run"], number, place))
                if label is not None and not self._write(label, len(message["tool_calls"]), now, performs):
                    undone.add(call["id"])  # nobody hears the answer to a call that was not made

    def _write(self, label: Label, of_turn: int, now: Run, performs: Callable[[Write, Run], bool]) -> bool:
        tool, arguments = label["tool"], label["arguments"]
        same = f"{tool} {canonical.digest(arguments).hex()}"
        made = Write(
            Action(
                tool=tool,
                effect=Effect(self.tools[tool]["effect"]),
                delivery=Delivery.KEY,
                tier=TIERS[self.tools[tool]["effect"]],
                arguments=arguments,
                context=_context(now, arguments, of_turn, now.succeeded[same]),
            ),
            not self.schemas[tool].problems(arguments),
            label,
        )
        done = performs(made, now) and perform(now.world, tool, arguments)
        now.succeeded[same] += done
        return done


def perform(world: operations.World, tool: str, arguments: Row) -> bool:
    """Do it to the world; false when the shop refuses."""
    try:
        operations.OPERATIONS[tool](world, **arguments)
    except operations.Refused:
        return False
    return True


def observe(world: operations.World, arguments: Row) -> dict[str, Json]:
    """What a tool's observation returns: the shop's own reads of the order, its customer and its products."""
    order = _read(world, "orders", arguments.get("order_id"))
    user = _read(world, "users", order["user_id"] if order else arguments.get("user_id"))
    lines = order["items"] if order and "new_item_ids" in arguments else []
    products = {line["product_id"]: _read(world, "products", line["product_id"]) for line in lines}
    return {"order": plain(order), "user": plain(user), "products": plain(products)}


def plain(value: Any) -> Any:
    """As it comes out of the shop's reply and through our own strict parser."""
    if isinstance(value, dict):
        return {name: plain(held) for name, held in value.items()}
    if isinstance(value, list):
        return [plain(held) for held in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _read(world: operations.World, kind: str, row_id: object) -> Row | None:
    try:
        return world.find(kind, str(row_id)) if row_id is not None else None
    except operations.Refused:
        return None


def _context(now: Run, arguments: Row, of_turn: int, succeeded: int) -> dict[str, Json]:
    return {
        "agent": {"name": "shop-agent", "version": 1, "model": "recorded"},
        "requester": {"kind": "service", "name": "shop", "groups": []},
        "subject": None,
        "environment": "dev",
        "mode": "proposal",
        "run": {"id": "r", "identified": list[Json](now.identified), "last_message": now.last_message},
        "preview": None,
        "observed": observe(now.world, arguments),
        "provenance": now.seen.provenance(arguments),
        "confidence": None,
        "counts": {"of_turn": of_turn, "same_succeeded": succeeded},
        "second_opinion": None,
    }


def _hear(message: Row, tool: str, now: Run) -> None:
    text = message["content"] or ""
    try:
        now.seen.add(TOOL, json.loads(text))
    except ValueError:
        now.seen.add(TOOL, text)
    if tool in IDENTIFYING and not text.startswith("Error"):
        now.identified.append(text.strip())


def _lines(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
