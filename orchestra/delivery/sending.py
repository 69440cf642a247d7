"""Sends one message to one address, once, off the database: plain data in, plain data out.

Refuses redirects and addresses that the egress rules do not open. Of the reply only the status is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from orchestra import logs
from orchestra.contracts import NotSent, Reply, Request, SendFailure
from orchestra.delivery import signatures
from orchestra.delivery.events import CONTENT_TYPE
from orchestra.edge import egress, http, secrets
from orchestra.edge.egress import Rules
from orchestra.edge.http import Timeouts
from orchestra.edge.replies import Caps
from orchestra.edge.secrets import Secret
from orchestra.errors import Invalid, OrchestraError

#: All that is read of a reply; nothing of it is kept but the status.
CAPS: Final = Caps(reply_bytes=64 * 1024, header_bytes=16 * 1024)
GONE: Final = 410
TOO_MANY: Final = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Parcel:
    """One sending: what, where to, and the attempt that it is. `moment` is the database's time in Unix seconds."""

    delivery: int
    webhook: int
    webhook_name: str
    attempt: int
    message: str
    moment: int
    url: str
    secret_reference: str
    body: bytes
    send_by: float


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a sending. `error` is empty when it arrived; `asked` are seconds that the receiver asked for."""

    parcel: Parcel
    status: int | None = None
    error: str = ""
    asked: float = 0.0

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no message any more."""
        return self.status == GONE


def send(parcel: Parcel) -> Report:
    """Send it. Every end is a report, also one of our own mistakes."""
    try:
        reply = _reach(parcel)
    except OrchestraError as error:
        return Report(parcel, error=f"Not sent. {_words(error.message)}")
    except Exception as error:  # noqa: BLE001  one message must not end the telling of all others
        logs.event("delivery.broke", level=logs.ERROR, error=error)
        return Report(
            parcel, error=f"{type(error).__name__} while sending: an operator finds it in the logs."
        )
    return _failed(parcel, reply) if isinstance(reply, SendFailure) else _answered(parcel, reply)


def rules() -> Rules:
    """What webhooks may reach beyond public addresses."""
    return Rules(frozenset(settings.WEBHOOK_ALLOW))


def split(url: str) -> tuple[str, str]:
    """The base address and the path of a webhook's URL. Raises Invalid for one that cannot be used."""
    if any(not "!" <= sign <= "~" for sign in url):
        raise Invalid("The address must be plain ASCII without spaces: encode the rest as %XX.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Invalid("The address cannot be read: write it as https://host/path.") from None
    if parts.fragment:
        raise Invalid("The address must not hold #: nothing behind it is ever sent.")
    base = f"{parts.scheme}://{parts.netloc}"
    target = egress.check(base, rules())
    if target.scheme != "https" and not any(
        opening.port in {None, target.port} for opening in rules().openings
    ):
        raise Invalid("The address must begin with https://, so that nobody on the way reads or changes it.")
    path = parts.path or "/"
    return base, f"{path}?{parts.query}" if parts.query else path


def _reach(parcel: Parcel) -> Reply | SendFailure:
    base, path = split(parcel.url)
    keys = signatures.keys(secrets.resolve(parcel.secret_reference))
    signature = signatures.sign(keys, message=parcel.message, moment=parcel.moment, body=parcel.body)
    headers = (
        ("Content-Type", CONTENT_TYPE),
        ("User-Agent", "Orchestra"),
        ("webhook-id", parcel.message),
        ("webhook-timestamp", str(parcel.moment)),
    )
    return http.send(
        Request("POST", path, headers, parcel.body),
        base_url=base,
        secret_headers={"webhook-signature": Secret(signature)},
        rules=rules(),
        timeouts=Timeouts(connect=min(5.0, settings.WEBHOOK_TIMEOUT), total=settings.WEBHOOK_TIMEOUT),
        caps=CAPS,
        send_by=parcel.send_by,
    )


def _failed(parcel: Parcel, failure: SendFailure) -> Report:
    unsent = "Not sent. " if failure.not_sent is NotSent.REFUSED_ADDRESS else ""
    return Report(parcel, error=f"{unsent}{_words(failure.message)}")


def _words(message: str) -> str:
    """What the edge says of addresses, for webhooks: they have no binding."""
    return message.replace("the binding open", "ORCHESTRA_WEBHOOK_ALLOW open")


def _answered(parcel: Parcel, reply: Reply) -> Report:
    status = reply.status
    if 200 <= status < 300:
        return Report(parcel, status)
    said = f"It answered {status}."
    if status == GONE:
        said = "It answered 410: it wants no more messages, so the webhook was switched off."
    elif 300 <= status < 400:
        said = f"It answered {status}: redirects are not followed, so name the last address."
    asked = reply.headers.get("retry-after", "") if status in TOO_MANY else ""
    return Report(parcel, status, said, float(asked) if asked.isdecimal() and len(asked) < 7 else 0.0)
