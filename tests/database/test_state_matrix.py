"""Every pair of states of every machine, by raw SQL as the app role: the database knows the same table as `states`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, transaction

from orchestra import states
from orchestra.models import Halt
from tests import factories
from tests.database.session import Session
from tests.databases import Database

MAKE: Mapping[str, Callable[..., Any]] = {
    "run": factories.run,
    "step": factories.step,
    "toolcall": factories.toolcall,
    "proposal": factories.proposal,
    "humantask": factories.humantask,
    "halt": lambda **columns: factories.halt(run=factories.run(), **columns),
}
REFUSALS = ["is not a legal move", "is at its end"]
SOURCES = [(name, state) for name, machine in states.MACHINES.items() for state in machine.states]


@pytest.mark.parametrize(("name", "source"), SOURCES)
def test_only_listed_moves_pass(shared: Database, name: str, source: str) -> None:
    machine = states.MACHINES[name]
    row = MAKE[name](state=source)
    wanted = {target: factories.needed(row, target) for target in machine.states if target != source}
    with shared.connect(autocommit=False) as connection:
        for target, columns in wanted.items():
            refusal = attempt(Session(connection), row, target, columns)
            assert refusal in ([""] if machine.allows(source, target) else REFUSALS), f"{source} to {target}"


@pytest.mark.parametrize("name", states.MACHINES)
def test_the_triggers_list_what_the_tables_list(shared: Database, name: str) -> None:
    machine = states.MACHINES[name]
    arguments = trigger_arguments(shared, machine.table)
    assert sorted(arguments[f"{name}_move"]) == sorted(f"{a}>{b}" for a, b in machine.pairs())
    assert sorted(arguments[f"{name}_birth"]) == sorted(machine.births)
    with shared.connect() as connection:
        definition = connection.execute(
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = %s", [f"{name}_terminal"]
        ).fetchone()
    assert definition
    condition = re.search(r"WHEN \((.*)\) EXECUTE", definition[0])
    assert condition
    assert set(re.findall(r"'(\w+)'::", condition[1])) == machine.terminal


@pytest.mark.parametrize(
    ("name", "state"),
    [(name, state) for name, state in SOURCES if state not in states.MACHINES[name].births],
)
def test_no_row_is_born_elsewhere(shared: Database, name: str, state: str) -> None:
    row = MAKE[name]()
    columns = factories.needed(row, state)
    stillborn = type(row)(**{field.attname: getattr(row, field.attname) for field in row._meta.fields})
    stillborn.pk, stillborn.state = None, state
    for column, value in columns.items():
        setattr(stillborn, column, value)
    with pytest.raises(IntegrityError, match=f"no row is born {state}"), transaction.atomic():
        stillborn.save(force_insert=True)


def test_the_machines_are_all_in_the_matrix() -> None:
    assert MAKE.keys() == states.MACHINES.keys()
    assert Halt(scope="global").subject == "global halt"


def attempt(session: Session, row: Any, target: str, columns: Mapping[str, Any]) -> str:
    """Move the row with its event, then undo it. What the guards of states said, or nothing."""
    try:
        session.move(row, target, columns)
        session.settle()
    except psycopg.errors.IntegrityConstraintViolation as refusal:
        said = re.search("is not a legal move|is at its end", str(refusal))
        return said[0] if said else f"refused for another reason: {refusal}"
    finally:
        session.connection.rollback()
    return ""


def trigger_arguments(database: Database, table: str) -> dict[str, list[str]]:
    """The arguments of each trigger of a table."""
    with database.connect() as connection:
        found = connection.execute(
            "SELECT tgname, tgargs FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table]
        ).fetchall()
    return {name: [part.decode() for part in given.split(b"\0")[:-1]] for name, given in found}
