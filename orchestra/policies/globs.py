"""Names of tools with `*` in them. Refuses every other sign of a pattern: a name is a name."""

from __future__ import annotations

import re
from functools import lru_cache


def is_glob(text: str) -> bool:
    """Whether it stands for more than one name."""
    return "*" in text


@lru_cache(maxsize=4096)
def pattern(glob: str) -> re.Pattern[str]:
    """What a name must be; `*` is any text, also none. Runs of `*` are one, so that matching stays quick."""
    parts = re.split(r"\*+", glob)
    return re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)


def matches(written: str, tool: str) -> bool:
    """Whether a name or glob speaks of this tool."""
    return written == tool if not is_glob(written) else pattern(written).fullmatch(tool) is not None
