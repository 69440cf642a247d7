"""Plays recorded runs on an installation whose workers and store run: sets up, submits, decides, waits, reads, judges.
Refuses an installation that has a replay's people already.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orchestra.audit import export, record, seal, verify
from orchestra.audit.export import Header
from orchestra.audit.walk import Count
from reviews.replay import crosscheck, harvest, scene, watch
from reviews.replay.crosscheck import Entry, Told
from reviews.replay.dataset import Dataset, spread
from reviews.replay.documents import Library
from reviews.replay.harvest import Evidence, Played
from reviews.replay.outcomes import Results, RunOutcome
from reviews.replay.parts import Part, parts
from reviews.replay.reviewer import Reviewer
from reviews.replay.store import Store
from reviews.replay.verdict import RUNS
from reviews.replay.watch import Watch

#: Tasks that are submitted between two looks at what is pending.
AT_ONCE: Final = 10
PAUSE: Final = 0.1
LOOK: Final = 1.0
TELL: Final = 10.0


@dataclass(frozen=True, slots=True)
class Play:
    """What is played: so many runs of a data set (None: all), with or without policies; where the export goes."""

    data: Dataset
    library: Library
    store: Store
    folder: Path
    runs: int | None = None
    policies: bool = True
    say: Callable[[str], object] = print
    begun: dict[str, int] = field(default_factory=dict)

    def play(self) -> Results:
        """The whole replay."""
        wanted = parts(self.data, self.library, spread(self.data.runs, self.runs))
        cast = scene.people()
        scene.publish_all(
            self.library,
            by=cast.publisher,
            store=self.store.address,
            data=self.data.folder,
            policies=self.policies,
        )
        self.say(f"published as {cast.publisher.name}; {len(wanted)} runs")
        began = time.monotonic()
        self._until_rest(wanted, cast)
        return self._results(wanted, time.monotonic() - began)

    def _until_rest(self, wanted: Sequence[Part], cast: scene.Cast) -> None:
        """Submit all, decide what is pending, look round now and then; until all is at rest or stuck."""
        reviewer, progress = Reviewer(self.data, cast.reviewers), Progress(self)
        waiting = list(wanted)
        while waiting or not progress.is_over():
            for part in waiting[:AT_ONCE]:
                self.begun[part.run.run] = scene.submit(part, by=cast.requester, store=self.store).pk
            del waiting[:AT_ONCE]
            progress.decided += (decided := reviewer.decide())
            if not (waiting or decided):
                time.sleep(PAUSE)

    def _results(self, wanted: Sequence[Part], seconds: float) -> Results:
        effects = {name: str(said["effect"]) for name, said in self.library.declarations().items()}
        told, findings = self._audit()
        ledger = [
            Entry(row["number"], row["world"], row["tool"], row["key"] or "") for row in self.store.ledger()
        ]
        by_key = Counter(entry.key for entry in ledger)
        runs: list[RunOutcome] = []
        sent: list[crosscheck.Sent] = []
        for part in wanted:
            played = self._played(part)
            if played is None:
                runs.append(harvest.lost(part, self.data))
                continue
            waits = tuple(told.waits.get(str(played.run.uid), ()))
            evidence = Evidence(self.store.state(part.world), by_key, waits)
            runs.append(harvest.outcome(played, self.data, effects, evidence))
            sent += harvest.sent(played, effects)
        return Results(
            runs=tuple(runs),
            seconds=seconds,
            whole=len(wanted) == RUNS,
            policies=self.policies,
            disagreements=tuple(crosscheck.disagreements(ledger, sent, told)),
            audit=tuple(findings),
        )

    def _played(self, part: Part) -> Played | None:
        pk = self.begun.get(part.run.run)
        return harvest.played(part, pk) if pk is not None else None

    def _audit(self) -> tuple[Told, list[str]]:
        """Export the record, verify the file as a stranger would, and the database besides."""
        path = self.folder / "audit.jsonl"
        with record.snapshot(), path.open("w", encoding="ascii") as opened:
            header = Header(origin=seal.name(), at=record.moment(), chain=None)
            export.write(header, record.items(), opened.write)
        read, count = verify.book([], ""), Count()
        findings = [str(found) for found in verify.file(path, read, count, seals_from=None)]
        findings += [str(found) for found in record.check({}, Count())]
        self.say(f"audit: {count.chains} chains, {count.events} events in {path}")
        with path.open("rb") as lines:
            next(lines)
            return crosscheck.told(export.read(lines, count, [])), findings


@dataclass(slots=True)
class Progress:
    """Looks round once a second and tells now and then how far it is."""

    play: Play
    decided: int = 0
    watch: Watch = field(default_factory=Watch)
    began: float = field(default_factory=time.monotonic)
    looked: float = 0.0
    told: float = field(default_factory=time.monotonic)

    def is_over(self) -> bool:
        """Whether all that was submitted is at rest or stuck; looks at most once a second."""
        now = time.monotonic()
        if now - self.looked < LOOK:
            return False
        self.looked = now
        view = watch.view(self.play.begun.values())
        self.watch.look(view, now)
        over = self.watch.is_over(view, now)
        if over or now - self.told > TELL:
            self.told = now
            self.play.say(f"{now - self.began:.0f} s: {watch.told(view)}; {self.decided} decided")
        return over
