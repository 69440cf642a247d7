"""The thread of a worker that delivers: passes messages on, sends what is due, writes down what came of it.

Only this thread speaks with the database; each sending has a short-lived thread of its own, so that a slow
receiver holds up nothing else. Refuses to keep anything in memory that matters: all of it is rows.
"""

from __future__ import annotations

import random
import threading
import time
from queue import Empty, SimpleQueue

import psycopg
from django.conf import settings
from django.db import Error as DatabaseError

from orchestra import logs
from orchestra.delivery import outbox, sending, webhooks
from orchestra.delivery.leftovers import Leftovers
from orchestra.delivery.sending import Parcel, Report
from orchestra.errors import OrchestraError


class Postman:
    """Delivers until it is told to stop. `away` are sendings of which nothing is written down yet."""

    def __init__(self) -> None:
        sending.rules()  # a setting that cannot be read stops the start, not the first sending
        self._over = threading.Event()
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._away: list[Parcel] = []
        self._back: list[Report] = []
        self._leftovers = Leftovers()
        self._thread = threading.Thread(target=self._run, name="postman", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Wait a moment for what is under way; what is still out then is sent again later, under the same id."""
        self._over.set()
        self._thread.join(timeout=settings.DRAIN)

    def _run(self) -> None:
        while not self._over.is_set():
            if not self._try():
                self._over.wait(settings.WEBHOOK_POLL)
        self._drain()

    def _try(self) -> bool:
        try:
            return self._round()
        except (DatabaseError, psycopg.Error, OrchestraError) as error:
            logs.event("delivery.interrupted", level=logs.WARNING, error=error)
        except Exception as error:  # noqa: BLE001  the telling of everything else must go on
            logs.event("delivery.broke", level=logs.ERROR, error=error)
        return False

    def _round(self) -> bool:
        """One look; whether there is more to do at once."""
        self._leftovers.clear()
        passed = outbox.pass_on()
        self._record(self._came_back())
        free = settings.WEBHOOK_SENDERS - len(self._away)
        parcels = webhooks.claim(free=free, busy={parcel.webhook for parcel in self._away}) if free else []
        for parcel in parcels:
            threading.Thread(target=self._send, args=(parcel,), name="delivery", daemon=True).start()
            self._away.append(parcel)  # only once it is on its way: nothing reports what never left
        if self._away:
            self._record(self._came_back(wait=settings.WEBHOOK_POLL))
            return True
        return passed >= outbox.AT_ONCE

    def _send(self, parcel: Parcel) -> None:
        self._reports.put(sending.send(parcel))

    def _came_back(self, *, wait: float = 0.0) -> list[Report]:
        """The reports so far; waits so long for the first one."""
        found: list[Report] = []
        try:
            found.append(self._reports.get(timeout=wait) if wait else self._reports.get_nowait())
            while True:
                found.append(self._reports.get_nowait())
        except Empty:
            return found

    def _record(self, reports: list[Report]) -> None:
        """While the database is away they are kept, and written down with the next ones."""
        self._back += reports
        if not self._back:
            return
        webhooks.record(self._back, random.random())
        back = {report.parcel.delivery for report in self._back}
        self._away = [parcel for parcel in self._away if parcel.delivery not in back]
        self._back.clear()

    def _drain(self) -> None:
        """What comes back in time is written down."""
        until = time.monotonic() + settings.DRAIN
        while self._away and time.monotonic() < until:
            try:
                self._record(self._came_back(wait=0.1))
            except (DatabaseError, psycopg.Error) as error:
                logs.event("delivery.interrupted", level=logs.WARNING, error=error)
                return
