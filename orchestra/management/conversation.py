"""The conversations of a run's agents as lines of plain text. What they hold is read elsewhere (see `runs.conversation`)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from orchestra.models import Run
from orchestra.runs import conversation


def lines(run: Run) -> Iterator[str]:
    """Each step by its name, and below it what was said."""
    for step, exchanges in groupby(conversation.whole(run), key=lambda exchange: exchange.step):
        yield step
        for exchange in exchanges:
            yield from (f"  {line.who:<18}  {line.text}".rstrip() for line in exchange.lines)
