"""The human side as a Django app."""

from django.apps import AppConfig


class ReviewsConfig(AppConfig):
    """Queue, decisions and claims."""

    name = "reviews"
    default_auto_field = "django.db.models.BigAutoField"
