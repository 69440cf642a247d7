"""Records the shop's own conversations: plays the scripts against the rules, labels each write, writes the files.

Run `python -m examples.store.scripts` after a change of scripts, rules or generated data.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from examples.store import data, exact, generated, tools
from examples.store.data import Data, Row
from examples.store.dialects import STRICT
from examples.store.operations import OPERATIONS, Memory, Refused, World

HERE = Path(__file__).parent
NO_JSON = "Error: the arguments are no JSON object"
UNAVAILABLE = "Error: 503 Service Unavailable"

Wanted = tuple[str, dict[str, Any]]


@dataclass(slots=True)
class Talk:
    """One conversation while it is recorded, with the customer's own orders at hand."""

    name: str
    base: Data
    user_id: str
    instruction: str = ""
    memory: Memory = field(default_factory=Memory)
    messages: list[Row] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    labels: list[Row] = field(default_factory=list)
    faults: int = 0
    asked: int = 0

    @property
    def user(self) -> Row:
        """The customer."""
        return self.base.users[self.user_id]

    def order(self, status: str) -> Row:
        """The customer's order that has this status at first."""
        mine = (self.base.orders[order_id] for order_id in self.user["orders"])
        return next(order for order in mine if order["status"] == status)

    def method(self, source: str) -> str:
        """The id of the customer's payment method of that kind."""
        held = self.user["payment_methods"].values()
        return next(str(method["id"]) for method in held if method["source"] == source)

    def want(self, tool: str, **arguments: Any) -> Wanted:
        """A write that should happen in this conversation."""
        self.wanted.append((tool, arguments))
        return tool, arguments

    @property
    def told(self) -> bool:
        """Whether the agent told the customer everything that it should."""
        said = " ".join(m["content"] or "" for m in self.messages if m["role"] == "assistant")
        return all(output in said for output in self.outputs)

    def customer(self, text: str) -> None:
        """The customer says something."""
        self.messages.append({"role": "user", "content": text})

    def agent(self, text: str) -> None:
        """The agent says something, or nothing."""
        self.messages.append({"role": "assistant", "content": text})

    def call(self, tool: str, **arguments: Any) -> Any:
        """The agent calls one tool; the shop's result."""
        return self.calls((tool, arguments))[0]

    def calls(self, *wanted: Wanted) -> list[Any]:
        """The agent calls several tools in one message; their results, None for a refusal."""
        texts = [(tool, exact.write(arguments)) for tool, arguments in wanted]
        self._say_calls(texts)
        message = len(self.messages) - 1
        return [self._answer(message, place, *one) for place, one in enumerate(wanted)]

    def call_badly(self, tool: str, text: str, answer: str) -> None:
        """The agent calls a tool in a way that never reaches the shop's rules."""
        self._say_calls([(tool, text)])
        if tool in tools.TOOLS and tools.TOOLS[tool].writes and answer != UNAVAILABLE:
            self._label(len(self.messages) - 1, 0, tool, None, answer)
        self.faults += answer == UNAVAILABLE
        self._tell(0, answer)

    def _say_calls(self, texts: Sequence[tuple[str, str]]) -> None:
        made = []
        for tool, text in texts:
            self.asked += 1
            function = {"name": tool, "arguments": text}
            made.append({"id": f"call_{self.asked}", "type": "function", "function": function})
        self.messages.append({"role": "assistant", "content": None, "tool_calls": made})

    def _answer(self, message: int, place: int, tool: str, arguments: dict[str, Any]) -> Any:
        result, answer, error = None, "", None
        try:
            checked = tools.find(tool).check(arguments)
            result = OPERATIONS[tool](World(self.base, self.memory, STRICT), **checked)
            answer = result if isinstance(result, str) else exact.write(result)
        except (Refused, tools.BadArguments) as refused:
            answer = error = f"Error: {refused}"
        if tools.TOOLS[tool].writes:
            self._label(message, place, tool, arguments, error)
        self._tell(place, answer, of=message)
        return result

    def _tell(self, place: int, answer: str, *, of: int = -1) -> None:
        call = self.messages[of]["tool_calls"][place]
        self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": answer})

    def _label(
        self, message: int, place: int, tool: str, arguments: dict[str, Any] | None, error: str | None
    ) -> None:
        self.labels.append(
            {
                "run": f"example/{self.name}/0",
                "task": f"example-{self.name}",
                "model": "example",
                "message": message,
                "call": place,
                "tool": tool,
                "arguments": arguments,
                "took_effect": error is None,
                "backend_error": error,
                "in_ground_truth": (tool, arguments) in self.wanted,
            }
        )


def record(base: Data, scripts: Sequence[Callable[[Talk], None]]) -> list[Talk]:
    """Play all scripts, the first with the first customer and so on; writes are labelled."""
    talks = []
    for script, user_id in zip(scripts, base.users, strict=False):
        talk = Talk(script.__name__.replace("_", "-"), base, user_id, instruction=script.__doc__ or "")
        script(talk)
        for label in talk.labels:
            _judge(talk, label)
        talks.append(talk)
    return talks


def _judge(talk: Talk, label: Row) -> None:
    """Say whether a write was right, as a reviewer who knows what the customer wants would."""
    right, took_effect = label["in_ground_truth"], label["took_effect"]
    if not took_effect:
        name = "refused_right" if right else "refused_wrong"
    else:
        name = "right" if right else "harmless" if _same_end(talk) else "wrong"
    kind, wrong = _kind(talk, label) if name == "wrong" else (None, None)
    approve = name in ("right", "harmless", "refused_right")
    label |= {"label": name, "decision": "approve" if approve else "reject", "kind": kind}
    label |= {"wrong_arguments": wrong, "broken_rules": None}


def _kind(talk: Talk, label: Row) -> tuple[str, list[str] | None]:
    """In what way a write was wrong."""
    tool, arguments = label["tool"], label["arguments"]
    same = [
        wanted for wanted in talk.wanted if next(iter(wanted[1].values())) == next(iter(arguments.values()))
    ]
    for wanted_tool, wanted in same:
        if wanted_tool == tool:
            wrong = [name for name, value in arguments.items() if wanted[name] != value]
            return f"wrong arguments: {'+'.join(wrong)}", wrong
    return ("right object, other tool" if same else "object the task never asked to change"), None


def _same_end(talk: Talk) -> bool:
    """Whether the shop ends as it does when exactly the wanted writes happen."""
    memory = Memory()
    for tool, arguments in talk.wanted:
        OPERATIONS[tool](World(talk.base, memory, STRICT), **arguments)
    return exact.digest(memory.rows) == exact.digest(talk.memory.rows)


def trajectory(talk: Talk) -> Row:
    """The conversation in the format of recorded runs."""
    calls = sum(len(message.get("tool_calls", ())) for message in talk.messages)
    done = [(label["tool"], label["arguments"]) for label in talk.labels if label["took_effect"]]
    same_end = _same_end(talk)
    success = same_end and talk.told
    return {
        "run": f"example/{talk.name}/0",
        "model": "example",
        "agent": "scripted",
        "source": "example",
        "task": f"example-{talk.name}",
        "trial": 0,
        "reward_recorded": 1.0 if success else 0.0,
        "success": success,
        "db_match": same_end,
        "outputs_ok": talk.told,
        "tool_calls": calls,
        "write_calls": len(talk.labels),
        "wrong_writes": sum(label["label"] == "wrong" for label in talk.labels),
        "missing_writes": sum(wanted not in done for wanted in talk.wanted),
        "injected_faults": talk.faults,
        "messages": talk.messages,
    }


def task(talk: Talk, index: int) -> Row:
    """What the customer of the conversation wants, and the writes that should happen."""
    return {
        "task": f"example-{talk.name}",
        "split": "example",
        "index": index,
        "user_id": talk.user_id,
        "instruction": " ".join(talk.instruction.split()),
        "actions": [{"name": tool, "arguments": arguments} for tool, arguments in talk.wanted],
        "n_writes": len(talk.wanted),
        "outputs": talk.outputs,
        "later_version_id": None,
        "writes_changed_later": None,
        "later_writes": None,
    }


def files(talks: Sequence[Talk]) -> dict[str, str]:
    """File names and their texts: conversations, labels, tasks."""
    rows = {
        "conversations.jsonl": [trajectory(talk) for talk in talks],
        "labels.jsonl": [label for talk in talks for label in talk.labels],
        "tasks.jsonl": [task(talk, index) for index, talk in enumerate(talks)],
    }
    return {name: "".join(exact.write(row) + "\n" for row in found) for name, found in rows.items()}


def export(folder: Path, texts: dict[str, str]) -> None:
    """Write a folder that STORE_DATA and a replay take: base data, runs, labels and tasks."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, rows in generated.tables().items():
        (folder / f"{kind}.json").write_text(exact.write(rows), encoding="utf-8")
    (folder / "tools.json").write_bytes(tools.FILE.read_bytes())
    (folder / "tasks.jsonl").write_text(texts["tasks.jsonl"], encoding="utf-8")
    for name, text in (("trajectories", "conversations.jsonl"), ("labels", "labels.jsonl")):
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(texts[text].encode(), mtime=0))


def main(scripts: Sequence[Callable[[Talk], None]]) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="conversations", description="Record the shop's conversations anew."
    )
    parser.add_argument("--folder", type=Path, help="write a whole data folder there instead")
    folder: Path | None = parser.parse_args().folder
    texts = files(record(data.load(None), scripts))
    if folder:
        export(folder, texts)
        return
    for name, text in texts.items():
        (HERE / name).write_text(text, encoding="utf-8")
