"""Runs and their steps: the engine's own tables. Only `moves` writes a state."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models import Q

from orchestra import states
from orchestra.errors import FailureClass
from orchestra.models.deployments import Deployment
from orchestra.models.fields import PublicRow, Row, exactly_one, known_state, none_of, state_field
from orchestra.models.people import Person
from orchestra.models.tasks import Task
from orchestra.models.workers import WorkerProcess
from orchestra.models.workflows import WorkflowVersion

FAILURES = [str(failure) for failure in FailureClass]
WAITS = ["waits_proposal_id", "waits_humantask_id", "waits_until", "waits_run_id", "waits_event"]


class Run(PublicRow):
    """One execution of a workflow version for a task.

    `fence` rises with every claim and every later write of a worker repeats it. `wake` rises whenever
    something happened that the run should look at; a worker lets go only of the wake it has seen.
    """

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="runs")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="runs")
    version = models.ForeignKey(WorkflowVersion, on_delete=models.PROTECT, related_name="runs")
    parent_step = models.ForeignKey("Step", on_delete=models.PROTECT, null=True, related_name="children")
    parent_run = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="child_runs")
    forked_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="forks")
    forked_at = models.PositiveIntegerField(null=True, help_text="Checkpoint of the original it starts from.")
    state = state_field(states.RUN)
    priority = models.SmallIntegerField(default=0)
    limits = models.JSONField(default=dict, help_text="What it may use; a person can raise it.")
    object_key = models.CharField(max_length=200, blank=True)
    input = models.JSONField()
    output = models.JSONField(null=True)
    failure_class = models.CharField(max_length=20, blank=True)
    error = models.TextField(blank=True)
    due_at = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=0)
    wake = models.BigIntegerField(default=0)
    worker = models.ForeignKey(WorkerProcess, on_delete=models.PROTECT, null=True, related_name="runs")
    lease_until = models.DateTimeField(null=True)
    takeovers = models.PositiveSmallIntegerField(
        default=0, help_text="Workers lost on it since its last checkpoint."
    )
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_requested_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    halted_since = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    traceparent = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            known_state(states.RUN),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False, worker__isnull=False),
                name="run_running_has_a_lease",
            ),
            models.CheckConstraint(
                condition=Q(state="running") | Q(lease_until__isnull=True, worker__isnull=True),
                name="run_lease_only_while_running",
            ),
            models.CheckConstraint(
                condition=~Q(state="queued") | Q(due_at__isnull=False), name="run_queued_is_due"
            ),
            models.CheckConstraint(
                condition=Q(state__in=states.RUN.terminal, finished_at__isnull=False)
                | (~Q(state__in=states.RUN.terminal) & Q(finished_at__isnull=True)),
                name="run_terminal_has_an_end",
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | Q(failure_class__in=FAILURES), name="run_failed_says_why"
            ),
            models.CheckConstraint(
                condition=Q(forked_from__isnull=True, forked_at__isnull=True)
                | Q(forked_from__isnull=False, forked_at__isnull=False),
                name="run_fork_names_its_checkpoint",
            ),
        ]
        indexes = [
            models.Index(
                fields=["-priority", "due_at"], name="run_due", condition=Q(state__in=["queued", "waiting"])
            ),
            models.Index(fields=["worker", "lease_until"], name="run_leased", condition=Q(state="running")),
            models.Index(fields=["deployment", "-id"], name="run_of_deployment"),
            models.Index(
                fields=["finished_at"], name="run_ended", condition=Q(state__in=sorted(states.RUN.terminal))
            ),
            models.Index(
                fields=["state", "-id"],
                name="run_in_trouble",
                condition=Q(state__in=["cancelled", "escalated", "failed"]),
            ),
            models.Index(
                fields=["object_key"],
                name="run_object",
                condition=~Q(object_key="") & Q(state__in=sorted(states.RUN.live)),
            ),
        ]

    def __str__(self) -> str:
        return str(self.uid)

    @property
    def chain(self) -> UUID:
        """The audit chain that tells this row's life."""
        return self.uid

    @property
    def subject(self) -> str:
        """This row's name inside its chain."""
        return "run"


class Step(Row):
    """One node of a run, or one item of an `each`. A step without a row is pending.

    `path` is the step's name, `name~2` for the second round of a repeated one. `item` is the index of an
    `each` item, else -1. `ordinal` counts the rows of the run.
    """

    NO_ITEM = -1

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="steps")
    path = models.CharField(max_length=80)
    item = models.IntegerField(default=NO_ITEM)
    kind = models.CharField(max_length=10)
    ordinal = models.PositiveIntegerField()
    state = state_field(states.STEP)
    attempt = models.PositiveSmallIntegerField(default=0)
    input = models.JSONField(null=True)
    output = models.JSONField(null=True)
    failure_class = models.CharField(max_length=20, blank=True)
    error = models.TextField(blank=True)
    waits_proposal = models.ForeignKey("Proposal", on_delete=models.PROTECT, null=True, related_name="+")
    waits_humantask = models.ForeignKey("HumanTask", on_delete=models.PROTECT, null=True, related_name="+")
    waits_until = models.DateTimeField(null=True)
    waits_run = models.ForeignKey(Run, on_delete=models.PROTECT, null=True, related_name="+")
    waits_event = models.CharField(max_length=200, null=True)  # noqa: DJ001  null means "does not wait for one"
    deadline_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            known_state(states.STEP),
            models.UniqueConstraint(fields=["run", "path", "item"], name="step_is_unique"),
            models.CheckConstraint(
                condition=(Q(state="waiting") & exactly_one(WAITS)) | (~Q(state="waiting") & none_of(WAITS)),
                name="step_waits_for_exactly_one_thing",
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | Q(failure_class__in=FAILURES), name="step_failed_says_why"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=states.STEP.terminal) | Q(finished_at__isnull=False),
                name="step_terminal_has_an_end",
            ),
            models.CheckConstraint(condition=Q(ordinal__lte=20_000), name="step_count_is_bounded"),
            models.CheckConstraint(condition=Q(item__gte=-1), name="step_item_is_an_index"),
        ]
        indexes = [
            models.Index(fields=["finished_at"], name="step_failed", condition=~Q(failure_class="")),
        ]

    def __str__(self) -> str:
        return self.path if self.item == self.NO_ITEM else f"{self.path}[{self.item}]"

    @property
    def chain(self) -> UUID:
        """The audit chain of its run."""
        return self.run.uid

    @property
    def subject(self) -> str:
        """Path, with the index of an item."""
        return str(self)
