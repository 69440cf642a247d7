"""The control plane as a Django app, and Django's administration with our own site."""

from django.apps import AppConfig
from django.contrib.admin import apps as administration


class OrchestraConfig(AppConfig):
    """Models, migrations and commands of the control plane."""

    name = "orchestra"
    default_auto_field = "django.db.models.BigAutoField"
    default = True


class AdministrationConfig(administration.AdminConfig):
    """The administration."""

    # Not in orchestra.admin: importing that needs the site already.
    default_site = "orchestra.views.administration.Administration"
    default = False
