"""My tasks: what somebody has asked for, open or ended, and what they were told of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from orchestra.errors import Invalid
from orchestra.intake import requested
from orchestra.intake.requested import Filters
from orchestra.models import Notice, Person, Task
from orchestra.tools.sentences import visible
from orchestra.views.access import for_people
from orchestra.views.tasks import words


@require_safe
@for_people
def listing(request: HttpRequest, person: Person) -> HttpResponse:
    """One page of the person's own tasks. 404 for a tab that there is not, 422 for a place that leads nowhere."""
    given = {name: request.GET.get(name, "")[:200] for name in Filters.__slots__}
    filters = Filters(**{**given, "tab": given["tab"] or "open"})
    found = requested.page(person, filters)
    notices = requested.notices(person)
    kept = {"tab": filters.tab, **({"workflow": filters.workflow} if filters.workflow else {})}
    context = {
        "section": "tasks",
        "filters": filters,
        "tabs": requested.TABS.items(),
        "rows": [_row(task) for task in found.rows],
        "workflows": found.workflows,
        "older": urlencode({**kept, "before": found.older}) if found.older else "",
        "notices": [_notice(notice) for notice in notices],
        "upto": notices[0].pk if notices else 0,
    }
    return render(request, "tasks/list.html", context)


@require_POST
@for_people
def read(request: HttpRequest, person: Person) -> HttpResponse:
    """Mark the notices that were shown as read; those that came since stay."""
    upto = request.POST.get("upto", "")
    if not upto.isdecimal() or len(upto) > 18:
        raise Invalid.at("/upto", "The form does not say what it showed. Load the page again.")
    requested.mark(person, upto=int(upto))
    return redirect("tasks:list")


def _row(task: Any) -> dict[str, Any]:
    return {
        "task": task,
        "title": title(task),
        "reference": visible(task.reference),
        "state": task.state,
        "words": words.standing(task.state, halted=task.is_halted, asks=task.asks),
    }


def _notice(notice: Notice) -> dict[str, Any]:
    state = notice.message.topic.rpartition(".")[2]
    task = notice.message.task
    return {
        "task": task,
        "title": title(task) if task else "",
        "state": state,
        "words": words.standing(state),
    }


def title(task: Task) -> str:
    """What a task is called on a page: its subject, or else its workflow."""
    return visible(task.subject) or f"A task for {task.deployment.workflow.name}"
