"""How each part of a JSON Schema is asked for: as one line, as a choice, as a group of fields, or as JSON.

Whatever a form could not show and take back exactly is asked for as JSON. Draws nothing, and reads nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Final, TypeAlias

from orchestra import canonical
from orchestra.canonical import Json

#: Groups inside of groups, and fields in one group; what goes beyond is asked for as JSON.
DEEPEST: Final = 3
MOST_FIELDS: Final = 60
LONGEST_NAME: Final = 100
#: A text that may be longer than this, or is, gets an input of several lines.
LONG_FROM: Final = 200
LONG_ALREADY: Final = 100


class Absent(Enum):
    """There is no value, which is not the same as null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
Value: TypeAlias = Json | Absent


class Kind(StrEnum):
    """What a part of a form looks like."""

    TEXT = "text"
    LONG = "long"
    DATE = "date"
    MOMENT = "moment"
    INTEGER = "integer"
    NUMBER = "number"
    CHOICE = "choice"
    CHOICES = "choices"
    LINES = "lines"
    GROUP = "group"
    FIXED = "fixed"
    JSON = "json"


_SCALARS: Final = frozenset({Kind.TEXT, Kind.LONG, Kind.INTEGER, Kind.NUMBER, Kind.DATE, Kind.MOMENT})


@dataclass(frozen=True, slots=True)
class Shape:
    """One part of a form. `path` leads to its value, `spot` says where it stands among its neighbours.

    `start` is the value that the form begins with; `options` are the values of a choice with their words.
    """

    kind: Kind
    schema: Mapping[str, Any]
    path: tuple[str, ...] = ()
    spot: tuple[int, ...] = ()
    required: bool = True
    nullable: bool = False
    start: Value = ABSENT
    options: Sequence[tuple[Json, str]] = ()
    item: Kind = Kind.TEXT
    parts: Sequence[Shape] = ()

    @property
    def pointer(self) -> str:
        """RFC 6901 pointer to its value."""
        return canonical.pointer(self.path)

    @property
    def label(self) -> str:
        """What it is called on a page."""
        title = self.schema.get("title")
        name = str(title) if title else (self.path[-1] if self.path else "").replace("_", " ").strip()
        return name[:1].upper() + name[1:]


def plan(schema: Mapping[str, Any], start: Value = ABSENT) -> Shape:
    """The shapes of a whole schema, for a form that begins with a value."""
    return _shape(Shape(Kind.JSON, {}, start=start), schema, schema)


def _shape(place: Shape, schema: object, whole: Mapping[str, Any]) -> Shape:
    """The shape at a place: its kind by the schema, unless the value that is there does not fit into it."""
    own = _resolved(schema, whole)
    made = replace(place, schema=own, nullable=_nullable(own), options=_options(own))
    made = replace(made, kind=_kind(made, whole))
    if made.kind in {Kind.CHOICES, Kind.LINES}:
        inside = _resolved(own.get("items"), whole)
        item = _kind(Shape(Kind.JSON, inside, options=_options(inside)), whole)
        made = replace(made, options=_options(inside), item=item)
    if made.kind is Kind.GROUP:
        made = replace(made, parts=tuple(_parts(made, whole)))
    return made if fits(made) else replace(made, kind=Kind.JSON, parts=())


def _parts(group: Shape, whole: Mapping[str, Any]) -> Iterator[Shape]:
    """The properties of a group, each with what it has of the value: first what is needed, in the order of that list.

    The database keeps lists in their order, but not the members of an object.
    """
    start = group.start if isinstance(group.start, dict) else {}
    schemas, needed = group.schema["properties"], group.schema.get("required", ())
    names = dict.fromkeys([*(name for name in needed if name in schemas), *schemas])
    for index, name in enumerate(names):
        place = Shape(
            Kind.JSON, {}, (*group.path, name), (*group.spot, index), name in needed, start=start.get(name, ABSENT)
        )  # fmt: skip
        yield _shape(place, schemas[name], whole)


def _resolved(schema: object, whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema behind references into the same document; what stands beside a reference is kept."""
    found = dict(schema) if isinstance(schema, Mapping) else {}
    for _ in range(10):
        reference = found.pop("$ref", None)
        if reference is None:
            return found
        found = {**_target(str(reference), whole), **found}
    return {}


def _target(reference: str, whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference leads to; nothing for one that is no plain pointer, so that it is asked for as JSON."""
    here: Any = whole
    if not reference.startswith("#/"):
        return {"$unknown": reference}
    for token in reference[2:].split("/"):
        name = token.replace("~1", "/").replace("~0", "~")
        here = here.get(name) if isinstance(here, Mapping) else None
    return here if isinstance(here, Mapping) else {"$unknown": reference}


def _types(schema: Mapping[str, Any]) -> list[str]:
    given = schema.get("type", [])
    return [str(name) for name in ([given] if isinstance(given, str) else given)]


def _types_beside_null(schema: Mapping[str, Any]) -> list[str]:
    return [name for name in _types(schema) if name != "null"]


def _nullable(schema: Mapping[str, Any]) -> bool:
    return "null" in _types(schema) and len(_types(schema)) > 1


def _options(schema: Mapping[str, Any]) -> tuple[tuple[Json, str], ...]:
    """The values of a choice, each with its words: of an enum, of yes and no, of constants with titles."""
    if "const" in schema:
        return ((schema["const"], words(schema["const"])),)
    branches = schema.get("oneOf") or schema.get("anyOf") or ()
    if branches and all(isinstance(branch, Mapping) and "const" in branch for branch in branches):
        return tuple(
            (branch["const"], str(branch.get("title") or words(branch["const"]))) for branch in branches
        )
    if "enum" in schema:
        return tuple((value, words(value)) for value in schema["enum"])
    return ((True, "Yes"), (False, "No")) if _types_beside_null(schema) == ["boolean"] else ()


def words(value: Json) -> str:
    """A value of a choice as people read it."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if value is None:
        return "nothing"
    return value if isinstance(value, str) and value else canonical.encode(value).decode()


def _kind(shape: Shape, whole: Mapping[str, Any]) -> Kind:
    """What the schema asks for, whatever the value is."""
    schema, types = shape.schema, _types_beside_null(shape.schema)
    if "$unknown" in schema:
        return Kind.JSON
    if shape.options:
        return Kind.FIXED if "const" in schema and shape.required else Kind.CHOICE
    wanted = types[0] if len(types) == 1 else ""
    if wanted == "string":
        return _kind_of_text(shape)
    if wanted == "array":
        return _kind_of_array(schema, whole)
    group = wanted == "object" and len(shape.path) <= DEEPEST and _drawable(schema)
    return Kind.GROUP if group else {"integer": Kind.INTEGER, "number": Kind.NUMBER}.get(wanted, Kind.JSON)


def _kind_of_text(shape: Shape) -> Kind:
    form, start = shape.schema.get("format"), shape.start
    if form in {"date", "date-time"}:
        return Kind.DATE if form == "date" else Kind.MOMENT
    if isinstance(start, str) and ("\n" in start or "\r" in start or len(start) > LONG_ALREADY):
        return Kind.LONG
    return Kind.LONG if shape.schema.get("maxLength", 0) > LONG_FROM else Kind.TEXT


def _kind_of_array(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Kind:
    inside = _resolved(schema.get("items"), whole)
    if "prefixItems" in schema or _nullable(inside):
        return Kind.JSON
    if options := _options(inside):
        return Kind.CHOICES if len(options) > 1 else Kind.JSON
    return Kind.LINES if _kind(Shape(Kind.JSON, inside), whole) in _SCALARS else Kind.JSON


def _drawable(schema: Mapping[str, Any]) -> bool:
    """Whether all that the object may hold has a field: branches may narrow it, but not add to it."""
    names = schema.get("properties")
    if not isinstance(names, Mapping) or len(names) > MOST_FIELDS:
        return False
    if not names and schema.get("additionalProperties") is not False:
        return False
    branches: list[Any] = [schema.get(word) for word in ("then", "else", "not")]
    branches += [branch for word in ("allOf", "anyOf", "oneOf") for branch in schema.get(word, ())]
    added = {
        name for branch in branches if isinstance(branch, Mapping) for name in branch.get("properties", ())
    }
    points_away = any(isinstance(branch, Mapping) and "$ref" in branch for branch in branches)
    plain = all(name.isprintable() and 0 < len(name) <= LONGEST_NAME for name in names)
    return plain and not points_away and added <= set(names) and "patternProperties" not in schema


def fits(shape: Shape) -> bool:
    """Whether the form can show the value it begins with."""
    start = shape.start
    if start is ABSENT or shape.kind is Kind.JSON or (start is None and shape.nullable):
        return True
    if shape.kind in {Kind.CHOICE, Kind.FIXED}:
        return _among(start, [value for value, _ in shape.options])
    if shape.kind is Kind.GROUP:
        return isinstance(start, dict) and set(start) <= set(shape.schema["properties"])
    if shape.kind in {Kind.CHOICES, Kind.LINES}:
        return isinstance(start, list) and _fits_list(shape, start)
    return _fits_input(shape.kind, start)


def _fits_list(shape: Shape, start: list[Json]) -> bool:
    """Choices come back in their own order and once each, lines without blanks at their ends."""
    if shape.kind is Kind.LINES:
        return all(_fits_on_a_line(shape.item, item) for item in start)
    return same([value for value, _ in shape.options if _among(value, start)], start)


def _among(value: Json, values: Sequence[Json]) -> bool:
    return any(same(value, one) for one in values)


def _fits_on_a_line(kind: Kind, value: Json) -> bool:
    broken = isinstance(value, str) and (not value or value != value.strip() or len(value.splitlines()) > 1)
    return not broken and _fits_input(kind, value)


def _fits_input(kind: Kind, value: Json) -> bool:
    """Whether an input of one value can show it: those for dates show nothing of what is no date."""
    if kind in {Kind.INTEGER, Kind.NUMBER}:
        number = isinstance(value, int) or (kind is Kind.NUMBER and isinstance(value, float))
        return number and not isinstance(value, bool)
    if not isinstance(value, str) or kind not in {Kind.DATE, Kind.MOMENT}:
        return isinstance(value, str)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return False
    return len(value) == len("2000-01-01") if kind is Kind.DATE else moment.tzinfo is not None


def same(left: Json, right: Json) -> bool:
    """Whether two values are the same JSON: true is not 1."""
    return canonical.encode(left) == canonical.encode(right)
