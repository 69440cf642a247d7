"""Finds free TCP ports on the loopback address. Refuses to wait for one: it is free now or it is not.

A port found here can be taken before it is used, so whoever starts a server must be ready to ask again.
"""

from __future__ import annotations

import socket
from pathlib import Path

from orchestra.local.processes import CannotStart

HOST = "127.0.0.1"
TRIES = 100


def is_free(port: int) -> bool:
    """Whether nobody listens on the port and we may."""
    with socket.socket() as asked:
        asked.settimeout(0.5)
        # Some systems let 127.0.0.1 be bound while another server holds all addresses: ask both ways.
        if asked.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((HOST, port))
        except OSError:
            return False
    return True


def choose(remembered: Path) -> int:
    """The port recorded in the file if it is still free, else any free one, which is then recorded."""
    try:
        before = int(remembered.read_text())
    except (FileNotFoundError, ValueError):
        before = 0
    if 0 < before < 65536 and is_free(before):
        return before
    port = any_free()
    remembered.write_text(f"{port}\n")
    return port


def any_free() -> int:
    """A port that was free a moment ago, another one each time: two who ask at once do not get the same."""
    with socket.socket() as bound:
        bound.bind((HOST, 0))
        return int(bound.getsockname()[1])


def next_free(wanted: int) -> int:
    """The wanted port, or the first free one of the hundred from there. CannotStart when there is none."""
    last = min(wanted + TRIES - 1, 65535)
    for port in range(wanted, last + 1):
        if is_free(port):
            return port
    raise CannotStart(
        f"Ports {wanted} to {last} are all taken or not allowed. Choose another: make demo PORT=9000"
    )
