"""Where tools point to in an environment: address, openings, secret reference, labels. Read from `binding` documents.

Refuses addresses that nothing may connect to, and gaps outside of the path or without a declared label.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.documents.envelopes import Envelope, refuse
from orchestra.documents.report import Report, Shape
from orchestra.edge import egress, secrets
from orchestra.edge.egress import Rules
from orchestra.errors import Invalid
from orchestra.tools import schema, templates

KIND: Final = "binding"
LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_SHAPE: Final = Shape(schema.binding(), hints=schema.HINTS)
_URL: Final = re.compile(r"(https?://[^/?#]+)(/[^?#]*)?")
_BEARER: Final = ("Authorization", "Bearer ")


@dataclass(frozen=True, slots=True)
class Binding:
    """Where some tools point to. `tools` are names or globs; the secret is only a reference."""

    name: str
    tools: tuple[str, ...]
    base_url: str
    labels: tuple[str, ...] = ()
    secret: str = ""
    secret_header: str = ""
    secret_prefix: str = ""
    allow: tuple[str, ...] = ()
    at_once: int | None = None

    def settings(self) -> dict[str, Json]:
        """What the row keeps besides its columns."""
        return {
            "binding": self.name,
            "labels": list(self.labels),
            "allow": list(self.allow),
            "secret_header": self.secret_header,
            "secret_prefix": self.secret_prefix,
        }

    def digest(self) -> bytes:
        """SHA-256 (32 bytes) of what it says."""
        columns: dict[str, Json] = {"base_url": self.base_url, "secret": self.secret, "at_once": self.at_once}
        return canonical.digest({"tools": list(self.tools), **columns, **self.settings()})


@dataclass(frozen=True, slots=True)
class Address:
    """A filled address: `origin` is what the edge connects to, `prefix` stands before the path of every request."""

    origin: str
    prefix: str

    def __str__(self) -> str:
        return self.origin + self.prefix


def parse(envelope: Envelope) -> Binding:
    """The binding of one document. Raises Invalid with every problem found."""
    if envelope.kind != KIND:
        refuse([envelope.problem(f"kind is {envelope.kind!r}; a binding is expected here", "kind")])
    report = Report(envelope)
    _SHAPE.check(report)
    if not report.problems:
        made = _binding(envelope)
        _check(made, report)
    if report.problems:
        refuse(report.problems)
    return made


def address(base_url: str, labels: tuple[str, ...], given: Mapping[str, Any]) -> Address:
    """The address for a task with these labels.

    Raises Invalid for a label that is missing, that the binding does not name, or whose value is not plain.
    """
    origin, prefix = split(base_url)
    filled = [
        piece if isinstance(piece, str) else _label(piece.name, labels, given)
        for piece in templates.pieces(prefix)
    ]
    return Address(origin, "".join(filled))


def split(base_url: str) -> tuple[str, str]:
    """Scheme, host and port; and the path without a slash at its end. Raises Invalid."""
    match = _URL.fullmatch(base_url)
    if match is None:
        raise Invalid("the address of a tool reads https://host, perhaps with a port and a path")
    return match[1], (match[2] or "").rstrip("/")


def _label(name: str, labels: tuple[str, ...], given: Mapping[str, Any]) -> str:
    value = given.get(name)
    if name not in labels:
        raise Invalid(f"the binding of this tool does not take its address from the label {name!r}")
    if not isinstance(value, str) or not LABEL_VALUE.fullmatch(value):
        raise Invalid(
            f"this tool's address needs the label {name!r} on the task: 1 to 80 letters, digits, _ and -"
        )
    return value


def _binding(envelope: Envelope) -> Binding:
    body: Mapping[str, Any] = envelope.spec if isinstance(envelope.spec, dict) else {}
    secret = body.get("secret", "")
    header, prefix = _BEARER if secret else ("", "")
    if isinstance(secret, dict):
        secret, header, prefix = secret["reference"], secret["header"], secret.get("prefix", "")
    return Binding(
        name=envelope.name,
        tools=tuple(body["tools"]),
        base_url=body["base_url"],
        labels=tuple(body.get("labels", ())),
        secret=secret,
        secret_header=header,
        secret_prefix=prefix,
        allow=tuple(body.get("allow", ())),
        at_once=body.get("at_once"),
    )


def _check(made: Binding, report: Report) -> None:
    gaps = _check_address(made, report)
    for name in gaps:
        if name not in made.labels:
            report.add(f"the label {name!r} is not among `labels`", "spec", "base_url")
    for place, name in enumerate(made.labels):
        if name not in gaps:
            report.add(f"no gap {{{name}}} of base_url takes this label", "spec", "labels", place)
    if made.secret:
        try:
            secrets.parse(made.secret)
        except Invalid as refusal:
            report.add(refusal.message, "spec", "secret")


def _check_address(made: Binding, report: Report) -> list[str]:
    """The gaps of the address; what is wrong with it or with the openings goes to the report."""
    part = "allow"
    try:
        rules = Rules(frozenset(made.allow))
        part = "base_url"
        origin, prefix = split(made.base_url)
        egress.check(origin, rules)
        return [gap.name for gap in templates.gaps(prefix)]
    except Invalid as refusal:
        report.add(refusal.message, "spec", part)
        return []
