"""What a person at a terminal reads and types. Refuses to pass on characters that move the cursor or hide text."""

from __future__ import annotations

import getpass
import sys
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

HIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


def plain(text: object) -> str:
    """The text with every unseen character as its code point; lines stay lines."""
    return "".join(
        f"<U+{ord(char):04X}>" if unicodedata.category(char) in HIDDEN and char not in "\n\t" else char
        for char in str(text)
    )


@dataclass(frozen=True, slots=True)
class Terminal:
    """The streams and the environment of one command."""

    environment: Mapping[str, str]
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    given: TextIO = field(default_factory=lambda: sys.stdin)
    secret: Callable[[str], str] = getpass.getpass

    def say(self, *lines: object) -> None:
        """Lines for whoever reads the result."""
        self._write(self.out, lines)

    def warn(self, *lines: object) -> None:
        """Lines besides the result."""
        self._write(self.err, lines)

    def ask(self, question: str) -> str:
        """What somebody types; "" when nobody is there."""
        self.err.write(plain(question))
        self.err.flush()
        return self.given.readline().strip()

    def ask_secret(self, question: str) -> str:
        """What somebody types unseen, or what comes in through a pipe."""
        if self.given.isatty():
            return self.secret(question).strip()
        return self.given.readline().strip()

    @staticmethod
    def _write(stream: TextIO, lines: tuple[Any, ...]) -> None:
        stream.writelines(plain(line) + "\n" for line in lines)
        stream.flush()
