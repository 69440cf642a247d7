"""The addresses of the pages of policies."""

from __future__ import annotations

from django.urls import path

from orchestra.views.policies import difference, found, page, trying

app_name = "policies"
urlpatterns = [
    path("", found.found, name="list"),
    path("try/", trying.trying, name="try"),
    path("<slug:name>/", page.page, name="page"),
    path("<slug:name>/diff/", difference.difference, name="diff"),
]
