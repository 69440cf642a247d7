"""The operations of the API as methods. Every refusal is an ApiError with the server's code."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar
from uuid import uuid4

from orchestra.client import shapes
from orchestra.client.shapes import (
    Events,
    Me,
    Page,
    Proposal,
    ProposalDetail,
    Question,
    QuestionDetail,
    Run,
    RunDetail,
    Task,
    TaskDetail,
    Token,
)
from orchestra.client.transport import Ask, Transport

T = TypeVar("T")
#: Seconds that one request waits at most.
LONGEST_WAIT: Final = 30


class Client:
    """One server, as the holder of one token."""

    def __init__(self, address: str, token: str, *, tries: int = 4, insecure: bool = False) -> None:
        self._way = Transport(address, token, tries=tries, insecure=insecure)

    # --- Tasks.

    def submit(
        self,
        payload: Mapping[str, Any] | None = None,
        *,
        workflow: str = "",
        environment: str = "",
        key: str | None = None,
        wait: int = 0,
        **more: Any,
    ) -> TaskDetail:
        """Submit a task; without a `key` of yours one is made, so that a lost answer costs nothing.

        `more`: subject, reference, labels, priority, due_at. Without a workflow the routing rules choose.
        """
        body = {"payload": dict(payload or {}), **more}
        body |= {
            name: value for name, value in (("workflow", workflow), ("environment", environment)) if value
        }
        headers = {"Idempotency-Key": key if key is not None else str(uuid4())}
        ask = Ask("POST", "/tasks", query={"wait": wait}, body=body, headers=headers, safe=True)
        return shapes.made(TaskDetail, self._way.send(ask).body)

    def task(self, uid: str, *, wait: int = 0) -> TaskDetail:
        """One task, when its run has ended or the seconds are over."""
        return self._one(TaskDetail, f"/tasks/{uid}", wait=wait)

    def tasks(self, *, cursor: str = "", **filters: Any) -> Page[Task]:
        """A page of tasks. Filters: reference, subject, workflow, environment, mine."""
        return self._page(Task, "/tasks", cursor=cursor, **filters)

    # --- Runs.

    def run(self, uid: str, *, wait: int = 0) -> RunDetail:
        """One run, when it has ended or the seconds are over."""
        return self._one(RunDetail, f"/runs/{uid}", wait=wait)

    def runs(self, *, cursor: str = "", **filters: Any) -> Page[Run]:
        """A page of runs. Filters: q, state, workflow, environment, failure, label."""
        return self._page(Run, "/runs", cursor=cursor, **filters)

    def events(self, uid: str, *, cursor: str = "", wait: int = 0) -> Events:
        """What happened in a run after a cursor."""
        return self._one(Events, f"/runs/{uid}/events", cursor=cursor, wait=wait)

    def follow(
        self, uid: str, *, wait: int = LONGEST_WAIT, patience: float | None = None
    ) -> Iterator[Events]:
        """What happens in a run, as it happens, until it has ended, or until so many seconds of patience are over.

        Of a run that has ended everything is told, however many answers that takes.
        """
        end = time.monotonic() + patience if patience is not None else math.inf
        cursor, over = "", False
        while not over:
            left = min(wait, end - time.monotonic())
            found = self.events(uid, cursor=cursor, wait=max(0, math.ceil(left)))
            yield found
            cursor = found.next
            over = not found.items if found.ended else time.monotonic() >= end

    def cancel(self, uid: str, *, reason: str) -> RunDetail:
        """Ask for the end of a run."""
        return self._do(RunDetail, f"/runs/{uid}/cancel", {"reason": reason}, safe=True)

    def retry(self, uid: str, *, reason: str) -> RunDetail:
        """Do again what failed: in a new run, or in the run itself if it is escalated."""
        return self._do(RunDetail, f"/runs/{uid}/retry", {"reason": reason}, key=str(uuid4()), safe=True)

    def fork(self, uid: str, *, checkpoint: int, reason: str) -> RunDetail:
        """A new run with the first steps of this one."""
        body = {"checkpoint": checkpoint, "reason": reason}
        return self._do(RunDetail, f"/runs/{uid}/fork", body, key=str(uuid4()), safe=True)

    # --- Decisions of people.

    def proposals(self, tab: str = "yours", *, cursor: str = "", **filters: Any) -> Page[Proposal]:
        """A page of the queue. Filters: tier, workflow, environment, agent, tool."""
        return self._page(Proposal, "/proposals", tab=tab, cursor=cursor, **filters)

    def proposal(self, uid: str) -> ProposalDetail:
        """One proposal."""
        return self._one(ProposalDetail, f"/proposals/{uid}")

    def approve(self, uid: str, *, digest: str, reason: str = "") -> ProposalDetail:
        """Vote for exactly this digest."""
        return self._do(ProposalDetail, f"/proposals/{uid}/approve", {"digest": digest, "reason": reason})

    def reject(self, uid: str, *, digest: str, reason: str, category: str = "") -> ProposalDetail:
        """Vote against."""
        body = {"digest": digest, "reason": reason, "category": category}
        return self._do(ProposalDetail, f"/proposals/{uid}/reject", body)

    def ask_changes(self, uid: str, *, digest: str, reason: str, category: str = "") -> ProposalDetail:
        """Send it back with what should be different."""
        body = {"digest": digest, "reason": reason, "category": category}
        return self._do(ProposalDetail, f"/proposals/{uid}/changes", body)

    def edit(
        self, uid: str, *, digest: str, arguments: Mapping[str, Any], reason: str = ""
    ) -> ProposalDetail:
        """Approve other arguments instead."""
        body = {"digest": digest, "arguments": dict(arguments), "reason": reason}
        return self._do(ProposalDetail, f"/proposals/{uid}/edit", body)

    def withdraw(self, uid: str) -> ProposalDetail:
        """Take the own vote back."""
        return self._do(ProposalDetail, f"/proposals/{uid}/withdraw", None)

    def questions(self, tab: str = "yours", *, cursor: str = "", **filters: Any) -> Page[Question]:
        """A page of questions. Filters: kind, workflow, environment."""
        return self._page(Question, "/questions", tab=tab, cursor=cursor, **filters)

    def question(self, uid: str) -> QuestionDetail:
        """One question with its form."""
        return self._one(QuestionDetail, f"/questions/{uid}")

    def answer(self, uid: str, values: Mapping[str, Any]) -> QuestionDetail:
        """Answer a question."""
        return self._do(QuestionDetail, f"/questions/{uid}/answer", {"values": dict(values)})

    # --- Tokens, and who one is.

    def me(self) -> Me:
        """Who the token speaks for."""
        return self._one(Me, "/me")

    def tokens(self) -> list[Token]:
        """The holder's living tokens."""
        return self._page(Token, "/tokens").items

    def make_token(self, name: str, *, scopes: Sequence[str], hours: int) -> Token:
        """A new token; its text is in this answer alone."""
        return self._do(Token, "/tokens", {"name": name, "scopes": list(scopes), "hours": hours})

    def revoke_token(self, uid: str) -> Token:
        """End a token now."""
        return shapes.made(Token, self._way.send(Ask("DELETE", f"/tokens/{uid}", safe=True)).body)

    def _one(self, kind: type[T], path: str, **query: object) -> T:
        return shapes.made(kind, self._way.send(Ask("GET", path, query=query, safe=True)).body)

    def _page(self, kind: type[T], path: str, **query: object) -> Page[T]:
        told = {
            name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()
        }
        return shapes.page(kind, self._way.send(Ask("GET", path, query=told, safe=True)).body)

    def _do(self, kind: type[T], path: str, body: object, *, key: str = "", safe: bool = False) -> T:
        headers = {"Idempotency-Key": key} if key else {}
        ask = Ask("POST", path, body=body, headers=headers, safe=safe)
        return shapes.made(kind, self._way.send(ask).body)
