"""Shows what one cannot see: control, format and blank characters by their code points. Pure.

Refuses to drop anything: what is there is told.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Control, format, private, half and unassigned characters, line ends, and every space but the plain one.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs"})
#: Letters and signs that fonts draw as nothing.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def visible(text: str) -> str:
    """The text with every character that one cannot see as its code point: `pay⟨U+202E⟩`. Also quotes like ours."""
    return "".join(_shown(char) for char in text)


def lines(text: str) -> list[str]:
    """The same, line by line. Only line feeds end a line: pages show its other ends as a space, or not at all."""
    return [visible(line) for line in text.replace("\r\n", "\n").split("\n")]


def _shown(char: str) -> str:
    unseen = char != " " and unicodedata.category(char) in _UNSEEN
    return f"⟨U+{ord(char):04X}⟩" if unseen or char in "“”⟨⟩" or _BLANK.match(char) else char
