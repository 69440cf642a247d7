"""Reads settings from the environment: typed, with safe defaults, and a `NAME_FILE` form for secrets.

Refuses values that do not parse, at start. Reads `.local/environment` when no DATABASE_URL is given.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit


class Misconfigured(Exception):
    """A setting is missing or does not parse; the message names the variable and what it wants."""


def text(name: str, default: str | None = None) -> str:
    """The variable's text, or the content of the file that `NAME_FILE` points to."""
    if name in os.environ:
        return os.environ[name]
    if path := os.environ.get(f"{name}_FILE"):
        return _read(name, Path(path))
    if default is None:
        raise Misconfigured(f"{name} is not set. Set it, or {name}_FILE to a file that holds it.")
    return default


def flag(name: str, default: bool) -> bool:
    """A boolean: 1, true, yes, on or 0, false, no, off."""
    value = text(name, "on" if default else "off").strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise Misconfigured(f"{name} wants on or off, not {value!r}.")


def number(name: str, default: float, *, least: float = 0.0) -> float:
    """A number not below `least`."""
    value = text(name, str(default))
    try:
        found = float(value)
    except ValueError:
        raise Misconfigured(f"{name} wants a number, not {value!r}.") from None
    if not least <= found < float("inf"):
        raise Misconfigured(f"{name} wants a number of at least {least}, not {value!r}.")
    return found


def whole(name: str, default: int, *, least: int = 0) -> int:
    """A whole number not below `least`."""
    found = number(name, default, least=least)
    if found != int(found):
        raise Misconfigured(f"{name} wants a whole number, not {found}.")
    return int(found)


def words(name: str, default: str = "") -> list[str]:
    """A list, separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def origin(name: str, given: str) -> str:
    """Scheme, host and port of an address over https, or of this machine over http."""
    parts = urlsplit(given)
    local = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or not (parts.scheme == "https" or local) or parts.query or parts.fragment:
        raise Misconfigured(f"{name} wants https://host, perhaps with a path.")
    return f"{parts.scheme}://{parts.netloc}"


def database(name: str, default: str) -> dict[str, object]:
    """A PostgreSQL URL as Django's settings of one database."""
    parts = urlsplit(text(name, default))
    if parts.scheme not in {"postgres", "postgresql"}:
        raise Misconfigured(f"{name} wants postgresql://user:password@host:port/name.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": dict(parse_qsl(parts.query)),
    }


def read_local(folder: Path) -> None:
    """Take the addresses of the services that run under `.local/`, unless a database is named already."""
    path = folder / "environment"
    if "DATABASE_URL" in os.environ or not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("=")
        if key:
            os.environ.setdefault(key, value)


def given() -> Mapping[str, str]:
    """The whole environment, for starting other processes."""
    return dict(os.environ)


def _read(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misconfigured(f"{name}_FILE cannot be read: {error.strerror}.") from None
