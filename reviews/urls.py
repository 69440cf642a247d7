"""The addresses of the reviewers' pages."""

from __future__ import annotations

from django.urls import path

from reviews.views import decide, detail, queue

app_name = "reviews"
urlpatterns = [
    path("", queue.queue, name="queue"),
    path("<uuid:uid>/", detail.detail, name="detail"),
    path("<uuid:uid>/<str:verb>/", decide.decide, name="decide"),
]
