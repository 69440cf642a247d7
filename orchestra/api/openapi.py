"""The description of the API (OpenAPI 3.1), put right where the framework's own says less than is so.

Errors have their own media type; each operation names the scope that its token needs.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from ninja.openapi.schema import REF_TEMPLATE, OpenAPISchema
from ninja.operation import Operation

from orchestra.api import problems
from orchestra.api.callers import Token
from orchestra.api.problems import ProblemBody
from orchestra.people.scopes import SCOPES

SCHEME: Final = "Token"
PROBLEM: Final = REF_TEMPLATE.format(model=ProblemBody.__name__)
#: Headers that come with an answer of this status.
HEADERS: Final[dict[int, dict[str, str]]] = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "Seconds to wait."},
}
ABOUT: Final = {
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "x-scopes": dict(SCOPES),
}


class Description(OpenAPISchema):
    """The description, made from the operations."""

    def operation_details(self, operation: Operation) -> dict[str, Any]:
        """With a heading in plain words."""
        found: dict[str, Any] = super().operation_details(operation)
        return {**found, "summary": operation.view_func.__name__.replace("_", " ").capitalize()}

    def responses(self, operation: Operation) -> dict[int, Any]:
        """The documented answers in the order of their status; problems are told once for all operations."""
        found: dict[int, Any] = super().responses(operation)
        told = {status: _told(status, found[status]) for status in sorted(found)}
        if operation.view_func.__name__ == "submit_task":
            told[201]["headers"] = _headers(
                {"Location": "The address of the task.", "Idempotency-Replayed": "true for a repeat."}
            )
        return told

    def operation_security(self, operation: Operation) -> list[dict[str, Any]]:
        """The token, with its scope."""
        self.securitySchemes[SCHEME] = {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "orc_…",
            "description": Token.openapi_description,
        }
        scopes = [each.scope for each in operation.auth_callbacks if isinstance(each, Token) and each.scope]
        return [{SCHEME: scopes}]

    def get_components(self) -> dict[str, Any]:
        """What operations share, with the problems."""
        found: dict[str, Any] = super().get_components()
        return {**found, "responses": {str(status): _problem(status) for status in problems.BY_STATUS}}


def _told(status: int, answer: dict[str, Any]) -> dict[str, Any]:
    """An answer: a problem by its name, another with what its status means."""
    for content in answer.get("content", {}).values():
        if content.get("schema", {}).get("$ref") == PROBLEM:
            return {"$ref": f"#/components/responses/{status}"}
    return {**answer, "description": HTTPStatus(status).phrase}


def _problem(status: int) -> dict[str, Any]:
    codes = [code for code, (known, _, _) in problems.CODES.items() if known == status]
    told: dict[str, Any] = {
        "description": f"{problems.CODES[problems.BY_STATUS[status]][1]} ({', '.join(codes)})",
        "content": {problems.MEDIA: {"schema": {"$ref": PROBLEM}}},
    }
    return {**told, "headers": _headers(HEADERS[status])} if status in HEADERS else told


def _headers(named: dict[str, str]) -> dict[str, Any]:
    return {
        name: {"description": text, "required": False, "schema": {"type": "string"}}
        for name, text in named.items()
    }
