"""Reads figures about the system from PostgreSQL and Redis, at the moment of asking.

Each has its own short session, apart from the pool, and a time limit. Refuses to write anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from django.conf import settings
from django.db import connections
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue

from orchestra import states
from orchestra.errors import Unavailable

CONNECT_SECONDS = 2
STATEMENT_MS = 1500
ALIVE_SECONDS = 10
CAP = 100_000

Ask = Callable[[LiteralString, dict[str, object]], list[tuple[Any, ...]]]


class Unreadable(Unavailable):
    """One reading cannot be had: too slow, or its table is missing. The others still may come."""


@contextmanager
def session() -> Iterator[Ask]:
    """A short read-only session of the app role; raises Unavailable when PostgreSQL does not let us in.

    Every question is a transaction of its own, so that the limit holds behind a transaction pooler too.
    """
    parameters = connections["default"].get_connection_params()
    parameters["connect_timeout"] = CONNECT_SECONDS
    try:
        connection = psycopg.connect(**parameters)
    except psycopg.OperationalError as error:
        raise Unavailable("PostgreSQL does not answer, or refuses the sign-in.") from error
    with connection:
        connection.read_only = True
        yield lambda sql, values: _ask(connection, sql, values)


def _ask(
    connection: psycopg.Connection[Any], sql: LiteralString, values: dict[str, object]
) -> list[tuple[Any, ...]]:
    try:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(STATEMENT_MS)])
            return cursor.execute(sql, values).fetchall()
    except psycopg.errors.QueryCanceled as error:
        raise Unreadable(f"No answer within {STATEMENT_MS} ms.") from error
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege) as error:
        raise Unreadable(
            "A table is missing, or the app role may not read it. Run manage.py migrate."
        ) from error
    except psycopg.OperationalError as error:
        raise Unavailable("PostgreSQL went away while it was asked.") from error


def by_word(ask: Ask, sql: LiteralString, **values: object) -> dict[str, float]:
    """A question whose rows are (word, figure)."""
    return {str(word): float(figure) for word, figure in ask(sql, values)}


def figure(ask: Ask, sql: LiteralString, **values: object) -> float:
    """A question whose answer is one number."""
    return float(ask(sql, values)[0][0])


def live_runs(ask: Ask) -> dict[str, float]:
    """Runs that can still move, by state; every such state is there."""
    found = by_word(
        ask,
        "SELECT state, count(*) FROM orchestra_run WHERE state = ANY(%(live)s) GROUP BY state",
        live=sorted(states.RUN.live),
    )
    return dict.fromkeys(sorted(states.RUN.live), 0.0) | found


def ended_runs(ask: Ask) -> dict[str, float]:
    """Runs that have ended, by state: apart from the live ones, because there may be millions."""
    found = by_word(
        ask,
        "SELECT state, count(*) FROM orchestra_run WHERE state = ANY(%(ended)s) GROUP BY state",
        ended=sorted(states.RUN.terminal),
    )
    return dict.fromkeys(sorted(states.RUN.terminal), 0.0) | found


def live_steps(ask: Ask) -> dict[str, float]:
    """Steps that can still move, by state, counted through their live runs and up to `CAP` rows."""
    found = by_word(
        ask,
        """
        SELECT state, count(*) FROM (
            SELECT step.state FROM orchestra_run run JOIN orchestra_step step ON step.run_id = run.id
            WHERE run.state = ANY(%(runs)s) AND step.state = ANY(%(steps)s) LIMIT %(cap)s
        ) AS live GROUP BY state
        """,
        runs=sorted(states.RUN.live),
        steps=sorted(states.STEP.live),
        cap=CAP,
    )
    return dict.fromkeys(sorted(states.STEP.live), 0.0) | found


def due_lag(ask: Ask) -> float:
    """Seconds since the oldest due run, halted ones too, became due; 0 when none waits."""
    return figure(
        ask,
        """
        SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0) FROM orchestra_run
        WHERE state IN ('queued', 'waiting') AND due_at <= now()
        """,
    )


def stuck_runs(ask: Ask) -> float:
    """Runs that nothing will ever move again: there should be none."""
    return figure(ask, "SELECT count(*) FROM orchestra_run_stuck")


def live_workers(ask: Ask) -> float:
    """Worker processes that gave a sign of life within `ALIVE_SECONDS`, by the database's clock."""
    return figure(
        ask,
        """
        SELECT count(*) FROM orchestra_workerprocess
        WHERE stopped_at IS NULL AND seen_at > now() - make_interval(secs => %(alive)s)
        """,
        alive=ALIVE_SECONDS,
    )


def claims(ask: Ask) -> dict[str, float]:
    """Claims of all workers that there ever were: begun by a hint, or found by polling."""
    [(hint, poll)] = ask(
        """
        SELECT coalesce(sum(claims_by_hint), 0), coalesce(sum(claims_by_poll), 0)
        FROM orchestra_workerprocess
        """,
        {},
    )
    return {"hint": float(hint), "poll": float(poll)}


def hint_share(ask: Ask) -> float | None:
    """Share (0 to 1) of claims begun by a hint; None while there are no claims."""
    found = claims(ask)
    total = sum(found.values())
    return found["hint"] / total if total else None


def fences_lost(ask: Ask) -> float:
    """Times a worker found that another had taken its run."""
    return figure(ask, "SELECT coalesce(sum(fences_lost), 0) FROM orchestra_workerprocess")


def hints_lost(ask: Ask) -> float:
    """Hints that could not be rung because Redis was away."""
    return figure(ask, "SELECT coalesce(sum(hints_lost), 0) FROM orchestra_workerprocess")


def halts_on(ask: Ask) -> dict[str, float]:
    """Kill switches that are on, by scope."""
    found = by_word(ask, "SELECT scope, count(*) FROM orchestra_halt WHERE state = 'on' GROUP BY scope")
    return {"global": 0.0, "deployment": 0.0, "run": 0.0} | found


def open_humantasks(ask: Ask) -> dict[str, float]:
    """Questions that wait for people, by kind."""
    found = by_word(ask, "SELECT kind, count(*) FROM orchestra_humantask WHERE state = 'open' GROUP BY kind")
    return {"form": 0.0, "escalation": 0.0, "unknown": 0.0} | found


def pending_proposals(ask: Ask) -> dict[str, float]:
    """Proposals that wait for people, by tier."""
    found = by_word(
        ask, "SELECT tier, count(*) FROM orchestra_proposal WHERE state = 'pending' GROUP BY tier"
    )
    return dict.fromkeys("1234", 0.0) | found


def due_messages(ask: Ask) -> float:
    """Messages to the outside that should have gone by now."""
    return figure(
        ask,
        """
        SELECT count(*) FROM orchestra_outboxmessage
        WHERE delivered_at IS NULL AND given_up_at IS NULL AND due_at <= now()
        """,
    )


def due_deliveries(ask: Ask) -> float:
    """Messages to webhooks that should have been tried by now."""
    return figure(
        ask,
        """
        SELECT count(*) FROM orchestra_webhookdelivery d JOIN orchestra_webhook w ON w.id = d.webhook_id
        WHERE d.delivered_at IS NULL AND d.given_up_at IS NULL AND d.due_at <= now() AND w.active
        """,
    )


def failing_deliveries(ask: Ask) -> float:
    """Messages to webhooks that have failed and will be tried again, counted up to `CAP`."""
    return figure(
        ask,
        """
        SELECT count(*) FROM (
            SELECT 1 FROM orchestra_webhookdelivery
            WHERE delivered_at IS NULL AND given_up_at IS NULL AND last_error <> '' LIMIT %(cap)s
        ) AS failing
        """,
        cap=CAP,
    )


def unsealed_events(ask: Ask) -> float:
    """Audit events since the last seal, counted up to `CAP`."""
    return figure(
        ask,
        """
        SELECT count(*) FROM orchestra_auditevent
        WHERE id > (SELECT max(id) FROM orchestra_auditevent) - %(cap)s
        AND at > coalesce((SELECT max(at) FROM orchestra_auditseal), '-infinity')
        """,
        cap=CAP,
    )


def database_size(ask: Ask) -> float:
    """Size of our database in bytes."""
    return figure(ask, "SELECT pg_database_size(current_database())")


def database_sessions(ask: Ask) -> dict[str, float]:
    """Sessions of our database but this one, by state; `hidden` are those of other roles."""
    return by_word(
        ask,
        """
        SELECT coalesce(state, 'hidden'), count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() GROUP BY 1
        """,
    )


def queue_length() -> int | None:
    """Hints that wait in Redis; None when Redis does not answer."""
    redis = Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=0.5, socket_timeout=0.5, retry=Retry(NoBackoff(), 0)
    )
    try:
        return int(Queue(settings.HINT_QUEUE, connection=redis).count)
    except RedisError:
        return None
    finally:
        redis.close()
