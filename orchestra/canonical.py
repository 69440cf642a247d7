"""JSON at the border: strict parsing, the number profile, payload limits, RFC 8785 bytes and digests.
Refuses whatever two layers could read differently. Knows no schema and no meaning.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from hashlib import sha256
from itertools import accumulate
from re import compile as pattern
from typing import Any, Final, NoReturn, TypeAlias

from orchestra.errors import Bug, Invalid

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

#: The largest integer that JavaScript, a double and PostgreSQL's jsonb all hold exactly.
LARGEST: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """What one payload may be: size in bytes, depth in nested containers, nodes in values (not keys)."""

    size: int
    depth: int = 64
    nodes: int = 10_000


ARGUMENTS: Final = Limits(size=256 * 1024)
RESULTS: Final = Limits(size=2 * 1024 * 1024)
#: For bytes that our own code encodes: no size of its own, but an end to cycles.
_ENCODING: Final = Limits(size=2**31, depth=128, nodes=1_000_000)
_NESTED: Final = (dict, list, tuple)


def pointer(parts: Iterable[str | int]) -> str:
    """RFC 6901 pointer that is safe to show: unprintable characters as escapes, long names cut."""
    return "".join("/" + _token(str(part)) for part in parts)


def _token(name: str) -> str:
    shown = name if name.isprintable() else ascii(name)[1:-1]
    shown = shown if len(shown) <= 100 else shown[:99] + "…"
    return shown.replace("~", "~0").replace("/", "~1")


def parse(body: bytes | str, *, limits: Limits = ARGUMENTS) -> Json:
    """Read a JSON document strictly; raises Invalid for anything two readers could see differently.

    Numbers come back in one form: 1.0 and 1e2 as integers, -0.0 as 0 (RFC 8785 writes both alike).
    """
    text = _text(body, limits)
    _measure(text, limits)
    try:
        value: Json = _DECODER.decode(text)
    except _RefusedError:
        _blame(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise Invalid.at("", f"not JSON: {error.msg} at {place}", line=error.lineno) from None
    if "\\u" in text:  # the only way to a NUL or a lone surrogate, the bytes being strict UTF-8
        check(value, limits=_ENCODING)
    return value


def _text(body: bytes | str, limits: Limits) -> str:
    try:
        raw = body.encode() if isinstance(body, str) else body
        if len(raw) > limits.size:
            raise Invalid.at("", f"{len(raw)} bytes; at most {limits.size} are allowed")
        text = raw.decode()
    except (UnicodeEncodeError, UnicodeDecodeError) as error:
        raise Invalid.at("", f"not UTF-8: {error.reason} at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise Invalid.at("", "starts with a byte order mark; send plain UTF-8")
    if "\0" in text:
        raise Invalid.at("", "holds a NUL character (is it UTF-16? send UTF-8)")
    return text


_EMPTY: Final = pattern(r"\[\s*\]|\{\s*\}")
_BRACKETS: Final = pattern(r"[\[\]{}]")


def _measure(text: str, limits: Limits) -> None:
    """Depth and node count before anything is built, so that the parser can neither recurse nor bloat."""
    opened = text.count("[") + text.count("{")
    if opened <= limits.depth and opened + text.count(",") < limits.nodes:
        return
    # Without escapes every second piece is outside of strings; a quote is left where a string was.
    outside = '"'.join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    opened = outside.count("[") + outside.count("{")
    nodes = 1 + outside.count(",") + opened - len(_EMPTY.findall(outside))
    if nodes > limits.nodes:
        raise Invalid.at("", f"{nodes} values; at most {limits.nodes} are allowed")
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKETS.findall(outside))
    if max(accumulate(steps), default=0) > limits.depth:
        raise Invalid.at("", f"nested deeper than {limits.depth} levels")


class _RefusedError(Exception):
    """A value is not allowed; `keys` lead to it, as far as whoever raises it can know."""

    def __init__(self, message: str, *keys: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.keys = keys


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _RefusedError("this key occurs more than once in its object", _repeated(pairs))
    return made


def _repeated(pairs: list[tuple[str, Json]]) -> str:
    counts = Counter(key for key, _ in pairs)
    return max(counts, key=lambda key: counts[key])


def _integer(text: str) -> int:
    if len(text) > 17 or not -LARGEST <= (value := int(text)) <= LARGEST:
        raise _RefusedError(_TOO_LARGE)
    return value


def _number(text: str) -> int | float:
    value = float(text)
    if not -LARGEST <= value <= LARGEST:
        raise _RefusedError(_TOO_LARGE)
    if not _round_trips(text, value):
        raise _RefusedError("this number has more digits than a double keeps; send it as a string")
    return int(value) if value.is_integer() else value


def _round_trips(text: str, value: float) -> bool:
    if len(text) <= 16 and "e" not in text and "E" not in text:
        return True  # at most 15 digits, which a double always keeps
    try:
        return Decimal(text) == Decimal(repr(value))
    except DecimalException:
        return False


def _constant(text: str) -> NoReturn:
    raise _RefusedError(f"{text} is not JSON")


_TOO_LARGE: Final = "numbers beyond ±(2^53-1) are not kept exactly everywhere; send it as a string"
_Hook: TypeAlias = Callable[..., Any]


def _decoder(wrap: Callable[[_Hook], _Hook]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=wrap(_object),
        parse_int=wrap(_integer),
        parse_float=wrap(_number),
        parse_constant=wrap(_constant),
    )


def _mark(hook: _Hook) -> _Hook:
    """Return the refusal in place of the value instead of raising it."""

    def marking(given: object) -> object:
        try:
            return hook(given)
        except _RefusedError as refusal:
            return refusal

    return marking


_DECODER: Final = _decoder(lambda hook: hook)


def _blame(text: str) -> NoReturn:
    """Parse a refused text again, slowly, to say where the refused value stands.

    A syntax error behind it wins.
    """
    try:
        _checked(_decoder(_mark).decode(text), _ENCODING)
    except json.JSONDecodeError as error:
        raise Invalid.at("", f"not JSON: {error.msg}", line=error.lineno) from None
    raise Bug("a refused document holds no refusal")


def check(value: object, *, limits: Limits = ARGUMENTS) -> Json:
    """Hold a Python value to the rules of `parse`; returns a plain copy, raises Invalid with the pointer.

    dict (string keys), list, tuple (becomes a list), str and its enums, int, float, bool, None; nothing else.
    """
    plain = _checked(value, limits)
    if (size := len(_quick(plain) or _write(plain))) > limits.size:
        raise Invalid.at("", f"{size} bytes as JSON; at most {limits.size} are allowed")
    return plain


def bottomless(value: object) -> bool:
    """Whether an unchecked value is too deep (200 levels) or too large for libraries that recurse natively."""
    level: list[Any] = [value]
    for _ in range(200):
        inside = [
            item.values() if isinstance(item, dict) else item for item in level if isinstance(item, _NESTED)
        ]
        level = [below for items in inside for below in items]
        if not level or len(level) > _ENCODING.nodes:
            break
    return bool(level)


def _checked(value: object, limits: Limits) -> Json:
    try:
        return _Copier(limits).copy(value, 1)
    except _RefusedError as refusal:
        raise Invalid.at(pointer(refusal.keys), refusal.message) from None


class _Copier:
    """Copies what is allowed. Recursive, which the depth limit bounds; keys are added as a refusal unwinds."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.left = limits.nodes - 1

    def copy(self, item: object, depth: int) -> Json:
        if isinstance(item, str):
            return _string(item)
        if item is None or isinstance(item, bool):
            return item
        if type(item) is int or type(item) is float:
            return _bounded(item)
        if type(item) is dict:
            self._enter(len(item), depth)
            return {_name(key): self._inside(key, below, depth) for key, below in item.items()}
        if type(item) is list or type(item) is tuple:
            self._enter(len(item), depth)
            return [self._inside(index, below, depth) for index, below in enumerate(item)]
        if isinstance(item, _RefusedError):  # planted by `_mark`
            raise item
        raise _RefusedError(f"a value of type {type(item).__name__} is not JSON; convert it first")

    def _enter(self, count: int, depth: int) -> None:
        self.left -= count
        if self.left < 0:
            raise Invalid.at("", f"more than {self.limits.nodes} values")
        if depth > self.limits.depth:
            raise Invalid.at("", f"nested deeper than {self.limits.depth} levels (or holds itself)")

    def _inside(self, key: str | int, item: object, depth: int) -> Json:
        try:
            return self.copy(item, depth + 1)
        except _RefusedError as refusal:
            refusal.keys = (key, *refusal.keys)
            raise


def _bounded(number: int | float) -> int | float:
    if not -LARGEST <= number <= LARGEST:
        raise _RefusedError(_TOO_LARGE if number == number else "NaN is not JSON")
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _name(key: object) -> str:
    if not isinstance(key, str):
        raise _RefusedError(f"object keys are strings, not {type(key).__name__}", repr(key)[:50])
    try:
        return _string(key)
    except _RefusedError as refusal:
        raise _RefusedError(refusal.message, key) from None


def _string(text: str) -> str:
    if "\0" in text:
        raise _RefusedError("holds a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _RefusedError("holds half of a surrogate pair, which is no character") from None
    return str.__str__(text)  # an enum or a marked-safe string becomes a plain one


def encode(value: object) -> bytes:
    """RFC 8785 bytes of a value inside the number profile; Invalid with the pointer outside of it."""
    return _quick(value) or _write(_checked(value, _ENCODING))


def digest(value: object) -> bytes:
    """SHA-256 (32 bytes) of the canonical bytes."""
    return sha256(encode(value)).digest()


def frame(*parts: bytes) -> bytes:
    """Parts in one string that only these parts give: each behind its length, 4 bytes, big endian."""
    return b"".join([piece for part in parts for piece in (len(part).to_bytes(4), part)])


def framed_digest(domain: str, *parts: bytes) -> bytes:
    """SHA-256 (32 bytes) over a domain tag and the parts, framed."""
    return sha256(frame(domain.encode(), *parts)).digest()


_dumps: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode


def _quick(value: object) -> bytes | None:
    """The same bytes by the standard library's C encoder, or None where the two could differ.

    They could in key order outside of ASCII and in the form of whole and of very small floats.
    """
    level: list[Any] | None = [value]
    deep = seen = 0
    while level:
        deep, seen = deep + 1, seen + len(level)
        if deep > _ENCODING.depth or seen > _ENCODING.nodes:
            return None
        level = _simple(level)
    if level is None:
        return None
    try:
        text = _dumps(value)
        return None if "\\u0000" in text else text.encode()
    except UnicodeEncodeError:
        return None


def _simple(level: list[Any]) -> list[Any] | None:
    """The values inside these containers; None as soon as one needs the careful way."""
    below: list[Any] = []
    for item in level:
        kind = type(item)
        if kind is str or item is None or kind is bool:
            continue
        if kind is dict and _ascii(item):
            below += item.values()
        elif kind is list or kind is tuple:
            below += item
        elif not (kind is int or (kind is float and _fraction(item))) or not -LARGEST <= item <= LARGEST:
            return None
    return below


def _ascii(names: dict[Any, Any]) -> bool:
    try:
        return "".join(names).isascii()
    except TypeError:
        return False


def _fraction(number: float) -> bool:
    """Python and ECMAScript write it alike."""
    return abs(number) >= 1e-4 and not number.is_integer()


def _write(value: Json) -> bytes:
    out: list[str] = []
    _emit(value, out.append)
    return "".join(out).encode()


def _emit(value: Json, put: Callable[[str], None]) -> None:
    """RFC 8785 in full. Recursive: `_checked` has held the value to 64 levels."""
    if isinstance(value, dict):
        between = "{"
        for key in sorted(value, key=_utf16):
            put(between + _dumps(key) + ":")
            _emit(value[key], put)
            between = ","
        put("}" if value else "{}")
    elif isinstance(value, list):
        between = "["
        for item in value:
            put(between)
            _emit(item, put)
            between = ","
        put("]" if value else "[]")
    else:
        put(_small(value) if type(value) is float and abs(value) < 1e-4 else _dumps(value))


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _small(number: float) -> str:
    """ECMAScript writes a number below 1e-6 with an exponent of no padding, others without one."""
    text = repr(number)
    return text.replace("e-0", "e-") if abs(number) < 1e-6 else format(Decimal(text), "f")
