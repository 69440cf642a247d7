"""One connected stream, plain or TLS, whose every wait ends at a deadline, and which knows whether a byte has left.
Refuses to leave bytes behind: until `finish`, closing it (or the death of the process) resets the connection.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import ExitStack
from errno import ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EINPROGRESS, EMFILE, ENETUNREACH
from math import ceil
from select import POLLIN, POLLOUT, poll
from typing import Final, TypeAlias

from orchestra.contracts import NotSent
from orchestra.edge.addresses import Address
from orchestra.edge.failures import Failed

Clock: TypeAlias = Callable[[], float]

_PIECE: Final = 65536
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_CLOSE_AS_USUAL: Final = struct.pack("ii", 0, 0)
_BLOCKED: Final = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_LONGEST_WAIT: Final = 60.0
_LATE: Final = {
    NotSent.CONNECT: "No connection in time.",
    NotSent.TLS: "TLS was not agreed on in time.",
    None: "No complete reply in time.",
}
_WORDS: Final = {
    ECONNREFUSED: "refused",
    EHOSTUNREACH: "no route to the host",
    ENETUNREACH: "no route to the network",
    ECONNRESET: "reset by the other side",
    EMFILE: "too many open files here",
}


class Wire:
    """A stream to one address. Deadlines are points on `clock`, in seconds; a wait past one raises Failed.

    `began` is true as soon as a byte of the request may have left; before that every failure is a proof.
    """

    def __init__(self, connected: socket.socket, clock: Clock) -> None:
        self._socket = connected
        self._clock = clock
        self._early = bytearray()
        self._ended = self._broken = False
        self.began = False

    @classmethod
    def open(cls, address: Address, port: int, *, deadline: float, clock: Clock) -> Wire:
        """Connect to exactly this address. Raises Failed with the proof `connect`."""
        with ExitStack() as opened:
            try:
                wire = cls(opened.enter_context(_made(address)), clock)
                wire._connect(str(address), port, deadline)
            except OSError as error:
                words = _WORDS.get(error.errno or 0, "the system refused it")
                raise Failed(f"No connection: {words}.", not_sent=NotSent.CONNECT) from None
            opened.pop_all()
            return wire

    def encrypt(self, context: ssl.SSLContext, name: str, *, deadline: float) -> None:
        """Turn TLS on and check that the other side is `name`. Raises Failed with the proof `tls`."""
        try:
            self._socket = wrapped = context.wrap_socket(
                self._socket, server_hostname=name, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
            while True:
                try:
                    wrapped.do_handshake()
                except _BLOCKED as blocked:
                    self._wait(_want(blocked, POLLIN), deadline, NotSent.TLS)
                else:
                    return
        except ssl.SSLCertVerificationError as error:
            words = f"The certificate is not good for {name}: {error.verify_message.rstrip('.')}."
            raise Failed(words, not_sent=NotSent.TLS) from None
        except (OSError, ValueError):
            raise Failed("TLS could not be agreed on.", not_sent=NotSent.TLS) from None

    def write(self, data: bytes, *, deadline: float) -> bool:
        """Send all of it; false when the other side answered or broke off before it had everything.

        Raises Failed: with the proof `connect` while no byte has left, without one when the deadline passes later.
        """
        view, at = memoryview(data), 0
        while at < len(view):
            if self._answered():
                return self._cut_short()
            try:
                self.began |= isinstance(self._socket, ssl.SSLSocket)  # a TLS record may leave in part
                at += self._socket.send(view[at : at + _PIECE])
                self.began = True
            except _BLOCKED as blocked:
                self._wait(_want(blocked, POLLOUT) | POLLIN, deadline, self._proof())
            except OSError:
                self._broken = True
                return self._cut_short()
        return True

    def read(self, *, deadline: float) -> bytes:
        """The next bytes, b"" at the end of the stream. Raises Failed when it breaks or the deadline passes."""
        if self._early:
            early, self._early = bytes(self._early), bytearray()
            return early
        while not self._ended:
            self._check(deadline, None)
            try:
                found = self._socket.recv(_PIECE)
            except _BLOCKED as blocked:
                self._wait(_want(blocked, POLLIN), deadline, None)
            except OSError:
                self._ended = self._broken = True
            else:
                if found:
                    return found
                self._ended = True
        if self._broken:  # the system tells of a reset once; after that the end looks like a clean one
            raise Failed("The connection broke before the reply was complete.")
        return b""

    def finish(self) -> None:
        """Close as usual from now on: the exchange is complete and nothing is left to take back."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_AS_USUAL)

    def close(self) -> None:
        """Close; before `finish` what was not delivered yet is taken back."""
        self._socket.close()

    def _connect(self, address: str, port: int, deadline: float) -> None:
        code = self._socket.connect_ex((address, port))
        if code == EINPROGRESS:
            while not self._wait(POLLOUT, deadline, NotSent.CONNECT):
                continue
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, "not connected")

    def _answered(self) -> bool:
        """Take what the other side says meanwhile; true when that, or its end, means that it wants no more."""
        try:
            found = self._socket.recv(_PIECE)
        except _BLOCKED:
            return False
        except OSError:
            self._ended = self._broken = True
            return True
        self._early += found
        self._ended |= not found
        interim = self._early.startswith(b"HTTP/1.1 1") and len(self._early) < _PIECE
        return not (found and interim and self.began)

    def _cut_short(self) -> bool:
        if not self.began:
            words = "The other side spoke or closed before it was asked anything."
            raise Failed(words, not_sent=NotSent.CONNECT)
        return False

    def _proof(self) -> NotSent | None:
        return None if self.began else NotSent.CONNECT

    def _wait(self, events: int, deadline: float, proof: NotSent | None) -> bool:
        """True when something happened; false may come early, and then the caller asks again."""
        self._check(deadline, proof)
        waited = poll()
        waited.register(self._socket, events)
        left = max(deadline - self._clock(), 0.0)  # a negative wait would have no end
        return bool(waited.poll(ceil(min(left, _LONGEST_WAIT) * 1000)))

    def _check(self, deadline: float, proof: NotSent | None) -> None:
        if self._clock() >= deadline:
            raise Failed(_LATE[proof], not_sent=proof, timed_out=True)


def _made(address: Address) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    made = socket.socket(family, socket.SOCK_STREAM)
    made.settimeout(0.0)
    # A request that waits in the kernel must die with us: delivered minutes later it would still take effect.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _want(blocked: BaseException, plain: int) -> int:
    """What a blocked operation waits for: TLS says it, a plain socket waits for what it was asked."""
    if isinstance(blocked, ssl.SSLWantReadError):
        return POLLIN
    return POLLOUT if isinstance(blocked, ssl.SSLWantWriteError) else plain
