"""Rules about runs and what belongs to them: none is lost, none moves after its end, none goes beyond its limits."""

from __future__ import annotations

from typing import Final

from orchestra import states
from orchestra.doctor.rules import Rule

OURS: Final = "This is a fault of Orchestra: please report it with the lines of the log that name the run."
WAKE: Final = f"`manage.py run show` tells what the run waits for. {OURS}"

RULES: Final = (
    Rule("I3", "runs are stuck", "SELECT uid::text FROM orchestra_run_stuck", WAKE),
    Rule(
        "I3",
        "runs wait for what has come long ago",
        """
        SELECT DISTINCT r.uid::text FROM orchestra_run r JOIN orchestra_step s ON s.run_id = r.id
        LEFT JOIN orchestra_humantask h ON h.id = s.waits_humantask_id
        LEFT JOIN orchestra_run c ON c.id = s.waits_run_id
        WHERE r.state = 'waiting' AND (r.due_at IS NULL OR r.due_at > clock_timestamp()) AND s.state = 'waiting'
        AND (h.finished_at < clock_timestamp() - interval '1 minute'
          OR c.finished_at < clock_timestamp() - interval '1 minute'
          OR s.waits_until < clock_timestamp() - interval '1 minute')
        """,
        WAKE,
    ),
    Rule(
        "I3",
        "escalated runs ask nobody",
        """
        SELECT r.uid::text FROM orchestra_run r WHERE r.state = 'escalated' AND NOT EXISTS (
          SELECT 1 FROM orchestra_humantask h WHERE h.run_id = r.id AND h.state = 'open' AND h.kind = 'escalation')
        """,
        WAKE,
    ),
    Rule(
        "I3",
        "runs have ended, and something of theirs has not",
        """
        SELECT r.uid::text FROM orchestra_run r WHERE r.finished_at IS NOT NULL AND (
          EXISTS (SELECT 1 FROM orchestra_step s WHERE s.run_id = r.id AND s.finished_at IS NULL)
          OR EXISTS (SELECT 1 FROM orchestra_toolcall c WHERE c.run_id = r.id AND c.finished_at IS NULL)
          OR EXISTS (SELECT 1 FROM orchestra_humantask h WHERE h.run_id = r.id AND h.state = 'open')
          OR EXISTS (SELECT 1 FROM orchestra_proposal p JOIN orchestra_toolcall c ON c.id = p.toolcall_id
            WHERE c.run_id = r.id AND p.state = 'pending'))
        """,
        OURS,
    ),
    Rule(
        "I3",
        "calls wait for people, and no question about them is open",
        """
        SELECT c.uid::text FROM orchestra_toolcall c JOIN orchestra_run r ON r.id = c.run_id
        JOIN orchestra_proposal p ON p.toolcall_id = c.id
        WHERE c.state = 'awaiting_approval' AND p.decided_at < clock_timestamp() - interval '1 minute'
        AND r.state = 'waiting' AND (r.due_at IS NULL OR r.due_at > clock_timestamp())
        """,
        WAKE,
    ),
    Rule(
        "I8",
        "rows moved after their end",
        """
        SELECT DISTINCT kind || ' ' || object_id FROM orchestra_auditevent
        WHERE source <> target AND (kind, source) IN (SELECT * FROM unnest(%(kinds)s::text[], %(ends)s::text[]))
        """,
        "Keep the database as it is, and hold the record against a seal: `manage.py audit verify`.",
        {
            "kinds": [machine.name for machine in states.MACHINES.values() for _ in machine.terminal],
            "ends": [end for machine in states.MACHINES.values() for end in sorted(machine.terminal)],
        },
    ),
    Rule(
        "I9",
        "sendings carry a fence that their run never had",
        """
        SELECT d.uid::text FROM orchestra_dispatch d JOIN orchestra_toolcall c ON c.id = d.toolcall_id
        JOIN orchestra_run r ON r.id = c.run_id WHERE d.fence > r.fence
        """,
        OURS,
    ),
    Rule(
        "I9",
        "runs are held by a worker that has stopped",
        """
        SELECT r.uid::text FROM orchestra_run r JOIN orchestra_workerprocess w ON w.id = r.worker_id
        WHERE r.state = 'running' AND w.stopped_at < clock_timestamp() - interval '1 minute'
        """,
        "Start a worker: it takes them over.",
    ),
    Rule(
        "I10",
        "budgets are exceeded, or do not hold what is set aside in them",
        """
        SELECT b.id::text FROM orchestra_budget b LEFT JOIN orchestra_reservation s
          ON s.budget_id = b.id AND s.settled_at IS NULL
        GROUP BY b.id HAVING b.used + b.reserved > b."limit" OR b.reserved <> coalesce(sum(s.amount), 0)
        """,
        "Set the budget right with a new one; the reservations name the steps.",
    ),
    Rule(
        "I12",
        "runs that killed their workers too often are not put before a person",
        """
        SELECT uid::text FROM orchestra_run WHERE takeovers > %(takeovers)s AND state IN ('queued', 'waiting')
          AND cancel_requested_at IS NULL AND due_at < clock_timestamp() - interval '1 minute'
        """,
        OURS,
    ),
    Rule(
        "I16",
        "rulings name versions of policies that are not there",
        """
        SELECT DISTINCT c.uid::text FROM orchestra_ruling g JOIN orchestra_toolcall c ON c.id = g.toolcall_id
        CROSS JOIN LATERAL jsonb_array_elements(g.rules) rule
        WHERE rule ->> 'digest' IS NOT NULL AND rule ->> 'digest' <> '' AND NOT EXISTS (
          SELECT 1 FROM orchestra_policyversion v WHERE v.digest = decode(rule ->> 'digest', 'hex'))
        """,
        "Somebody took a policy version away: hold the database against a backup.",
    ),
)
