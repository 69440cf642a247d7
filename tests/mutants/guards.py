"""The sabotages, each the smallest change that takes one guard away."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Change, Mutant, mutant

EXECUTE: Final = "orchestra/engine/execute.py"
RECONCILE: Final = "orchestra/engine/reconcile.py"
RESOLVE: Final = "orchestra/engine/resolve.py"
GUARDS: Final = "orchestra/migrations/0003_moves_are_guarded.py"
GATE: Final = "tests/gate"
DIES: Final = "tests/gate_crash"

AT_THE_GATE: Final = (
    mutant(
        "the digest is not taken again",
        "I1",
        EXECUTE,
        'return None if found == bytes(it.call.digest or b"") else _tampered(it)',
        "return None",
        f"{GATE}/test_tampering.py",
    ),
    mutant(
        "the request is not held against the arguments",
        "I14",
        EXECUTE,
        "    if request == kept:\n",
        "    if True:\n",
        f"{GATE}/test_tampering.py",
    ),
    mutant(
        "the life of the database is not asked for",
        "I21",
        EXECUTE,
        'restored = not it.call.key.startswith(f"{it.case.around.epoch}-")',
        "restored = False",
        f"{GATE}/test_sendings.py::test_what_was_decided_before_the_database_was_restored_is_asked_about_again",
    ),
    mutant(
        "another version of the tool passes",
        "I7",
        EXECUTE,
        "    if it.equipped.version_id != it.call.tool_version_id:\n",
        "    if False:\n",
        f"{GATE}/test_grants_and_tools.py::test_tool_that_was_published_anew_is_asked_about_again",
    ),
    mutant(
        "a grant that was taken away passes",
        "I1",
        EXECUTE,
        "    if it.call.tool_name not in it.case.allowed:\n",
        "    if False:\n",
        f"{GATE}/test_grants_and_tools.py::test_what_is_taken_away_between_vote_and_gate_stops_the_call",
    ),
    mutant(
        "votes are not counted again at the gate",
        "I6",
        EXECUTE,
        "    if not resolve.satisfied(proposal, resolve.standing(proposal)):\n",
        "    if False:\n",
        f"{GATE}/test_rights_at_the_gate.py::test_right_that_is_lost_between_vote_and_gate_makes_the_vote_void",
    ),
    mutant(
        "what it was judged on is not read again",
        "I7",
        EXECUTE,
        "    if propose.witness(it.seen.witnessed) == propose.witness(it.call.witness):\n",
        "    if True:\n",
        f"{GATE}/test_decisions_at_the_gate.py::test_call_whose_order_changed_since_it_was_shown_is_asked_about_again",
    ),
    mutant(
        "policies are not asked again at the gate",
        "I16",
        EXECUTE,
        "judgement = judge.strictest(propose.before(call), propose.ruled(case, call, action))",
        "judgement = propose.before(call)",
        f"{GATE}/test_rules_at_the_gate.py::test_rule_that_denies_now_stops_what_was_approved",
    ),
    mutant(
        "the gate does not look at halts",
        "I11",
        "orchestra/engine/progress.py",
        "if seen is not None and case.around.is_open and execute.gate(",
        "if seen is not None and execute.gate(",
        f"{GATE}/test_halt_against_dispatch.py",
    ),
    mutant(
        "a halt does not wait for what passes the gate",
        "I11",
        "orchestra/engine/halt.py",
        'cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", LATCH)',
        'cursor.execute("SELECT %s, %s", LATCH)',
        f"{GATE}/test_halt_against_dispatch.py::test_setting_a_halt_waits_for_what_passes_the_gate_at_this_moment",
    ),
    mutant(
        "a budget is not asked",
        "I10",
        "orchestra/engine/budgets.py",
        "        if budget.used + budget.reserved >= budget.limit:\n",
        "        if False:\n",
        f"{GATE}/test_budgets.py",
    ),
)

SENDING: Final = (
    mutant(
        "a late sender sends",
        "I2",
        "orchestra/engine/errands.py",
        "        send_by=send_by,\n",
        "        send_by=None,\n",
        f"{GATE}/test_sendings.py::test_nothing_leaves_after_its_last_moment_and_it_is_tried_again",
    ),
    mutant(
        "a reply is written under another fence",
        "I9",
        EXECUTE,
        ' or call.state != "dispatched" or dispatch.fence != case.flight.run.fence:',
        ' or call.state != "dispatched":',
        f"{DIES}/test_paused_senders.py::test_reply_is_written_only_under_the_fence_of_its_sending",
    ),
    mutant(
        "a call without a key is repeated",
        "I2",
        RECONCILE,
        "    if declaration is None or call.delivery != Delivery.KEY or declaration.key_life is None:\n",
        "    if declaration is None or declaration.key_life is None:\n",
        f"{DIES}/test_calls_in_doubt.py",
    ),
    mutant(
        "a key is trusted beyond its life",
        "I2",
        RECONCILE,
        "timedelta(seconds=declaration.key_life - MARGIN)",
        "timedelta(seconds=declaration.key_life + 1e8)",
        f"{DIES}/test_calls_in_doubt.py",
    ),
    mutant(
        "a later sending that did nothing proves that the first did nothing",
        "I2",
        EXECUTE,
        "    if _leaves_doubt(call, outcome, reply):\n",
        "    if False:\n",
        f"{DIES}/test_killed_senders.py::test_second_sending_that_comes_too_late_proves_nothing_about_the_first",
        f"{DIES}/test_calls_in_doubt.py::test_call_stays_in_doubt_when_its_repeat_is_turned_away_at_the_door",
    ),
    mutant(
        "silence is concluded from at once",
        "I2",
        RECONCILE,
        "    if dispatch.settles_at > case.flight.clock():\n        return dispatch.settles_at\n",
        "",
        f"{DIES}/test_paused_senders.py",
        f"{DIES}/test_calls_in_doubt.py",
    ),
)

DECIDING: Final = (
    mutant(
        "the requester may decide",
        "I5",
        "orchestra/people/duties.py",
        "        (person == parties.requester,",
        "        (False,",
        "tests/decisions/test_votes.py::test_requester_cannot_decide_even_as_superuser_or_through_a_second_account",
    ),
    mutant(
        "a vote counts for other bytes",
        "I14",
        RESOLVE,
        "    if bytes(proposal.digest) != ballot.digest:\n",
        "    if False:\n",
        "tests/decisions/test_votes.py::test_vote_on_other_bytes_is_refused",
    ),
    Mutant(
        "votes are counted without a lock",
        "I6",
        (
            Change(
                "orchestra/engine/cancel.py",
                'Run.objects.select_for_update(of=("self",), no_key=True).filter(uid=uid)',
                "Run.objects.filter(uid=uid)",
            ),
            Change(
                RESOLVE,
                'call = ToolCall.objects.select_for_update(of=("self",)).get(pk=ids[1])',
                "call = ToolCall.objects.get(pk=ids[1])",
            ),
            Change(
                RESOLVE,
                'Proposal.objects.select_for_update(of=("self",)).select_related("deployment", "ruling").get(uid=uid)',
                'Proposal.objects.select_related("deployment", "ruling").get(uid=uid)',
            ),
        ),
        ("tests/decisions/test_vote_races.py",),
    ),
    mutant(
        "a fresh sign-in for one proposal serves another",
        "I5",
        "reviews/views/step_up.py",
        ' or challenge.get("digest") != digest:',
        ":",
        "tests/pages/test_step_up.py",
    ),
    mutant(
        "the database counts too few votes",
        "I6",
        GUARDS,
        "IF given < NEW.votes_needed THEN",
        "IF given < 0 THEN",
        "tests/database/test_guards.py",
    ),
    mutant(
        "the database lets a call pass on a rejected proposal",
        "I1",
        GUARDS,
        "AND p.digest = NEW.digest AND p.state = 'approved'",
        "AND p.digest = NEW.digest",
        "tests/database",
    ),
    mutant(
        "the database lets a proposed call be sent",
        "I1",
        GUARDS,
        '    ("proposed", "approved"),\n',
        '    ("proposed", "approved"),\n    ("proposed", "dispatched"),\n',
        "tests/database",
    ),
)

RUNNING: Final = (
    mutant(
        "a worker without its fence writes",
        "I9",
        "orchestra/engine/checkpoint.py",
        'if row is None or row[0] != flight.run.fence or row[1] != "running":',
        'if row is None or row[1] != "running":',
        "tests/crash/test_paused_worker.py",
    ),
    mutant(
        "two workers claim without a lock",
        "I9",
        "orchestra/engine/claim.py",
        '    rows = rows.select_for_update(of=("self",), no_key=True, skip_locked=True).annotate(seen_at=Now())\n',
        "    rows = rows.annotate(seen_at=Now())\n",
        "tests/races/test_claims.py",
    ),
    mutant(
        "a silent worker is taken for dead",
        "I9",
        "orchestra/engine/recover.py",
        "WHERE pg_try_advisory_xact_lock(%(lock)s, id::int)",
        "WHERE %(lock)s > 0",
        "tests/crash/test_paused_worker.py",
        "tests/crash/test_connection_lost.py",
    ),
    mutant(
        "a run that kills its workers is not counted",
        "I12",
        "orchestra/engine/recover.py",
        "takeovers=run.takeovers + 1,",
        "takeovers=0,",
        "tests/crash/test_killed_worker.py::test_step_that_kills_its_worker_each_time_is_put_before_a_person_and_others_go_on",
    ),
    mutant(
        "hints are rung before the commit",
        "I3",
        "orchestra/engine/dispatch.py",
        "    if connection.in_atomic_block:\n",
        "    if False:\n",
        "tests/races/test_wakes.py",
    ),
    mutant(
        "a key serves another body",
        "I13",
        "orchestra/intake/keys.py",
        "        if bytes(row.body_digest) != digest:\n",
        "        if False:\n",
        "tests/api/test_submitting.py",
    ),
    mutant(
        "no address is nobody's business",
        "I19",
        "orchestra/edge/addresses.py",
        "    if isinstance(address, IPv4Address):\n        return next(",
        "    if isinstance(address, IPv4Address):\n        return None and next(",
        "tests/edge/test_edge_egress.py",
    ),
    mutant(
        "an event may be left out",
        "I4",
        GUARDS,
        "  IF NOT FOUND THEN\n    RAISE EXCEPTION '%: row % became % without an audit event'",
        "  IF false THEN\n    RAISE EXCEPTION '%: row % became % without an audit event'",
        "tests/database/test_guards.py",
    ),
)

ALL: Final = (*AT_THE_GATE, *SENDING, *DECIDING, *RUNNING)
