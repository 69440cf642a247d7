"""A policy as frozen data: rules, and the tests that it brings along. Refuses to judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestra.canonical import Json
from orchestra.contracts import Action, Effect, Requirements, Verdict


@dataclass(frozen=True, slots=True)
class Rule:
    """What is said of calls of some tools. `effects` is empty for all of them, `when` None for always.

    `tools` holds names, and globs in which `*` stands for any text. `line` and `number` (from 0, in the list of
    the file) are known of what was just parsed.
    """

    id: str
    tools: tuple[str, ...]
    verdict: Verdict
    message: str
    effects: frozenset[Effect] = frozenset()
    when: str | None = None
    requires: Requirements = field(default_factory=Requirements)
    line: int | None = field(default=None, compare=False)
    number: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a test wants of the judgement: None is not asked. `requires` is in the form of `requirements.written`."""

    verdict: Verdict
    rules: frozenset[str] | None = None
    requires: Mapping[str, Json] | None = None
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """A test of the policy: an action, and what this policy alone says of it."""

    name: str
    action: Action
    expect: Expectation
    line: int | None = field(default=None, compare=False)
    number: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A policy. Equal by identity, so that a set of them is cheap to look up; equal meaning is equal `digest` (hex).

    `version` is 0 and `author` empty until it is published; the author is the short name of a person.
    """

    name: str
    description: str
    rules: tuple[Rule, ...]
    cases: tuple[Case, ...]
    digest: str = ""
    version: int = 0
    author: str = ""
