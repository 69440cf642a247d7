"""Small workflow files for tests, and what is said of the wrong ones."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from orchestra.errors import Invalid
from orchestra.workflows.checks import Known
from orchestra.workflows.parse import parse
from orchestra.workflows.spec import WorkflowSpec

DOC = Path(__file__).parents[2] / "docs" / "write-a-workflow.md"
HEAD = "kind: workflow\nname: w\nspec:\n  owner: leads\n"
SIZE = HEAD.count("\n")


def example() -> str:
    found = re.search(r"```yaml\n(kind: workflow.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def file(steps: str, *, more: str = "") -> str:
    """A small file: `steps` begins in line 6, or later when there is more before it."""
    before = textwrap.indent(textwrap.dedent(more).strip("\n") + "\n" if more else "", "  ")
    return HEAD + before + "  steps:\n" + textwrap.indent(textwrap.dedent(steps).strip("\n") + "\n", "    ")


def read(steps: str, *, more: str = "", known: Known | None = None) -> WorkflowSpec:
    return parse(file(steps, more=more), known=known)


def refused(text: str, *, known: Known | None = None) -> list[str]:
    with pytest.raises(Invalid) as caught:
        parse(text, known=known)
    assert all(problem.line for problem in caught.value.problems)
    return [f"{problem.line}: {problem.message}" for problem in caught.value.problems]


def wrong(steps: str, *, more: str = "", known: Known | None = None) -> str:
    """The one problem of a small file, its line counted from the first line of `steps`."""
    (said,) = refused(file(steps, more=more), known=known)
    line, _, message = said.partition(": ")
    return f"{int(line) - SIZE - 1 - more.strip().count(chr(10)) - bool(more)}: {message}"


A = "a: {kind: python, function: f}"
B = "b: {kind: python, function: f}"

KNOWN = Known(
    functions=frozenset({"f"}),
    tools=frozenset({"orders.read"}),
    agents=frozenset({"writer"}),
    groups=frozenset({"leads"}),
    workflows=frozenset({"other"}),
)
