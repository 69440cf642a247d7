"""A hundred runs at once in one worker process: little memory, few sessions, and none held while steps are at work."""

from __future__ import annotations

import psutil

from tests.conftest import Spawned
from tests.crash.stage import PATIENCE, Stage
from tests.waiting import until

RUNS = 100
MEMORY = 300 * 2**20
SESSIONS = 6  # its own, and those that three threads borrow, with some to spare
STEPS = """
a: {kind: python, function: crash.nap, with: {given: "{{ input }}", step: a, seconds: 3}}
b: {needs: a, kind: python, function: crash.mark, with: {given: "{{ input }}", step: b}}
"""
IN_FLIGHT = "SELECT count(*) FROM orchestra_run WHERE state = 'running'"
# A session between two statements of a round is seen now and then; one that is held stays so.
OPEN = """
SELECT client_port, state LIKE 'idle in transaction%%' AND state_change < now() - interval '1 second'
FROM pg_stat_activity WHERE client_port = ANY(%s)
"""


def test_hundred_runs_in_flight_need_little_memory_and_few_sessions(stage: Stage) -> None:
    runs = stage.submit(stage.publish(STEPS), RUNS)
    worker = stage.worker()
    most = Most(stage, worker)
    until(lambda: most.look() and stage.noted("b") == RUNS, within=PATIENCE, what="all of them done")
    stage.finish(runs)
    assert most.at_once == RUNS
    assert most.memory < MEMORY
    assert 0 < most.sessions <= SESSIONS
    assert most.held == 0
    stage.sound()


class Most:
    """The most of everything that was seen of a worker."""

    def __init__(self, stage: Stage, worker: Spawned) -> None:
        self._stage = stage
        self._process = psutil.Process(worker.pid)
        self.at_once = self.memory = self.sessions = self.held = 0

    def look(self) -> bool:
        """Look once."""
        ports = [found.laddr.port for found in self._process.net_connections("tcp4")]
        sessions = self._stage.ask(OPEN, [ports])
        self.at_once = max(self.at_once, self._stage.ask(IN_FLIGHT)[0][0])
        self.memory = max(self.memory, self._process.memory_info().rss)
        self.sessions = max(self.sessions, len(sessions))
        self.held = max(self.held, sum(held for _, held in sessions))
        return True
