"""The control plane as a Django app."""

from django.apps import AppConfig


class OrchestraConfig(AppConfig):
    """Models, migrations and commands of the control plane."""

    name = "orchestra"
    default_auto_field = "django.db.models.BigAutoField"
