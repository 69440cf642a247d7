"""Conversations, requests and a tiny shop made by hand for the tests of agents and of the replay."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestra.contracts import ModelRequest

ROOT = Path(__file__).resolve().parents[2]
Message = dict[str, Any]

ORDER = {"order_id": "#W0000001", "user_id": "ada_low_1", "status": "pending"}
STOP = "Thanks! ###STOP###"


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def says(text: str | None) -> Message:
    return {"role": "assistant", "content": text}


def calls(*wanted: tuple[str, str, str]) -> Message:
    """An assistant message with calls, each (id, tool, arguments as text)."""
    made = [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in wanted]
    return {"role": "assistant", "content": None, "tool_calls": made}


def result(call_id: str, content: Any) -> Message:
    text = content if isinstance(content, str) else json.dumps(content)
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def row(run: str, messages: Iterable[Message], **fields: Any) -> dict[str, Any]:
    return {"run": run, **fields, "messages": list(messages)}


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return path


def request(
    *messages: Mapping[str, Any],
    turn: int = 0,
    tools: Iterable[str] = (),
    **settings: Any,
) -> ModelRequest:
    offered = tuple({"type": "function", "function": {"name": name}} for name in tools)
    return ModelRequest("m", "", settings, messages, offered, turn)


def retail() -> Path:
    """The folder of the recorded runs; skips the test, loudly, when it is not there."""
    folder = Path(os.environ.get("RETAIL_DATA", ROOT.parent / "shared/data/retail"))
    if not (folder / "trajectories.jsonl.gz").is_file():
        told = "THE RECORDED RUNS ARE NOT HERE: nothing is checked against real data. Set RETAIL_DATA to their folder."
        warnings.warn(told, stacklevel=2)
        pytest.skip(told)
    return folder
