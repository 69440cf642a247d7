"""YAML text to plain data, each value with its line. A plain `yes`, `on`, `12:30` or `2026-01-01` stays text.

Refuses tags, merge keys, repeated keys, text that is too long, too deep or grows through aliases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from yaml.composer import Composer, ComposerError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.errors import Invalid, Problem

SIZE: Final = 256 * 1024
DEPTH: Final = 64
NODES: Final = 100_000
DOCUMENTS: Final = 100

_JSON_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_OTHER_NUMBER: Final = re.compile(
    r"[-+]?(0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))"
    r"|\.(nan|NaN|NAN)"
)
_WORDS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_HINTS: Final = {
    "found character '\\t' that cannot start any token": "indent with spaces, not with tabs",
    "mapping values are not allowed here": "quote a text that holds a colon and a space; check the indentation",
    "could not find expected ':'": "a key is followed by a colon and a space; check the indentation",
    "expected ',' or '}', but got '?'": "quote a text that ends in a question mark",
    "expected ',' or ']', but got '?'": "quote a text that ends in a question mark",
    "expected <block end>, but found": "check the indentation",
}


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data with the line of each value by JSON pointer; `line` is where the document begins."""

    data: Json
    line: int
    lines: Mapping[str, int]


def read(text: str, problems: list[Problem]) -> list[Document]:
    """Every document that is not empty. What is wrong is added to `problems`; such a document is left out."""
    length = len(text.encode(errors="surrogatepass"))
    if length > SIZE:
        problems.append(Problem("", f"the file has {length} bytes; at most {SIZE} are allowed"))
        return []
    try:
        nodes = list(_nodes(text))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.append(
            Problem("", f"not YAML: the character U+{ord(text[error.position]):04X} is not allowed", line)
        )
        return []
    except yaml.MarkedYAMLError as error:
        problems.append(_syntax(error))
        return []
    made = [_document(node, problems) for node in nodes if not _empty(node)]
    return [document for document in made if document is not None]


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML's pure Python loader without any implicit types: those are decided in `_scalar`."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self.depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
        if getattr(event, "tag", None) is not None:
            raise ComposerError(
                None, None, f"the tag {event.tag} is not allowed; write plain values", event.start_mark
            )
        self.depth += 1
        if self.depth > DEPTH:
            raise ComposerError(None, None, f"nested deeper than {DEPTH} levels", event.start_mark)
        made = super().compose_node(parent, index)
        self.depth -= 1
        return made


def _nodes(text: str) -> Iterator[Node]:
    loader = _Loader(text)
    node = None
    for _ in range(DOCUMENTS):
        if not loader.check_node():
            return
        node = loader.get_node()
        if node is not None:
            yield node
    if loader.check_node():
        raise ComposerError(
            None, None, f"more than {DOCUMENTS} documents in one file", node.end_mark if node else None
        )


def shown(text: object) -> str:
    """Text of a file as it is safe and short enough to show in a message."""
    quoted = repr(text)
    return quoted if len(quoted) <= 80 else quoted[:79] + "…"


def _empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.style is None and node.value == ""


def _syntax(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    what = str(error.problem or error.context or "cannot be read").replace("\t", "\\t")
    hint = next((f" ({said})" for start, said in _HINTS.items() if what.startswith(start)), "")
    begun = error.context_mark
    since = f", in what begins in line {begun.line + 1}" if begun and mark and begun.line < mark.line else ""
    return Problem("", f"not YAML: {what}{since}{hint}", mark.line + 1 if mark else None)


def _document(node: Node, problems: list[Problem]) -> Document | None:
    reader = _Converter()
    try:
        data = reader.convert(node, (), _line(node))
    except _GrowthError:
        said = f"through its aliases the document is deeper than {DEPTH} levels or has over {NODES} values"
        problems.append(Problem("", said, _line(node)))
        return None
    if reader.problems:
        problems += reader.problems
        return None
    return Document(data, _line(node), reader.lines)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


class _GrowthError(Exception):
    """Aliases made more of the document than we are willing to hold."""


@dataclass
class _Converter:
    """Builds plain data from composed nodes. Recursive, which the depth limit bounds, also through aliases."""

    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0

    def convert(self, node: Node, at: tuple[str | int, ...], line: int) -> Json:
        self.nodes += 1
        if len(at) >= DEPTH or self.nodes > NODES:
            raise _GrowthError
        self.lines[canonical.pointer(at)] = line
        if isinstance(node, MappingNode):
            return self._mapping(node, at)
        if isinstance(node, SequenceNode):
            return [self.convert(item, (*at, place), _line(item)) for place, item in enumerate(node.value)]
        return self._scalar(node, at, line)

    def _mapping(self, node: MappingNode, at: tuple[str | int, ...]) -> Json:
        made: dict[str, Json] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, at)
            if key is None:
                continue
            if key in made:
                self._wrong(
                    f"the key {shown(key)} is here twice (first in line {first[key]})",
                    (*at, key),
                    _line(key_node),
                )
                continue
            first[key] = _line(key_node)
            made[key] = self.convert(value_node, (*at, key), _line(key_node))
        return made

    def _key(self, node: Node, at: tuple[str | int, ...]) -> str | None:
        if not isinstance(node, ScalarNode):
            self._wrong(
                'a key is plain text; a lookup as a value is quoted: "{{ input.name }}"', at, _line(node)
            )
            return None
        if node.style is None and (node.value in _WORDS or _OTHER_NUMBER.fullmatch(node.value.lstrip("-"))):
            self._wrong(f"the key {node.value or 'null'} is not text; quote it", at, _line(node))
            return None
        if node.style is None and node.value == "<<":
            self._wrong("merge keys (<<) are not part of the language; write the values out", at, _line(node))
            return None
        return str(node.value)

    def _scalar(self, node: Node, at: tuple[str | int, ...], line: int) -> Json:
        text = str(node.value)
        if not isinstance(node, ScalarNode) or node.style is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _JSON_NUMBER.fullmatch(text):
            return self._number(text, at, line)
        if _OTHER_NUMBER.fullmatch(text):
            self._wrong(
                f"{text} is no plain decimal number; write one, or quote it to make it text", at, line
            )
            return None
        return text

    def _number(self, text: str, at: tuple[str | int, ...], line: int) -> Json:
        try:
            return canonical.parse(text)
        except Invalid as refusal:
            self._wrong(refusal.problems[0].message if refusal.problems else refusal.message, at, line)
            return None

    def _wrong(self, message: str, at: tuple[str | int, ...], line: int) -> None:
        self.problems.append(Problem(canonical.pointer(at), message, line))
