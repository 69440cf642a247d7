"""A value goes into a form and comes back the same, whatever the schema and the value."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orchestra import canonical, schemas
from orchestra.canonical import Json
from orchestra.errors import Invalid
from orchestra.forms import drawing, reading
from tests.forms import browser

QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
WHOLE = st.integers(-canonical.LARGEST, canonical.LARGEST)
DECIMAL = st.floats(-1e15, 1e15, allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | WHOLE | DECIMAL | TEXTS
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
DATES = st.dates().map(lambda day: day.isoformat())
MOMENTS = st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())
Pair = tuple[dict[str, Any], Json]


@st.composite
def choices(draw: st.DrawFn) -> Pair:
    options = draw(st.lists(SCALARS, min_size=1, max_size=8, unique_by=canonical.encode))
    return {"enum": options}, draw(st.sampled_from(options))


@st.composite
def several(draw: st.DrawFn) -> Pair:
    schema, _ = draw(choices())
    picked: list[Any] = draw(st.lists(st.sampled_from(schema["enum"]), max_size=4))
    return {"type": "array", "items": schema}, picked


@st.composite
def lists(draw: st.DrawFn) -> Pair:
    kinds: list[tuple[str, st.SearchStrategy[Any]]] = [
        ("string", TEXTS), ("integer", WHOLE), ("boolean", st.booleans())
    ]  # fmt: skip
    word, values = draw(st.sampled_from(kinds))
    return {"type": "array", "items": {"type": word}}, draw(st.lists(values, max_size=4))


@st.composite
def groups(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    """An object of some parts; which are needed and which are there is drawn too."""
    parts = draw(st.dictionaries(TEXTS, inner, max_size=4))
    there = {name for name in parts if draw(st.booleans())}
    needed = [name for name in sorted(there) if draw(st.booleans())]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: part[0] for name, part in parts.items()},
        "required": needed,
    }
    if draw(st.booleans()):
        schema["additionalProperties"] = False
    return schema, {name: part[1] for name, part in parts.items() if name in there}


def typed(word: str, values: st.SearchStrategy[Any], **more: Any) -> st.SearchStrategy[Pair]:
    return values.map(lambda value: ({"type": word, **more}, value))


LEAVES = st.one_of(
    typed("string", TEXTS),
    typed("string", TEXTS, maxLength=4000),
    typed("string", DATES, format="date"),
    typed("string", MOMENTS, format="date-time"),
    typed("integer", WHOLE),
    typed("number", DECIMAL),
    typed("boolean", st.booleans()),
    (st.none() | TEXTS).map(lambda value: ({"type": ["string", "null"]}, value)),
    ANYTHING.map(lambda value: ({}, value)),
    ANYTHING.map(lambda value: ({"const": value}, value)),
    choices(),
    several(),
    lists(),
)
PARTS = st.recursive(LEAVES, groups, max_leaves=12)


@QUICK
@given(groups(PARTS))
def test_untouched_form_gives_back_exactly_what_it_began_with(pair: Pair) -> None:
    schema, given_ = pair
    value = canonical.check(given_)
    assume(not schemas.compile(schema).problems(value))
    fields = drawing.fields(schema, value)
    found = reading.value(schema, browser.sent(fields), start=value)
    assert canonical.encode(found) == canonical.encode(value)


WORDS = st.text("abc #W1é漢", min_size=1, max_size=12).filter(lambda text: text == text.strip())
SIMPLE = st.one_of(
    typed("string", WORDS),
    typed("string", st.lists(WORDS, min_size=1).map("\n".join), maxLength=4000),
    typed("string", DATES, format="date"),
    typed(
        "string", st.datetimes().map(lambda at: f"{at.isoformat(timespec='seconds')}Z"), format="date-time"
    ),
    typed("integer", WHOLE),
    typed("number", DECIMAL),
    typed("boolean", st.booleans()),
    typed("array", st.lists(WORDS, min_size=1, max_size=4), items={"type": "string"}),
    typed("array", st.lists(WHOLE, min_size=1, max_size=4), items={"type": "integer"}),
    (st.dictionaries(WORDS, ANYTHING, min_size=1, max_size=2)).map(lambda value: ({"type": "object"}, value)),
    choices(),
)


@QUICK
@given(groups(st.recursive(SIMPLE, groups, max_leaves=8)))
def test_what_is_typed_into_an_empty_form_is_the_value(pair: Pair) -> None:
    schema, given_ = pair
    value = canonical.check(given_)
    typed_ = browser.sent(drawing.fields(schema, value))
    assume(_kinds(schema, value) == _kinds(schema, None) and "{}" not in str(value))
    assert canonical.encode(reading.value(schema, typed_)) == canonical.encode(value)


def _kinds(schema: dict[str, Any], value: Json) -> list[tuple[str, str]]:
    """Long texts get more lines than an empty form has, which changes nothing in what is sent."""
    drawn = drawing.flat(drawing.fields(schema, value))
    return [(one.name, "text" if one.kind == "long" else str(one.kind)) for one in drawn]


@QUICK
@given(groups(PARTS), st.dictionaries(TEXTS, st.lists(TEXTS, max_size=3), max_size=4))
def test_nothing_that_is_sent_breaks_the_reading(pair: Pair, noise: dict[str, list[str]]) -> None:
    schema, _ = pair
    posted = browser.sent(drawing.fields(schema))
    for name, texts in zip([*posted, "f/x", "f"], noise.values(), strict=False):
        posted.setlist(name, texts)
    try:
        found = reading.value(schema, posted)
    except Invalid as error:
        drawn = drawing.fields(schema, None, posted, error.problems)
        left = drawing.unplaced(drawn, error.problems)
        shown = browser.render(drawn)
        assert left or "error" in shown
    else:
        schemas.compile(schema).check(found)
