"""Holds a workflow file against the schema of the format. Refuses to judge meaning: that is `checks`."""

from __future__ import annotations

from typing import Final

from orchestra.documents.report import Report, Shape
from orchestra.workflows import schema

_NAME_RULE: Final = "use lower-case letters, digits and _, a letter first, at most 63 in all"
_SHAPE: Final = Shape(schema.document(), hints={schema.STEP_NAME: _NAME_RULE})


def check(report: Report) -> None:
    """Add every departure from the schema to the report."""
    _SHAPE.check(report)
