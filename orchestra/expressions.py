"""CEL expressions, compiled once and capped, and `{{ path }}` lookups of whole values.
Refuses unknown names, more work than a cap allows, and anything that is not JSON, in and out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import takewhile
from typing import Any, Final, NoReturn

import cel

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.errors import Bug, Invalid
from orchestra.lookups import (
    ExpressionError,
    Lookup,
    Path,
    fail,
    found,
    gone,
    kind,
    lookup,
    lookups,
    names,
    resolve,
    weight,
)
from orchestra.needs import Need, Use, need, uses
from orchestra.readings import FUNCTIONS, Comprehension, Reading

__all__ = [
    "Expression",
    "ExpressionError",
    "Lookup",
    "Scope",
    "compile",
    "lookup",
    "lookups",
    "names",
    "resolve",
]

LONGEST: Final = 2_000
#: Estimated steps of one evaluation, about 0.1 µs each: the library has no time limit and holds the GIL.
MOST_STEPS: Final = 2_000_000

_FAILURES: Final = (RuntimeError, LookupError, TypeError, ValueError, ArithmeticError)
_TYPES: Final = (
    "the types do not fit this operation; whole and other numbers do not mix in arithmetic, "
    "so convert with int(x), double(x) or string(x)"
)


_AMOUNT: Final = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,2})?")


def _cents(amount: object) -> int:
    """Hundredths of an amount, exactly; a text or a number of at most two places."""
    if isinstance(amount, bool) or not isinstance(amount, int | float | str):
        raise TypeError(f"cents() takes an amount, not {kind(amount)}")
    if not _AMOUNT.fullmatch(str(amount)):
        raise ValueError("cents() takes an amount of at most two decimal places")
    return int(Decimal(str(amount)) * 100)


def _sum(numbers: object) -> int | float:
    """The sum of a list of numbers; 0 for an empty one."""
    if not isinstance(numbers, list) or any(
        isinstance(each, bool) or not isinstance(each, int | float) for each in numbers
    ):
        raise TypeError("sum() takes a list of numbers")
    return sum(numbers) if all(isinstance(each, int) for each in numbers) else math.fsum(numbers)


#: What the language lacks for rules about money. The library calls them; whatever they raise is an error.
_OWN: Final[Mapping[str, Callable[[object], int | float]]] = {"cents": _cents, "sum": _sum}


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A compiled expression; may be shared by threads. Made by `compile`."""

    text: str
    variables_used: frozenset[str]
    functions_used: frozenset[str]
    _program: Any
    _uses: tuple[tuple[Path | None, int], ...]
    _comprehensions: tuple[Comprehension, ...]
    _needs: tuple[Use, ...]
    #: The way to each named value up to "each element": what lies further in is no larger.
    _stems: tuple[Path, ...]

    def evaluate(self, context: Mapping[str, Json] | Scope) -> Json:
        """Its value, as JSON; ExpressionError for whatever goes wrong."""
        value = self._run(context)
        try:
            return canonical.check(value, limits=canonical.RESULTS)
        except Invalid as error:
            fail(self.text, f"has a result that cannot be kept: {error.message}")

    def holds(self, context: Mapping[str, Json] | Scope) -> bool:
        """Whether it is true; a result that is neither true nor false is an ExpressionError."""
        value = self._run(context)
        if not isinstance(value, bool):
            fail(self.text, f"is not a condition: it gives {kind(value)}, not true or false")
        return value

    def _run(self, context: Mapping[str, Json] | Scope) -> object:
        scope = context if isinstance(context, Scope) else Scope(context, (self,))
        if self not in scope.serves:
            raise Bug(f"a scope was not made for the expression `{self.text}`")
        if self._comprehensions:
            self._bound(scope.sizes)
        try:
            return self._program.execute(scope.converted)
        except _FAILURES as error:
            fail(self.text, self._reason(error, scope.values))

    def _reason(self, error: Exception, values: Mapping[str, Json]) -> str:
        """The library tells little; say which path ends where, and what is there instead."""
        said = str(error)[:300]
        for path, _ in self._uses:
            way = tuple(part for part in path or () if part is not None)
            missing = gone(values, way) if way and len(way) == len(path or ()) else None
            if missing is not None and _explains(error, said, missing):
                return missing
        return _TYPES if "overload" in said or "does not coerce" in said else said

    def _bound(self, sizes: _Sizes) -> None:
        """Refuse, before it runs, what would take too long or has no order."""
        for each in self._comprehensions:
            if each.name in ("map", "filter") and each.range and sizes.has_object(each.range):
                fail(self.text, f"`{each.name}` over an object has no order; make it a list")
        if self._at_most(sizes) <= MOST_STEPS:
            return
        steps = self._steps(sizes)
        if steps > MOST_STEPS:
            fail(
                self.text,
                f"would take about {steps} steps on lists of this length; at most {MOST_STEPS} are allowed",
            )

    def _at_most(self, sizes: _Sizes) -> int:
        """Never less than `_steps`, and quick: as if everything ran as often as the innermost body."""
        everything = sum(sizes.weight(stem) for stem in self._stems)
        named = everything * (1 + len(self._uses) - len(self._stems))
        rounds = longest = 1
        tokens = growth = 0
        lengths: list[int] = []
        for each in self._comprehensions:
            lengths.append(_size(each, sizes, lengths, everything))
            rounds *= max(1, lengths[-1])
            longest = max(longest, lengths[-1])
            tokens += each.last - each.first
            growth += each.name in ("map", "filter")
        return rounds * (tokens + named + growth * longest * (1 + named + tokens))

    def _steps(self, sizes: _Sizes) -> int:
        """An upper estimate: each token and each part of a value named in a body, as often as the body runs."""
        uses = [(place, None if path is None else sizes.weight(path)) for path, place in self._uses]
        everything = sum(parts for _, parts in uses if parts is not None)
        known = [(place, everything if parts is None else parts) for place, parts in uses]
        lengths: list[int] = []
        rounds: list[int] = []
        steps = 0
        for each in self._comprehensions:
            size = _size(each, sizes, lengths, everything)
            count = size * self._rounds(each.first, rounds)
            lengths.append(size)
            rounds.append(count)
            steps += count * (each.last - each.first)
            if each.name in ("map", "filter"):  # the library copies the growing result at each turn
                steps += count * size * _gain(each, sizes, known, everything)
        return steps + sum(self._rounds(place, rounds) * parts for place, parts in known)

    def _rounds(self, place: int, rounds: list[int]) -> int:
        """How often the token at this place is looked at."""
        around = zip(self._comprehensions, rounds, strict=False)
        return max((count for each, count in around if each.first <= place < each.last), default=1)


def _explains(error: Exception, said: str, missing: str) -> bool:
    """Whether a path that ends too early is what the library stumbled over (it may be guarded by `has`)."""
    if isinstance(error, KeyError):
        return said.strip("'\"") in missing
    if isinstance(error, IndexError):
        return missing.endswith(" elements")
    return missing.endswith(" parts") if isinstance(error, TypeError) else "; the scope has" in missing


class _Sizes:
    """How large the parts of some values are, each looked at once; a race only does the same work twice."""

    def __init__(self, values: Mapping[str, Json]) -> None:
        self._values = values
        self._weights: dict[Path, int] = {}
        self._lengths: dict[Path, int] = {}
        self._objects: dict[Path, bool] = {}

    def weight(self, path: Path) -> int:
        """Parts of the largest value that the path leads to."""
        if path not in self._weights:
            self._weights[path] = weight(found(self._values, path))
        return self._weights[path]

    def length(self, path: Path) -> int:
        """Elements of the longest list or object there."""
        if path not in self._lengths:
            ranges = found(self._values, path)
            self._lengths[path] = max((len(one) for one in ranges if isinstance(one, list | dict)), default=0)
        return self._lengths[path]

    def has_object(self, path: Path) -> bool:
        """Whether there is an object there."""
        if path not in self._objects:
            self._objects[path] = any(isinstance(one, dict) for one in found(self._values, path))
        return self._objects[path]


def _size(each: Comprehension, sizes: _Sizes, lengths: list[int], everything: int) -> int:
    """How many turns one run of a comprehension takes at most."""
    if each.range is not None:
        return sizes.length(each.range)
    return lengths[each.over] if each.over is not None else each.literal or everything


def _gain(each: Comprehension, sizes: _Sizes, uses: list[tuple[int, int]], everything: int) -> int:
    """How large one element of the result of map or filter is at most."""
    if each.name == "map":
        used = sum(parts for place, parts in uses if each.first <= place < each.last)
        return max(1, used + (each.last - each.first) // 4)  # a key and value written out take four tokens
    return everything if each.element is None else sizes.weight(each.element)


def compile(text: str, *, variables: frozenset[str]) -> Expression:  # noqa: A001  reads as expressions.compile
    """Compile one expression over these variables; cached. ExpressionError with line and column.

    Whole numbers are ints, others doubles; arithmetic does not mix them (write `double(x) * 1.5`), comparisons do.
    `size` of a string counts its UTF-8 bytes.
    """
    return _compiled(text, variables)


@lru_cache(maxsize=4096)
def _compiled(text: str, variables: frozenset[str]) -> Expression:
    if len(text) > LONGEST:
        fail(text, f"is {len(text)} characters long; at most {LONGEST}")
    try:
        program = cel.compile(text)
    except _FAILURES as error:
        _syntax(text, str(error))
    reading = Reading(text, variables)
    _agree(reading, program.references())
    paths = [path for path, _ in reading.uses if path is not None]
    expression = Expression(
        text,
        frozenset(str(path[0]) for path in paths),
        frozenset(_OWN.keys() & set(program.references()["functions"])),
        program,
        tuple(reading.uses),
        tuple(reading.comprehensions),
        uses(reading),
        tuple(tuple(takewhile(lambda part: part is not None, path)) for path in paths),
    )
    if expression._steps(_Sizes({})) > MOST_STEPS:
        fail(text, f"would take more than {MOST_STEPS} steps on any values")
    return expression


def _syntax(text: str, said: str) -> NoReturn:
    match = re.search(r"<input>:([0-9]+):([0-9]+): (.*)", said)
    if match is None:
        fail(text, "is no expression")
    lines = text.split("\n")[: int(match[1]) - 1]
    message = re.sub(r",? expecting \{.*|\{ source.*", "", match[3])
    fail(text, message, sum(len(line) + 1 for line in lines) + int(match[2]) - 1)


def _agree(reading: Reading, references: Mapping[str, list[str]]) -> None:
    """The library's own list of names must hold nothing that our reading of the text has missed."""
    bound = {each.variable for each in reading.comprehensions}
    named = {str(path[0]) for path, _ in reading.uses if path is not None}
    for name in set(references["variables"]) - bound - named:
        fail(reading.text, f"unknown name `{name}`")
    for name in set(references["functions"]) - FUNCTIONS:
        if name.isidentifier():
            fail(reading.text, f"unknown function `{name}`")


class Scope:
    """Values converted once, and only as far as these expressions look; may be shared by threads."""

    __slots__ = ("converted", "serves", "sizes", "values")

    def __init__(self, values: Mapping[str, Json], expressions: Iterable[Expression]) -> None:
        served = tuple(expressions)
        self.values = values
        self.serves = frozenset(served)
        used = _union(served).of(values)
        if canonical.bottomless(used):  # the library would take the whole process down
            raise ExpressionError.at("", "a value for expressions is nested too deep, or too large")
        self.sizes = _Sizes(used)
        try:
            self.converted = cel.Context(used)
        except _FAILURES as error:
            raise ExpressionError.at("", f"a value for expressions is not JSON: {error}") from None
        for name in {name for each in served for name in each.functions_used}:
            self.converted.add_function(name, _OWN[name])


@lru_cache(maxsize=1024)
def _union(expressions: tuple[Expression, ...]) -> Need:
    return need(use for each in expressions for use in each._needs)
