"""The shop's settings, from the environment: read once at the start, refused there when something is missing."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class BadSetting(Exception):
    """A variable is missing or wrong; the text says which and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`data`: folder of the base data, None for the generated ones. `key_life`: seconds that a key is remembered.

    Without an `admin_token` nobody makes worlds with a dialect or sets faults.
    """

    database_url: str
    token: str
    admin_token: str | None = None
    data: Path | None = None
    key_life: float = 86_400.0


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """STORE_DATABASE_URL, STORE_TOKEN, STORE_ADMIN_TOKEN (each also as NAME_FILE), STORE_DATA, STORE_KEY_LIFE."""
    data = environment.get("STORE_DATA")
    return Settings(
        database_url=_needed(environment, "STORE_DATABASE_URL", "the address of a PostgreSQL database"),
        token=_needed(environment, "STORE_TOKEN", "the secret that callers of the tools show"),
        admin_token=_value(environment, "STORE_ADMIN_TOKEN"),
        data=Path(data).resolve() if data else None,
        key_life=_seconds(environment.get("STORE_KEY_LIFE", "86400")),
    )


def _needed(environment: Mapping[str, str], name: str, what: str) -> str:
    value = _value(environment, name)
    if not value:
        raise BadSetting(f"{name} is not set: give it (or a file in {name}_FILE) {what}.")
    return value


def _value(environment: Mapping[str, str], name: str) -> str | None:
    if path := environment.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    return environment.get(name) or None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 10 * 365 * 86_400:
        raise BadSetting(f"STORE_KEY_LIFE is {text!r}: give it a number of seconds above 0.")
    return seconds
