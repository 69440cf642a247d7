"""People and the accounts they sign in with. Rights are not kept here (see `deployments`)."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q

from orchestra.models.fields import PublicRow
from orchestra.unseen import visible


class Person(PublicRow):
    """A human being. Separation of duties compares persons, never accounts."""

    name = models.SlugField(max_length=80, unique=True, help_text="Short name, as used with --as.")
    full_name = models.CharField(max_length=200, blank=True)
    email = models.EmailField(blank=True)
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return visible(self.full_name) or self.name


class ServiceAccount(PublicRow):
    """A system that submits or reads. It has an owner, and it can never decide."""

    name = models.SlugField(max_length=80, unique=True)
    owner = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="service_accounts")
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """An account of a person or of a service account."""

    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, related_name="accounts"
    )
    service = models.ForeignKey(
        ServiceAccount, on_delete=models.PROTECT, null=True, blank=True, related_name="accounts"
    )

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(person__isnull=True) | Q(service__isnull=True), name="user_is_person_or_service"
            )
        ]
