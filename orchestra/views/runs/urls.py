"""The addresses of the pages of runs."""

from __future__ import annotations

from django.urls import path

from orchestra.views.runs import act, found, page

app_name = "runs"
urlpatterns = [
    path("", found.found, name="list"),
    path("<uuid:uid>/", page.page, name="page"),
    path("<uuid:uid>/cancel/", act.cancel, name="cancel"),
    path("<uuid:uid>/retry/", act.retry, name="retry"),
    path("<uuid:uid>/fork/", act.fork, name="fork"),
]
