"""Frozen data that crosses a border between rooms: calls, rulings, requests, replies. Pure; no behaviour of any room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from orchestra.canonical import Json


class Effect(StrEnum):
    """What using a tool does to the foreign system."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


class Delivery(StrEnum):
    """What can be known after a reply is lost."""

    KEY = "key"
    PROBE = "probe"
    TRANSACTIONAL = "transactional"
    IDEMPOTENT = "idempotent"
    OPAQUE = "opaque"


class Verdict(StrEnum):
    """What the policies say. Deny beats review beats allow."""

    ALLOW = "allow"
    REVIEW = "review"
    DENY = "deny"


class Mode(StrEnum):
    """Who decides on writes in a deployment."""

    PROPOSAL = "proposal"
    SAMPLED = "sampled"
    EXECUTION = "execution"


@dataclass(frozen=True, slots=True)
class Action:
    """What an agent wants to do, as the policies see it. Nothing here is the agent's own prose.

    `granted` is false when the agent has no grant for the tool; `known` is false for a tool that does not
    exist. `context` holds the other variables of policy expressions: agent, requester, subject, environment,
    mode, run (limits and use), preview, observed (the witness), provenance, confidence, counts.
    """

    tool: str
    effect: Effect
    delivery: Delivery
    tier: int
    arguments: Json
    granted: bool = True
    known: bool = True
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a review must satisfy. Several rules add up to the strictest of each. Times are in seconds.

    Each of `groups` must be among the approving votes. `stages` holds chains of groups that vote one after the
    other. `sample` is the share of calls that people see at all. `redact` holds paths hidden from reviewers.
    """

    votes: int = 1
    rejects: int = 1
    groups: frozenset[str] = frozenset()
    stages: frozenset[tuple[str, ...]] = frozenset()
    reason: bool = False
    step_up: bool = False
    blind: bool = False
    other_than_editor: bool = False
    expires_in: float | None = None
    remind_after: float | None = None
    escalate_to: frozenset[str] = frozenset()
    sample: float = 1.0
    grace: float = 0.0
    tier: int = 1
    redact: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule that matched: where it is written and what it said."""

    rule: str
    policy: str
    version: int
    digest: str
    verdict: Verdict
    message: str
    author: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The ruling on one action: verdict, what it requires, the rules behind it, and errors of evaluation."""

    verdict: Verdict
    requirements: Requirements
    hits: tuple[RuleHit, ...]
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as rendered for a tool call: no host, no secret. These bytes are what is approved.

    `headers` are (name, value) pairs in the order in which they are sent.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply, read to its end within the caps."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class NotSent(StrEnum):
    """Proof that no byte of the request reached the other side."""

    REFUSED_ADDRESS = "refused_address"
    NAME = "name"
    CONNECT = "connect"
    TLS = "tls"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class SendFailure:
    """No readable reply. `not_sent` is the proof that nothing happened, None when nobody can know.

    `timed_out` tells a deadline that passed from other failures. The message holds nothing that was received.
    """

    message: str
    not_sent: NotSent | None = None
    timed_out: bool = False
    seconds: float = 0.0


class Outcome(StrEnum):
    """What one sending of a call came to."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    FAILED_CLEAN = "failed_clean"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question to a model: chat messages in the OpenAI format so far, and the tools of this step.

    `messages` hold the results of tool calls as they really came out. `turn` counts earlier model calls.
    """

    model: str
    prompt: str
    settings: Mapping[str, Any]
    messages: tuple[Mapping[str, Any], ...]
    tools: tuple[Mapping[str, Any], ...]
    turn: int


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What came back: words that came in from outside first (a customer), then the assistant's message.

    `message` is None when the agent has nothing more to say; `ended` then says how: done,
    handed_off, departed, cut.
    `notes` are remarks for the record, such as departures from a recording. Money is a decimal string.
    """

    received: tuple[Mapping[str, Any], ...] = ()
    message: Mapping[str, Any] | None = None
    ended: str = ""
    notes: tuple[str, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    cost: str | None = None
    currency: str = ""
