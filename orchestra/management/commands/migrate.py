"""Django's migrate, run as the owner of the tables, followed by the rights of the app's role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections

from orchestra import grants


class Command(migrate.Command):
    """Migrates through DATABASE_OWNER_URL and grants the app role what it needs, nothing more."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then grant, unless only a plan or a check was asked for."""
        with _default_is_the_owner():
            super().handle(*args, **options)
            if not (options["plan"] or options["check_unapplied"] or options["app_label"]):
                grants.apply(connections["owner"], str(settings.DATABASE_APP_ROLE))


@contextmanager
def _default_is_the_owner() -> Iterator[None]:
    """Some migrations of other packages write through `default`, whatever database was named."""
    app = connections["default"]
    connections["default"] = connections["owner"]
    try:
        yield
    finally:
        connections["default"] = app
