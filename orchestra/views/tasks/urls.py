"""The addresses of the requesters' pages."""

from __future__ import annotations

from django.urls import path

from orchestra.views.tasks import listing, outcome, submitting

app_name = "tasks"
urlpatterns = [
    path("", listing.listing, name="list"),
    path("read/", listing.read, name="read"),
    path("new/", submitting.choose, name="choose"),
    path("new/<uuid:uid>/", submitting.new, name="new"),
    path("<uuid:uid>/", outcome.page, name="page"),
    path("<uuid:uid>/news", outcome.news, name="news"),
    path("<uuid:uid>/read/", outcome.read, name="seen"),
    path("<uuid:uid>/cancel/", outcome.cancel, name="cancel"),
]
