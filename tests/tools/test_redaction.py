"""Values at declared paths are masked wherever a call is shown; everything else is left as it is."""

from __future__ import annotations

from typing import Any

import pytest

from orchestra.tools.redaction import MASK, masked

VALUES: dict[str, Any] = {
    "args": {"email": "a@b", "cards": [{"number": "1", "brand": "x"}, {"number": "2", "brand": "y"}]},
    "result": {"methods": {"m1": {"balance": 3}, "m2": {"balance": 4}}, "name": None},
}


@pytest.mark.parametrize(
    ("path", "place", "value"),
    [
        ("args.email", ("args", "email"), MASK),
        (
            "args.cards[].number",
            ("args", "cards"),
            [{"number": MASK, "brand": "x"}, {"number": MASK, "brand": "y"}],
        ),
        ("args.cards[]", ("args", "cards"), [MASK, MASK]),
        ("args", ("args",), MASK),
        (
            "result.methods[].balance",
            ("result", "methods"),
            {"m1": {"balance": MASK}, "m2": {"balance": MASK}},
        ),
        ("result.name", ("result", "name"), None),
    ],
)
def test_a_path_masks_what_it_leads_to(path: str, place: tuple[str, ...], value: object) -> None:
    found: Any = masked(VALUES, [path])
    for part in place:
        found = found[part]
    assert found == value


def test_a_path_that_leads_nowhere_changes_nothing() -> None:
    assert masked(VALUES, ["args.phone", "args.email.host", "result[].methods.m3", "preview.x"]) == VALUES


def test_the_values_themselves_are_not_changed() -> None:
    before = repr(VALUES)
    masked(VALUES, ["args", "result.methods[].balance"])
    assert repr(VALUES) == before
