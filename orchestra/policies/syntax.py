"""Reads the text of a condition into a tree, so that it can be put in words. Pure; evaluates nothing.

The library that evaluates CEL parses it too, but shows no tree. Refuses (Unspoken) what it does not know: whoever
asks then shows the text itself. Nothing is ever decided by this tree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from orchestra.errors import OrchestraError
from orchestra.policies.vocabulary import VARIABLES
from orchestra.readings import COMPREHENSIONS, Reading


class Unspoken(OrchestraError):
    """A part of the language for which there are no words here."""

    code = "unspoken"


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number, truth value or null; `text` is how it is written."""

    value: str | int | float | bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A variable."""

    text: str


@dataclass(frozen=True, slots=True)
class Member:
    """`of.name`."""

    of: Node
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`of[at]`."""

    of: Node
    at: Node


@dataclass(frozen=True, slots=True)
class Items:
    """A list that is written out."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`name(args)`, or `of.name(args)`."""

    name: str
    args: tuple[Node, ...]
    of: Node | None = None


@dataclass(frozen=True, slots=True)
class Each:
    """`over.name(variable, body)`: all, exists, exists_one, map or filter."""

    name: str
    over: Node
    variable: str
    body: Node


@dataclass(frozen=True, slots=True)
class Unary:
    """`!x` or `-x`."""

    sign: str
    of: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """Two sides with a sign between them."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Choice:
    """`when ? yes : no`."""

    when: Node
    yes: Node
    no: Node


Node: TypeAlias = Literal | Name | Member | Index | Items | Call | Each | Unary | Binary | Choice

#: Signs between two sides, the loosest first.
_LEVELS: Final = (
    ("||",),
    ("&&",),
    ("==", "!=", "<", "<=", ">", ">=", "in"),
    ("+", "-"),
    ("*", "/", "%"),
)
_SIMPLE: Final = re.compile(r"""'[^'\\\n]*'|"[^"\\\n]*\"""")  # a text without escapes
_CONSTANTS: Final = {"true": True, "false": False, "null": None}


def parse(text: str) -> Node:
    """The tree of a condition that compiles. Raises Unspoken, or ExpressionError for one that does not."""
    reader = _Reader(text)
    found = reader.choice()
    if reader.sign():
        raise Unspoken(f"`{reader.sign()}` was not expected here")
    return found


class _Reader:
    """Goes through the tokens once."""

    def __init__(self, text: str) -> None:
        self._tokens = Reading(text, VARIABLES).tokens
        self._place = 0

    def sign(self) -> str:
        """The token at hand, "" at the end."""
        return self._tokens[self._place].text if self._place < len(self._tokens) else ""

    def choice(self) -> Node:
        """A whole expression."""
        found = self._level(0)
        if not self._took("?"):
            return found
        yes = self.choice()
        self._expect(":")
        return Choice(found, yes, self.choice())

    def _level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        found = self._level(level + 1)
        while (sign := self.sign()) in _LEVELS[level]:
            self._place += 1
            found = Binary(sign, found, self._level(level + 1))
        return found

    def _unary(self) -> Node:
        for sign in ("!", "-"):
            if self._took(sign):
                return Unary(sign, self._unary())
        return self._steps(self._primary())

    def _steps(self, found: Node) -> Node:
        while True:
            if self._took("."):
                name = self._next()
                found = self._called(name, found) if self._took("(") else Member(found, name)
            elif self._took("["):
                found = Index(found, self.choice())
                self._expect("]")
            else:
                return found

    def _called(self, name: str, of: Node | None) -> Node:
        if of is not None and name in COMPREHENSIONS:
            variable = self._next()
            self._expect(",")
            body = self.choice()
            self._expect(")")
            return Each("exists_one" if name == "existsOne" else name, of, variable, body)
        return Call(name, self._list(")"), of)

    def _primary(self) -> Node:
        if self._place >= len(self._tokens):
            raise Unspoken("the expression ends too early")
        kind, text, _ = self._tokens[self._place]
        self._place += 1
        if text == "(":
            found = self.choice()
            self._expect(")")
            return found
        if text == "[":
            return Items(self._list("]"))
        if kind == "name":
            return self._named(text)
        return _literal(kind, text)

    def _named(self, text: str) -> Node:
        if text in _CONSTANTS:
            return Literal(_CONSTANTS[text], text)
        return self._called(text, None) if self._took("(") else Name(text)

    def _list(self, end: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self._took(end):
            found.append(self.choice())
            if not self._took(","):
                self._expect(end)
                break
        return tuple(found)

    def _next(self) -> str:
        text = self.sign()
        self._place += 1
        return text

    def _took(self, sign: str) -> bool:
        if self.sign() != sign:
            return False
        self._place += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._took(sign):
            raise Unspoken(f"`{sign}` was expected")


def _literal(kind: str, text: str) -> Literal:
    """A number, or a text that means what it looks like."""
    if kind == "number":
        plain = text.rstrip("uU")
        whole = plain.isdecimal() or plain[:2] in {"0x", "0X"}
        return Literal(int(plain, 0) if whole else float(plain), text)
    if kind == "string" and _SIMPLE.fullmatch(text):
        return Literal(text[1:-1], text)
    raise Unspoken(f"`{text[:20]}` has no words")
