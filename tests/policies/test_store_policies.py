"""The example store's policies: their own tests, what they read, and what they make of 1,356 recorded writes.

The last part needs the recorded runs beside the checkout (or STORE_DATA) and says so when they are not there.
"""

from __future__ import annotations

import sys
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass

import pytest

from examples.store import operations
from orchestra.contracts import Judgement, Verdict
from orchestra.documents.envelopes import Envelope, envelopes
from orchestra.policies import cases, globs
from orchestra.policies.document import Document
from orchestra.policies.judge import BUILT_IN, judge
from orchestra.policies.vocabulary import VARIABLES
from orchestra.readings import Reading
from tests.policies.recorded import FOLDER, LIBRARY, POLICIES, Recording, Run, Write, perform

TOOLS: dict[str, Envelope] = {
    tool.name: tool
    for tool in envelopes((POLICIES.parent / "tools.yaml").read_text(encoding="utf-8"))
    if tool.kind == "tool"
}
recordings = pytest.mark.skipif(
    not (FOLDER / "labels.jsonl.gz").is_file(),
    reason=f"NOT MEASURED: there are no recorded runs in {FOLDER}; set STORE_DATA to their folder",
)


@pytest.mark.parametrize("document", LIBRARY, ids=lambda document: document.name)
def test_every_policy_brings_tests_and_they_pass(document: Document) -> None:
    assert document.cases
    assert cases.failures(document) == []


@pytest.mark.parametrize("document", LIBRARY, ids=lambda document: document.name)
def test_every_rule_matches_in_a_test(document: Document) -> None:
    shown = {name for case in document.cases for name in case.expect.rules or ()}
    untold = {rule.id for rule in document.rules} - shown
    assert untold <= {
        "not_the_users_record",
        "order_id_not_seen",
        "items_not_seen",
        "new_items_not_seen",
        "not_pending_at_all",
    }


def test_rules_read_only_what_their_tools_take_and_observe() -> None:
    """A rule that reads what a tool does not have could never be evaluated, and would deny everything."""
    wrong = []
    for document in LIBRARY:
        for rule in document.rules:
            for name, tool in TOOLS.items():
                if any(globs.matches(given, name) for given in rule.tools):
                    wrong += [f"{rule.id} reads {path} of {name}" for path in _unknown(rule.when or "", tool)]
    assert wrong == []


def _unknown(when: str, tool: Envelope) -> list[str]:
    spec = tool.spec
    assert isinstance(spec, dict)
    has = {
        "args": set(spec["arguments"]["properties"]),  # type: ignore[index, call-overload, arg-type]
        "provenance": set(spec["arguments"]["properties"]),  # type: ignore[index, call-overload, arg-type]
        "observed": {entry["name"] for entry in spec.get("observe", [])},  # type: ignore[index, union-attr, call-overload]
    }
    paths = [path for path, _ in Reading(when, VARIABLES).uses if path is not None]
    return [f"{path[0]}.{path[1]}" for path in paths if path[0] in has and path[1] not in has[str(path[0])]]


def test_every_write_of_the_store_is_governed() -> None:
    named = {tool for document in LIBRARY for rule in document.rules for tool in rule.tools}
    writes = {name for name, tool in TOOLS.items() if tool.spec["effect"] != "read"}  # type: ignore[index, call-overload]
    assert named == writes


# Recorded runs ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """A recorded write, what the policies said, and whether the shop would have done it at that moment."""

    write: Write
    judgement: Judgement
    accepted: bool

    @property
    def denied(self) -> bool:
        return self.judgement.verdict is Verdict.DENY

    @property
    def decision(self) -> str:
        return str(self.write.label["decision"])


def judged(recording: Recording, *, as_recorded: bool) -> list[Judged]:
    """Every write, in the world as recorded, or in the one in which denials and a right reviewer decide."""
    found: list[Judged] = []

    def performs(write: Write, now: Run) -> bool:
        judgement = judge(write.action, LIBRARY)
        accepted = write.fits and _would(now.world, write)
        found.append(Judged(write, judgement, accepted))
        if as_recorded:
            return bool(write.label["took_effect"])
        return accepted and not found[-1].denied and found[-1].decision == "approve"

    for run in recording.runs():
        recording.walk(run, performs)
    return found


def _would(world: operations.World, write: Write) -> bool:
    """Whether the shop would do it, tried on a copy."""
    arguments = write.action.arguments
    assert isinstance(arguments, dict)
    return perform(deepcopy_of(world), write.action.tool, arguments)


def deepcopy_of(world: operations.World) -> operations.World:
    """The same world over a copy of what changed in it."""
    return operations.World(world.data, deepcopy(world._overlay), world.dialect)


def told(title: str, found: list[Judged]) -> None:
    """Print denials by rule: of writes to reject, of writes to approve that the shop would do, and others."""
    counts: Counter[tuple[str, str]] = Counter()
    for each in found:
        if each.denied:
            column = "reject" if each.decision == "reject" else "lost" if each.accepted else "refused anyway"
            for hit in each.judgement.hits:
                if hit.verdict is Verdict.DENY:
                    counts[hit.rule if hit.policy != BUILT_IN else f"({hit.rule})", column] += 1
    lines = [f"\n{title}", f"{'denials by rule':34}{'to reject':>10}{'lost':>6}{'refused anyway':>16}"]
    for rule in sorted({rule for rule, _ in counts}):
        columns = [counts[rule, column] for column in ("reject", "lost", "refused anyway")]
        lines.append(f"{rule:34}{columns[0]:>10}{columns[1]:>6}{columns[2]:>16}")
    totals = [
        sum(each.denied and each.decision == "reject" for each in found),
        sum(each.denied and each.decision == "approve" and each.accepted for each in found),
        sum(each.denied and each.decision == "approve" and not each.accepted for each in found),
    ]
    lines.append(f"{'calls in all':34}{totals[0]:>10}{totals[1]:>6}{totals[2]:>16}\n")
    sys.stderr.write("\n".join(lines))


@recordings
@pytest.mark.parametrize("as_recorded", [True, False], ids=["as recorded", "behind the gate"])
def test_policies_alone_deny_most_wrong_writes_and_almost_no_right_one(as_recorded: bool) -> None:
    found = judged(Recording(), as_recorded=as_recorded)
    told("the world as it was recorded" if as_recorded else "the world behind the gate", found)
    assert len(found) == 1_356
    assert sum(each.decision == "reject" for each in found) == 379
    assert sum(each.denied and each.decision == "reject" for each in found) >= 222
    assert sum(each.denied and each.decision == "approve" and each.accepted for each in found) <= 3
    assert not any(each.judgement.errors for each in found if each.write.fits)
    if as_recorded:
        assert all(each.accepted or not each.write.label["took_effect"] for each in found)
