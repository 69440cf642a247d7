"""Sends one request and reads its answer, over the standard library. Follows no redirect: a token goes nowhere else.

Tries again what is safe to send twice, when the server is away or says how long to wait.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import IO, Any, Final, NoReturn
from urllib.parse import urlencode, urlsplit

from orchestra.client.refusals import ApiError, ClientError, Fault, Unreachable

LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
#: Seconds that an answer may take, besides what the request asks to wait.
PATIENCE: Final = 30.0
#: What a server says that is only away for a while.
PASSING: Final = frozenset({429, 502, 503, 504})
LONGEST_PAUSE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body of an answer that is no refusal."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `safe`: sending it twice does no more than once."""

    method: str
    path: str
    query: Mapping[str, object] = field(default_factory=dict)
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    safe: bool = False


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Go nowhere: the answer is then the redirect itself."""


class Transport:
    """The way to one server with one token."""

    def __init__(self, address: str, token: str, *, tries: int = 4, insecure: bool = False) -> None:
        self.address = checked(address, insecure=insecure)
        self.tries = tries
        self._token = token
        # No proxy of the environment for this machine itself; otherwise as usual.
        local = urlsplit(self.address).hostname in LOCAL
        proxies = [urllib.request.ProxyHandler({})] if local else []
        self._opener = urllib.request.build_opener(_Stay(), *proxies)

    def send(self, ask: Ask) -> Answer:
        """The answer. Raises ApiError, Unreachable."""
        for attempt in range(1, self.tries):
            try:
                return self._once(ask)
            except ApiError as error:
                if error.status not in PASSING or not (ask.safe or error.status == 429):
                    raise
                time.sleep(min(error.retry_after or 0.2 * 2**attempt, LONGEST_PAUSE))
            except Unreachable:
                if not ask.safe:
                    raise
                time.sleep(0.2 * 2**attempt)
        return self._once(ask)

    def _once(self, ask: Ask) -> Answer:
        wait = float(str(ask.query.get("wait") or 0))
        try:
            with self._opener.open(self._request(ask), timeout=PATIENCE + wait) as answer:
                return Answer(answer.status, dict(answer.headers), _json(answer.read()))
        except urllib.error.HTTPError as error:
            with error:
                _refuse(error)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(f"{self.address} gives no answer: {_words(error)}") from None

    def _request(self, ask: Ask) -> urllib.request.Request:
        query = urlencode({name: value for name, value in ask.query.items() if value not in ("", None, 0)})
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json", **ask.headers}
        data = None
        if ask.body is not None:
            data = json.dumps(ask.body, ensure_ascii=False, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        elif ask.method != "GET":
            data = b""
        url = f"{self.address}/api/v1{ask.path}{'?' if query else ''}{query}"
        return urllib.request.Request(url, data=data, headers=headers, method=ask.method)  # noqa: S310  http or https: checked


def checked(address: str, *, insecure: bool = False) -> str:
    """An address of a server, without what follows the host. Raises ClientError."""
    parts = urlsplit(address if "//" in address else f"https://{address}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ClientError(f"{address!r} is no address of a server: give one like https://orchestra.example.")
    if parts.username is not None or parts.query or parts.fragment or parts.path not in {"", "/"}:
        raise ClientError(
            f"{address!r} says more than where the server is: give one like https://orchestra.example."
        )
    if parts.scheme == "http" and parts.hostname not in LOCAL and not insecure:
        raise ClientError("Over plain http anybody on the way can read the token: use https (or --insecure).")
    return f"{parts.scheme}://{parts.netloc}"


def _json(body: bytes) -> Any:
    return json.loads(body) if body else None


def _refuse(error: urllib.error.HTTPError) -> NoReturn:
    """The server's own words, where it is our server that speaks."""
    try:
        body = json.loads(error.read())
    except (ValueError, OSError):
        body = None
    if not isinstance(body, dict) or "code" not in body:
        raise Unreachable(f"This is no Orchestra: it answered {error.code} without saying why.") from None
    after = error.headers.get("Retry-After", "")
    raise ApiError(
        code=str(body["code"]),
        status=error.code,
        title=str(body.get("title", "")),
        detail=str(body.get("detail", "")),
        problems=[Fault(str(each["pointer"]), str(each["detail"])) for each in body.get("problems", ())],
        request_id=str(body.get("request_id", "")),
        retry_after=float(after) if after.isdecimal() else None,
    ) from None


def _words(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)
