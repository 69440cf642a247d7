"""What a replay publishes, made of the example store's files: the same tools, agents and workflow, pointed elsewhere.
Reads files only; publishes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from orchestra.canonical import Json
from orchestra.documents.envelopes import Envelope, envelopes

#: Where the bindings of the example say that the store is.
USUAL: Final = "127.0.0.1:8100"
ANY_MODEL: Final = "recorded"


@dataclass(frozen=True, slots=True)
class Library:
    """The folder of the example store."""

    folder: Path

    def tools(self) -> str:
        """The tools as they are."""
        return self._read("tools.yaml")

    def bindings(self, address: str) -> str:
        """The bindings, to a store at `address` (host and port)."""
        return self._read("bindings.yaml").replace(USUAL, address)

    def policies(self) -> list[str]:
        """Each file of policies as it is."""
        paths = sorted((self.folder / "policies").glob("*.yaml"))
        return [path.read_text(encoding="utf-8") for path in paths]

    def agents(self, data: Path) -> str:
        """The agents, playing from the folder `data` and going on where reality departs from the recording."""
        settings: Json = {"data": str(data), "on_departure": "continue"}
        return _text(_with(found, settings=settings) for found in self._agents())

    def workflows(self, *, limits: Mapping[str, Json] = MappingProxyType({})) -> str:
        """The workflow once for each agent, named like it; `limits` go before its own."""
        (workflow,) = envelopes(self._read("workflow.yaml"))
        return _text(_for_agent(workflow, found.name, limits) for found in self._agents())

    def agent_of(self) -> Mapping[str, str]:
        """Names of agents by the model that they are; `recorded` is for any other."""
        return {str(_spec(found)["model"]): found.name for found in self._agents()}

    def declarations(self) -> Mapping[str, Mapping[str, Any]]:
        """What each tool says of itself, by name."""
        return {found.name: _spec(found) for found in envelopes(self.tools())}

    def _agents(self) -> list[Envelope]:
        return envelopes(self._read("agents.yaml"))

    def _read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


def _spec(envelope: Envelope) -> dict[str, Any]:
    return dict(envelope.spec) if isinstance(envelope.spec, dict) else {}


def _with(envelope: Envelope, **more: Json) -> dict[str, Any]:
    return {**envelope.document, "spec": {**_spec(envelope), **more}}


def _for_agent(workflow: Envelope, agent: str, more: Mapping[str, Json]) -> dict[str, Any]:
    steps = {
        name: {**step, "agent": agent} if step["kind"] == "agent" else step
        for name, step in _spec(workflow)["steps"].items()
    }
    limits = {**_spec(workflow)["limits"], **more}
    return {**_with(workflow, steps=steps, limits=limits), "name": agent}


def _text(documents: Iterable[Mapping[str, Any]]) -> str:
    """One YAML text; JSON is YAML too."""
    return "\n---\n".join(json.dumps(each, ensure_ascii=False, indent=1) for each in documents)
