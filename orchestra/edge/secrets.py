"""Reads secrets by reference at the moment of sending, and keeps them out of texts, copies, logs and replies.
Refuses Orchestra's own settings, files outside the folders for secrets, and secrets too short to be recognised.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import quote, quote_plus

from orchestra.errors import Invalid, NotFound

FOLDERS: Final = (Path("/run/secrets"),)
MARK: Final = "[secret]"
SHORTEST: Final = 8
LARGEST: Final = 64 * 1024

_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
# What configures Orchestra itself: whoever may point a tool somewhere must not be able to send these along.
_OWN_FAMILIES: Final = (
    "ORCHESTRA_",
    "DATABASE_",
    "REDIS_",
    "DJANGO_",
    "SECRET_KEY",
    "METRICS_",
    "PG",
    "OIDC_",
    "SESSION_",
)
_OWN: Final = frozenset(
    {"ALLOWED_HOSTS", "DEBUG", "LOG_LEVEL", "SECURE_COOKIES", "SECURE_HSTS_SECONDS", "SECURE_SSL_REDIRECT"}
    | {"STATIC_ROOT", "TRUST_PROXY"}
)
# What some libraries write as \uXXXX in JSON although they need not: several languages, and .NET.
_ESCAPED_IN_JSON: Final = ("<>&", "<>&'`+")
_UNREADABLE: Final = "A secret reference reads env:NAME or file:/run/secrets/name; this one reads otherwise."


class Secret:
    """A secret value that shows itself to nobody but the caller of `reveal`. No copy, no JSON, no serialising."""

    __slots__ = ("__parts", "__text")

    def __init__(self, text: str, *, parts: tuple[str, ...] = ()) -> None:
        self.__text = text
        self.__parts = (text, *parts)

    def reveal(self) -> str:
        """The value itself: only for the bytes that leave."""
        return self.__text

    def prefixed(self, prefix: str) -> Secret:
        """The same secret behind a word, such as `Bearer `; both forms are recognised in replies."""
        return Secret(prefix + self.__text, parts=self.__parts)

    def forms(self) -> Iterator[str]:
        """Every way to write it that `scrub` looks for."""
        for part in self.__parts:
            yield from _forms(part)

    def __repr__(self) -> str:
        return MARK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MARK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(self.__text.encode(), other.reveal().encode())

    __hash__ = None  # type: ignore[assignment]  # a hash of a secret may be compared with guesses

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A secret cannot be serialised: pass its reference instead.")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is: scheme (env or file) and what that scheme looks up. Holds no secret."""

    scheme: str
    rest: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.rest}"


def parse(text: str) -> Reference:
    """Read a reference without looking it up. Raises Invalid, which never repeats a text that may be a secret."""
    scheme, _, rest = text.partition(":")
    if scheme == "env" and _NAME.fullmatch(rest):
        if rest.startswith(_OWN_FAMILIES) or rest.removesuffix("_FILE") in _OWN:
            raise Invalid(
                f"{rest} configures Orchestra itself and is no secret of a tool: use another variable."
            )
    elif scheme != "file" or not rest.startswith("/") or not rest.isprintable() or ".." in rest.split("/"):
        raise Invalid(_UNREADABLE)
    return Reference(scheme, rest)


def resolve(
    reference: str, *, environ: Mapping[str, str] = os.environ, folders: Iterable[Path] = FOLDERS
) -> Secret:
    """The secret that a reference names, read now. `folders` are the only places that files may be in.

    Raises NotFound for one that is not there, Invalid for a reference or a value that cannot be used.
    """
    found = parse(reference)
    look: Mapping[str, Callable[[], str]] = {
        "env": lambda: _from_environment(found, environ),
        "file": lambda: _from_file(found, tuple(folders)),
    }
    text = look[found.scheme]().strip("\r\n")
    if len(text) < SHORTEST:
        raise Invalid(f"{found} is shorter than {SHORTEST} characters: too short to be kept out of replies.")
    return Secret(text)


def hidden(value: Secret | str) -> Secret:
    """A plain text as a secret: all of it, and what follows its first word (`Bearer ...`)."""
    if isinstance(value, Secret):
        return value
    _, _, after = value.partition(" ")
    return Secret(value, parts=(after,))


def scrub(text: str, secrets: Iterable[Secret]) -> str:
    """The text with every secret replaced by `[secret]`: plain, base64, hex, URL-encoded, as in JSON or HTML."""
    pattern = _pattern(secrets)
    return pattern.sub(MARK, text) if pattern else text


def scrub_bytes(data: bytes, secrets: Iterable[Secret]) -> bytes:
    """The same for bytes of any encoding that keeps ASCII as it is."""
    pattern = _pattern(secrets, as_bytes=True)
    return pattern.sub(MARK, data.decode("latin-1")).encode("latin-1") if pattern else data


def _from_environment(reference: Reference, environ: Mapping[str, str]) -> str:
    if reference.rest not in environ:
        raise NotFound(f"{reference} is not set here: set {reference.rest} for the worker processes.")
    return environ[reference.rest]


def _from_file(reference: Reference, folders: tuple[Path, ...]) -> str:
    """The content of a file whose real place is inside one of the folders."""
    try:
        path = Path(reference.rest).resolve(strict=True)
        if not any(path.is_relative_to(folder.resolve()) for folder in folders):
            named = ", ".join(str(folder) for folder in folders)
            raise Invalid(f"{reference} is outside the folders for secrets: {named}.")
        if not path.is_file() or path.stat().st_size > LARGEST:
            raise Invalid(f"{reference} is no file of at most {LARGEST} bytes.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"{reference} cannot be read by the worker: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Invalid(f"{reference} is not UTF-8 text.") from None


def _pattern(secrets: Iterable[Secret], *, as_bytes: bool = False) -> re.Pattern[str] | None:
    """All forms, the longest first, so that a part never hides the whole."""
    found = {form for secret in secrets for form in secret.forms() if len(form) >= SHORTEST}
    if as_bytes:
        found = {form.encode().decode("latin-1") for form in found}
    return re.compile("|".join(map(re.escape, sorted(found, key=len, reverse=True)))) if found else None


def _forms(text: str) -> Iterator[str]:
    yield text
    for encoded in (quote(text, safe=""), quote(text), quote_plus(text)):
        yield encoded
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded)
    for escaped in (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], html.escape(text)):
        yield escaped
        yield escaped.replace("/", "\\/")
    for signs in _ESCAPED_IN_JSON:
        for case in ("04x", "04X"):
            yield "".join(f"\\u{ord(s):{case}}" if s in signs else s for s in json.dumps(text)[1:-1])
    yield text.encode().hex()
    yield text.encode().hex().upper()
    yield from _base64_forms(text.encode())


def _base64_forms(raw: bytes) -> Iterator[str]:
    """What base64 shows of these bytes wherever they begin: whole characters only, in both alphabets."""
    for before in range(3):
        shown = base64.b64encode(bytes(before) + raw)
        first, last = (before * 8 + 5) // 6, (before + len(raw)) * 8 // 6
        for form in (shown, shown.translate(bytes.maketrans(b"+/", b"-_"))):
            yield form[first:last].decode("ascii")
