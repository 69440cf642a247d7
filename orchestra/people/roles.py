"""Who may do what on which deployment: one table, asked in three forms.

Rights are given to groups (through guardian) on deployments. Separation of duties is elsewhere (see `duties`).
"""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

from orchestra.models import Deployment, DeploymentGroupPermission, Person, User

#: What each seeded group gets on a new deployment; every right that exists is named here.
DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "requesters": ("view", "submit"),
    "reviewers": ("view", "review"),
    "operators": ("view", "review", "operate", "halt"),
    "admins": ("view", "configure", "publish", "halt"),
    "auditors": ("view", "audit"),
}


def may(person: Person, right: str, deployment: Deployment) -> bool:
    """Whether the person has the right on the deployment, now, through any of their active accounts."""
    return person.active and who_may(right, deployment).filter(pk=person.pk).exists()


def visible_to(person: Person, right: str = "view") -> QuerySet[Deployment]:
    """The deployments on which the person has the right."""
    accounts = User.objects.filter(person=person, is_active=True, person__active=True)
    if accounts.filter(is_superuser=True).exists():
        return Deployment.objects.all()
    by_group = Q(
        deploymentgrouppermission__permission__codename=right,
        deploymentgrouppermission__group__user__in=accounts,
    )
    by_account = Q(
        deploymentuserpermission__permission__codename=right, deploymentuserpermission__user__in=accounts
    )
    return Deployment.objects.filter(by_group | by_account).distinct()


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
