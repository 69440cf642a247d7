"""SQL of the guards that repeat the rules inside the database. Each returns (sql, reverse_sql) pairs.

Frozen with the migrations that use it: add functions, never change one that a released migration called.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.migrations.operations.special import RunSQL


def trigger(name: str, table: str, when: str, body: str, *, constraint: bool = False) -> RunSQL:
    """A trigger that fires also in replica mode, so that no session setting switches it off."""
    kind = "CONSTRAINT TRIGGER" if constraint else "TRIGGER"
    deferred = " DEFERRABLE INITIALLY DEFERRED" if constraint else ""
    event, _, condition = when.partition(" WHEN ")
    level = "STATEMENT" if "TRUNCATE" in event else "ROW"
    where = f" WHEN {condition}" if condition else ""
    return RunSQL(
        f"CREATE {kind} {name} {event} ON {table}{deferred} FOR EACH {level}{where} EXECUTE FUNCTION {body};"
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};",
        f"DROP TRIGGER {name} ON {table};",
    )


def machine(table: str, kind: str, births: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[RunSQL]:
    """Only legal births and moves, each with its audit event in the same transaction."""
    legal = ", ".join(f"'{source}>{target}'" for source, target in pairs)
    born = ", ".join(f"'{state}'" for state in births)
    moved = "(OLD.state IS DISTINCT FROM NEW.state)"
    return [
        trigger(f"{kind}_birth", table, "BEFORE INSERT", f"orchestra_guard_birth({born})"),
        trigger(f"{kind}_move", table, f"BEFORE UPDATE WHEN {moved}", f"orchestra_guard_move({legal})"),
        trigger(
            f"{kind}_born_audited",
            table,
            "AFTER INSERT",
            f"orchestra_require_event('{kind}')",
            constraint=True,
        ),
        trigger(
            f"{kind}_move_audited",
            table,
            f"AFTER UPDATE WHEN {moved}",
            f"orchestra_require_event('{kind}')",
            constraint=True,
        ),
    ]


def terminal(table: str, kind: str, states: Iterable[str]) -> RunSQL:
    """A row in a terminal state never changes again, in any column."""
    listed = ", ".join(f"'{state}'" for state in states)
    return trigger(
        f"{kind}_terminal",
        table,
        f"BEFORE UPDATE WHEN (OLD.state IN ({listed}))",
        "orchestra_refuse('is at its end')",
    )


def written_once(table: str, columns: Iterable[str]) -> RunSQL:
    """Columns that never change once they hold a value."""
    changed = " OR ".join(f"(OLD.{c} IS NOT NULL AND NEW.{c} IS DISTINCT FROM OLD.{c})" for c in columns)
    name = table.removeprefix("orchestra_")
    return trigger(
        f"{name}_once", table, f"BEFORE UPDATE WHEN ({changed})", "orchestra_refuse('is written once')"
    )


def never_changed(table: str) -> list[RunSQL]:
    """Rows that are only ever added."""
    name = table.removeprefix("orchestra_")
    return [
        trigger(f"{name}_kept", table, "BEFORE UPDATE OR DELETE", "orchestra_refuse('is never changed')"),
        never_emptied(table),
    ]


def never_deleted(table: str) -> list[RunSQL]:
    """Rows that may change but never vanish."""
    name = table.removeprefix("orchestra_")
    return [
        trigger(f"{name}_stays", table, "BEFORE DELETE", "orchestra_refuse('is never deleted')"),
        never_emptied(table),
    ]


def never_emptied(table: str) -> RunSQL:
    """No TRUNCATE, which row triggers would not see."""
    name = table.removeprefix("orchestra_")
    return trigger(f"{name}_full", table, "BEFORE TRUNCATE", "orchestra_refuse('is never emptied')")
