"""Who may do what on which deployment: one table, asked in three forms.

Rights are given to groups (through guardian) on deployments. Separation of duties is elsewhere (see `duties`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from django.contrib.auth.models import Group, Permission
from django.db.models import Exists, Q, QuerySet

from orchestra.errors import NotAllowed, NotFound
from orchestra.models import Deployment, DeploymentGroupPermission, Person, ServiceAccount, User

#: Who can hold rights, through their accounts.
Holder: TypeAlias = Person | ServiceAccount

#: What each seeded group gets on a new deployment; every right that exists is named here.
DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "requesters": ("view", "submit"),
    "reviewers": ("view", "review"),
    "operators": ("view", "review", "operate", "halt"),
    "admins": ("view", "configure", "publish", "halt"),
    "auditors": ("view", "audit"),
}


def may(holder: Holder, right: str, deployment: Deployment) -> bool:
    """Whether the holder has the right on the deployment, now, through any of their active accounts."""
    return visible_to(holder, right).filter(pk=deployment.pk).exists()


def check(holder: Holder, right: str, deployment: Deployment) -> None:
    """Raises NotFound for a deployment that they may not see, NotAllowed for one where they lack the right."""
    if not may(holder, "view", deployment):
        raise NotFound("It does not exist, or it is not yours to see.")
    if right != "view" and not may(holder, right, deployment):
        raise NotAllowed(f"You may see {deployment}, but this needs the right to {right} there.")


def may_halt_everything(holder: Holder) -> bool:
    """Whether somebody may set and lift a halt of everything: who may halt each deployment there is, and superusers.

    It stops the work of all, so the right on some deployments is not enough; where there is none, only superusers may.
    """
    lacking = Deployment.objects.exclude(pk__in=visible_to(holder, "halt").values("pk"))
    superuser = accounts_of(holder).filter(is_superuser=True, person__isnull=False)
    every = Q(Exists(Deployment.objects.all())) & ~Q(Exists(lacking))
    return type(holder)._default_manager.filter(Q(Exists(superuser)) | every, pk=holder.pk).exists()


def visible_to(holder: Holder, right: str = "view") -> QuerySet[Deployment]:
    """The deployments on which the holder has the right."""
    accounts = accounts_of(holder)
    by_group = Q(
        deploymentgrouppermission__permission__codename=right,
        deploymentgrouppermission__group__user__in=accounts,
    )
    by_account = Q(
        deploymentuserpermission__permission__codename=right, deploymentuserpermission__user__in=accounts
    )
    everything = Q(Exists(accounts.filter(is_superuser=True, person__isnull=False)))
    return Deployment.objects.filter(by_group | by_account | everything).distinct()


def name_of(holder: Holder) -> str:
    """Who somebody is in records and keys: person:NAME or service:NAME."""
    return f"{'service' if isinstance(holder, ServiceAccount) else 'person'}:{holder.name}"


def accounts_of(holder: Holder) -> QuerySet[User]:
    """The accounts through which somebody holds rights: active ones, of somebody who is active."""
    active = User.objects.filter(is_active=True)
    if isinstance(holder, ServiceAccount):
        return active.filter(service=holder, service__active=True)
    return active.filter(person=holder, person__active=True)


def who_may(right: str, deployment: Deployment) -> QuerySet[Person]:
    """Everybody who has the right on the deployment."""
    by_group = Q(
        groups__deploymentgrouppermission__content_object=deployment,
        groups__deploymentgrouppermission__permission__codename=right,
    )
    by_account = Q(
        deploymentuserpermission__content_object=deployment,
        deploymentuserpermission__permission__codename=right,
    )
    accounts = User.objects.filter(is_active=True).filter(by_group | by_account | Q(is_superuser=True))
    return Person.objects.filter(active=True, accounts__in=accounts).distinct()


def give_defaults(deployment: Deployment) -> None:
    """Give the seeded groups their usual rights on a new deployment; what an admin changes later stays."""
    groups = {group.name: group for group in Group.objects.filter(name__in=DEFAULTS)}
    rights = Permission.objects.filter(content_type__app_label="orchestra", content_type__model="deployment")
    by_name = {right.codename: right for right in rights}
    DeploymentGroupPermission.objects.bulk_create(
        [
            DeploymentGroupPermission(
                permission=by_name[right], group=groups[name], content_object=deployment
            )
            for name, given in DEFAULTS.items()
            if name in groups
            for right in given
        ],
        ignore_conflicts=True,
    )
