"""The addresses of the pages of halts."""

from __future__ import annotations

from django.urls import path

from orchestra.views.halts import known, lifting, setting

app_name = "halts"
urlpatterns = [
    path("", known.known, name="list"),
    path("set/", setting.set_on, name="set"),
    path("<uuid:uid>/", known.page, name="page"),
    path("<uuid:uid>/lift/", lifting.lift, name="lift"),
]
