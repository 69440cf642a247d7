"""Does the work of steps, off the database: plain data in, plain data out, in threads.

Refuses the database to the work itself: a step that could write rows would be a way round the gate.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from typing import Any, NoReturn

from django.db import connections

from orchestra import logs, schemas
from orchestra.agents.border import ModelTrouble
from orchestra.agents.messages import storable
from orchestra.canonical import Json
from orchestra.engine import errands
from orchestra.engine.flight import Arrival, Failure, Work
from orchestra.engine.settling import LONGEST_ERROR
from orchestra.errors import Bug, FailureClass, Invalid, OrchestraError
from orchestra.tools import registry
from orchestra.workflows import functions

Deliver = Callable[[Arrival], None]
#: What an unexpected error of foreign code is, by the kind of work.
USUAL = {"tool": FailureClass.TOOL_ERROR, "model": FailureClass.MODEL_ERROR}


class Hands:
    """Threads, made as they are needed. Each piece of work is delivered once, as a result or a failure.

    They end with the process: a step that does not end must not keep a stopped worker alive.
    """

    def __init__(self, count: int, deliver: Deliver) -> None:
        self._most = count
        self._made = 0
        self._free = threading.Semaphore(0)
        self._waiting: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._closed = False
        self._deliver = deliver

    def take(self, work: Work) -> None:
        """Begin a piece of work as soon as a thread is free; from one thread only."""
        self._waiting.put(work)
        if not self._free.acquire(blocking=False) and self._made < self._most:
            self._made += 1
            threading.Thread(target=self._serve, name=f"hand-{self._made}", daemon=True).start()

    def close(self) -> None:
        """Begin nothing more; what has begun may end by itself."""
        self._closed = True
        for _ in range(self._made):
            self._waiting.put(None)

    def _serve(self) -> None:
        while (work := self._waiting.get()) is not None and not self._closed:
            with logs.context(run=work.run):
                self._deliver(perform(work))
            self._free.release()


def perform(work: Work) -> Arrival:
    """Call the function or tool. Every way it can end is an Arrival."""
    try:
        with _off_the_database():
            return Arrival(work, output=_call(work) if work.errand is None else errands.do(work.errand))
    except ModelTrouble as trouble:
        failure = Failure(
            trouble.failure_class, storable(trouble.message[:LONGEST_ERROR]), final=not trouble.retry
        )
        return Arrival(work, failure=failure)
    except Invalid as error:
        return _failed(work, FailureClass.DATA_MISMATCH, error.message, error)
    except OrchestraError as error:
        return _failed(work, FailureClass.BUG, error.message, error)
    except BaseException as error:  # noqa: BLE001  foreign code may raise anything, also SystemExit
        return _failed(work, USUAL.get(work.kind, FailureClass.BUG), _words(error), error)


def _call(work: Work) -> Json:
    """With a copy of the arguments: they are part of the run's input and outputs, which others read."""
    arguments: dict[str, Any] = deepcopy(_keywords(work.arguments))
    if work.kind == "tool":
        tool = registry.find(work.name)
        schemas.compile(tool.arguments).check(arguments)
        found: Json = tool.call(**arguments)
        return found
    made: Json = functions.find(work.name)(**arguments)
    return made


def _keywords(arguments: Json) -> dict[str, Any]:
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise Invalid("`with` of this step must be a mapping of argument names to values.")
    return arguments


def _failed(work: Work, failure_class: FailureClass, message: str, error: BaseException) -> Arrival:
    """Our own errors quote names of the data (a message is logged only of ours), so the step's row alone tells them."""
    foreign = None if isinstance(error, OrchestraError) else error
    logs.event(
        "step.failed", level=logs.WARNING, error=foreign, step=work.key[0], failure_class=str(failure_class)
    )
    return Arrival(work, failure=Failure(failure_class, storable(message[:LONGEST_ERROR])))


def _words(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  an error whose text cannot be made still has a name
        return type(error).__name__


@contextmanager
def _off_the_database() -> Iterator[None]:
    """Every statement is refused; a connection that was opened for it all the same goes back."""
    try:
        with ExitStack() as refusing:
            for alias in connections:
                refusing.enter_context(connections[alias].execute_wrapper(_refuse))
            yield
    finally:
        connections.close_all()


def _refuse(*_: object) -> NoReturn:
    raise Bug("The work of a step has no database: pass what it needs with `with`, return what it found.")
