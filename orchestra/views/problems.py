"""Tells what went wrong, in the same words for every page: our own errors, Django's 400, 403, 404, 500, and CSRF.

Refuses to show what was not meant to be shown: of a bug, people see its request id alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import requests
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from orchestra import logs
from orchestra.errors import Invalid, LimitHit, OrchestraError, Problem

TITLES: Final[Mapping[int, str]] = {
    400: "This request cannot be read",
    403: "This is not yours to do",
    404: "There is nothing here",
    409: "Something has changed meanwhile",
    410: "The time for this is over",
    422: "Something is not right yet",
    423: "This is halted",
    429: "Too much at once",
    500: "Not saved. Nothing was executed.",
    503: "Something we need is away",
}
API: Final = "/api/v1/"
HIDDEN: Final = (
    "Something broke on our side. Tell an operator the request id below; they find it in the logs."
)


class Problems:
    """Middleware: an error that we raise on purpose becomes its page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """A NUL can be stored nowhere, so no filter and no place can hold one. The API says so in its own words."""
        if "%00" in request.META.get("QUERY_STRING", "") and not request.path.startswith(API):
            return bad_request(request)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The page of one of our errors, or of an identity provider's; others are Django's."""
        if isinstance(error, requests.RequestException):
            logs.event("identity.failed", level=logs.WARNING, error=error)
            return render(request, "socialaccount/authentication_error.html", status=502)
        if not isinstance(error, OrchestraError) or error.status >= 500:
            return None
        problems = error.problems if isinstance(error, Invalid) else ()
        response = page(request, error.status, error.message, problems=problems)
        if isinstance(error, LimitHit):
            response.headers["Retry-After"] = f"{error.retry_after:.0f}"
        return response


def page(
    request: HttpRequest, status: int, message: str, *, problems: Sequence[Problem] = ()
) -> HttpResponse:
    """One page about a problem."""
    title = TITLES.get(status, "This did not work")
    shown = {"status": status, "title": title, "message": message, "problems": problems}
    shown["request_id"] = logs.current().request_id
    if getattr(request, "htmx", False):
        return above(render(request, "_problem.html", shown, status=status))
    return render(request, "problem.html", shown, status=status)


def above(answer: HttpResponse) -> HttpResponse:
    """A notice above the page that asks for a part of itself: nothing that was typed there is lost."""
    answer.headers["HX-Retarget"] = "#trouble"
    answer.headers["HX-Reswap"] = "innerHTML"
    return answer


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """Django's 400."""
    return page(request, 400, "The server could not make sense of what was sent.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """Django's 403."""
    return page(request, 403, "You are signed in, but this needs a right that you do not have.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """Django's 404."""
    return page(request, 404, "It does not exist, or it is not yours to see.")


def by_administrator(request: HttpRequest) -> HttpResponse:
    """What no person does for themselves here: a lost password, another address of mail."""
    words = "An administrator does this: passwords with manage.py changepassword NAME, the rest in the administration."
    return page(request, 404, words)


def broken(request: HttpRequest) -> HttpResponse:
    """Django's 500."""
    return page(request, 500, HIDDEN)


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  the reason is for developers
    """The form did not come from one of our pages, or cookies are blocked."""
    words = "The form was not sent from one of our own pages. Reload the page, and send it again."
    return page(request, 403, words)
