"""The page that documents the API, drawn on the server from its own description, and the addresses of error types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from orchestra.api import problems
from orchestra.api.application import api
from orchestra.errors import NotFound
from orchestra.people.scopes import SCOPES

ADDRESS: Final = "https://orchestra.example"
#: In the order of the page.
METHODS: Final = ("get", "post", "delete")


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body."""

    name: str
    kind: str
    needed: bool
    text: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """One operation, as the page shows it."""

    name: str
    method: str
    path: str
    summary: str
    text: list[list[tuple[str, bool]]]
    scope: str
    parameters: list[Field]
    body: list[Field]
    answer: str
    statuses: list[tuple[int, str]]
    curl: str


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Every operation with its parameters, bodies, errors and a call to copy."""
    shown = {
        "groups": _groups(),
        "shapes": list(_shapes()),
        "scopes": SCOPES.items(),
        "codes": [(code, *told) for code, told in problems.CODES.items()],
    }
    return render(request, "api/docs.html", shown)


@require_safe
def description(_request: HttpRequest) -> HttpResponse:
    """The description itself, for programs."""
    return HttpResponse(text(), content_type="application/json")


@require_safe
def problem(_request: HttpRequest, code: str) -> HttpResponse:
    """The type of a problem leads to its words."""
    if code not in problems.CODES:
        raise NotFound(f"There is no problem {code[:40]!r}.")
    return redirect(f"{reverse('api-docs')}#problem-{code}")


def text() -> str:
    """The description as it is served, and kept in docs/."""
    return json.dumps(_document(), indent=2, ensure_ascii=False) + "\n"


@cache
def _document() -> Mapping[str, Any]:
    """Operations do not change while we run. Without UUIDs and other values that JSON lacks."""
    plain: Mapping[str, Any] = json.loads(
        json.dumps(api.get_openapi_schema(path_prefix="/api/v1/"), default=str)
    )
    return plain


def _groups() -> list[tuple[str, list[Drawn]]]:
    found: dict[str, list[Drawn]] = {}
    for path, methods in _document()["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = methods[method]
                found.setdefault(operation["tags"][0], []).append(_drawn(path, method, operation))
    return list(found.items())


def _drawn(path: str, method: str, operation: Mapping[str, Any]) -> Drawn:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    answers = operation["responses"]
    good = next(answer for status, answer in answers.items() if status.startswith("2"))
    return Drawn(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        text=_paragraphs(operation.get("description", "")),
        scope=" ".join(operation["security"][0]["Token"]),
        parameters=[_parameter(each) for each in operation["parameters"]],
        body=list(_fields(_resolved(body))),
        answer=_kind(good["content"]["application/json"]["schema"]),
        statuses=[(int(status), _words(answer)) for status, answer in answers.items()],
        curl=_curl(path, method, _resolved(body)),
    )


def _paragraphs(text: str) -> list[list[tuple[str, bool]]]:
    """Paragraphs in pieces; every second piece stands between backticks: code."""
    return [
        [(piece, number % 2 == 1) for number, piece in enumerate(paragraph.split("`"))]
        for paragraph in text.split("\n\n")
    ]


def _words(answer: Mapping[str, Any]) -> str:
    name = answer.get("$ref", "").rpartition("/")[2]
    told = _document()["components"]["responses"][name] if name else answer
    return str(told["description"])


def _parameter(each: Mapping[str, Any]) -> Field:
    kind = f"{_kind(each['schema'])} in the {each['in']}"
    return Field(each["name"], kind, each["required"], each.get("description", ""))


def _shapes() -> Iterator[tuple[str, str, list[Field]]]:
    for name, shape in sorted(_document()["components"]["schemas"].items()):
        yield name, shape.get("description", ""), list(_fields(shape))


def _fields(shape: Mapping[str, Any]) -> Iterator[Field]:
    needed = set(shape.get("required", ()))
    for name, schema in shape.get("properties", {}).items():
        yield Field(name, _kind(schema), name in needed, schema.get("description", ""))


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = _document()["components"]["schemas"][name] if name else schema
    return found


def _kind(schema: Mapping[str, Any]) -> str:
    """A type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    kind = str(schema.get("type", "any JSON"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("format", kind))


def _curl(path: str, method: str, body: Mapping[str, Any]) -> str:
    """A call to copy."""
    lines = [f"curl -sS {ADDRESS}{path}", '-H "Authorization: Bearer $ORCHESTRA_TOKEN"']
    if method != "get":
        lines.insert(1, f"-X {method.upper()}")
    if body:
        example = {name: _example(body["properties"][name]) for name in _shown(body)}
        lines += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(example, ensure_ascii=False)}'"]
    return " \\\n  ".join(lines)


def _shown(body: Mapping[str, Any]) -> list[str]:
    """What an example gives: what is needed, and what has an example."""
    needed = body.get("required", ())
    return [name for name, schema in body["properties"].items() if name in needed or "examples" in schema]


def _example(schema: Mapping[str, Any]) -> object:
    if "examples" in schema:
        return schema["examples"][0]
    return {"integer": schema.get("minimum", 1), "array": [], "object": {}}.get(schema.get("type", ""), "…")
