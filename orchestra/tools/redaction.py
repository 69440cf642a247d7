"""Masks what a tool's declaration does not want shown: values at paths such as `args.email` or `result.cards[].number`.

Only for showing and for what is handed on; bytes that are sent or digested are never masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from orchestra.canonical import Json

MASK: Final = "[redacted]"
#: One path: names with dots, `[]` behind a name for each element of a list or each member of an object.
PATH: Final = r"^(args|result|observed|preview)((\.[A-Za-z_][A-Za-z0-9_]*)|(\[\]))*$"
_PART: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\[\]")


def masked(values: Mapping[str, Json], paths: Iterable[str]) -> dict[str, Json]:
    """A copy of `{"args": ..., "result": ...}` in which every value that a path leads to is `[redacted]`."""
    found: Any = dict(values)
    for path in paths:
        found = _masked(found, _PART.findall(path))
    made: dict[str, Json] = found
    return made


def _masked(value: Any, parts: list[str]) -> Any:
    if not parts:
        return None if value is None else MASK
    part, rest = parts[0], parts[1:]
    if part == "[]" and isinstance(value, list):
        return [_masked(item, rest) for item in value]
    if isinstance(value, Mapping):
        return {
            name: _masked(below, rest) if part in ("[]", name) else below for name, below in value.items()
        }
    return value
