"""The tools of the shop as tools.json describes them, and the check of arguments against their schemas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs

from examples.store import exact

FILE = Path(__file__).with_name("tools.json")


class UnknownTool(Exception):
    """The shop has no such tool."""


class BadArguments(Exception):
    """The arguments do not fit the tool's schema; the text says where."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `writes`: its calls may change the shop."""

    name: str
    writes: bool
    schema: jsonschema_rs.Validator

    def check(self, arguments: Any) -> Mapping[str, Any]:
        """The arguments, when they are one object that fits the schema; BadArguments otherwise."""
        for problem in self.schema.iter_errors(arguments):
            place = ".".join(map(str, problem.instance_path)) or "arguments"
            raise BadArguments(f"{place}: {problem.message}"[:500])
        found: Mapping[str, Any] = arguments
        return found


def describe() -> list[Any]:
    """All tools in the format of OpenAI's function calling, with what they do to the shop."""
    described: list[Any] = exact.read(FILE.read_bytes())
    return described


def _tool(described: Any) -> Tool:
    function = described["function"]
    schema = jsonschema_rs.validator_for(function["parameters"])
    return Tool(name=function["name"], writes=described["effect"] != "read", schema=schema)


TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in map(_tool, describe())}


def find(name: str) -> Tool:
    """The tool of that name; UnknownTool when there is none."""
    if name not in TOOLS:
        raise UnknownTool(f"Unknown action {name[:100]}")
    return TOOLS[name]
