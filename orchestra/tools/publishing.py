"""Publishes tools and bindings: an immutable version by its digest, and rows that point to it in an environment.

Runs inside the caller's transaction. Refuses a tool in two bindings of one environment.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from orchestra.contracts import Effect
from orchestra.documents.report import listed, near
from orchestra.errors import Invalid
from orchestra.models import Environment, Person, Tool, ToolBinding, ToolVersion
from orchestra.tools import stored
from orchestra.tools.bindings import Binding
from orchestra.tools.declarations import Declaration


def known() -> dict[str, Effect]:
    """Every published tool and what its newest version does."""
    rows = ToolVersion.objects.order_by("tool_id", "-number").distinct("tool_id")
    return {name: Effect(effect) for name, effect in rows.values_list("tool__name", "effect")}


def tool(declaration: Declaration, *, by: Person, place: Environment) -> tuple[ToolVersion, bool]:
    """The version that says this, made if there is none; a binding in the environment moves on to it.

    The flag tells whether anything changed.
    """
    row, _ = Tool.objects.get_or_create(name=declaration.name)
    row = Tool.objects.select_for_update().get(pk=row.pk)
    digest = stored.digest(declaration)
    version = row.versions.filter(digest=digest).first()
    new = version is None
    if version is None:
        last = row.versions.order_by("-number").values_list("number", flat=True).first()
        version = row.versions.create(
            number=(last or 0) + 1,
            effect=str(declaration.effect),
            delivery=str(declaration.delivery),
            declaration=stored.dump(declaration),
            digest=digest,
            author=by,
        )
    moved = row.bindings.filter(environment=place).exclude(version=version).update(version=version)
    return version, new or bool(moved)


def binding(given: Binding, *, place: Environment) -> bool:
    """Point every tool that it names to its address; whether anything changed.

    Tools that it named before and names no more are taken out of the environment. Raises Invalid for a name
    that no published tool has, and for a tool that belongs to another binding.
    """
    rows = {row.tool.name: row for row in place.bindings.select_related("tool")}
    tools = {tool.name: tool for tool in Tool.objects.filter(versions__isnull=False).distinct()}
    chosen = matching(given.tools, tools)
    _check_owners(given, rows, chosen)
    changed = [_bind(given, tools[name], rows.get(name), place) for name in sorted(chosen)]
    changed += [
        _unbind(row) for name, row in rows.items() if _owner(row) == given.name and name not in chosen
    ]
    return any(changed)


def matching(globs: Iterable[str], names: Iterable[str]) -> frozenset[str]:
    """The names that any of the globs fits. Raises Invalid for a glob that fits none."""
    known_names = list(names)
    found: set[str] = set()
    for glob in globs:
        fitting = [name for name in known_names if fnmatchcase(name, glob)]
        if not fitting:
            told = listed(sorted(known_names))
            raise Invalid(f"no published tool fits {glob!r}{near(glob, known_names)}; there are: {told}")
        found.update(fitting)
    return frozenset(found)


def _owner(row: ToolBinding) -> str:
    return str(row.settings.get("binding", ""))


def _check_owners(given: Binding, rows: dict[str, ToolBinding], chosen: frozenset[str]) -> None:
    for name in sorted(chosen & rows.keys()):
        owner = _owner(rows[name])
        if rows[name].active and owner not in ("", given.name):
            raise Invalid(f"{name} belongs to the binding {owner!r} here; take it out there first")


def _bind(given: Binding, tool: Tool, row: ToolBinding | None, place: Environment) -> bool:
    """A tool that is bound already keeps its version: only publishing the tool moves that."""
    wanted = {
        "base_url": given.base_url,
        "secret_reference": given.secret,
        "at_once": given.at_once,
        "settings": given.settings(),
        "active": True,
    }
    if row is None:
        version = tool.versions.order_by("-number")[0]
        ToolBinding.objects.create(tool=tool, environment=place, version=version, **wanted)
        return True
    if all(getattr(row, name) == value for name, value in wanted.items()):
        return False
    for name, value in wanted.items():
        setattr(row, name, value)
    row.save(update_fields=list(wanted))
    return True


def _unbind(row: ToolBinding) -> bool:
    if not row.active:
        return False
    row.active = False
    row.save(update_fields=["active"])
    return True
