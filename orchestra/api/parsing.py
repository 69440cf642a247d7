"""Reads bodies and parameters strictly: whatever two readers could see differently is refused with its place."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.errors import HttpError, ValidationError
from ninja.parser import Parser

from orchestra import canonical
from orchestra.canonical import Limits
from orchestra.errors import Invalid, OrchestraError, Problem

#: A body: the largest arguments, and a little around them.
BODY: Final = Limits(size=canonical.ARGUMENTS.size + 16 * 1024, nodes=canonical.ARGUMENTS.nodes + 200)


class StrictParser(Parser):
    """JSON as `canonical` reads it; parameters once each, and without what cannot be stored."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body. Raises Invalid, which the API keeps as the cause of its own error."""
        return canonical.parse(request.body, limits=BODY)

    def parse_querydict(
        self, data: MultiValueDict[str, str], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        """The parameters. Raises Invalid."""
        for name, values in data.lists():
            if len(values) > 1 and name not in list_fields:
                raise Invalid.at(canonical.pointer([name]), "is given more than once")
            if any("\0" in value for value in (name, *values)):
                raise Invalid.at(canonical.pointer([name]), "holds a NUL character")
        return super().parse_querydict(data, list_fields, request)


def unreadable(error: HttpError) -> OrchestraError:
    """What stands behind the framework's own refusal of a body."""
    cause = error.__cause__
    return cause if isinstance(cause, OrchestraError) else Invalid("The body cannot be read.")


def misfit(error: ValidationError) -> Invalid:
    """What does not fit the shape of an operation, place by place."""
    return Invalid.of(_problem(each) for each in error.errors)


def _problem(each: dict[str, Any]) -> Problem:
    """The framework puts the source and the name of its own parameter first; the caller knows neither."""
    source, *place = each["loc"]
    if source == "body":
        place = place[1:]
    said = str(each["msg"])
    if each["type"] == "extra_forbidden":
        said = "There is no such field."
    elif each["type"] == "missing":
        said = "This is needed." if place else "A JSON object is needed."
    return Problem(canonical.pointer(place), said.removeprefix("Value error, "))
