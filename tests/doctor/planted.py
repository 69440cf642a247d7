"""Corruptions that only the owner of all rights can plant: guards are switched off, rows are changed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.databases import Database

DONE: Final = "(SELECT id FROM orchestra_toolcall WHERE state = 'succeeded' AND proposal_id IS NOT NULL)"
ALLOWED: Final = "(SELECT id FROM orchestra_toolcall WHERE state = 'succeeded' AND effect <> 'read' AND ruling_id IS NOT NULL)"
WAITING: Final = "(SELECT run_id FROM orchestra_toolcall WHERE state = 'awaiting_approval')"
SENT_AGAIN: Final = """
INSERT INTO orchestra_dispatch (created_at, uid, toolcall_id, n, fence, worker_id, key, digest, send_by, settles_at,
  outcome, request_id, traceparent, finished_at)
SELECT created_at, gen_random_uuid(), toolcall_id, 2, fence, worker_id, key, digest, send_by, settles_at,
  {outcome}, '', '', {finished} FROM orchestra_dispatch WHERE toolcall_id = {call}
"""


@dataclass(frozen=True, slots=True)
class Corruption:
    """What is done to the rows, and what the doctor must say of it."""

    invariant: str
    says: str
    statements: Sequence[str]

    def __str__(self) -> str:
        return f"{self.invariant} {self.says}"

    def plant(self, database: Database) -> None:
        """Do it, with every trigger and every check of our tables off."""
        with database.connect("admin", autocommit=False) as session:
            session.execute("SET LOCAL session_replication_role = replica")
            for table, trigger in session.execute(GUARDS).fetchall():
                session.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER "{trigger}"')
            for table, check in session.execute(CHECKS).fetchall():
                session.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{check}"')
            for statement in self.statements:
                assert session.execute(statement).rowcount != 0, statement


GUARDS: Final = """
SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND c.relname LIKE 'orchestra\\_%'
"""
CHECKS: Final = """
SELECT c.relname, k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE k.contype = 'c' AND c.relname LIKE 'orchestra\\_%'
"""

CORRUPTIONS: Final = (
    Corruption(
        "I1",
        "without a live authorisation",
        [f"UPDATE orchestra_proposal SET state = 'rejected' WHERE toolcall_id = {DONE}"],
    ),
    Corruption(
        "I1",
        "without a live authorisation",
        [f"UPDATE orchestra_ruling SET verdict = 'review' WHERE toolcall_id = {ALLOWED}"],
    ),
    Corruption(
        "I1",
        "after their approval had run out",
        [f"UPDATE orchestra_proposal SET expires_at = created_at WHERE toolcall_id = {DONE}"],
    ),
    Corruption(
        "I2",
        "of other bytes, or under another key",
        [f"UPDATE orchestra_dispatch SET digest = sha256('x') WHERE toolcall_id = {DONE}"],
    ),
    Corruption(
        "I2",
        "of other bytes, or under another key",
        [f"UPDATE orchestra_dispatch SET key = key || '1' WHERE toolcall_id = {DONE}"],
    ),
    Corruption(
        "I2",
        "were sent again though nobody knows",
        [
            f"UPDATE orchestra_toolcall SET delivery = 'opaque' WHERE id = {DONE}",
            SENT_AGAIN.format(call=DONE, outcome="'succeeded'", finished="finished_at"),
        ],
    ),
    Corruption(
        "I2",
        "two sendings under way",
        [
            f"UPDATE orchestra_dispatch SET outcome = '', finished_at = NULL WHERE toolcall_id = {DONE}",
            SENT_AGAIN.format(call=DONE, outcome="''", finished="NULL"),
        ],
    ),
    Corruption(
        "I2",
        "none of their sendings was",
        [f"UPDATE orchestra_dispatch SET outcome = 'failed_clean' WHERE toolcall_id = {DONE}"],
    ),
    Corruption(
        "I2",
        "over while a sending of theirs is not",
        [f"UPDATE orchestra_dispatch SET outcome = '', finished_at = NULL WHERE toolcall_id = {DONE}"],
    ),
    Corruption(
        "I3",
        "runs are stuck",
        [
            f"UPDATE orchestra_run SET due_at = NULL WHERE id = {WAITING}",
            """UPDATE orchestra_step SET waits_until = now(), waits_proposal_id = NULL WHERE state = 'waiting'""",
        ],
    ),
    Corruption(
        "I3",
        "escalated runs ask nobody",
        [f"UPDATE orchestra_run SET state = 'escalated' WHERE id = {WAITING}"],
    ),
    Corruption(
        "I3",
        "something of theirs has not",
        [f"UPDATE orchestra_run SET state = 'failed', finished_at = now() WHERE id = {WAITING}"],
    ),
    Corruption(
        "I3",
        "no question about them is open",
        [
            f"UPDATE orchestra_run SET due_at = NULL WHERE id = {WAITING}",
            f"""UPDATE orchestra_proposal SET state = 'rejected', decided_at = now() - interval '1 hour'
                WHERE toolcall_id IN (SELECT id FROM orchestra_toolcall WHERE run_id = {WAITING})""",
        ],
    ),
    Corruption(
        "I4", "the record is broken", ["UPDATE orchestra_auditevent SET reason = 'nothing' WHERE seq = 1"]
    ),
    Corruption(
        "I5",
        "by whoever asked for them",
        ["UPDATE orchestra_approval SET person_id = (SELECT requester_id FROM orchestra_task LIMIT 1)"],
    ),
    Corruption("I6", "fewer votes than they ask for", ["UPDATE orchestra_approval SET withdrawn_at = now()"]),
    Corruption(
        "I7",
        "let another call pass",
        [
            f"""UPDATE orchestra_toolcall SET ruling_id = NULL, proposal_id =
                (SELECT id FROM orchestra_proposal WHERE toolcall_id = {DONE}) WHERE id = {ALLOWED}"""
        ],
    ),
    Corruption(
        "I7",
        "show other bytes than their call",
        ["UPDATE orchestra_proposal SET digest = sha256('x') WHERE state = 'pending'"],
    ),
    Corruption(
        "I8",
        "moved after their end",
        [
            f"""SELECT orchestra_audit_append(r.uid, 'run', r.id, 'run', 'succeeded', 'running', 'system', '', '{{}}'::bytea)
                FROM orchestra_run r WHERE r.id = (SELECT run_id FROM orchestra_toolcall WHERE id = {DONE})"""
        ],
    ),
    Corruption(
        "I9", "a fence that their run never had", ["UPDATE orchestra_dispatch SET fence = fence + 99"]
    ),
    Corruption(
        "I9",
        "held by a worker that has stopped",
        [
            "UPDATE orchestra_workerprocess SET stopped_at = now() - interval '1 hour'",
            f"""UPDATE orchestra_run SET state = 'running', lease_until = now() + interval '1 hour',
                worker_id = (SELECT min(id) FROM orchestra_workerprocess) WHERE id = {WAITING}""",
        ],
    ),
    Corruption(
        "I10",
        "do not hold what is set aside",
        [
            f"""INSERT INTO orchestra_budget (run_id, resource, currency, "limit", used, reserved)
                VALUES ({WAITING}, 'turns', '', 10, 0, 3)"""
        ],
    ),
    Corruption(
        "I11",
        "while a halt was on",
        [
            """INSERT INTO orchestra_halt (created_at, uid, scope, state, reason, set_by_id)
               SELECT '2020-01-01', gen_random_uuid(), 'global', 'on', 'x', min(id) FROM orchestra_person"""
        ],
    ),
    Corruption(
        "I12",
        "killed their workers too often",
        [
            f"""UPDATE orchestra_run SET state = 'queued', takeovers = 99, due_at = now() - interval '1 hour'
                WHERE id = {WAITING}"""
        ],
    ),
    Corruption(
        "I14",
        "other bytes than the digest",
        [f"UPDATE orchestra_toolcall SET body = '{{}}' WHERE id = {DONE}"],
    ),
    Corruption(
        "I16",
        "versions of policies that are not there",
        ["UPDATE orchestra_policyversion SET digest = sha256('x')"],
    ),
    Corruption(
        "I21",
        "after it was restored",
        ["UPDATE orchestra_epoch SET uid = gen_random_uuid(), created_at = '2020-01-01'"],
    ),
)
