"""Where the command keeps the address and the token: one file that only its owner can read."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from orchestra.client.refusals import ClientError

ADDRESS: Final = "ORCHESTRA_ADDRESS"
TOKEN: Final = "ORCHESTRA_TOKEN"  # noqa: S105  the name of a variable


@dataclass(frozen=True, slots=True)
class Account:
    """A server, and the token for it."""

    address: str
    token: str
    insecure: bool = False


def path(environment: Mapping[str, str]) -> Path:
    """The file, where XDG wants it."""
    folder = environment.get("XDG_CONFIG_HOME") or str(
        Path(environment.get("HOME", "~")).expanduser() / ".config"
    )
    return Path(folder) / "orchestra" / "account.json"


def load(environment: Mapping[str, str]) -> Account:
    """From the variables, else from the file. Raises ClientError when there is neither, or others can read it."""
    if environment.get(TOKEN):
        return Account(_address(environment), environment[TOKEN])
    place = path(environment)
    try:
        if stat.S_IMODE(place.stat().st_mode) & 0o077:
            raise ClientError(f"Others can read {place}. Run: chmod 600 {place}, and make a new token.")
        told = json.loads(place.read_text(encoding="utf-8"))
        return Account(str(told["address"]), str(told["token"]), bool(told.get("insecure")))
    except FileNotFoundError:
        raise ClientError("Not signed in. Run: orchestra login ADDRESS") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClientError(f"{place} cannot be read ({error}). Run: orchestra login ADDRESS") from None


def save(account: Account, environment: Mapping[str, str]) -> Path:
    """Write the file as a whole, readable for its owner alone from the first byte on."""
    place = path(environment)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = place.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(account), file)
    new.replace(place)
    return place


def forget(environment: Mapping[str, str]) -> bool:
    """Remove the file; whether there was one."""
    place = path(environment)
    if not place.exists():
        return False
    place.unlink()
    return True


def _address(environment: Mapping[str, str]) -> str:
    if not environment.get(ADDRESS):
        raise ClientError(f"{TOKEN} is set; set {ADDRESS} too.")
    return environment[ADDRESS]
