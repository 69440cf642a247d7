"""Adapters are loaded by name, once, and anything that is none is refused with a reason."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orchestra.agents import border
from orchestra.agents.recorded import Recorded
from orchestra.agents.scripted import Scripted
from orchestra.contracts import ModelReply, ModelRequest
from orchestra.errors import Invalid

INSTANCE = Scripted([{"say": "hi"}])


class Quiet:
    """An adapter of a user's own."""

    def next(self, request: ModelRequest) -> ModelReply:
        return ModelReply(ended="done", notes=(request.model,))


def test_short_names_are_known() -> None:
    assert isinstance(border.load("recorded"), Recorded)
    assert isinstance(border.load("scripted"), Scripted)


def test_a_class_is_made_once_and_an_instance_is_taken_as_it_is() -> None:
    made = border.load("tests.agents.test_border.Quiet")
    assert type(made).__name__ == "Quiet"
    assert border.load("tests.agents.test_border.Quiet") is made
    assert type(border.load("tests.agents.test_border.INSTANCE")).__name__ == "Scripted"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("clever", "known are recorded, scripted"),
        ("", "known are recorded, scripted"),
        ("tests.agents.nowhere.Thing", "cannot be loaded"),
        ("tests.agents.test_border.Missing", "cannot be loaded"),
        ("json.dumps", "needs a method next"),
        ("json.decoder", "needs a method next"),
        ("fractions.Fraction", "needs a method next"),
        ("datetime.date", "without arguments"),
    ],
)
def test_what_is_no_adapter_is_refused(name: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        border.load(name)


def test_the_border_needs_no_django() -> None:
    code = (
        "import sys, orchestra.agents.border; sys.exit(any(m.split('.')[0] == 'django' for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
