"""Names of hosts that look like others: letters of several scripts, look-alikes of a host that is known here. Pure.

Knows the usual doubles of Latin letters. Refuses to say that a host is safe: it only points at what is odd.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from orchestra.canonical import Json

_HOST: Final = re.compile(r"(?:https?://(?:[^\s/@]*@)?|@)([^\s/:?#@\"'<>,;)\]}]+)", re.IGNORECASE)
_PUNYCODE: Final = "xn--"
_DOUBLES: Final[Mapping[str, str]] = {
    **dict(zip("аеорсхуіѕјԁһкмтвнԛԝɡı", "aeopcxyisjdhkmtbhqwgi", strict=True)),
    **dict(zip("οανικρτυχ", "oavikptux", strict=True)),
    **dict(zip("013", "ole", strict=True)),
}


def warnings(values: Iterable[Json], known: Iterable[str]) -> list[str]:
    """What is odd about hosts inside of values, as sentences; `known` are hosts that are in use here."""
    seen = {host.casefold().rstrip(".") for host in known if host}
    found = dict.fromkeys(host for value in values for text in texts(value) for host in hosts(text))
    return [sentence for host in found for sentence in _odd(host, seen)]


def hosts(text: str) -> Iterator[str]:
    """The hosts of web and mail addresses in a text."""
    yield from (found.rstrip(".") for found in _HOST.findall(text))


def _odd(host: str, known: set[str]) -> Iterator[str]:
    """One sentence with all that is odd, and the host as machines write it."""
    plain = _decoded(host).casefold()
    scripts = sorted({script for char in plain if (script := _script(char))})
    said = [f"is another way to write “{plain}”"] if plain != host.casefold() else []
    if len(scripts) > 1:
        said.append(f"mixes {' and '.join(scripts)} letters")
    elif scripts and scripts != ["Latin"]:
        said.append(f"is written in {scripts[0]} letters")
    twin = next((each for each in known if each != plain and _skeleton(each) == _skeleton(plain)), "")
    if twin:
        said.append(f"looks like {twin}, which is another host")
    if said:
        yield f"{_exact(host)} {', and '.join(said)}."


def _exact(host: str) -> str:
    """A host in small letters, with the form in which it has no others than those of ASCII."""
    small = host.casefold()
    if small.isascii():
        return small
    labels = (
        label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in small.split(".")
    )
    return f"{small} ({'.'.join(labels)})"


def _decoded(host: str) -> str:
    return ".".join(_label(label) for label in host.split("."))


def _label(label: str) -> str:
    if not label.casefold().startswith(_PUNYCODE):
        return label
    try:
        return label[len(_PUNYCODE) :].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError):
        return label


def _script(char: str) -> str:
    if not char.isalpha():
        return ""
    return unicodedata.name(char, "unknown").partition(" ")[0].capitalize()


def _skeleton(host: str) -> str:
    """What the eye reads."""
    read = "".join(_DOUBLES.get(char, char) for char in unicodedata.normalize("NFKC", host.casefold()))
    return read.replace("rn", "m").replace("vv", "w").replace("l", "i")


def texts(value: Json) -> Iterator[str]:
    """Every text inside of a value."""
    waiting = [value]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
