"""Rules about effects on other systems: who let them pass, how often they were sent, what came of them."""

from __future__ import annotations

from typing import Final

from orchestra.doctor.rules import Rule

SET_A_HALT: Final = "Set a halt, keep the database as it is, and look at the calls with `manage.py run show`."
ASK_THE_SYSTEM: Final = (
    "Look in the other system whether it happened, and set right there what happened twice."
)

RULES: Final = (
    Rule(
        "I1",
        "calls were sent without a live authorisation for their bytes",
        """
        SELECT c.uid::text FROM orchestra_toolcall c
        LEFT JOIN orchestra_ruling r ON r.id = c.ruling_id AND r.toolcall_id = c.id AND r.digest = c.digest
          AND r.verdict = 'allow'
        LEFT JOIN orchestra_proposal p ON p.id = c.proposal_id AND p.toolcall_id = c.id AND p.digest = c.digest
          AND p.state = 'approved'
        WHERE r.id IS NULL AND p.id IS NULL AND c.state IN
          ('dispatched', 'succeeded', 'failed', 'unknown', 'reconciling', 'settled_done', 'settled_not_done')
        """,
        SET_A_HALT,
    ),
    Rule(
        "I1",
        "calls were sent after their approval had run out",
        """
        SELECT DISTINCT c.uid::text FROM orchestra_dispatch d JOIN orchestra_toolcall c ON c.id = d.toolcall_id
        JOIN orchestra_proposal p ON p.id = c.proposal_id WHERE d.created_at > p.expires_at
        """,
        SET_A_HALT,
    ),
    Rule(
        "I2",
        "sendings are of other bytes, or under another key, than their call",
        """
        SELECT d.uid::text FROM orchestra_dispatch d JOIN orchestra_toolcall c ON c.id = d.toolcall_id
        WHERE d.digest IS DISTINCT FROM c.digest OR d.key IS DISTINCT FROM c.key
        """,
        SET_A_HALT,
    ),
    Rule(
        "I2",
        "calls that must not be repeated were sent again though nobody knows of the sending before",
        """
        SELECT DISTINCT c.uid::text FROM orchestra_toolcall c
        JOIN orchestra_dispatch d ON d.toolcall_id = c.id JOIN orchestra_dispatch later ON later.toolcall_id = c.id
        WHERE c.effect <> 'read' AND c.delivery = 'opaque' AND d.n < later.n AND d.outcome <> 'failed_clean'
        """,
        ASK_THE_SYSTEM,
    ),
    Rule(
        "I2",
        "calls have two sendings under way",
        """
        SELECT c.uid::text FROM orchestra_toolcall c JOIN orchestra_dispatch d ON d.toolcall_id = c.id
        WHERE d.outcome = '' GROUP BY c.uid HAVING count(*) > 1
        """,
        ASK_THE_SYSTEM,
    ),
    Rule(
        "I2",
        "calls are said to be done, and none of their sendings was",
        """
        SELECT c.uid::text FROM orchestra_toolcall c WHERE c.state = 'succeeded' AND NOT EXISTS (
          SELECT 1 FROM orchestra_dispatch d WHERE d.toolcall_id = c.id AND d.outcome IN ('succeeded', 'unknown'))
        """,
        ASK_THE_SYSTEM,
    ),
    Rule(
        "I2",
        "calls are over while a sending of theirs is not",
        """
        SELECT DISTINCT c.uid::text FROM orchestra_toolcall c JOIN orchestra_dispatch d ON d.toolcall_id = c.id
        WHERE c.finished_at IS NOT NULL AND d.finished_at IS NULL
        """,
        "Wait for the time in `settles_at` of the sending, then look in the other system.",
    ),
    Rule(
        "I5",
        "proposals were approved by whoever asked for them, or changed them",
        """
        SELECT DISTINCT p.uid::text FROM orchestra_proposal p
        JOIN orchestra_approval a ON a.proposal_id = p.id AND a.verdict = 'approve' AND a.withdrawn_at IS NULL
        JOIN orchestra_toolcall c ON c.id = p.toolcall_id JOIN orchestra_run r ON r.id = c.run_id
        JOIN orchestra_task t ON t.id = r.task_id
        WHERE p.state = 'approved' AND (a.person_id = t.requester_id
          OR a.person_id = c.edited_by_id AND p.tier >= 3)
        """,
        "Tell who audits you: the votes name the persons. Look how the vote was let in.",
    ),
    Rule(
        "I6",
        "proposals are approved with fewer votes than they ask for, or against as many as turn them down",
        """
        SELECT p.uid::text FROM orchestra_proposal p
        LEFT JOIN orchestra_approval a ON a.proposal_id = p.id AND a.withdrawn_at IS NULL
        WHERE p.state = 'approved' GROUP BY p.id
        HAVING count(DISTINCT a.person_id) FILTER (WHERE a.verdict = 'approve' AND a.digest = p.digest) < p.votes_needed
          OR count(DISTINCT a.person_id) FILTER (WHERE a.verdict = 'reject') >= p.rejects_needed
        """,
        SET_A_HALT,
    ),
    Rule(
        "I7",
        "approvals let another call pass than the one they are for",
        """
        SELECT c.uid::text FROM orchestra_toolcall c JOIN orchestra_proposal p ON p.id = c.proposal_id
        WHERE p.toolcall_id <> c.id
        """,
        SET_A_HALT,
    ),
    Rule(
        "I7",
        "proposals show other bytes than their call has",
        """
        SELECT p.uid::text FROM orchestra_proposal p JOIN orchestra_toolcall c ON c.id = p.toolcall_id
        WHERE p.digest IS DISTINCT FROM c.digest
        """,
        SET_A_HALT,
    ),
    Rule(
        "I11",
        "calls were sent while a halt was on",
        """
        SELECT DISTINCT c.uid::text FROM orchestra_halt h
        JOIN orchestra_dispatch d ON d.created_at > h.created_at
          AND d.created_at < coalesce(h.lifted_at, 'infinity')
        JOIN orchestra_toolcall c ON c.id = d.toolcall_id JOIN orchestra_run r ON r.id = c.run_id
        WHERE h.scope = 'global' OR h.deployment_id = r.deployment_id OR h.run_id = r.id
          OR h.run_id IS NOT NULL AND orchestra_run_is_under(r.parent_run_id, h.run_id)
        """,
        "Stop the workers: the halt did not hold. The sendings and their workers are named by the calls.",
    ),
    Rule(
        "I21",
        "calls of an older life of the database were sent after it was restored",
        """
        SELECT DISTINCT c.uid::text FROM orchestra_dispatch d JOIN orchestra_toolcall c ON c.id = d.toolcall_id
        JOIN orchestra_epoch e ON e.created_at < d.created_at
        WHERE NOT EXISTS (SELECT 1 FROM orchestra_epoch n WHERE n.id > e.id AND n.created_at < d.created_at)
          AND NOT starts_with(d.key, replace(e.uid::text, '-', '') || '-')
        """,
        ASK_THE_SYSTEM,
    ),
)
