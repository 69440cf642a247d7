"""From arguments to the exact bytes of a request, and the digest that approvals are about. Pure; sends nothing.

The same declaration and arguments always give the same bytes. Values stay data: none can leave its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from orchestra import canonical, schemas
from orchestra.canonical import Json
from orchestra.contracts import Request
from orchestra.errors import Bug, Invalid
from orchestra.tools import templates
from orchestra.tools.declarations import BODILESS, Declaration
from orchestra.tools.sentences import segments, sentence
from orchestra.tools.templates import ARGUMENTS, Gap

__all__ = ["checked", "digest", "object_key", "probe", "render", "segments", "sentence"]

DOMAIN: Final = "orchestra.call.v1"
LONGEST_PATH: Final = 8_000
#: What a server may take for the end of a part of the path once it has decoded it.
_UNSAFE: Final = re.compile(r"[/\\\x00-\x1f\x7f]")


def render(declaration: Declaration, arguments: Json, *, prefix: str = "", key: str = "") -> Request:
    """The request of a call. `prefix` is the path of its binding, `key` its idempotency key (left out if empty).

    Raises Invalid when the arguments do not fit the schema or cannot be rendered.
    """
    scope = {ARGUMENTS: checked(declaration, arguments)} | ({"key": key} if key else {})
    form = declaration.request
    body = _body(declaration, scope)
    path = _path(form.path, scope, prefix)
    if query := "&".join(_query(declaration, scope)):
        path = f"{path}?{query}"
    if len(path) > LONGEST_PATH:
        raise Invalid(f"the path has {len(path)} characters; at most {LONGEST_PATH} are sent")
    return Request(form.method, path, _headers(declaration, body, key), body)


def checked(declaration: Declaration, arguments: object) -> Json:
    """The arguments as plain JSON that fits the schema of the tool. Raises Invalid with the pointers."""
    plain = canonical.check(arguments)
    schemas.compile(declaration.arguments).check(plain)
    return plain


def probe(declaration: Declaration, arguments: Json, *, key: str, prefix: str = "") -> Request:
    """The question whether the call with this key took effect. Raises Bug for a tool that cannot be asked."""
    if declaration.lookup is None or not key:
        raise Bug(f"{declaration.name} cannot be asked about a key")
    inside = arguments if isinstance(arguments, dict) else {}
    path = _path(declaration.lookup.path, {ARGUMENTS: {**inside, "key": key}}, prefix)
    return Request(declaration.lookup.method, path, (("Accept", "application/json"),), b"")


def object_key(declaration: Declaration, arguments: Json) -> str | None:
    """The object that the call touches, such as `#W1`; None when the tool names none or the argument is absent."""
    if declaration.object is None:
        return None
    found = templates.fill({"object": declaration.object}, {ARGUMENTS: arguments})
    value = found.get("object") if isinstance(found, dict) else None
    return value if isinstance(value, str) else None if value is None else canonical.encode(value).decode()


def digest(
    request: Request,
    *,
    run: UUID,
    call: UUID,
    agent: str,
    subject: str,
    tool: str,
    version_digest: bytes,
    target: str,
    environment: str,
    epoch: str,
    witness: bytes,
) -> bytes:
    """SHA-256 (32 bytes) over every byte that is sent, where to (`target`), and the identity of the call."""
    headers = [canonical.frame(name.encode(), value.encode()) for name, value in request.headers]
    return canonical.framed_digest(
        DOMAIN,
        request.method.encode(),
        request.path.encode(),
        canonical.frame(*headers),
        request.body,
        run.bytes,
        call.bytes,
        agent.encode(),
        subject.encode(),
        tool.encode(),
        version_digest,
        target.encode(),
        environment.encode(),
        epoch.encode(),
        witness,
    )


def _path(text: str, scope: dict[str, Any], prefix: str) -> str:
    return prefix + "".join(
        _segment(piece, scope[ARGUMENTS]) if isinstance(piece, Gap) else piece
        for piece in templates.pieces(text)
    )


def _segment(gap: Gap, arguments: Json) -> str:
    """One value inside of one part of the path, percent-encoded."""
    value = templates.find(arguments, gap.path)
    place = canonical.pointer(gap.path)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Invalid.at(place, "is no text or whole number, so it cannot stand in a path")
    text = str(value)
    if text in ("", ".", "..") or _UNSAFE.search(text):
        raise Invalid.at(place, "is empty, dots only, or holds a slash or a control character: not in a path")
    return quote(text, safe="")


def _query(declaration: Declaration, scope: dict[str, Any]) -> Iterator[str]:
    filled = templates.fill(dict(declaration.request.query), scope)
    for name, value in sorted(filled.items()) if isinstance(filled, dict) else ():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, list | dict):
                raise Invalid.at(
                    canonical.pointer([name]), "is no plain value, so it cannot stand in a query"
                )
            text = item if isinstance(item, str) else canonical.encode(item).decode()
            yield f"{quote(name, safe='')}={quote(text, safe='')}"


def _body(declaration: Declaration, scope: dict[str, Any]) -> bytes:
    form = declaration.request
    if form.body is not None:
        return canonical.encode(canonical.check(templates.fill(form.body, scope)))
    return b"" if form.method in BODILESS else canonical.encode(scope[ARGUMENTS])


def _headers(declaration: Declaration, body: bytes, key: str) -> tuple[tuple[str, str], ...]:
    found = {"Accept": "application/json"}
    if body:
        found["Content-Type"] = "application/json"
    if declaration.key_header and key:
        found[declaration.key_header] = key
    replaced = {name.lower() for name in declaration.request.headers}
    kept = {name: value for name, value in found.items() if name.lower() not in replaced}
    return tuple(sorted({**kept, **declaration.request.headers}.items(), key=lambda pair: pair[0].lower()))
