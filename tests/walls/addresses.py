"""The real URL map, read from Django's resolver: every address, as the table of doors writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from django.urls import URLPattern, URLResolver, get_resolver

#: Catches everything below /admin/ that is no page: 404 for staff, to the sign-in for others.
CATCH_ALL = "/admin/(?P<url>.*)"
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^()]*\)")


def addresses() -> list[str]:
    """Every address there is, once, but for the one that catches the rest."""
    return [found for found in dict.fromkeys(_walk(get_resolver().url_patterns, "/")) if found != CATCH_ALL]


def _walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
    for pattern in patterns:
        part = str(pattern.pattern)
        address = before + (part.removeprefix("^"))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, address)
        else:
            yield address.removesuffix("$")


def parameters(address: str) -> list[str]:
    """The names of what has to be filled in."""
    return [plain or inside for plain, inside in PARAMETER.findall(address)]


def filled(address: str, values: Mapping[str, object]) -> str:
    """The address with these values in it, as a browser sends it."""
    path = PARAMETER.sub(lambda found: str(values[found[1] or found[2]]), address)
    return path.replace("/?", "/").replace(")?", ")")
