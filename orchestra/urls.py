"""Every address of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from orchestra.views import health, home

urlpatterns = [
    path(
        "favicon.ico", RedirectView.as_view(url="/static/icon.svg")
    ),  # browsers ask for it at every kind of page
    path("", home.home, name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/", admin.site.urls),
]
