"""Puts a condition in words: what must hold, part by part. Pure.

The words explain; the text of the condition is what counts, and always stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from orchestra.errors import OrchestraError
from orchestra.policies import syntax
from orchestra.policies.syntax import (
    Binary,
    Call,
    Choice,
    Each,
    Index,
    Items,
    Literal,
    Member,
    Name,
    Node,
    Unary,
)

#: A part that takes more than this to say is easier to read as it is written.
LONGEST: Final = 300
AS_WRITTEN: Final = "what is written below holds"
ALSO_AS_WRITTEN: Final = "one more thing, which is easier to read as it is written below"

_IS: Final = {
    "==": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
}
_OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_TURNED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
#: Variables that have a better name than their own.
_NAMES: Final[Mapping[str, str]] = {
    "agent": "the agent",
    "agent.name": "the agent",
    "agent.model": "the agent's model",
    "agent.version": "the agent's version",
    "confidence": "the confidence",
    "counts.calls": "the number of calls of this run",
    "counts.of_turn": "the number of calls in the same turn",
    "counts.same": "the number of earlier calls with the same arguments",
    "counts.same_denied": "the number of earlier such calls that were denied",
    "counts.same_rejected": "the number of earlier such calls that a person rejected",
    "counts.same_succeeded": "the number of earlier such calls that took effect",
    "delivery": "the delivery class",
    "effect": "the effect",
    "environment": "the environment",
    "mode": "the mode",
    "preview": "the preview",
    "preview.count": "the number of objects touched",
    "preview.creates": "what would be made",
    "preview.deletes": "what would be removed",
    "preview.money": "the money that moves",
    "preview.people": "the number of people reached",
    "preview.updates": "what would be changed",
    "requester.groups": "the requester's groups",
    "requester.kind": "the kind of requester",
    "requester.name": "the requester",
    "run.identified": "what was identified in this run",
    "run.last_message": "the requester's last message",
    "run.step": "the step",
    "run.turn": "the number of the turn",
    "run.workflow": "the workflow",
    "second_opinion": "the second opinion",
    "subject": "the subject of the task",
    "tier": "the tier",
    "tool": "the tool",
}
_ORIGINS: Final[Mapping[str, str]] = {
    "agent": "nobody but the agent has named {}",
    "nothing": "{} is empty",
    "person": "{} comes from a person who edited the call",
    "requester": "{} comes from the requester",
    "tool": "{} comes from the result of a tool",
}
_TEXT: Final = {
    "startsWith": "{} begins with {}",
    "endsWith": "{} ends with {}",
    "contains": "{} contains {}",
    "matches": "{} matches the pattern {}",
}
_OF: Final = {"size": "the size of {}", "sum": "the sum of {}", "cents": "{} in cents"}
_WORDS: Final = {"&&": " and ", "||": " or "}
_EMPTY: Final[Mapping[tuple[str, object], str]] = {
    ("==", 0): "empty",
    ("<", 1): "empty",
    ("!=", 0): "not empty",
    (">", 0): "not empty",
    (">=", 1): "not empty",
}
_SAME: Final = frozenset({"double", "dyn", "int", "string", "uint"})
_EACH: Final = {
    "all": "for every {} of {}: {}",
    "exists": "for at least one {} of {}: {}",
    "exists_one": "for exactly one {} of {}: {}",
}


@lru_cache(maxsize=1024)
def parts(text: str) -> tuple[str, ...]:
    """What must hold, all of it, each part in words; a part without good words says that it is told by the text."""
    try:
        found = [_part(node) for node in _together(syntax.parse(text), "&&")]
    except (OrchestraError, RecursionError):
        return (AS_WRITTEN,)
    spoken = [words for words in found if words]
    if not spoken:
        return (AS_WRITTEN,)
    return (*spoken, ALSO_AS_WRITTEN) if len(spoken) < len(found) else tuple(spoken)


def _part(node: Node) -> str:
    try:
        words = _say(node)
    except syntax.Unspoken:
        return ""
    return words if len(words) <= LONGEST else ""


def _together(node: Node, sign: str) -> list[Node]:
    """The sides of `a && b && c`, flat."""
    if isinstance(node, Binary) and node.sign == sign:
        return [*_together(node.left, sign), *_together(node.right, sign)]
    return [node]


def _say(node: Node) -> str:
    """A condition in words."""
    match node:
        case Binary():
            return _both(node)
        case Unary("!"):
            return _deny(node.of)
        case Each(name) if name in _EACH:
            return _EACH[name].format(node.variable, _name(node.over), _say(node.body))
        case Call():
            return _asked(node)
    return _plain(node, yes=True)


def _deny(node: Node) -> str:
    """The opposite in words."""
    match node:
        case Binary():
            return _neither(node)
        case Unary("!"):
            return _say(node.of)
        case Each("exists"):
            return f"for no {node.variable} of {_name(node.over)}: {_say(node.body)}"
        case Each("all"):
            return f"for at least one {node.variable} of {_name(node.over)}: {_deny(node.body)}"
        case Call() | Each():
            return f"it is not so that {_say(node)}"
    return _plain(node, yes=False)


def _both(node: Binary) -> str:
    if node.sign in _WORDS:
        return _joined(node, _WORDS[node.sign], _say)
    if node.sign == "in":
        return _among(node, yes=True)
    return _relation(node)


def _neither(node: Binary) -> str:
    """Not (a and b) is: not a, or not b."""
    if node.sign in _WORDS:
        return _joined(node, _WORDS["||" if node.sign == "&&" else "&&"], _deny)
    if node.sign == "in":
        return _among(node, yes=False)
    return _relation(Binary(_OPPOSITE.get(node.sign, ""), node.left, node.right))


def _plain(node: Node, *, yes: bool) -> str:
    """A truth value."""
    if isinstance(node, Literal) and isinstance(node.value, bool):
        return "always" if node.value == yes else "never"
    if _path(node) == "preview.irreversible":
        return "it cannot be undone" if yes else "it can be undone"
    return f"{_name(node)} is {'true' if yes else 'not true'}"


def _joined(node: Binary, word: str, say: Callable[[Node], str]) -> str:
    """Sides with "and" or "or" between; those that hold such a word inside are put in brackets."""
    sides = _together(node, node.sign)
    told = [(side, say(side)) for side in sides]
    return word.join(
        f"({text})" if isinstance(side, Each) or " and " in text or " or " in text else text
        for side, text in told
    )


def _relation(node: Binary) -> str:
    left, sign, right = node.left, node.sign, node.right
    if sign not in _IS:
        raise syntax.Unspoken("this is no condition")
    if isinstance(left, Literal) and not isinstance(right, Literal):
        left, sign, right = right, _TURNED[sign], left
    if isinstance(right, Literal) and (said := _to_constant(left, sign, right)):
        return said
    return f"{_name(left)} {_IS[sign]} {_name(right)}"


def _to_constant(left: Node, sign: str, right: Literal) -> str:
    """What is said of some constants in a way of its own, or ""."""
    equal = sign in {"==", "!="}
    if equal and isinstance(right.value, bool):
        return _say(left) if right.value == (sign == "==") else _deny(left)
    if equal and right.value is None:
        return f"{_name(left)} is {'missing' if sign == '==' else 'there'}"
    if equal and isinstance(left, Member) and left.of == Name("provenance"):
        return _origin(left, sign, str(right.value))
    if isinstance(left, Call) and left.of is None and len(left.args) == 1:
        return _counted(left, sign, right)
    return ""


def _counted(left: Call, sign: str, right: Literal) -> str:
    if left.name == "cents":
        return f"{_name(left.args[0])} {_IS[sign]} {_amount(right)}"
    if left.name == "size" and (sign, right.value) in _EMPTY:
        return f"{_name(left.args[0])} is {_EMPTY[sign, right.value]}"
    return ""


def _amount(cents: Literal) -> str:
    if not isinstance(cents.value, int):
        raise syntax.Unspoken("cents are whole")
    return f"{cents.value // 100}.{cents.value % 100:02}"


def _origin(argument: Member, sign: str, word: str) -> str:
    if word not in _ORIGINS:
        raise syntax.Unspoken("no such origin")
    said = _ORIGINS[word].format(f"argument {argument.name}")
    return said if sign == "==" else f"it is not so that {said}"


def _among(node: Binary, *, yes: bool) -> str:
    what = _name(node.left)
    if not isinstance(node.right, Items):
        return f"{what} is {'' if yes else 'not '}among {_name(node.right)}"
    words = [_name(item) for item in node.right.items]
    if len(words) < 2:
        return f"{what} {'is' if yes else 'is not'} {''.join(words) or 'anything'}"
    first, last = ", ".join(words[:-1]), words[-1]
    if yes:
        return f"{what} is {first} or {last}"
    return f"{what} is neither {first} nor {last}"


def _asked(node: Call) -> str:
    if node.of is not None and node.name in _TEXT and len(node.args) == 1:
        return _TEXT[node.name].format(_name(node.of), _name(node.args[0]))
    if node.of is None and node.name == "has" and len(node.args) == 1:
        return f"{_name(node.args[0])} is given"
    raise syntax.Unspoken(f"`{node.name}` has no words")


def _name(node: Node) -> str:
    """A value in words."""
    if path := _path(node):
        return _named(path)
    match node:
        case Literal(value):
            return _quoted(value) if isinstance(value, str) else node.text
        case Member() | Index():
            inner = f".{node.name}" if isinstance(node, Member) else f"[{_name(node.at)}]"
            return f"{_name(node.of)}{inner}"
        case Items():
            return ", ".join(_name(item) for item in node.items) or "nothing"
        case Unary("-"):
            return f"-{_side(node.of)}"
    return _made(node)


def _quoted(text: str) -> str:
    """A text in quotes, with every character that one cannot see as its code point."""
    shown = (char if char.isprintable() and char not in "“”⟨⟩" else f"⟨U+{ord(char):04X}⟩" for char in text)
    return f"“{''.join(shown)}”"


def _made(node: Node) -> str:
    """A value that is worked out."""
    match node:
        case Choice():
            return f"{_name(node.yes)} if {_say(node.when)}, else {_name(node.no)}"
        case Binary("+" | "-" | "*" | "/" | "%"):
            return f"{_side(node.left)} {node.sign} {_side(node.right)}"
        case Each("map" | "filter"):
            return _taken(node)
        case Call(name, (only,), None):
            return _worked_out(name, only)
        case Binary() | Unary("!") | Each() | Call():
            return f"whether {_say(node)}"
    raise syntax.Unspoken("no words for this value")


def _taken(node: Each) -> str:
    if node.name == "map":
        return f"{_name(node.body)} for each {node.variable} of {_name(node.over)}"
    return f"every {node.variable} of {_name(node.over)} with {_say(node.body)}"


def _worked_out(name: str, of: Node) -> str:
    if name == "size" and isinstance(of, Each) and of.name == "filter":
        return f"the number of {_name(of).removeprefix('every ')}"
    if name in _OF:
        return _OF[name].format(_name(of))
    if name in _SAME:
        return _name(of)
    raise syntax.Unspoken(f"`{name}` has no words")


def _side(node: Node) -> str:
    return f"({_name(node)})" if isinstance(node, Binary | Choice) else _name(node)


def _path(node: Node) -> str:
    """`a.b.c`, or "" for anything else."""
    if isinstance(node, Name):
        return node.text
    if isinstance(node, Member) and (before := _path(node.of)):
        return f"{before}.{node.name}"
    return ""


def _named(path: str) -> str:
    if path in _NAMES:
        return _NAMES[path]
    first, _, rest = path.partition(".")
    if first == "args":
        return f"argument {rest}" if rest else "the arguments"
    if first == "observed":
        return f"the observed {rest}" if rest else "what was observed"
    return path
