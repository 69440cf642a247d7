"""What the app's database role may do to each table. Applied by the owner after every migration."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

#: Written by nobody but the database's own function.
READ = {"AuditEvent", "AuditHead"}
#: History: added, never changed.
ADD = {
    "Turn", "Ruling", "Edit", "Epoch", "WorkflowVersion", "PolicyVersion", "AgentVersion", "ToolVersion", "AuditSeal",
}  # fmt: skip
#: History of which one column is written later, once.
ADD_AND_SET = {"Approval": "withdrawn_at"}
#: Working rows that may go.
DELETE = {
    "Draft", "IdempotencyKey", "Grant", "DeploymentGroupPermission", "DeploymentUserPermission", "Claim", "Presence",
    "RateWindow", "RoutingRule", "WebhookDelivery", "Notice", "OutboxMessage",
    "User_groups", "User_user_permissions",
}  # fmt: skip
OWN_APPS = {"orchestra", "reviews"}


def apply(connection: BaseDatabaseWrapper, role: str) -> None:
    """Give `role` exactly its rights on every table. Does nothing when the role is the owner itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, to_regrole(%s)::text", [role])
        owner, known = cursor.fetchone()
        if owner == role or known is None:
            return
        name = connection.ops.quote_name(role)
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {name}")
        for table, rights in _rights():
            _grant(cursor, connection.ops.quote_name(table), rights, name)
        cursor.execute(f"GRANT SELECT ON django_migrations, orchestra_run_stuck TO {name}")
        append = "orchestra_audit_append(uuid, text, bigint, text, text, text, text, text, bytea)"
        cursor.execute(
            f"REVOKE ALL ON FUNCTION {append} FROM PUBLIC; GRANT EXECUTE ON FUNCTION {append} TO {name}"
        )


def _rights() -> Iterator[tuple[str, str]]:
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            yield model._meta.db_table, _right(model._meta.app_label, model._meta.object_name or "")


def _right(app: str, name: str) -> str:
    if app not in OWN_APPS or name in DELETE:
        return "SELECT, INSERT, UPDATE, DELETE"
    if name in READ:
        return "SELECT"
    if name in ADD_AND_SET:
        return f"SELECT, INSERT, UPDATE ({ADD_AND_SET[name]})"
    return "SELECT, INSERT" if name in ADD else "SELECT, INSERT, UPDATE"


def _grant(cursor: CursorWrapper, table: str, rights: str, role: str) -> None:
    cursor.execute(f"REVOKE ALL ON {table} FROM {role}; GRANT {rights} ON {table} TO {role}")
