"""Which IP addresses are nobody's business to reach from here: our own list, each range with its name. Pure.
Refuses to rely on `ipaddress.is_global`, which lets NAT64, 6to4 and multicast pass.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_PRIVATE: Final = "private"
_LOOPBACK: Final = "loopback"

_V4: Final = (
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", _PRIVATE),
    ("100.64.0.0/10", "carrier-grade NAT"),
    ("127.0.0.0/8", _LOOPBACK),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", _PRIVATE),
    ("192.0.0.0/24", "reserved for protocols"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", _PRIVATE),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
)
# Named ranges first; what is left outside 2000::/3 is refused as a whole, so a range that IANA adds is refused too.
_V6: Final = (
    ("::1/128", _LOOPBACK),
    ("::/128", "unspecified"),
    ("::ffff:0:0/96", "IPv4-mapped"),
    ("::ffff:0:0:0/96", "IPv4-translated"),
    ("::/96", "IPv4-compatible"),
    ("64:ff9b::/96", "NAT64"),
    ("64:ff9b:1::/48", "local NAT64"),
    ("100::/64", "discard-only"),
    ("2001::/32", "Teredo"),
    ("2001:db8::/32", "documentation"),
    ("2001::/23", "reserved for protocols"),
    ("2002::/16", "6to4"),
    ("3ffe::/16", "reserved (6bone)"),
    ("3fff::/20", "documentation"),
    ("fc00::/7", _PRIVATE),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
)
_DENIED_V4: Final = tuple((IPv4Network(text), name) for text, name in _V4)
_DENIED_V6: Final = tuple((IPv6Network(text), name) for text, name in _V6)
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_EMBEDS_IN_THE_END: Final = tuple(
    IPv6Network(text) for text in ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96")
)
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})

#: Services that hand out a cloud's credentials to whoever asks. No rule opens these.
METADATA: Final = frozenset(
    {
        IPv4Address("169.254.169.254"),  # most clouds
        IPv4Address("169.254.169.253"),  # their resolvers
        IPv4Address("169.254.170.2"),  # container credentials
        IPv4Address("169.254.170.23"),  # pod identity
        IPv4Address("100.100.100.200"),
        IPv4Address("168.63.129.16"),  # a public address by its range
        IPv4Address("192.0.0.192"),
        IPv6Address("fd00:ec2::254"),
        IPv6Address("fd00:ec2::253"),
        IPv6Address("fd00:ec2::23"),
        IPv6Address("fd20:ce::254"),
        IPv6Address("fd00:42::42"),
    }
)


def denial(address: Address) -> str | None:
    """Why an address is refused unless a rule opens it, such as "loopback (127.0.0.0/8)"; None for a public one."""
    if isinstance(address, IPv4Address):
        return next((f"{name} ({network})" for network, name in _DENIED_V4 if address in network), None)
    for network, name in _DENIED_V6:
        if address in network:
            return f"{name} ({network})"
    if address not in _GLOBAL_V6:
        return "reserved (outside 2000::/3)"
    return "ISATAP" if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP else None


def never(address: Address) -> str | None:
    """Why no rule can open an address; None for one that a rule may open."""
    if address in METADATA:
        return "a metadata service, which gives credentials away"
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "bound to a network interface by its zone"
    if address.is_multicast:
        return "multicast"
    unspecified = denial(address) or ""
    return unspecified if unspecified.startswith("unspecified") else None


def embedded(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that traffic to an IPv6 address may be turned into; empty for most."""
    if isinstance(address, IPv4Address):
        return ()
    value = int(address)
    end = IPv4Address(value & 0xFFFFFFFF)
    if any(address in network for network in _EMBEDS_IN_THE_END) and value > 1:
        return (end,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    return (end,) if (value >> 32) & 0xFFFFFFFF in _ISATAP else ()


def is_private(address: Address) -> bool:
    """Whether an address is of a private network: 10/8, 172.16/12, 192.168/16 or fc00::/7."""
    return (denial(address) or "").startswith(_PRIVATE)


def is_loopback(address: Address) -> bool:
    """Whether an address is this machine's own loopback."""
    return (denial(address) or "").startswith(_LOOPBACK)
