"""The addresses of the reviewers' pages."""

from __future__ import annotations

from django.urls import path

from reviews.views import bulk, claim, decide, detail, edit, news, questions, queue, undo

app_name = "reviews"
urlpatterns = [
    path("", queue.queue, name="queue"),
    path("news", news.news, name="news"),
    path("bulk/", bulk.bulk, name="bulk"),
    path("questions/<uuid:uid>/", questions.question, name="question"),
    path("undo/", undo.dismiss, name="dismiss"),
    path("<uuid:uid>/", detail.detail, name="detail"),
    path("<uuid:uid>/conversation/", detail.talk, name="talk"),
    path("<uuid:uid>/value/", detail.value, name="value"),
    path("<uuid:uid>/print/", detail.paper, name="paper"),
    path("<uuid:uid>/edit/", edit.edit, name="edit"),
    path("<uuid:uid>/withdraw/", undo.withdraw, name="withdraw"),
    path("<uuid:uid>/claim/", claim.claim, name="claim"),
    path("<uuid:uid>/<str:verb>/", decide.decide, name="decide"),
]
