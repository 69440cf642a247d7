"""Where connections may go: no forbidden address is reached, whatever the name says and however it is written."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from orchestra.edge import addresses, egress, hosts
from orchestra.edge.addresses import Address
from orchestra.edge.egress import Rules
from orchestra.edge.hosts import Refused
from tests.edge.stage import Turning

PUBLIC = "93.184.216.34"
CLOSED = Rules()

# What each URL means to a careless reader is loopback, a private network, or a cloud's metadata service.
WRITTEN = """
http://127.0.0.1
http://127.0.0.1:80/
http://127.255.255.254
http://127.0.0.1.
http://127.1
http://127.0.1
http://2130706433
http://0177.0.0.1
http://0177.1
http://017700000001
http://0x7f.0.0.1
http://0x7f.1
http://0x7f000001
http://0X7F000001
http://0x7f.0x0.0x0.0x1
http://127.0.0.01
http://127.0.0.0x1
http://4294967297
http://0
http://0.0.0.0
http://0x0
http://0x
http://256.256.256.256
http://1.2.3.4.5
http://10.0.0.1
http://10.255.255.255
http://172.16.0.1
http://172.31.255.254
http://192.168.1.1
http://100.64.0.1
http://100.100.100.200
http://169.254.169.254/
http://169.254.170.2
http://169.254.1.1
http://2852039166
http://0xa9fea9fe
http://0251.0376.0251.0376
http://168.63.129.16
http://192.0.0.192
http://192.0.0.8
http://192.0.2.1
http://198.51.100.1
http://203.0.113.1
http://198.18.0.1
http://192.88.99.1
http://224.0.0.1
http://239.255.255.255
http://240.0.0.1
http://255.255.255.255
http://[::1]
http://[::]
http://[0:0:0:0:0:0:0:1]
http://[::ffff:127.0.0.1]
http://[::ffff:7f00:1]
http://[::ffff:0:127.0.0.1]
http://[::127.0.0.1]
http://[::ffff:169.254.169.254]
http://[::ffff:8.8.8.8]
http://[64:ff9b::169.254.169.254]
http://[64:ff9b::7f00:1]
http://[64:ff9b::8.8.8.8]
http://[64:ff9b:1::10.0.0.1]
http://[2002:7f00:1::]
http://[2002:a9fe:a9fe::1]
http://[2002:5db8:d822::1]
http://[3ffe::1]
http://[2001:0:4136:e378:8000:63bf:80ff:fffe]
http://[2001:470:1f0b::5efe:127.0.0.1]
http://[2001:470:1f0b:0:200:5efe:a00:1]
http://[fc00::1]
http://[fd00:ec2::254]
http://[fd20:ce::254]
http://[fe80::1]
http://[fe80::1%25eth0]
http://[fe80::1%eth0]
http://[::1%lo]
http://[fec0::1]
http://[ff02::1]
http://[2001:db8::1]
http://[3fff::1]
http://[2001:2::1]
http://[2001:20::1]
http://[100::1]
http://[5f00::1]
http://[4000::1]
http://[::1]:80.
http://[127.0.0.1]
http://::1
http://metadata.google.internal
http://METADATA.google.internal.
http://metadata
http://instance-data/
http://metadata.goog
http://public.example@127.0.0.1
http://127.0.0.1@public.example
http://user:pass@public.example
http://public.example:80@127.0.0.1
http://127.0.0.1#@public.example
http://127.0.0.1?@public.example
http://127.0.0.1\\@public.example
http://public.example\\.127.0.0.1
http://public.example%2f@127.0.0.1
http://public.example%00.127.0.0.1
http://public.example:22
http://93.184.216.34:22
http://2606:2800:220:1:248:1893:25c8:1946
http://public.example:0
http://public.example:080
http://public.example:65616
http://public.example:
http://public.example:80:80
http://public.example:٨٠
http://public..example
http://.public.example
http://-public.example
http://public.example..
http://public_.-example
http://public example
http://ｌocalhost
http://１２７.０.０.１
http://①②⑦.⓪.⓪.①
http://127。0。0。1
http://pub\u200blic.example
http://\u202epublic.example
http://аpple.example
http://
http:///etc/passwd
http:127.0.0.1
//127.0.0.1
127.0.0.1
ftp://public.example
file:///etc/passwd
gopher://127.0.0.1:25/
HTTP://public.example
unix:/run/docker.sock
http+unix://public.example
https://public.example/path
https://public.example/?q
"""
CORPUS = WRITTEN.split("\n")[1:-1]
CONTROLS = [f"http://public.example{sign}" for sign in ("\r\nX: 1", "\n", "\0", "\t", "\x7f", "\x1b[0m")]
# A name may have any of these as its answer.
ANSWERS = """127.0.0.1 10.1.2.3 172.20.0.1 192.168.0.10 169.254.169.254 169.254.7.7 100.64.7.7 0.0.0.0 224.0.0.251 255.255.255.255 198.19.0.1
168.63.129.16 ::1 :: fe80::1 fe80::1%eth0 fd12:3456::1 fec0::1 ff02::fb ::ffff:127.0.0.1 ::ffff:93.184.216.34
64:ff9b::a9fe:a9fe 64:ff9b::5db8:d822 64:ff9b:1::1 2002:7f00:1:: 2001::1 2001:db8::8 ::7f00:1 nonsense 1.2.3.4/8""".split()  # noqa: SIM905


def like_the_system(host: str, port: int) -> Sequence[str]:
    """Turns odd numbers into addresses as getaddrinfo does; every other name is public."""
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        return ["127.0.0.1" if host.endswith("localhost") else PUBLIC]


def reach(url: str, rules: Rules = CLOSED, *answers: str) -> Address:
    """The address that would be connected to."""
    target = hosts.parse(url)
    resolver = (lambda _host, _port: answers) if answers else like_the_system
    return egress.resolve(target.host, target.port, rules, resolver)


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len({*CORPUS, *CONTROLS}) + len(ANSWERS) > 150


@pytest.mark.parametrize("url", [*CORPUS, *CONTROLS], ids=ascii)
def test_no_spelling_reaches_a_forbidden_address(url: str) -> None:
    with pytest.raises(Refused) as refused:
        reach(url)
    assert refused.value.message.isascii()
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_answer_for_a_name_reaches_a_forbidden_address(answer: str) -> None:
    with pytest.raises(Refused):
        reach("https://public.example", CLOSED, answer)


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("https://public.example", PUBLIC),
        ("http://Public.Example.:80", PUBLIC),
        ("https://xn--pple-43d.example", PUBLIC),
        ("https://my_store.example", PUBLIC),
        ("https://dead.beef", PUBLIC),
        ("https://93.184.216.34.", PUBLIC),
        ("https://public.example", "2606:2800:220:1:248:1893:25c8:1946"),
        ("https://public.example", "172.32.0.1"),
        ("https://public.example", "100.128.0.1"),
        ("https://public.example", "2001:470::1"),
    ],
)
def test_public_addresses_are_reached(url: str, answer: str) -> None:
    assert reach(url, CLOSED, answer) == ip_address(answer)


NAMED = """
0.1.2.3 unspecified|10.9.9.9 private|100.127.255.255 carrier-grade NAT|127.9.9.9 loopback|169.254.9.9 link-local
172.31.255.255 private|192.0.0.8 reserved for protocols|192.0.2.9 documentation|192.88.99.9 6to4 relay
192.168.9.9 private|198.19.255.255 benchmarking|198.51.100.9 documentation|203.0.113.9 documentation
239.9.9.9 multicast|250.9.9.9 reserved|::1 loopback|:: unspecified|::ffff:8.8.8.8 IPv4-mapped
::ffff:0:8.8.8.8 IPv4-translated|::8.8.8.8 IPv4-compatible|64:ff9b::8.8.8.8 NAT64|64:ff9b:1::8.8.8.8 local NAT64
100::9 discard-only|2001::9 Teredo|2001:db8::9 documentation|2001:1ff::9 reserved for protocols|2002:808:808:: 6to4
3ffe::9 reserved (6bone)|3fff:fff::9 documentation|fdff::9 private|febf::9 link-local|feff::9 site-local
ffff::9 multicast|5f00::9 reserved (outside 2000::/3)|2a00::5efe:8.8.8.8 ISATAP|2a00::200:5efe:8.8.8.8 ISATAP
"""


@pytest.mark.parametrize("line", NAMED.strip().replace("\n", "|").split("|"))
def test_every_range_is_refused_by_its_name(line: str) -> None:
    address, _, name = line.partition(" ")
    assert (addresses.denial(ip_address(address)) or "").startswith(name)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.169.253", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16",
        "192.0.0.192", "fd00:ec2::254", "fd00:ec2::253", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42",
    ],
)  # fmt: skip
def test_no_opening_reaches_a_metadata_service(address: str) -> None:
    around = {"168.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "fd00::/8"}
    with pytest.raises(Refused, match="metadata"):
        reach("http://public.example", Rules(allow=frozenset(around)), address)


def test_a_homograph_is_refused_and_its_true_name_shown() -> None:
    with pytest.raises(Refused, match=r"xn--pple-43d\.example"):
        hosts.parse("https://\u0430pple.example")


def test_a_name_that_turns_is_asked_once_and_keeps_its_first_answer() -> None:
    turning = Turning([PUBLIC], ["127.0.0.1"])
    assert str(egress.resolve("public.example", 443, CLOSED, turning)) == PUBLIC
    assert turning.asked == 1


def test_among_several_answers_only_a_public_one_is_taken() -> None:
    assert str(reach("https://public.example", CLOSED, "10.0.0.1", "::1", PUBLIC)) == PUBLIC


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(Refused, match="no address"):
        egress.resolve("public.example", 443, CLOSED, lambda _host, _port: [])


def test_an_address_is_never_resolved() -> None:
    turning = Turning(["127.0.0.1"])
    assert str(egress.resolve(IPv4Address(PUBLIC), 443, CLOSED, turning)) == PUBLIC
    assert turning.asked == 0


def test_a_closed_port_is_refused_before_the_name_is_asked() -> None:
    turning = Turning([PUBLIC])
    with pytest.raises(Refused, match="Port 22"):
        egress.resolve("public.example", 22, CLOSED, turning)
    assert turning.asked == 0


def test_the_machine_itself_is_refused_by_its_public_address() -> None:
    with pytest.raises(Refused, match="itself"):
        egress.resolve("public.example", 443, CLOSED, lambda _host, _port: [PUBLIC], ours=lambda _: True)
    named = Rules(allow=frozenset({"public.example"}))
    with pytest.raises(Refused, match="itself"):
        egress.resolve("public.example", 443, named, lambda _host, _port: [PUBLIC], ours=lambda _: True)
    meant = Rules(allow=frozenset({PUBLIC}))
    found = egress.resolve("public.example", 443, meant, lambda _host, _port: [PUBLIC], ours=lambda _: True)
    assert str(found) == PUBLIC


OPENED = [
    ("127.0.0.1:8100", "http://127.0.0.1:8100", "127.0.0.1"),
    ("127.0.0.1:8100", "http://store.example:8100", "127.0.0.1"),
    ("[::1]:8100", "http://[::1]:8100", "::1"),
    ("::1", "http://[::1]", "::1"),
    ("10.1.0.0/16", "https://store.example", "10.1.2.3"),
    ("10.1.0.0/16:8443", "https://store.example:8443", "10.1.2.3"),
    ("[fd00:7::/64]:8443", "https://store.example:8443", "fd00:7::9"),
    ("store.internal:8100", "http://Store.Internal.:8100", "172.18.0.5"),
    ("localhost:8100", "http://localhost:8100", "127.0.0.1"),
    ("localhost:8100", "http://localhost:8100", "::1"),
    ("public.example:8443", "https://public.example:8443", "10.0.0.1"),
    ("public.example:8443", "https://public.example:8443", PUBLIC),
    ("64:ff9b::/96", "https://public.example", "64:ff9b::5db8:d822"),
]


@pytest.mark.parametrize(("entry", "url", "address"), OPENED)
def test_a_binding_opens_exactly_what_it_names(entry: str, url: str, address: str) -> None:
    assert reach(url, Rules(allow=frozenset({entry})), address) == ip_address(address)


STILL_CLOSED = [
    ("10.1.0.0/16:22", "http://public.example:22", PUBLIC),
    ("127.0.0.1:8100", "http://127.0.0.1:8101", "127.0.0.1"),
    ("127.0.0.1:8100", "http://127.0.0.2:8100", "127.0.0.2"),
    ("127.0.0.1:8100", "http://127.0.0.1", "127.0.0.1"),
    ("127.0.0.1", "http://127.0.0.1:8100", "127.0.0.1"),
    ("127.0.0.1:8100", "http://[::ffff:127.0.0.1]:8100", "::ffff:127.0.0.1"),
    ("10.1.0.0/16", "https://store.example", "10.2.0.1"),
    ("10.1.0.0/16:8443", "https://store.example", "10.1.2.3"),
    ("store.internal:8100", "http://other.internal:8100", "172.18.0.5"),
    ("store.internal:8100", "http://sub.store.internal:8100", "172.18.0.5"),
    ("store.internal:8100", "http://store.internal:8100", "127.0.0.1"),
    ("store.internal:8100", "http://store.internal:8100", "169.254.10.1"),
    ("store.internal:8100", "http://store.internal:8100", "::ffff:10.0.0.1"),
    ("localhost:8100", "http://localhost:8100", "169.254.169.254"),
    ("169.254.0.0/16", "http://store.example", "169.254.169.254"),
    ("169.254.0.0/16", "http://169.254.169.254", "169.254.169.254"),
    ("100.64.0.0/10", "http://store.example", "100.100.100.200"),
    ("fd00:ec2::/32", "http://store.example", "fd00:ec2::254"),
    ("fe80::/10", "http://store.example", "fe80::1%eth0"),
    ("64:ff9b::/96", "https://public.example", "64:ff9b::a9fe:a9fe"),
    ("64:ff9b::/96", "https://public.example", "64:ff9b::7f00:1"),
    ("2002::/16", "https://public.example", "2002:7f00:1::"),
    ("::ffff:0:0/96", "https://public.example", "::ffff:169.254.169.254"),
    ("224.0.0.0/8", "https://public.example", "224.0.0.1"),
]


@pytest.mark.parametrize(("entry", "url", "address"), STILL_CLOSED)
def test_what_a_binding_did_not_name_stays_closed(entry: str, url: str, address: str) -> None:
    with pytest.raises(Refused):
        reach(url, Rules(allow=frozenset({entry})), address)


@pytest.mark.parametrize(
    "entry",
    [
        "0.0.0.0/0", "::/0", "10.0.0.0/7", "10.0.0.1/8", "127.1:80", "0x7f.1", "169.254.169.254:80", "fd00:ec2::254",
        "0.0.0.0:80", "224.0.0.1", "store:0", "store:99999", "*.example", "http://store:80", "", ":80", "[::1]x:80",
        "metadata.google.internal:80", "a b", "168.63.129.16",
    ],
)  # fmt: skip
def test_entries_that_open_too_much_or_nothing_are_refused(entry: str) -> None:
    with pytest.raises(Refused):
        Rules(allow=frozenset({entry}))


def test_a_base_url_is_checked_before_anything_is_resolved() -> None:
    assert (
        str(egress.check("HTTPS://x".lower().replace("x", "Store.example:443/"), CLOSED))
        == "https://store.example"
    )
    for url in ("http://10.0.0.1", "https://store.example:8443", "http://[::1]"):
        with pytest.raises(Refused):
            egress.check(url, CLOSED)


def test_a_refusal_says_how_to_open_what_is_meant() -> None:
    with pytest.raises(Refused, match=r"loopback \(127\.0\.0\.0/8\).*open 127\.0\.0\.1:8100"):
        egress.check("http://127.0.0.1:8100", CLOSED)


def test_the_host_header_has_one_form() -> None:
    assert hosts.parse("https://[2606:2800:0:0::1]:8443").authority == "[2606:2800::1]:8443"
    assert hosts.parse("http://STORE.example.:80/").authority == "store.example"
    assert hosts.parse("http://[2606:2800:0:0::1]").host == IPv6Address("2606:2800::1")
