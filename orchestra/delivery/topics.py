"""What can be told to the outside, each topic with its meaning. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RUN_ENDED: Final = ("run.succeeded", "run.failed", "run.cancelled")
#: Every topic that there is, with a sentence for people.
TOPICS: Final[Mapping[str, str]] = {
    "run.succeeded": "A run has ended well.",
    "run.failed": "A run has failed.",
    "run.cancelled": "A run was cancelled.",
    "proposal.opened": "People are asked to decide about a call.",
    "question.opened": "People are asked a question: a form, an escalation, or a call in doubt.",
}
