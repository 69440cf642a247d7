"""Decides where a connection may go: resolves a host once, checks each answer, gives the one address to connect to.
Pure but for the resolver passed in. Refuses every address that is not public, unless the binding's rules open it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final, TypeAlias

from orchestra.edge import addresses, hosts
from orchestra.edge.addresses import Address, Network
from orchestra.edge.hosts import Host, Refused

#: Asks the names of the system: host and port in, addresses as text out. Raises NameUnknown of its module.
Resolver: TypeAlias = Callable[[str, int], Sequence[str]]

_WIDEST: Final = {4: 8, 6: 7}


def _nobodys(_: Address) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Opening:
    """One thing that a binding opens: a network (an address is one of its own) or a name; None is any usual port."""

    where: Network | str
    port: int | None

    def fits(self, host: Host, port: int, address: Address, ports: frozenset[int]) -> bool:
        """Whether it opens this address of this host on this port."""
        if port != self.port and not (self.port is None and port in ports):
            return False
        if not isinstance(self.where, str):
            return address in self.where
        if self.where != host:
            return False
        # Who answers for a name must not reach further inwards than a private network.
        near = addresses.is_private(address) or (host == "localhost" and addresses.is_loopback(address))
        return near or addresses.denial(address) is None


@dataclass(frozen=True, slots=True)
class Rules:
    """What a binding opens beyond public addresses on the usual ports. Raises Refused for an entry nobody can mean.

    Entries of `allow`: `127.0.0.1:8100`, `[::1]:8100`, `10.1.0.0/16`, `10.1.0.0/16:8443`, `[fd00:7::/64]:8443`,
    `store.internal:8100` (a name opens public and private addresses; `localhost` loopback too). Without a port an
    entry opens the usual `ports`.
    """

    allow: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset({80, 443})
    openings: tuple[Opening, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "openings", tuple(_opening(entry) for entry in sorted(self.allow)))

    def open(self, host: Host, port: int, address: Address) -> bool:
        """Whether the binding itself opens this address of this host on this port."""
        return any(opening.fits(host, port, address, self.ports) for opening in self.openings)


def check(base_url: str, rules: Rules) -> hosts.Target:
    """What can be said of a base URL before anything is resolved. Raises Refused."""
    target = hosts.parse(base_url)
    if isinstance(target.host, str):
        _check_port(target.host, target.port, rules)
    else:
        _judge([target.host], target.host, target.port, rules, _nobodys)
    return target


def resolve(
    host: Host,
    port: int,
    rules: Rules,
    resolver: Resolver,
    *,
    ours: Callable[[Address], bool] = _nobodys,
) -> Address:
    """The address to connect to, and no other: nobody resolves again. The resolver is asked once, for names only.

    `ours` tells this machine's own public addresses. Raises Refused, and what the resolver raises.
    """
    if not isinstance(host, str):
        return _judge([host], host, port, rules, ours)
    _check_port(host, port, rules)
    return _judge([_parsed(text) for text in resolver(host, port)], host, port, rules, ours)


def _judge(
    found: Sequence[Address], host: Host, port: int, rules: Rules, ours: Callable[[Address], bool]
) -> Address:
    """The first answer that may be reached."""
    reasons = {address: _refusal(address, host, port, rules, ours) for address in found}
    for address, reason in reasons.items():
        if reason is None:
            return address
    if not reasons:
        raise Refused(f"{hosts.show(host)} has no address.")
    address, reason = next(iter(reasons.items()))
    raise Refused(f"{_named(host, address)} is refused: {reason}.")


def _refusal(
    address: Address, host: Host, port: int, rules: Rules, ours: Callable[[Address], bool]
) -> str | None:
    if reason := addresses.never(address):
        return f"it is {reason}, and no rule can open it"
    opened = rules.open(host, port, address)
    if not opened and (reason := addresses.denial(address)):
        return f"it is {reason}; if it is meant, let the binding open {_entry(host, port)}"
    if not opened and port not in rules.ports:
        return f"port {port} is not open; if it is meant, let the binding open {_entry(host, port)}"
    if not rules.open(address, port, address) and ours(
        address
    ):  # asked without the name: that opens no own address
        return "it is this machine itself"
    inner = (_refusal(v4, host, port, rules, ours) for v4 in addresses.embedded(address))
    return next((f"it stands for an IPv4 address, and {reason}" for reason in inner if reason), None)


def _check_port(host: str, port: int, rules: Rules) -> None:
    """A port that no entry opens is refused before the name is asked."""
    if port not in rules.ports and all(opening.port != port for opening in rules.openings):
        raise Refused(f"Port {port} is not open; if it is meant, let the binding open {_entry(host, port)}.")


def _named(host: Host, address: Address) -> str:
    return str(address) if host == address else f"{hosts.show(host)} ({address})"


def _entry(host: Host, port: int) -> str:
    return f"{hosts.show(host)}:{port}"


def _parsed(text: str) -> Address:
    try:
        return ip_address(text)
    except ValueError:
        raise Refused("The names of this system answered with something that is no address.") from None


def _opening(entry: str) -> Opening:
    text, port = hosts.split(entry)
    where: Network | str
    if "/" in text:
        where = _network(text)
    else:
        found = hosts.host(text)
        where = found if isinstance(found, str) else ip_network(found)
    if not isinstance(where, str) and where.num_addresses == 1 and (why := addresses.never(where[0])):
        raise Refused(f"{entry} cannot be opened: it is {why}.")
    return Opening(where, port)


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError:
        raise Refused(
            f"{text!a} is no network: write it as 10.1.0.0/16, with zeros after the prefix."
        ) from None
    if network.prefixlen < _WIDEST[network.version]:
        raise Refused(f"{network} opens too much: name the networks that are meant.")
    return network
