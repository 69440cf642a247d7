"""The addresses of the page of deliveries."""

from __future__ import annotations

from django.urls import path

from orchestra.views.deliveries import found, resend

app_name = "deliveries"
urlpatterns = [
    path("", found.found, name="list"),
    path("<uuid:uid>/resend/", resend.resend, name="resend"),
]
