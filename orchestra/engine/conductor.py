"""One loop that conducts all runs of a worker process: collect, lock and claim, decide, write, begin the work.

Holds a database connection only during a round. Work is done by `hands`; results come back to the inbox.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError

from orchestra import logs
from orchestra.audit.append import append
from orchestra.contracts import NotSent, SendFailure
from orchestra.engine import calls, checkpoint, claim, dispatch, plan, watch
from orchestra.engine.connections import borrow
from orchestra.engine.flight import Arrival, Flight, Work
from orchestra.engine.hands import Hands
from orchestra.engine.session import Session
from orchestra.engine.surroundings import Shared

PAUSE_AFTER_FAILURE = 0.5
HELD_BACK = SendFailure("Held back before it was sent.", NotSent.LOCAL)
#: Hints beyond these are for whoever polls.
MOST_NAMED = 500


@dataclass(frozen=True, slots=True)
class Nudge:
    """Somebody rang: these runs are due, and others may be."""

    run_ids: tuple[int, ...] = ()


def _decide(flights: Sequence[Flight]) -> list[int]:
    """Decide and write, and again for those whose calls bring something new; returns the runs to ring for."""
    for flight in flights:
        flight.stir()
    rung: list[int] = []
    shared = Shared()
    while flights:
        for flight in flights:
            plan.decide(flight)
        rung += checkpoint.write(flights).rung
        checkpoint.noted(flights)
        flights = [flight for flight in flights if calls.proceed(flight, shared)]
    return rung


class Conductor:
    """Advances up to `slots` runs at once."""

    def __init__(self, session: Session, *, slots: int | None = None, hands: int | None = None) -> None:
        self.session = session
        self.slots = slots or settings.SLOTS
        self.flights: dict[int, Flight] = {}
        self._most = hands or settings.HANDS
        self._hands = Hands(self._most, self.deliver)
        self._inbox: queue.SimpleQueue[Arrival | Nudge] = queue.SimpleQueue()
        self._named: dict[int, None] = {}
        self._waiting: deque[Work] = deque()
        self._busy = 0
        self._dropped: dict[int, int] = {}
        self._more = False
        self._undecided = False
        self._next_poll = 0.0
        self._next_watch = 0.0
        self._next_suspect = 0.0
        self._careful_until = 0.0
        self._stopping = threading.Event()
        self._draining = False
        self._patience = 0.0

    def deliver(self, arrival: Arrival) -> None:
        """Take in a result; called by hands, from any thread."""
        self._inbox.put(arrival)

    def nudge(self, run_ids: Sequence[int] = ()) -> None:
        """Take in a hint; from any thread."""
        self._inbox.put(Nudge(tuple(run_ids)))

    def stop(self) -> None:
        """Claim nothing more, let what is at work end for a while, give the rest back; from any thread."""
        self._patience = time.monotonic() + settings.DRAIN
        self._stopping.set()
        self.nudge()

    def run(self) -> None:
        """Conduct until stopped. Trouble with the database is waited out, but not by a worker that stops."""
        while not (self._stopping.is_set() and not self.flights):
            self._collect()
            try:
                self._watch()
                self._round()
                self._begin()
            except (DatabaseError, InterfaceError) as error:
                logs.event("worker.database_lost", level=logs.WARNING, error=error)
                self._doubt(list(self.flights.values()))
                if self._stopping.is_set() and time.monotonic() > self._patience:
                    break  # others take what we hold
                time.sleep(PAUSE_AFTER_FAILURE)
        self._hands.close()

    def _collect(self) -> None:
        """Wait for the next thing to do, then take everything that is there."""
        try:
            item = self._inbox.get(timeout=self._pause())
            while True:
                self._sort(item)
                item = self._inbox.get_nowait()
        except queue.Empty:
            return

    def _pause(self) -> float:
        """Until the next beat or, while there is room for more runs, the next poll."""
        if self._undecided or (self._has_room and self._more):
            return 0.0
        soonest = min(self._next_watch, self._next_poll) if self._has_room else self._next_watch
        if self._stopping.is_set():
            soonest = min(soonest, max(self._patience, time.monotonic() + settings.POLL_FAST))
        return max(0.0, soonest - time.monotonic())

    @property
    def _has_room(self) -> bool:
        return not self._stopping.is_set() and len(self.flights) < self.slots

    def _sort(self, item: Arrival | Nudge) -> None:
        if isinstance(item, Nudge):
            self._more = True
            if len(self._named) < MOST_NAMED:
                self._named |= dict.fromkeys(item.run_ids)
            return
        self._busy -= 1
        flight = self.flights.get(item.work.run_id)
        if flight is not None and flight.run.fence == item.work.fence:
            flight.arrivals.append(item)

    def _watch(self) -> None:
        """Every beat: extend leases, notice wakes and losses, adopt what a lost commit reply left with us."""
        if time.monotonic() < self._next_watch:
            return
        self._next_watch = time.monotonic() + settings.HEARTBEAT
        with borrow():
            seen = watch.look(self.session.worker_id, self.flights, self._dropped)
        for flight in seen.lost:
            self._lose(flight)
        for flight in seen.adopted:
            self.flights[flight.run.pk] = flight
        for flight in seen.woken:
            flight.woken = True

    def _round(self) -> None:
        self._undecided = False
        stopping = self._stopping.is_set()
        if stopping:
            self._drain()
        touched = [flight for flight in self.flights.values() if plan.is_due(flight)]
        free = 0 if stopping else self.slots - len(self.flights)
        polling = time.monotonic() >= self._next_poll
        if not touched and not (free and (self._more or polling)):
            return
        try:
            self._attempt(touched, free)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it must not end the loop of all runs
            self._one_by_one(touched, error)

    def _begin(self) -> None:
        """Hand out work while hands are free. What is no longer wanted by now is not begun."""
        while self._waiting and self._busy < self._most:
            work = self._waiting.popleft()
            flight = self.flights.get(work.run_id)
            job = flight.at_work.get(work.slot) if flight is not None else None
            if flight is None or job is None or job.work is not work:
                continue
            if flight.halted or flight.draining or flight.called_off:
                self._hold_back(flight, work)
                continue
            flight.at_work[work.slot] = replace(job, since=time.monotonic())
            self._busy += 1
            self._hands.take(work)

    def _hold_back(self, flight: Flight, work: Work) -> None:
        """Of a request that did not leave we know so; anything else is to be done again, and the run is let go of."""
        if work.kind == "send":
            flight.arrivals.append(Arrival(work, output=HELD_BACK))
            return
        del flight.at_work[work.slot]
        flight.doubted = True

    def _drain(self) -> None:
        if not self._draining:
            self._draining = True
            logs.event("worker.stopping", worker=self.session.worker_id, runs=len(self.flights))
        plan.drain(self.flights.values(), patient=time.monotonic() < self._patience)

    def _attempt(self, touched: Sequence[Flight], free: int) -> None:
        """One transaction: lock ours, claim more, decide, write. Then, after the commit, begin the work."""
        careful = time.monotonic() < self._careful_until
        with borrow():
            held = checkpoint.hold(touched)
            claimed = self._claim(1 if careful else free) if free else claim.Claimed([], [])
            append(claimed.events)
            ready = held + [f for f in claimed.flights if not careful and f.run.parent_run_id is None]
            rung = _decide(ready)
        for flight in claimed.flights:
            self.flights[flight.run.pk] = flight
            self._undecided |= flight not in ready
        for flight in set(touched) - set(held):
            self._lose(flight)
        self._after(ready)
        dispatch.announce(rung)

    def _claim(self, free: int) -> claim.Claimed:
        """Those that were named first, then whatever is due, then one that workers died on."""
        named = list(self._named)[:free]
        self._named.clear()
        found = claim.claim(self.session.worker_id, free, only=named) if named else claim.Claimed([], [])
        more = claim.claim(self.session.worker_id, free - len(found.flights))
        if self._more:
            self.session.counts.claims_by_hint += len(found.flights) + len(more.flights)
        else:
            self.session.counts.claims_by_poll += len(more.flights)
        self._more = len(found.flights) + len(more.flights) >= free > 0
        last = self._claim_suspect()
        fast = not dispatch.doorbell.answers
        self._next_poll = time.monotonic() + (settings.POLL_FAST if fast else settings.POLL_SLOW)
        flights = found.flights + more.flights + last.flights
        return claim.Claimed(flights, found.events + more.events + last.events)

    def _claim_suspect(self) -> claim.Claimed:
        if time.monotonic() < self._next_suspect or any(
            claim.is_suspect(f.run) for f in self.flights.values()
        ):
            return claim.Claimed([], [])
        self._next_suspect = time.monotonic() + settings.POLL_SLOW
        return claim.claim_suspect(self.session.worker_id)

    def _after(self, flights: Sequence[Flight]) -> None:
        checkpoint.forget(flights)
        for flight in flights:
            self._waiting.extend(flight.begin)
            flight.begin.clear()
            flight.woken = False
            if flight.ending is not None:
                self.flights.pop(flight.run.pk, None)
                logs.event("run.released", run=flight.run.uid, outcome=flight.ending.target)

    def _one_by_one(self, touched: Sequence[Flight], error: Exception) -> None:
        """Something in the batch cannot be written: find it, so that the others go on."""
        logs.event("worker.batch_refused", level=logs.WARNING, error=error, runs=len(touched))
        self._careful_until = time.monotonic() + 2.0
        self._more, self._next_poll = False, time.monotonic() + settings.POLL_SLOW
        self._doubt(touched)
        for flight in touched:
            if flight.run.pk not in self.flights:
                continue
            try:
                self._attempt([flight], 0)
            except (OperationalError, InterfaceError):
                raise
            except Exception as cause:  # noqa: BLE001  as above
                self._refuse(flight, cause)

    def _refuse(self, flight: Flight, error: Exception) -> None:
        """A run that cannot be written is put before a person; if even that fails, its lease ends it."""
        logs.event("run.refused", level=logs.ERROR, error=error, run=flight.run.uid)
        self._doubt([flight])
        flight.broken = f"{type(error).__name__}: its next checkpoint cannot be written."
        flight.unread = False  # not even its end can be written
        try:
            self._attempt([flight], 0)
        except Exception as cause:  # noqa: BLE001  as above
            self.flights.pop(flight.run.pk, None)
            self._dropped[flight.run.pk] = flight.run.fence
            logs.event("run.dropped", level=logs.ERROR, error=cause, run=flight.run.uid)

    def _doubt(self, flights: Sequence[Flight]) -> None:
        """After a failed write nothing in memory is trusted: what is known is read again, under our fence."""
        for flight in flights:
            flight.doubted = True

    def _lose(self, flight: Flight) -> None:
        self.flights.pop(flight.run.pk, None)
        self.session.counts.fences_lost += 1
        logs.event("fence.lost", level=logs.WARNING, run=flight.run.uid, fence=flight.run.fence)
