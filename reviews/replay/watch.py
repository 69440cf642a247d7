"""Watches runs until each is at rest, or stands still for too long. Tells the difference; moves nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from orchestra.engine.connections import borrow
from orchestra.models import AuditHead, Run

AT_REST: Final = frozenset({"succeeded", "escalated", "failed", "cancelled"})
#: Seconds without any sign of progress until a run counts as stuck.
PATIENCE: Final = 120.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands: its state, whether a worker may take it now, and the number of its last event."""

    state: str
    due: bool
    events: int


View: TypeAlias = Mapping[UUID, Standing]


@dataclass(slots=True)
class Watch:
    """Remembers when each run was last seen to move. `now` is given, in seconds of any clock."""

    patience: float = PATIENCE
    seen: dict[UUID, tuple[int, float]] = field(default_factory=dict)
    moved_at: float = 0.0

    def look(self, view: View, now: float) -> None:
        """Note what has moved."""
        for run, standing in view.items():
            if self.seen.get(run, (-1, 0.0))[0] != standing.events:
                self.seen[run] = (standing.events, now)
                self.moved_at = now

    def stuck(self, view: View, now: float) -> set[UUID]:
        """Runs that should move and do not. One that waits for its turn is not stuck while others move."""
        stands_still = now - self.moved_at > self.patience
        return {
            run
            for run, standing in view.items()
            if standing.state not in AT_REST
            and (stands_still or (not standing.due and now - self.seen[run][1] > self.patience))
        }

    def is_over(self, view: View, now: float) -> bool:
        """Whether every run is at rest or stuck."""
        live = {run for run, standing in view.items() if standing.state not in AT_REST}
        return live <= self.stuck(view, now)


def view(runs: Iterable[int]) -> View:
    """Where these runs (by primary key) stand now."""
    with borrow():
        due = Q(state__in=["queued", "waiting"], due_at__lte=Now())
        rows = Run.objects.filter(pk__in=list(runs)).annotate(is_due=due)
        found = list(rows.values_list("uid", "state", "is_due"))
        heads = AuditHead.objects.filter(chain__in=[uid for uid, _, _ in found])
        events = dict(heads.values_list("chain", "seq"))
    return {uid: Standing(state, bool(due), events.get(uid, 0)) for uid, state, due in found}


def told(view: View) -> str:
    """One line: how many runs are where."""
    states = Counter(standing.state for standing in view.values())
    return ", ".join(f"{number} {state}" for state, number in states.most_common())
