"""The tools of an environment as they are now: published declaration, binding, address; and who is granted them.

Reads the database in the caller's transaction. Refuses a tool without an active binding: it is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now

from orchestra.contracts import Effect
from orchestra.errors import Invalid, NotFound
from orchestra.models import Grant, ToolBinding, ToolVersion
from orchestra.tools import bindings, stored
from orchestra.tools.bindings import Address
from orchestra.tools.declarations import Declaration

#: A row that was written anew has another place (ctid) or another writer (xmin), also inside of one transaction.
_STAMP: Final = """
SELECT string_agg(concat_ws(' ', b.id, b.xmin, b.ctid, t.xmin, t.ctid), ',' ORDER BY b.id)
FROM orchestra_toolbinding b JOIN orchestra_tool t ON t.id = b.tool_id WHERE b.environment_id = %s
"""


@dataclass(frozen=True, slots=True)
class Equipped:
    """A tool as it is bound in an environment. `secret_reference` names a secret; nothing here holds one.

    `allow` are the openings of the edge, `labels` the labels of a task that fill gaps of `base_url`.
    """

    declaration: Declaration
    version_id: int
    version_number: int
    version_digest: bytes
    binding_id: int
    base_url: str
    secret_reference: str
    secret_header: str
    secret_prefix: str
    allow: frozenset[str]
    labels: tuple[str, ...]
    at_once: int | None

    @property
    def name(self) -> str:
        """The name of the tool."""
        return self.declaration.name

    @property
    def credential(self) -> str:
        """The header that is added when sending, with the reference of its secret; empty without one."""
        if not self.secret_reference:
            return ""
        return f"{self.secret_header}: {self.secret_prefix}{{{self.secret_reference}}}"


@dataclass(frozen=True, slots=True)
class Toolbox:
    """All tools of an environment, by name."""

    environment_id: int
    tools: Mapping[str, Equipped]

    def get(self, name: str) -> Equipped | None:
        """The tool of that name, if there is one here."""
        return self.tools.get(name)

    def reading(self, name: str) -> Equipped:
        """A tool that is used without passing the gate. Raises NotFound, or Invalid for one that does not only read."""
        found = self.tools.get(name)
        if found is None:
            raise NotFound(f"No tool {name} is bound in this environment; publish a binding for it.")
        if found.declaration.effect is not Effect.READ:
            raise Invalid(f"{name} does not only read, so it cannot be used without passing the gate.")
        return found


_loaded: dict[int, tuple[str, Toolbox]] = {}


def load(environment_id: int) -> Toolbox:
    """The tools of an environment. Kept until one of its bindings or tools is written; one small query to see that."""
    with connection.cursor() as cursor:
        cursor.execute(_STAMP, [environment_id])
        stamp = str(cursor.fetchone()[0])
    kept = _loaded.get(environment_id)
    if kept is not None and kept[0] == stamp:
        return kept[1]
    made = Toolbox(environment_id, _equipped(environment_id))
    _loaded[environment_id] = (stamp, made)
    return made


def granted(agent_id: int, environment_id: int) -> frozenset[str]:
    """Names of the tools that an agent may use in an environment, by the database's clock. Never kept."""
    rows = Grant.objects.filter(agent_id=agent_id, environment_id=environment_id)
    rows = rows.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=Now()))
    return frozenset(rows.values_list("tool__name", flat=True))


def address(equipped: Equipped, labels: Mapping[str, Any]) -> Address:
    """Where the tool is for a task with these labels. Raises Invalid for a label that is missing or not plain."""
    return bindings.address(equipped.base_url, equipped.labels, labels)


@lru_cache(maxsize=512)
def declared(version_id: int) -> Declaration:
    """What a published version of a tool says; versions never change."""
    return stored.load(ToolVersion.objects.values_list("declaration", flat=True).get(pk=version_id))


@lru_cache(maxsize=512)
def digest(version_id: int) -> bytes:
    """The digest of a published version of a tool."""
    return bytes(ToolVersion.objects.values_list("digest", flat=True).get(pk=version_id))


def forget() -> None:
    """Drop what is kept: another database is in use."""
    _loaded.clear()
    declared.cache_clear()
    digest.cache_clear()


def _equipped(environment_id: int) -> dict[str, Equipped]:
    rows = ToolBinding.objects.filter(environment_id=environment_id, active=True)
    return {row.tool.name: _one(row) for row in rows.select_related("tool", "version").order_by("tool__name")}


def _one(row: ToolBinding) -> Equipped:
    return Equipped(
        declaration=stored.load(row.version.declaration),
        version_id=row.version_id,
        version_number=row.version.number,
        version_digest=bytes(row.version.digest),
        binding_id=row.pk,
        base_url=row.base_url,
        secret_reference=row.secret_reference,
        secret_header=row.settings.get("secret_header", ""),
        secret_prefix=row.settings.get("secret_prefix", ""),
        allow=frozenset(row.settings.get("allow", ())),
        labels=tuple(row.settings.get("labels", ())),
        at_once=row.at_once,
    )
