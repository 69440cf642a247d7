"""A real web server over a database of its own, people and a system with tokens for it, and a worker."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import Group

from orchestra.client import Client
from orchestra.local import ports
from orchestra.models import ApiToken, Deployment, Person, Proposal, ServiceAccount, User
from orchestra.people import scopes, tokens
from orchestra.people.roles import Holder
from tests import factories
from tests.decisions.conftest import propose
from tests.engine.stage import Stage
from tests.waiting import until

ECHO = "a: {kind: python, function: t.echo}"
ASKS = "a: {kind: human, title: 'Shall we?'}"
GRANIAN = ("--interface", "wsgi", "--workers", "1", "--blocking-threads", "40", "--no-access-log")


@dataclass(frozen=True)
class Told:
    """What came back for a raw request."""

    status: int
    headers: Message
    text: str

    @property
    def body(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The code of a problem, whose body must then be one."""
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.body["type"] == f"/api/problems/{self.body['code']}"
        assert (self.body["status"], self.body["request_id"]) == (self.status, self.headers["X-Request-ID"])
        return str(self.body["code"])


class Site:
    """The server's address, and everybody who talks to it."""

    def __init__(self, address: str, stage: Stage, steps: str) -> None:
        self.address, self.stage = address, stage
        self.requester = stage.person(["requesters"])
        self.reviewer, self.second_reviewer = stage.person(["reviewers"]), stage.person(["reviewers"])
        self.operator, self.outsider = stage.operator, stage.outsider
        self.system = self.service("requesters")
        self.workflow = stage.publish(steps)

    def service(self, *groups: str) -> ServiceAccount:
        """A system with an account in these groups."""
        made = factories.service()
        account = User.objects.create(username=made.name, service=made)
        account.groups.set(Group.objects.filter(name__in=groups))
        return made

    def token(self, holder: Holder, *wanted: str, hours: float = 1) -> str:
        """The text of a new token; without scopes named, with all that its holder can have."""
        able = [
            scope for scope in scopes.SCOPES if isinstance(holder, Person) or scope not in scopes.OF_PEOPLE
        ]
        return tokens.mint(
            holder=holder, name="test", wanted=wanted or able, life=timedelta(hours=hours), by="test"
        ).text

    def client(self, holder: Holder, *wanted: str) -> Client:
        """A client with such a token."""
        return Client(self.address, self.token(holder, *wanted), tries=1)

    def row(self, text: str) -> ApiToken:
        """What is kept of a token."""
        return ApiToken.objects.get(prefix=text[: tokens.PREFIX])

    def deployment(self, workflow: str = "") -> Deployment:
        """Where a workflow runs."""
        return Deployment.objects.get(workflow__name=workflow or self.workflow)

    def proposal(self, **columns: Any) -> Proposal:
        """A question that waits for reviewers, on behalf of the requester."""
        return propose(self.deployment(), self.requester, **columns)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Told:
        """A raw request: bytes go as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        given = {"Content-Type": "application/json"} if data is not None else {}
        given |= {"Authorization": f"Bearer {token}"} if token else {}
        way = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=60)
        try:
            way.request(method, f"/api/v1{path}", body=data, headers={**given, **(headers or {})})
            answer = way.getresponse()
            return Told(answer.status, answer.headers, answer.read().decode())
        finally:
            way.close()

    def submit(self, token: str, *, key: str = "", **changes: Any) -> Told:
        """A raw submission of the shared workflow."""
        body = {"workflow": self.workflow, "environment": "dev", "payload": {}, **changes}
        headers = {"Idempotency-Key": key} if key else {}
        return self.send("POST", "/tasks", body, token=token, headers=headers)


@contextmanager
def serving(environment: Mapping[str, str]) -> Iterator[str]:
    """A granian over this environment; its address."""
    port = ports.any_free()
    command = [sys.executable, "-m", "granian", *GRANIAN, "--port", str(port), "--log-level", "warning"]
    command += ["--workers-kill-timeout", "3", "orchestra.wsgi:application"]
    server = subprocess.Popen(command, env=dict(environment))
    try:
        until(lambda: not ports.is_free(port), within=60, what="the web server")
        until(lambda: _answers(port), within=60, what="an answer of the web server")
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _answers(port: int) -> bool:
    way = http.client.HTTPConnection("localhost", port, timeout=30)
    try:
        way.request("GET", "/healthz")
        return way.getresponse().status == 200
    except OSError:
        return False
    finally:
        way.close()
