"""Every address of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from orchestra.api import docs
from orchestra.api.application import api
from orchestra.views import health, home, overview, preferences, problems, tokens
from reviews.api import proposals, questions

api.add_router("/proposals", proposals.router)
api.add_router("/questions", questions.router)

urlpatterns = [
    # Browsers ask for it at every kind of page.
    path("favicon.ico", require_safe(RedirectView.as_view(url="/static/icon.svg"))),
    path("", home.home, name="home"),
    path("preferences/", preferences.keep, name="preferences"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("reviews/", include("reviews.urls")),
    path("tasks/", include("orchestra.views.tasks.urls")),
    path("runs/", include("orchestra.views.runs.urls")),
    path("halts/", include("orchestra.views.halts.urls")),
    path("overview/", overview.overview, name="overview"),
    path("policies/", include("orchestra.views.policies.urls")),
    path("deliveries/", include("orchestra.views.deliveries.urls")),
    path("api/docs", docs.page, name="api-docs"),
    path("api/problems/<slug:code>", docs.problem, name="api-problem"),
    path("api/v1/openapi.json", docs.description, name="api-description"),
    path("api/v1/", api.urls),
    path("accounts/tokens/", include((tokens.urlpatterns, "tokens"))),
    path("accounts/password/reset/", problems.by_administrator),  # nothing is sent by mail here
    path("accounts/email/", problems.by_administrator),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
handler400 = problems.bad_request
handler403 = problems.forbidden
handler404 = problems.not_found
handler500 = problems.broken
