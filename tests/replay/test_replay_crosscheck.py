"""Ledger, calls and audit export are held against each other; each disagreement is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestra.audit.chain import Head, Link
from reviews.replay.crosscheck import Entry, Sent, Told, disagreements, told

ENTRY = Entry(1, "w1", "cancel", "k1")
DONE = Sent(7, "chain", "m/run/0", "w1", "cancel", writes=True, state="succeeded", keys=("k1",))
READ = Sent(8, "chain", "m/run/0", "w1", "look", writes=False, state="succeeded", keys=("",))
DENIED = Sent(9, "chain", "m/run/0", "w1", "cancel", writes=True, state="denied", keys=())
CALLS = (DONE, READ, DENIED)


def link(seq: int, kind: str, source: str, target: str, *, object_id: int = 1, at: int = 0) -> Link:
    given: dict[str, Any] = {"chain": "chain", "seq": seq, "at": at, "transaction": 1, "kind": kind}
    given |= {"subject": "", "source": source, "target": target, "actor": "", "reason": ""}
    return Link(**given, object_id=object_id, data=b"{}", previous=bytes(32), digest=bytes(32))


def export(*calls: Sent) -> Told:
    links = [
        link(number, "toolcall", "approved", "dispatched", object_id=call.pk)
        for call in calls
        for number in range(len(call.keys))
    ]
    ends = [link(99, "toolcall", "dispatched", call.state, object_id=call.pk) for call in calls]
    return told([*links, *ends])


def test_three_records_that_agree() -> None:
    assert disagreements([ENTRY], CALLS, export(*CALLS)) == []


@pytest.mark.parametrize(
    ("ledger", "calls", "said"),
    [
        ([], CALLS, "is succeeded and has 0 lines in the ledger"),
        ([ENTRY, replace(ENTRY, number=2)], CALLS, "is succeeded and has 2 lines in the ledger"),
        ([ENTRY, replace(ENTRY, number=2, key="k2")], CALLS, "no call was sent with its key"),
        ([replace(ENTRY, world="w2")], CALLS, "its key is that of m/run/0: call 7"),
        ([replace(ENTRY, tool="return")], CALLS, "its key is that of m/run/0: call 7"),
        ([ENTRY], (replace(DONE, state="failed"),), "is failed and has 1 lines in the ledger"),
        ([ENTRY], (DONE, replace(DONE, pk=10)), "the key k1 is that of 2 calls"),
        ([ENTRY], (replace(DONE, keys=("k1", "k2")),), "was sent with several keys"),
        ([ENTRY], (DONE, replace(READ, keys=())), "succeeded and was never sent"),
    ],
)
def test_each_disagreement_is_named(ledger: list[Entry], calls: tuple[Sent, ...], said: str) -> None:
    found = disagreements(ledger, calls, export(*calls))
    assert any(said in each for each in found), found


def test_the_export_must_tell_every_sending_and_every_end() -> None:
    found = "\n".join(disagreements([ENTRY], CALLS, export(READ, DENIED)))
    assert "call 7 (cancel): 1 sendings, 0 in the audit export" in found
    assert "call 7 (cancel) is succeeded, in the audit export absent" in found
    found = "\n".join(disagreements([ENTRY], (DONE, READ), export(*CALLS)))
    assert "tells of call 9 in chain chain, which is not there" in found


def test_a_run_waits_from_the_event_that_made_it_due_to_its_claim() -> None:
    found = told(
        [
            link(1, "run", "", "queued", at=1_000_000),
            link(2, "run", "queued", "running", at=1_500_000),
            link(3, "run", "running", "waiting", at=2_000_000),
            link(4, "toolcall", "awaiting_approval", "approved", at=9_000_000),
            link(5, "run", "waiting", "running", at=9_250_000),
            Head("chain", 5, bytes(32)),
        ]
    )
    assert found.waits["chain"] == [0.5, 0.25]
