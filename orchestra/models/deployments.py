"""A workflow in an environment. Object permissions hang here, given to groups through guardian's direct tables."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from orchestra.models.fields import PublicRow, Row, one_of
from orchestra.models.workflows import Workflow, WorkflowVersion


class Environment(Row):
    """Where tools point to: dev, test, prod."""

    name = models.SlugField(max_length=40, unique=True)
    protected = models.BooleanField(default=False, help_text="Changes need a second person.")

    def __str__(self) -> str:
        return self.name


class Mode(models.TextChoices):
    """Who decides on writes."""

    PROPOSAL = "proposal", "Every write waits for a person"
    SAMPLED = "sampled", "A share of writes waits for a person"
    EXECUTION = "execution", "The policies alone decide"


class Deployment(PublicRow):
    """One workflow in one environment: which version runs, and who decides on its writes."""

    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="deployments")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="deployments")
    base_version = models.ForeignKey(WorkflowVersion, on_delete=models.PROTECT, related_name="+")
    canary_version = models.ForeignKey(
        WorkflowVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    canary_share = models.PositiveSmallIntegerField(default=0, help_text="Percent of new runs.")
    mode = models.CharField(max_length=20, choices=Mode.choices, default=Mode.PROPOSAL)
    max_running = models.PositiveIntegerField(
        null=True, blank=True, help_text="Runs at work at once; empty: no limit."
    )

    class Meta:
        default_permissions = ()
        permissions = [
            ("view", "See its runs and proposals"),
            ("submit", "Submit tasks"),
            ("review", "Decide proposals and answer questions"),
            ("operate", "Cancel, retry, fork"),
            ("configure", "Change its settings"),
            ("publish", "Publish versions"),
            ("halt", "Halt and lift"),
            ("audit", "Export and verify the record"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["workflow", "environment"], name="deployment_is_unique"),
            models.CheckConstraint(
                condition=Q(canary_share__lte=100) & (Q(canary_share=0) | Q(canary_version__isnull=False)),
                name="deployment_canary_share_has_a_version",
            ),
            models.CheckConstraint(
                condition=~Q(canary_version=F("base_version")), name="deployment_canary_differs_from_base"
            ),
            one_of("deployment_mode_is_known", "mode", Mode.values),
        ]

    def __str__(self) -> str:
        return f"{self.workflow.name}@{self.environment.name}"


class DeploymentGroupPermission(GroupObjectPermissionBase):
    """A right of a group on one deployment."""

    content_object = models.ForeignKey(Deployment, on_delete=models.CASCADE)


class DeploymentUserPermission(UserObjectPermissionBase):
    """A right of a single account on one deployment; groups are the rule."""

    content_object = models.ForeignKey(Deployment, on_delete=models.CASCADE)
