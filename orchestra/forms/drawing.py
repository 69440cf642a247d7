"""What a page draws of a JSON Schema: fields with labels, hints, values, and the problem of each. Reads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.errors import Problem
from orchestra.forms import notation, shapes
from orchestra.forms.reading import PREFIX, Posted
from orchestra.forms.shapes import ABSENT, Kind, Shape, Value

#: More options than this are a list to open instead of buttons side by side.
MOST_BUTTONS: Final = 5
FEWEST_ROWS: Final = 3
MOST_ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """One option: what is sent, what people read, whether it is chosen."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One part of a form as it is drawn. `name` is what is sent, `id` is unique on the page.

    `open`: a choice of so many that it is a list. `focus`: the first that is wrong.
    """

    kind: Kind
    name: str
    id: str
    pointer: str
    label: str
    hint: str
    required: bool
    value: str = ""
    choices: Sequence[Choice] = ()
    problem: str = ""
    focus: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: Sequence[Field] = ()

    @property
    def described(self) -> str:
        """Ids of what explains the field, for aria-describedby."""
        return " ".join(
            f"{self.id}-{name}" for name, text in (("hint", self.hint), ("error", self.problem)) if text
        )

    @property
    def rows(self) -> int:
        """How many lines an input of several lines shows."""
        return min(max(self.value.count("\n") + 2, FEWEST_ROWS), MOST_ROWS)

    @property
    def buttons(self) -> bool:
        """Whether its choices stand side by side, instead of in a list."""
        return len(self.choices) <= MOST_BUTTONS


def fields(
    schema: Mapping[str, Any],
    value: Json = None,
    posted: Posted | None = None,
    problems: Iterable[Problem] = (),
    *,
    prefix: str = PREFIX,
) -> tuple[Field, ...]:
    """The fields of a form that begins with a value (None: with the schema's defaults).

    With `posted` they show exactly what was typed, and with `problems` the message at each field.
    """
    whole = shapes.plan(schema, ABSENT if value is None else value)
    drawing = _Drawing(prefix, posted, list(problems), fresh=value is None and posted is None)
    drawn = drawing.part(whole)
    return _focused(drawn.children if whole.kind is Kind.GROUP else (drawn,))


def typed(drawn: Iterable[Field]) -> Iterator[str]:
    """What stands in the fields, as lines of text to copy when the form cannot be shown any more."""
    for one in flat(drawn):
        chosen = ", ".join(choice.label for choice in one.choices if choice.chosen and choice.value)
        if text := chosen or (one.value if not one.choices and one.kind is not Kind.FIXED else ""):
            yield f"{one.label}: {text}"


def unplaced(drawn: Iterable[Field], problems: Iterable[Problem]) -> list[Problem]:
    """The problems that no field shows; the page tells them above the form."""
    places = [item.pointer for item in flat(drawn)]
    return [problem for problem in problems if not any(_under(problem.pointer, place) for place in places)]


def _under(pointer: str, place: str) -> bool:
    return pointer == place or pointer.startswith(f"{place}/")


def flat(drawn: Iterable[Field]) -> Iterator[Field]:
    """The fields and those inside of them."""
    return chain.from_iterable((item, *flat(item.children)) for item in drawn)


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Turns shapes into fields."""

    prefix: str
    typed: Posted | None
    problems: list[Problem]
    fresh: bool

    def part(self, shape: Shape, *, needed: bool = True) -> Field:
        """`needed`: the group around it is not one that may be left out."""
        shown = self._texts(shape)
        needed = needed and shape.required
        children = tuple(self.part(part, needed=needed) for part in shape.parts)
        return Field(
            kind=shape.kind,
            name=self.prefix + shape.pointer,
            id="-".join([self.prefix, *map(str, shape.spot)]),
            pointer=shape.pointer,
            label=shape.label,
            hint=hint(shape),
            required=needed and not _may_stay_blank(shape),
            value=shape.options[0][1] if shape.kind is Kind.FIXED else "\n".join(shown),
            choices=_choices(shape, shown),
            problem=self._problem(shape),
            attributes=_attributes(shape),
            children=children,
        )

    def _texts(self, shape: Shape) -> Sequence[str]:
        if self.typed is not None:
            return [
                notation.plain(str(text)) for text in self.typed.getlist(self.prefix + shape.pointer) if text
            ]
        return notation.texts(shape, self._value(shape)) if shape.kind not in {Kind.GROUP, Kind.FIXED} else ()

    def _value(self, shape: Shape) -> Value:
        if self.fresh and shape.start is ABSENT and "default" in shape.schema:
            wanted = replace(shape, start=shape.schema["default"])
            return wanted.start if shapes.fits(wanted) else ABSENT
        return shape.start

    def _problem(self, shape: Shape) -> str:
        """What is wrong here: of a group, only what is at none of its parts."""
        places = [part.pointer for part in shape.parts]
        here = [
            one for one in self.problems if _under(one.pointer, shape.pointer) and (one.pointer or not places)
        ]
        own = [one for one in here if not any(_under(one.pointer, place) for place in places)]
        return " ".join(dict.fromkeys(_said(shape, problem) for problem in own))


def _said(shape: Shape, problem: Problem) -> str:
    """The message, with the place inside of the field where it has one."""
    inside = problem.pointer.removeprefix(shape.pointer)
    if not inside:
        return problem.message
    if shape.kind in {Kind.LINES, Kind.CHOICES} and inside[1:].isdecimal():
        return f"Item {int(inside[1:]) + 1}: {problem.message}"
    return f"{inside}: {problem.message}"


def _choices(shape: Shape, shown: Sequence[str]) -> tuple[Choice, ...]:
    if shape.kind not in {Kind.CHOICE, Kind.CHOICES}:
        return ()
    tokens = [(notation.token(value), words) for value, words in shape.options]
    if shape.kind is Kind.CHOICE and (not shape.required or shape.nullable):
        tokens.insert(0, ("", "Not said"))
    return tuple(Choice(text, words, text in shown or (not text and not shown)) for text, words in tokens)


def _may_stay_blank(shape: Shape) -> bool:
    """Blank is a value of its own here, or was the value before."""
    if shape.kind in {Kind.LINES, Kind.CHOICES}:
        return not shape.schema.get("minItems", 0)
    return shape.nullable or shape.start == "" or shape.kind is Kind.FIXED


def _attributes(shape: Shape) -> dict[str, str]:
    """Attributes of the input. No maxlength, which cuts what is pasted without a word; no pattern, which JSON Schema
    and browsers read differently: the server says what is wrong."""
    inputs = {
        Kind.INTEGER: {"inputmode": "numeric"},
        Kind.NUMBER: {"inputmode": "decimal"},
        Kind.DATE: {"type": "date"},
        Kind.MOMENT: {"type": "datetime-local", "step": "1"},
    }
    modes = {"email": {"inputmode": "email"}, "uri": {"inputmode": "url"}}
    return inputs.get(shape.kind) or modes.get(str(shape.schema.get("format"))) or {}


def hint(shape: Shape) -> str:
    """What to know before typing: the author's words, then what the schema asks, in words."""
    said = [str(shape.schema.get("description", "")).strip()]
    said += [_bounds(shape), _length(shape), _example(shape), WORDS.get(shape.kind, "")]
    return " ".join(text if text.endswith((".", "!", "?")) else f"{text}." for text in said if text)


WORDS: Final[Mapping[Kind, str]] = {
    Kind.LINES: "One on each line.",
    Kind.MOMENT: "In UTC.",
    Kind.JSON: "Written as JSON.",
}


def _bounds(shape: Shape) -> str:
    if shape.kind not in {Kind.INTEGER, Kind.NUMBER}:
        return ""
    least, most = shape.schema.get("minimum"), shape.schema.get("maximum")
    above, below = shape.schema.get("exclusiveMinimum"), shape.schema.get("exclusiveMaximum")
    said = [f"{words} {_digits(bound)}" for words, bound in (
        ("At least", least), ("at most", most), ("more than", above), ("less than", below)
    ) if bound is not None]  # fmt: skip
    return _sentence(said)


def _length(shape: Shape) -> str:
    if shape.kind not in {Kind.TEXT, Kind.LONG}:
        return ""
    least, most = shape.schema.get("minLength", 0), shape.schema.get("maxLength")
    said = [f"at least {least} characters"] if least > 1 else []
    said += [f"at most {most:,} characters"] if most is not None else []
    return _sentence(said)


def _sentence(parts: list[str]) -> str:
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


def _example(shape: Shape) -> str:
    examples = shape.schema.get("examples")
    if not isinstance(examples, list) or not examples or shape.kind in {Kind.JSON, Kind.GROUP}:
        return ""
    return f"For example {shapes.words(examples[0])}"


def _digits(number: Json) -> str:
    return canonical.encode(number).decode()


def _focused(drawn: Sequence[Field]) -> tuple[Field, ...]:
    """The same fields; the first one that is wrong takes the focus."""
    done: list[Field] = []
    for index, item in enumerate(drawn):
        inside = _focused(item.children)
        if any(one.problem for one in flat(item.children)):
            return (*done, replace(item, children=inside), *drawn[index + 1 :])
        if item.problem and item.kind is not Kind.GROUP:
            return (*done, replace(item, focus=True), *drawn[index + 1 :])
        done.append(item)
    return tuple(done)
