"""The two questions to the operating system: which addresses has a name, and is an address this machine's own.
Answers within a time limit, which getaddrinfo itself has not.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from orchestra.edge.addresses import Address
from orchestra.edge.egress import Resolver
from orchestra.errors import Unavailable


class NameUnknown(Unavailable):
    """A name that did not resolve, or not in time."""

    code = "name-unknown"


@dataclass(frozen=True, slots=True)
class Names:
    """Both questions together, so that a test can answer them."""

    lookup: Resolver
    ours: Callable[[Address], bool]


def lookup(host: str, port: int) -> Sequence[str]:
    """All addresses of a name, the most reachable first. Raises NameUnknown."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a name"
        raise NameUnknown(f"{host} could not be resolved: {why}.") from None
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def within(seconds: float, resolver: Resolver) -> Resolver:
    """The resolver with a time limit. A thread that is late ends by itself when the system gives up."""

    def limited(host: str, port: int) -> Sequence[str]:
        answers: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()
        Thread(target=_ask, args=(resolver, host, port, answers), name="edge-names", daemon=True).start()
        try:
            answer = answers.get(timeout=max(seconds, 0.0))
        except Empty:
            raise NameUnknown(f"{host} was not resolved in time.") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    return limited


def ours(address: Address) -> bool:
    """Whether the system would speak to this address from the very same one. Sends nothing."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.connect((str(address), 9))
            return ip_address(asked.getsockname()[0]) == address
    except OSError:
        return False  # no route: the connection itself will say so


def _ask(resolver: Resolver, host: str, port: int, answers: SimpleQueue[Sequence[str] | Exception]) -> None:
    """Carry the answer, or the exception, to the thread that waits for it."""
    try:
        answers.put(resolver(host, port))
    except Exception as error:  # noqa: BLE001  raised again by the thread that waits
        answers.put(error)


SYSTEM: Final = Names(lookup=lookup, ours=ours)
