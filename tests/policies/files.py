"""Small policy files for tests, actions to judge by them, and what is said of the wrong ones."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from orchestra.contracts import Action, Delivery, Effect
from orchestra.errors import Invalid
from orchestra.policies.checks import Known
from orchestra.policies.document import Document
from orchestra.policies.parse import parse

DOC = Path(__file__).parents[2] / "docs" / "write-a-policy.md"
HEAD = "kind: policy\nname: p\nspec:\n  rules:\n"
SIZE = HEAD.count("\n")


def example() -> str:
    """The complete example of the document about policies."""
    found = re.search(r"```yaml\n(kind: policy.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def file(rules: str, *, name: str = "p", more: str = "") -> str:
    """A small file: `rules` begins in line 5, `more` (such as tests) follows at the level of `rules`."""
    text = HEAD.replace("name: p", f"name: {name}") + textwrap.indent(
        textwrap.dedent(rules).strip("\n") + "\n", "    "
    )
    return text + (textwrap.indent(textwrap.dedent(more).strip("\n") + "\n", "  ") if more else "")


def read(rules: str, *, name: str = "p", more: str = "", known: Known | None = None) -> Document:
    """The document of a small file."""
    return parse(file(rules, name=name, more=more), known=known)


def rule(id: str, verdict: str, *, tools: str = '"*"', **more: str) -> str:  # noqa: A002  named as in the file
    """One rule in one line."""
    quoted = {name: json.dumps(value) if name == "when" else value for name, value in more.items()}
    extra = "".join(f", {name}: {value}" for name, value in quoted.items())
    return f"- {{id: {id}, tools: [{tools}], verdict: {verdict}, message: said by {id}{extra}}}\n"


def refused(text: str, *, known: Known | None = None) -> list[str]:
    """The problems of a text, each with its line."""
    with pytest.raises(Invalid) as caught:
        parse(text, known=known)
    assert all(problem.line for problem in caught.value.problems)
    return [f"{problem.line}: {problem.message}" for problem in caught.value.problems]


def action(tool: str = "orders.cancel", effect: str = "destructive", **given: Any) -> Action:
    """A call; keywords that are no fields of an action are its context."""
    own = {name: given.pop(name) for name in ("tier", "granted", "known") if name in given}
    return Action(
        tool=tool,
        effect=Effect(effect),
        delivery=given.pop("delivery", Delivery.KEY),
        tier=own.pop("tier", 1),
        arguments=given.pop("args", {}),
        context=given,
        **own,
    )
