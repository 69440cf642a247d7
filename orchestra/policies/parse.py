"""From text to a checked policy: shape and meaning, all problems at once, each with its line.

Refuses to run the tests of a policy: that is `cases`.
"""

from __future__ import annotations

from typing import Final

from orchestra.documents.envelopes import Envelope, envelopes, refuse
from orchestra.documents.report import Report, Shape
from orchestra.policies import build, checks, schema, stored
from orchestra.policies.checks import Known
from orchestra.policies.document import Document

KIND: Final = "policy"
_SHAPE: Final = Shape(
    schema.document(),
    hints={
        schema.RULE_ID: schema.NAME_RULE,
        schema.TOOLS: "a name of letters, digits, _, . and -, or a glob with *",
    },
)


def parse(text: str, *, known: Known | None = None) -> Document:
    """The one policy of a file. Raises Invalid with every problem found."""
    found = envelopes(text)
    if len(found) != 1:
        refuse([found[1].problem(f"the file holds {len(found)} documents; one policy is expected here")])
    return policy(found[0], known=known)


def policy(envelope: Envelope, *, known: Known | None = None) -> Document:
    """The policy of one document of a file. Raises Invalid with every problem found."""
    if envelope.kind != KIND:
        refuse([envelope.problem(f"kind is {envelope.kind!r}; a policy is expected here", "kind")])
    report = Report(envelope)
    _SHAPE.check(report)
    made = build.document(report)
    checks.run(made, report, known or Known())
    if report.problems:
        refuse(report.problems)
    return stored.sealed(made)
