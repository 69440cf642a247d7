"""Databases of tests: one migrated template for the session, one clone of it for each test.

Refuses Django's flush: the app role of the tests may not truncate, as in production.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import psycopg
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from orchestra.local.postgres import ADMIN, APP, OWNER, Postgres

TEMPLATE = "orchestra_template"
ROLES = {"app": APP, "owner": OWNER, "admin": ADMIN}
VARIABLES = {"DATABASE_URL": APP, "DATABASE_DIRECT_URL": APP, "DATABASE_OWNER_URL": OWNER}

Role = Literal["app", "owner", "admin"]


@dataclass(frozen=True, slots=True)
class Database:
    """A database of one test. Django, the process environment and `connect` all mean this one."""

    name: str
    postgres: Postgres
    opened: list[psycopg.Connection] = field(default_factory=list)

    def url(self, role: Role = "app") -> str:
        """Its address for a role."""
        return self.postgres.url(ROLES[role], self.name)

    def connect(self, role: Role = "app", *, autocommit: bool = True) -> psycopg.Connection:
        """A raw session of a role, closed after the test if it is still open."""
        connection = psycopg.connect(self.url(role), autocommit=autocommit, connect_timeout=5)
        self.opened.append(connection)
        return connection

    def environment(self) -> dict[str, str]:
        """The variables that name it."""
        return {name: self.postgres.url(role, self.name) for name, role in VARIABLES.items()}


@contextmanager
def in_use(database: Database) -> Iterator[Database]:
    """Django and the environment mean this database, until the end."""
    before = {name: os.environ[name] for name in VARIABLES}
    point_django_at(database.name)
    os.environ.update(database.environment())
    try:
        yield database
    finally:
        for connection in database.opened:
            connection.close()
        os.environ.update(before)
        # A database that nobody made: a test that needs one but asks for none is told so.
        point_django_at("ask_for_the_database_fixture")


def point_django_at(name: str) -> None:
    """Close this thread's connections and the pool; new ones of any thread go to the named database."""
    for connection in connections.all():
        assert isinstance(connection, DatabaseWrapper)
        connection.close()
        connection.close_pool()
        connection.settings_dict["NAME"] = name  # the dictionary of settings.DATABASES itself
