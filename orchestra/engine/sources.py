"""The texts of what is in force, for people to read, to compare with and to start from.

Policies and workflows keep the text they were published with; tools, agents and bindings are written anew from their rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import yaml

from orchestra.documents.envelopes import envelopes
from orchestra.errors import Invalid
from orchestra.models import (
    Agent,
    AgentVersion,
    Deployment,
    PolicyPublication,
    ToolBinding,
    ToolVersion,
)

_BETWEEN: Final = re.compile(r"(?m)^---(?:[ \t].*)?$\n?")
#: What a stored declaration says in other words than a document does.
_ELSEWHERE: Final = ("format", "name", "key_header", "key_life", "timeout", "quiet_period")


def in_force(kind: str, name: str, environment: str) -> str:
    """The text of the definition that is in force there; empty when there is none."""
    return _READ[kind](name, environment) if kind in _READ else ""


def document(text: str, kind: str, name: str) -> str:
    """The one document of a text that says `kind` and `name`, with the comments above it."""
    parts = _BETWEEN.split(text)
    for part in parts:
        try:
            found = envelopes(part)
        except Invalid:
            continue
        if [(each.kind, each.name) for each in found] == [(kind, name)]:
            return part.strip("\n") + "\n"
    return text


def tool(version: ToolVersion) -> str:
    """A tool's declaration as a document."""
    data = version.declaration
    spec = {
        key: _written(key, value)
        for key, value in data.items()
        if key not in _ELSEWHERE and value not in (None, "", [], {}, False)
    }
    if data.get("key_header"):
        spec["key"] = _kept({"header": data.get("key_header"), "life": _seconds(data.get("key_life"))})
    spec |= _kept({"timeout": _seconds(data.get("timeout")), "quiet": _seconds(data.get("quiet_period"))})
    return _yaml("tool", version.tool.name, spec)


def agent(version: AgentVersion, grants: list[str] | None = None) -> str:
    """An agent's version as a document, with the tools it is granted."""
    spec: dict[str, Any] = {
        "owner": version.agent.owner.name,
        "adapter": version.settings.get("adapter", ""),
        "model": version.model,
        "prompt": version.prompt,
        "settings": version.settings.get("settings", {}),
        "grants": grants or [],
    }
    return _yaml("agent", version.agent.name, {key: value for key, value in spec.items() if value})


def _policy(name: str, environment: str) -> str:
    found = PolicyPublication.objects.select_related("version").filter(
        policy__name=name, environment__name=environment, until__isnull=True
    )
    return next((document(row.version.source, "policy", name) for row in found), "")


def _workflow(name: str, environment: str) -> str:
    found = Deployment.objects.select_related("base_version").filter(
        workflow__name=name, environment__name=environment
    )
    return next((document(row.base_version.source, "workflow", name) for row in found), "")


def _tool(name: str, environment: str) -> str:
    """The version that is bound there, else the newest."""
    bound = ToolBinding.objects.filter(tool__name=name, environment__name=environment)
    row = next((each.version for each in bound.select_related("version__tool")), None)
    newest = ToolVersion.objects.filter(tool__name=name).select_related("tool").order_by("-number")
    row = row or newest.first()
    return tool(row) if row else ""


def _agent(name: str, environment: str) -> str:
    found = Agent.objects.select_related("owner").filter(name=name).first()
    version = found and found.versions.select_related("agent__owner").order_by("-number").first()
    if not found or not version:
        return ""
    grants = found.grants.filter(environment__name=environment).order_by("tool__name")
    return agent(version, list(grants.values_list("tool__name", flat=True)))


def _binding(name: str, environment: str) -> str:
    rows = ToolBinding.objects.filter(
        environment__name=environment, active=True, settings__binding=name
    ).select_related("tool")
    found = list(rows.order_by("tool__name"))
    if not found:
        return ""
    first = found[0]
    spec: dict[str, Any] = {
        "tools": [row.tool.name for row in found],
        "base_url": first.base_url,
        "labels": first.settings.get("labels"),
        "allow": first.settings.get("allow"),
        "secret": _secret(first),
        "at_once": first.at_once,
    }
    return _yaml("binding", name, {key: value for key, value in spec.items() if value})


def _secret(row: ToolBinding) -> Any:
    """A bearer token is written short."""
    header, prefix = row.settings.get("secret_header"), row.settings.get("secret_prefix")
    if not row.secret_reference or (header, prefix) == ("Authorization", "Bearer "):
        return row.secret_reference
    named = {"reference": row.secret_reference, "header": header, "prefix": prefix}
    return {key: value for key, value in named.items() if value}


def _written(key: str, value: Any) -> Any:
    if key == "observe":
        return [_kept(each) for each in value]
    return _kept(value) if isinstance(value, dict) and key in ("request", "lookup") else value


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:g}s"


def _kept(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value not in (None, "", [], {})}


def _yaml(kind: str, name: str, spec: Mapping[str, Any]) -> str:
    written = {"kind": kind, "name": name, "spec": dict(spec)}
    return yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=100)


_READ: Final[Mapping[str, Callable[[str, str], str]]] = {
    "policy": _policy,
    "workflow": _workflow,
    "tool": _tool,
    "agent": _agent,
    "binding": _binding,
}
