"""Reads base URLs, hosts and ports strictly: one spelling for one host, and no second reader sees another. Pure.
Refuses what getaddrinfo would quietly turn into an address (127.1, 0x7f.1), user names, zones, letters beyond ASCII.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final, TypeAlias

from orchestra.edge.addresses import Address
from orchestra.errors import Invalid

#: A host is a name in small letters, or an address.
Host: TypeAlias = str | Address

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
METADATA_NAMES: Final = frozenset(
    {
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.azure.internal",
        "metadata.goog",
        "metadata.google.internal",
        "metadata.tencentyun.com",
    }
)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_URL: Final = re.compile(r"(?P<scheme>[a-z]+)://(?P<authority>[^/?#\\]*)(?P<rest>.*)", re.DOTALL)


class Refused(Invalid):
    """An address that nothing here connects to; the message says why, and what to write instead."""

    code = "address-refused"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a binding points: scheme (http or https), host and port. `str()` gives the base URL in its one form."""

    scheme: str
    host: Host
    port: int

    @property
    def authority(self) -> str:
        """The value of the Host header: the port is left out where the scheme implies it."""
        shown = show(self.host)
        return shown if self.port == DEFAULT_PORTS[self.scheme] else f"{shown}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def parse(base_url: str) -> Target:
    """Read a base URL: scheme, host, port and nothing else (paths belong to the request). Raises Refused."""
    _plain(base_url, "The base URL")
    match = _URL.fullmatch(base_url)
    if match is None or match["scheme"] not in DEFAULT_PORTS:
        raise Refused("The base URL must begin with https:// or http://, in small letters.")
    if match["rest"] not in {"", "/"}:
        raise Refused("The base URL must end after host and port: a path belongs to the tool's request.")
    if "@" in match["authority"]:
        raise Refused("The base URL must hold no user name or password: use a secret reference.")
    name, port = split(match["authority"])
    if ":" in name and not match["authority"].startswith("["):
        raise Refused("An IPv6 address needs square brackets in a base URL.")
    return Target(match["scheme"], host(name), DEFAULT_PORTS[match["scheme"]] if port is None else port)


def split(text: str) -> tuple[str, int | None]:
    """`host:port` or `[address]:port` in two; no port is None. A bare IPv6 address stays whole. Raises Refused."""
    if text.startswith("["):
        name, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")) or ":" not in name:
            raise Refused("Square brackets hold an IPv6 address, and only a port may follow them.")
        return name, _port(rest[1:]) if rest else None
    if text.count(":") != 1:
        return text, None
    name, _, port = text.partition(":")
    return name, _port(port)


def host(text: str) -> Host:
    """A name in small letters without a last dot, or an address written in its usual form. Raises Refused."""
    _plain(text, "The host")
    if not text.isascii():
        raise Refused(
            f"The host {text!a} has letters beyond ASCII, and may only look like another one. "
            f"Its name in the DNS is {_punycode(text)}: write that if it is meant."
        )
    if ":" in text:
        return _v6(text)
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        return _v4(name)
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Refused("The host is no valid name: use letters, digits, hyphens and single dots.")
    if name in METADATA_NAMES:
        raise Refused(f"{name} is a metadata service, which gives credentials away: nothing may call it.")
    return name


def show(host: Host) -> str:
    """The host as it stands in a URL."""
    return f"[{host}]" if isinstance(host, IPv6Address) else str(host)


def _plain(text: str, what: str) -> None:
    if any(ord(char) <= 0x20 or ord(char) == 0x7F or char in '%<>"\\^`{|}' for char in text):
        raise Refused(f"{what} holds a space, a control character or another sign that no host has.")


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise Refused("The port must be a number from 1 to 65535.")
    return int(text)


def _v4(text: str) -> IPv4Address:
    """Only a dotted quad without leading zeros: other spellings mean different hosts to different readers."""
    try:
        return IPv4Address(text)
    except AddressValueError:
        raise Refused(
            f"{text} is an unusual way to write an IPv4 address: write four numbers such as 192.0.2.7."
        ) from None


def _v6(text: str) -> IPv6Address:
    try:
        return IPv6Address(text)
    except AddressValueError:
        raise Refused("The host is no valid IPv6 address.") from None


def _punycode(text: str) -> str:
    labels = (label.lower() for label in text.split("."))
    return ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii") for label in labels
    )
