"""The state machines inside the database: legal births and moves only, each with its event; ends are final."""

from django.db import migrations

from orchestra.migrations._guards import (
    machine,
    never_changed,
    never_deleted,
    terminal,
    trigger,
    written_once,
)

# Each names its search path: tables in the caller's temporary schema would otherwise be read instead of ours.
FUNCTIONS = """
CREATE FUNCTION orchestra_guard_birth() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT (NEW.state = ANY (TG_ARGV)) THEN
    RAISE EXCEPTION '%: no row is born %', TG_TABLE_NAME, NEW.state
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION orchestra_guard_move() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT ((OLD.state || '>' || NEW.state) = ANY (TG_ARGV)) THEN
    RAISE EXCEPTION '%: % to % is not a legal move', TG_TABLE_NAME, OLD.state, NEW.state
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION orchestra_require_event() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  came_from text := CASE TG_OP WHEN 'INSERT' THEN '' ELSE OLD.state END;
BEGIN
  PERFORM 1 FROM orchestra_auditevent
    WHERE kind = TG_ARGV[0] AND object_id = NEW.id AND source = came_from AND target = NEW.state
      AND transaction = pg_current_xact_id()::text::bigint;
  IF NOT FOUND THEN
    RAISE EXCEPTION '%: row % became % without an audit event', TG_TABLE_NAME, NEW.id, NEW.state
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
"""

FUNCTIONS_REVERSE = """
DROP FUNCTION orchestra_guard_birth();
DROP FUNCTION orchestra_guard_move();
DROP FUNCTION orchestra_require_event();
"""

# A call passes only with a live authorisation for the same digest: an allowing ruling, or an approved proposal.
AUTHORISED = """
CREATE FUNCTION orchestra_require_authorisation() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM orchestra_ruling r
    WHERE r.id = NEW.ruling_id AND r.toolcall_id = NEW.id AND r.digest = NEW.digest AND r.verdict = 'allow';
  IF FOUND THEN RETURN NEW; END IF;
  PERFORM 1 FROM orchestra_proposal p
    WHERE p.id = NEW.proposal_id AND p.toolcall_id = NEW.id AND p.digest = NEW.digest AND p.state = 'approved'
      AND (p.expires_at IS NULL OR p.expires_at > clock_timestamp())
      AND (p.effective_at IS NULL OR p.effective_at <= clock_timestamp());
  IF FOUND THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'toolcall %: no live authorisation for its digest', NEW.id
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""

# A proposal is approved by as many distinct persons as it asks for, each for the digest it shows.
QUORUM = """
CREATE FUNCTION orchestra_require_votes() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  given bigint;
BEGIN
  SELECT count(DISTINCT a.person_id) INTO given FROM orchestra_approval a
    WHERE a.proposal_id = NEW.id AND a.digest = NEW.digest AND a.verdict = 'approve' AND a.withdrawn_at IS NULL;
  IF given < NEW.votes_needed THEN
    RAISE EXCEPTION 'proposal %: % of % votes', NEW.id, given, NEW.votes_needed
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
"""

# A vote can be taken back once, while its proposal is pending; nothing else of it changes, and it never goes.
# The proposal is locked, so that nobody decides by a vote that is just being taken back.
WITHDRAWN = """
CREATE FUNCTION orchestra_guard_withdrawal() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.withdrawn_at IS NOT NULL OR NEW.withdrawn_at IS NULL
    OR (to_jsonb(OLD) - 'withdrawn_at') IS DISTINCT FROM (to_jsonb(NEW) - 'withdrawn_at') THEN
    RAISE EXCEPTION '% is never changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  PERFORM 1 FROM orchestra_proposal p WHERE p.id = NEW.proposal_id AND p.state = 'pending' FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'proposal %: decided, so its votes stand', NEW.proposal_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
"""

# An escalated run always has an open question; checked at the end of the transaction from both sides.
ASKED = """
CREATE FUNCTION orchestra_require_question() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  asked bigint := CASE TG_TABLE_NAME WHEN 'orchestra_run' THEN NEW.id ELSE (to_jsonb(NEW) ->> 'run_id')::bigint END;
BEGIN
  PERFORM 1 FROM orchestra_run r WHERE r.id = asked AND r.state = 'escalated'
    AND NOT EXISTS (SELECT 1 FROM orchestra_humantask h WHERE h.run_id = r.id AND h.state = 'open');
  IF FOUND THEN
    RAISE EXCEPTION 'run %: escalated without an open question', asked
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
"""

# What INVARIANTS calls I3: a live run is due, leased, or waits for something that can still come.
STUCK = """
CREATE VIEW orchestra_run_stuck AS
SELECT r.id AS run_id, r.uid, r.state,
  CASE r.state
    WHEN 'running' THEN 'its lease ended long ago and nobody took it'
    WHEN 'escalated' THEN 'no open question'
    WHEN 'queued' THEN 'due long ago and nobody took it'
    ELSE 'waits for nothing that can still come'
  END AS why
FROM orchestra_run r
WHERE (r.state = 'running' AND r.lease_until < now() - interval '60 seconds')
   OR (r.state = 'queued' AND r.due_at < now() - interval '60 seconds' AND NOT EXISTS (
        SELECT 1 FROM orchestra_halt h WHERE h.state = 'on' AND (h.scope = 'global'
          OR h.deployment_id = r.deployment_id OR h.run_id = r.id)))
   OR (r.state = 'escalated' AND NOT EXISTS (
        SELECT 1 FROM orchestra_humantask h WHERE h.run_id = r.id AND h.state = 'open'))
   OR (r.state = 'waiting' AND r.due_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM orchestra_step s
        LEFT JOIN orchestra_humantask h ON h.id = s.waits_humantask_id
        LEFT JOIN orchestra_proposal p ON p.id = s.waits_proposal_id
        LEFT JOIN orchestra_run c ON c.id = s.waits_run_id
        WHERE s.run_id = r.id AND s.state = 'waiting' AND (h.state = 'open' OR p.state = 'pending'
          OR c.finished_at IS NULL AND c.id IS NOT NULL OR s.waits_event IS NOT NULL)));
"""

RUN_PAIRS = [
    ("queued", "running"),
    ("queued", "cancelled"),
    ("running", "queued"),
    ("running", "waiting"),
    ("running", "escalated"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("waiting", "running"),
    ("escalated", "queued"),
]
RUN_BIRTHS = ["queued"]
RUN_ENDS = ["cancelled", "failed", "succeeded"]
STEP_PAIRS = [
    ("pending", "running"),
    ("pending", "waiting"),
    ("pending", "succeeded"),
    ("pending", "failed"),
    ("pending", "skipped"),
    ("pending", "cancelled"),
    ("running", "pending"),
    ("running", "waiting"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("waiting", "pending"),
    ("waiting", "running"),
    ("waiting", "waiting"),
    ("waiting", "succeeded"),
    ("waiting", "failed"),
    ("waiting", "cancelled"),
]
STEP_BIRTHS = ["pending", "running", "waiting", "succeeded", "failed", "skipped", "cancelled"]
STEP_ENDS = ["cancelled", "failed", "skipped", "succeeded"]
TOOLCALL_PAIRS = [
    ("proposed", "denied"),
    ("proposed", "awaiting_approval"),
    ("proposed", "approved"),
    ("proposed", "superseded"),
    ("proposed", "cancelled"),
    ("awaiting_approval", "approved"),
    ("awaiting_approval", "returned"),
    ("awaiting_approval", "rejected"),
    ("awaiting_approval", "expired"),
    ("awaiting_approval", "superseded"),
    ("awaiting_approval", "stale"),
    ("awaiting_approval", "cancelled"),
    ("approved", "dispatched"),
    ("approved", "denied"),
    ("approved", "awaiting_approval"),
    ("approved", "expired"),
    ("approved", "superseded"),
    ("approved", "stale"),
    ("approved", "cancelled"),
    ("dispatched", "succeeded"),
    ("dispatched", "failed"),
    ("dispatched", "failed_clean"),
    ("dispatched", "unknown"),
    ("failed_clean", "approved"),
    ("failed_clean", "failed"),
    ("failed_clean", "expired"),
    ("failed_clean", "cancelled"),
    ("unknown", "reconciling"),
    ("unknown", "dispatched"),
    ("unknown", "settled_done"),
    ("unknown", "settled_not_done"),
    ("reconciling", "succeeded"),
    ("reconciling", "failed_clean"),
    ("reconciling", "unknown"),
]
TOOLCALL_BIRTHS = ["proposed", "refused"]
TOOLCALL_ENDS = [
    "cancelled",
    "denied",
    "expired",
    "failed",
    "refused",
    "rejected",
    "returned",
    "settled_done",
    "settled_not_done",
    "stale",
    "succeeded",
    "superseded",
]
PROPOSAL_PAIRS = [
    ("pending", "approved"),
    ("pending", "rejected"),
    ("pending", "returned"),
    ("pending", "expired"),
    ("pending", "superseded"),
    ("pending", "cancelled"),
]
PROPOSAL_BIRTHS = ["pending"]
PROPOSAL_ENDS = ["approved", "cancelled", "expired", "rejected", "returned", "superseded"]
HUMANTASK_PAIRS = [
    ("open", "answered"),
    ("open", "expired"),
    ("open", "cancelled"),
]
HUMANTASK_BIRTHS = ["open"]
HUMANTASK_ENDS = ["answered", "cancelled", "expired"]
HALT_PAIRS = [
    ("on", "lifted"),
]
HALT_BIRTHS = ["on"]
HALT_ENDS = ["lifted"]


class Migration(migrations.Migration):
    """Guards of every state machine and of everything that is written once."""

    dependencies = [("orchestra", "0002_record_is_chained")]

    operations = [
        migrations.RunSQL(FUNCTIONS, FUNCTIONS_REVERSE),
        *machine("orchestra_run", "run", RUN_BIRTHS, RUN_PAIRS),
        *machine("orchestra_step", "step", STEP_BIRTHS, STEP_PAIRS),
        *machine("orchestra_toolcall", "toolcall", TOOLCALL_BIRTHS, TOOLCALL_PAIRS),
        *machine("orchestra_proposal", "proposal", PROPOSAL_BIRTHS, PROPOSAL_PAIRS),
        *machine("orchestra_humantask", "humantask", HUMANTASK_BIRTHS, HUMANTASK_PAIRS),
        *machine("orchestra_halt", "halt", HALT_BIRTHS, HALT_PAIRS),
        terminal("orchestra_run", "run", RUN_ENDS),
        terminal("orchestra_step", "step", STEP_ENDS),
        terminal("orchestra_toolcall", "toolcall", TOOLCALL_ENDS),
        terminal("orchestra_proposal", "proposal", PROPOSAL_ENDS),
        terminal("orchestra_humantask", "humantask", HUMANTASK_ENDS),
        terminal("orchestra_halt", "halt", HALT_ENDS),
        migrations.RunSQL(AUTHORISED, "DROP FUNCTION orchestra_require_authorisation();"),
        trigger(
            "toolcall_authorised",
            "orchestra_toolcall",
            "BEFORE UPDATE WHEN (OLD.state IS DISTINCT FROM NEW.state AND NEW.state IN ('approved', 'dispatched'))",
            "orchestra_require_authorisation()",
        ),
        migrations.RunSQL(QUORUM, "DROP FUNCTION orchestra_require_votes();"),
        trigger(
            "proposal_quorum",
            "orchestra_proposal",
            "BEFORE UPDATE WHEN (OLD.state IS DISTINCT FROM NEW.state AND NEW.state = 'approved')",
            "orchestra_require_votes()",
        ),
        trigger(
            "toolcall_key_once",
            "orchestra_toolcall",
            "BEFORE UPDATE WHEN (OLD.key <> '' AND NEW.key IS DISTINCT FROM OLD.key)",
            "orchestra_refuse('is written once')",
        ),
        trigger(
            "dispatch_over",
            "orchestra_dispatch",
            "BEFORE UPDATE WHEN (OLD.finished_at IS NOT NULL)",
            "orchestra_refuse('is at its end')",
        ),
        migrations.RunSQL(ASKED, "DROP FUNCTION orchestra_require_question();"),
        trigger(
            "run_escalated_asks",
            "orchestra_run",
            "AFTER UPDATE WHEN (NEW.state = 'escalated')",
            "orchestra_require_question()",
            constraint=True,
        ),
        trigger(
            "humantask_closed_asks",
            "orchestra_humantask",
            "AFTER UPDATE WHEN (OLD.state = 'open' AND NEW.state <> 'open')",
            "orchestra_require_question()",
            constraint=True,
        ),
        *never_changed("orchestra_turn"),
        *never_changed("orchestra_ruling"),
        migrations.RunSQL(WITHDRAWN, "DROP FUNCTION orchestra_guard_withdrawal();"),
        trigger("approval_withdrawn", "orchestra_approval", "BEFORE UPDATE", "orchestra_guard_withdrawal()"),
        *never_deleted("orchestra_approval"),
        *never_changed("orchestra_edit"),
        *never_changed("orchestra_epoch"),
        *never_changed("orchestra_workflowversion"),
        *never_changed("orchestra_policyversion"),
        *never_changed("orchestra_agentversion"),
        *never_changed("orchestra_toolversion"),
        *never_deleted("orchestra_task"),
        *never_deleted("orchestra_run"),
        *never_deleted("orchestra_step"),
        *never_deleted("orchestra_toolcall"),
        *never_deleted("orchestra_dispatch"),
        *never_deleted("orchestra_proposal"),
        *never_deleted("orchestra_humantask"),
        *never_deleted("orchestra_halt"),
        written_once(
            "orchestra_task",
            [
                "uid",
                "payload",
                "payload_digest",
                "requester_id",
                "service_id",
                "deployment_id",
                "subject",
                "labels",
            ],
        ),
        written_once(
            "orchestra_run",
            [
                "uid",
                "input",
                "task_id",
                "version_id",
                "deployment_id",
                "parent_step_id",
                "parent_run_id",
                "forked_from_id",
                "forked_at",
            ],
        ),
        written_once("orchestra_step", ["run_id", "path", "item", "kind", "output"]),
        written_once(
            "orchestra_toolcall",
            [
                "uid",
                "run_id",
                "step_id",
                "turn_id",
                "ordinal",
                "revision",
                "parent_id",
                "edited_by_id",
                "tool_version_id",
                "binding_id",
                "effect",
                "delivery",
                "tool_name",
                "raw",
                "arguments",
                "target",
                "credential",
                "method",
                "path",
                "headers",
                "body",
                "digest",
                "agent_reason",
                "result",
            ],
        ),
        written_once(
            "orchestra_dispatch",
            ["uid", "toolcall_id", "n", "fence", "worker_id", "key", "digest", "send_by", "settles_at"],
        ),
        written_once(
            "orchestra_proposal",
            [
                "uid",
                "toolcall_id",
                "deployment_id",
                "ruling_id",
                "digest",
                "tier",
                "sentence",
                "requirements",
                "preview",
                "votes_needed",
                "rejects_needed",
            ],
        ),
        written_once(
            "orchestra_humantask",
            ["uid", "kind", "run_id", "step_id", "toolcall_id", "deployment_id", "title", "form"],
        ),
        written_once("orchestra_halt", ["uid", "scope", "deployment_id", "run_id", "reason", "set_by_id"]),
        written_once(
            "orchestra_policypublication", ["policy_id", "version_id", "environment_id", "since", "until"]
        ),
        migrations.RunSQL(STUCK, "DROP VIEW orchestra_run_stuck;"),
    ]
