import django.contrib.auth.models
import django.contrib.auth.validators
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Person",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "name",
                    models.SlugField(help_text="Short name, as used with --as.", max_length=80, unique=True),
                ),
                ("full_name", models.CharField(blank=True, max_length=200)),
                ("email", models.EmailField(blank=True, max_length=254)),
                ("active", models.BooleanField(default=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ServiceAccount",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.SlugField(max_length=80, unique=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="service_accounts",
                        to="orchestra.person",
                    ),
                ),
                ("active", models.BooleanField(default=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        error_messages={"unique": "A user with that username already exists."},
                        help_text="Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.",
                        max_length=150,
                        unique=True,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                        verbose_name="username",
                    ),
                ),
                ("first_name", models.CharField(blank=True, max_length=150, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=150, verbose_name="last name")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="email address")),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        help_text="Designates whether the user can log into this admin site.",
                        verbose_name="staff status",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                        verbose_name="active",
                    ),
                ),
                (
                    "date_joined",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined"),
                ),
                (
                    "person",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="orchestra.person",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="orchestra.serviceaccount",
                    ),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("person__isnull", True), ("service__isnull", True), _connector="OR"
                        ),
                        name="user_is_person_or_service",
                    )
                ],
            },
            managers=[
                ("objects", django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name="Workflow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.SlugField(max_length=80, unique=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="WorkflowVersion",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "workflow",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="orchestra.workflow",
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("spec", models.JSONField()),
                ("source", models.TextField()),
                ("digest", models.BinaryField(max_length=32)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="orchestra.person"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("workflow", "number"), name="workflowversion_number_is_unique"
                    ),
                    models.UniqueConstraint(
                        fields=("workflow", "digest"), name="workflowversion_digest_is_unique"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Draft",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("name", models.SlugField(max_length=80)),
                ("source", models.TextField(blank=True)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="orchestra.person"
                    ),
                ),
                ("changed_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("kind", "name"), name="draft_is_unique")],
            },
        ),
        migrations.CreateModel(
            name="Environment",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("name", models.SlugField(max_length=40, unique=True)),
                ("protected", models.BooleanField(default=False, help_text="Changes need a second person.")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Deployment",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "workflow",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deployments",
                        to="orchestra.workflow",
                    ),
                ),
                (
                    "environment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deployments",
                        to="orchestra.environment",
                    ),
                ),
                (
                    "base_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.workflowversion",
                    ),
                ),
                (
                    "canary_version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.workflowversion",
                    ),
                ),
                (
                    "canary_share",
                    models.PositiveSmallIntegerField(default=0, help_text="Percent of new runs."),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("proposal", "Every write waits for a person"),
                            ("sampled", "A share of writes waits for a person"),
                            ("execution", "The policies alone decide"),
                        ],
                        default="proposal",
                        max_length=20,
                    ),
                ),
                (
                    "max_running",
                    models.PositiveIntegerField(
                        blank=True, help_text="Runs at work at once; empty: no limit.", null=True
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("view", "See its runs and proposals"),
                    ("submit", "Submit tasks"),
                    ("review", "Decide proposals and answer questions"),
                    ("operate", "Cancel, retry, fork"),
                    ("configure", "Change its settings"),
                    ("publish", "Publish versions"),
                    ("halt", "Halt and lift"),
                    ("audit", "Export and verify the record"),
                ],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("workflow", "environment"), name="deployment_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("canary_share__lte", 100),
                            models.Q(("canary_share", 0), ("canary_version__isnull", False), _connector="OR"),
                        ),
                        name="deployment_canary_share_has_a_version",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("canary_version", models.F("base_version")), _negated=True),
                        name="deployment_canary_differs_from_base",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["proposal", "sampled", "execution"])),
                        name="deployment_mode_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DeploymentGroupPermission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "permission",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="auth.permission"),
                ),
                ("group", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="auth.group")),
                (
                    "content_object",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="orchestra.deployment"),
                ),
            ],
            options={
                "unique_together": {("group", "permission", "content_object")},
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="DeploymentUserPermission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "permission",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="auth.permission"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "content_object",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="orchestra.deployment"),
                ),
            ],
            options={
                "unique_together": {("user", "permission", "content_object")},
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "deployment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tasks",
                        to="orchestra.deployment",
                    ),
                ),
                (
                    "source",
                    models.CharField(help_text="api, form, webhook, schedule, command or run", max_length=40),
                ),
                (
                    "requester",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tasks",
                        to="orchestra.person",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tasks",
                        to="orchestra.serviceaccount",
                    ),
                ),
                ("payload", models.JSONField()),
                ("payload_digest", models.BinaryField(max_length=32)),
                ("subject", models.CharField(blank=True, max_length=200)),
                (
                    "reference",
                    models.CharField(blank=True, help_text="The requester's own number.", max_length=200),
                ),
                ("labels", models.JSONField(default=dict)),
                ("due_at", models.DateTimeField(null=True)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("traceparent", models.CharField(blank=True, max_length=64)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("reference", ""), _negated=True),
                        fields=["reference"],
                        name="task_reference",
                    ),
                    models.Index(
                        condition=models.Q(("subject", ""), _negated=True),
                        fields=["subject"],
                        name="task_subject",
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["labels"], name="task_labels", opclasses=["jsonb_path_ops"]
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("requester__isnull", False), ("service__isnull", True)),
                            models.Q(("requester__isnull", True), ("service__isnull", False)),
                            _connector="OR",
                        ),
                        name="task_has_one_requester",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("owner", models.CharField(help_text="person:NAME or service:NAME", max_length=100)),
                ("key", models.CharField(max_length=200)),
                ("body_digest", models.BinaryField(max_length=32)),
                (
                    "task",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.task",
                    ),
                ),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("answer", models.JSONField(null=True)),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["expires_at"], name="idempotencykey_expiry")],
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "key"), name="idempotencykey_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("key", ""), _negated=True), name="idempotencykey_is_not_empty"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WorkerProcess",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=80)),
                ("host", models.CharField(max_length=200)),
                ("pid", models.PositiveIntegerField()),
                ("slots", models.PositiveIntegerField()),
                ("seen_at", models.DateTimeField(help_text="Last beat, by the database's clock.")),
                ("stopped_at", models.DateTimeField(null=True)),
                ("claims_by_hint", models.BigIntegerField(default=0)),
                ("claims_by_poll", models.BigIntegerField(default=0)),
                ("fences_lost", models.BigIntegerField(default=0)),
                ("hints_lost", models.BigIntegerField(default=0)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("stopped_at__isnull", True)),
                        fields=["seen_at"],
                        name="worker_alive",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="runs", to="orchestra.task"
                    ),
                ),
                (
                    "deployment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="orchestra.deployment",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="orchestra.workflowversion",
                    ),
                ),
                (
                    "parent_run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="child_runs",
                        to="orchestra.run",
                    ),
                ),
                (
                    "forked_from",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="forks",
                        to="orchestra.run",
                    ),
                ),
                (
                    "forked_at",
                    models.PositiveIntegerField(
                        help_text="Checkpoint of the original it starts from.", null=True
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "queued"),
                            ("running", "running"),
                            ("waiting", "waiting"),
                            ("escalated", "escalated"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ],
                        max_length=20,
                    ),
                ),
                ("priority", models.SmallIntegerField(default=0)),
                (
                    "limits",
                    models.JSONField(default=dict, help_text="What it may use; a person can raise it."),
                ),
                ("object_key", models.CharField(blank=True, max_length=200)),
                ("input", models.JSONField()),
                ("output", models.JSONField(null=True)),
                ("failure_class", models.CharField(blank=True, max_length=20)),
                ("error", models.TextField(blank=True)),
                ("due_at", models.DateTimeField(null=True)),
                ("fence", models.BigIntegerField(default=0)),
                ("wake", models.BigIntegerField(default=0)),
                (
                    "worker",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="orchestra.workerprocess",
                    ),
                ),
                ("lease_until", models.DateTimeField(null=True)),
                (
                    "takeovers",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="Workers lost on it since its last checkpoint."
                    ),
                ),
                ("cancel_requested_at", models.DateTimeField(null=True)),
                (
                    "cancel_requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.person",
                    ),
                ),
                ("halted_since", models.DateTimeField(null=True)),
                ("deadline_at", models.DateTimeField(null=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("traceparent", models.CharField(blank=True, max_length=64)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["queued", "waiting"])),
                        fields=["-priority", "due_at"],
                        name="run_due",
                    ),
                    models.Index(
                        condition=models.Q(("state", "running")),
                        fields=["worker", "lease_until"],
                        name="run_leased",
                    ),
                    models.Index(fields=["deployment", "-id"], name="run_of_deployment"),
                    models.Index(
                        condition=models.Q(
                            models.Q(("object_key", ""), _negated=True),
                            ("state__in", ["escalated", "queued", "running", "waiting"]),
                        ),
                        fields=["object_key"],
                        name="run_object",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "queued",
                                    "running",
                                    "waiting",
                                    "escalated",
                                    "succeeded",
                                    "failed",
                                    "cancelled",
                                ],
                            )
                        ),
                        name="run_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "running"), _negated=True),
                            models.Q(("lease_until__isnull", False), ("worker__isnull", False)),
                            _connector="OR",
                        ),
                        name="run_running_has_a_lease",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "running"),
                            models.Q(("lease_until__isnull", True), ("worker__isnull", True)),
                            _connector="OR",
                        ),
                        name="run_lease_only_while_running",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "queued"), _negated=True),
                            ("due_at__isnull", False),
                            _connector="OR",
                        ),
                        name="run_queued_is_due",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("finished_at__isnull", False),
                                ("state__in", frozenset(["cancelled", "failed", "succeeded"])),
                            ),
                            models.Q(
                                models.Q(
                                    ("state__in", frozenset(["cancelled", "failed", "succeeded"])),
                                    _negated=True,
                                ),
                                ("finished_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="run_terminal_has_an_end",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "failed"), _negated=True),
                            (
                                "failure_class__in",
                                [
                                    "tool_error",
                                    "tool_timeout",
                                    "tool_refused",
                                    "policy_block",
                                    "grant_block",
                                    "model_error",
                                    "model_refusal",
                                    "model_garbage",
                                    "data_mismatch",
                                    "precondition",
                                    "limit",
                                    "loop",
                                    "halted",
                                    "cancelled",
                                    "lost_worker",
                                    "bug",
                                ],
                            ),
                            _connector="OR",
                        ),
                        name="run_failed_says_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("forked_at__isnull", True), ("forked_from__isnull", True)),
                            models.Q(("forked_at__isnull", False), ("forked_from__isnull", False)),
                            _connector="OR",
                        ),
                        name="run_fork_names_its_checkpoint",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Step",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="orchestra.run"
                    ),
                ),
                ("path", models.CharField(max_length=80)),
                ("item", models.IntegerField(default=-1)),
                ("kind", models.CharField(max_length=10)),
                ("ordinal", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("running", "running"),
                            ("waiting", "waiting"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("skipped", "skipped"),
                            ("cancelled", "cancelled"),
                        ],
                        max_length=20,
                    ),
                ),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                ("input", models.JSONField(null=True)),
                ("output", models.JSONField(null=True)),
                ("failure_class", models.CharField(blank=True, max_length=20)),
                ("error", models.TextField(blank=True)),
                ("waits_until", models.DateTimeField(null=True)),
                (
                    "waits_run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.run",
                    ),
                ),
                ("waits_event", models.CharField(max_length=200, null=True)),
                ("deadline_at", models.DateTimeField(null=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "pending",
                                    "running",
                                    "waiting",
                                    "succeeded",
                                    "failed",
                                    "skipped",
                                    "cancelled",
                                ],
                            )
                        ),
                        name="step_state_is_known",
                    ),
                    models.UniqueConstraint(fields=("run", "path", "item"), name="step_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "failed"), _negated=True),
                            (
                                "failure_class__in",
                                [
                                    "tool_error",
                                    "tool_timeout",
                                    "tool_refused",
                                    "policy_block",
                                    "grant_block",
                                    "model_error",
                                    "model_refusal",
                                    "model_garbage",
                                    "data_mismatch",
                                    "precondition",
                                    "limit",
                                    "loop",
                                    "halted",
                                    "cancelled",
                                    "lost_worker",
                                    "bug",
                                ],
                            ),
                            _connector="OR",
                        ),
                        name="step_failed_says_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("state__in", frozenset(["cancelled", "failed", "skipped", "succeeded"])),
                                _negated=True,
                            ),
                            ("finished_at__isnull", False),
                            _connector="OR",
                        ),
                        name="step_terminal_has_an_end",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("ordinal__lte", 20000)), name="step_count_is_bounded"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("item__gte", -1)), name="step_item_is_an_index"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tool",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=120, unique=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ToolVersion",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "tool",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="orchestra.tool",
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "effect",
                    models.CharField(
                        choices=[
                            ("read", "Reads"),
                            ("write", "Writes, and can be undone"),
                            ("destructive", "Cannot be undone"),
                        ],
                        default="destructive",
                        max_length=12,
                    ),
                ),
                (
                    "delivery",
                    models.CharField(
                        choices=[
                            ("key", "Takes our idempotency key"),
                            ("probe", "Can be asked whether it happened"),
                            ("transactional", "Happens in our own transaction"),
                            ("idempotent", "Repeats are harmless"),
                            ("opaque", "Nothing can be known"),
                        ],
                        default="opaque",
                        max_length=14,
                    ),
                ),
                ("declaration", models.JSONField()),
                ("digest", models.BinaryField(max_length=32)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="orchestra.person"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tool", "number"), name="toolversion_number_is_unique"),
                    models.UniqueConstraint(fields=("tool", "digest"), name="toolversion_digest_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("effect__in", ["read", "write", "destructive"])),
                        name="toolversion_effect_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("delivery__in", ["key", "probe", "transactional", "idempotent", "opaque"])
                        ),
                        name="toolversion_delivery_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ToolBinding",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "tool",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bindings",
                        to="orchestra.tool",
                    ),
                ),
                (
                    "environment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bindings",
                        to="orchestra.environment",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.toolversion",
                    ),
                ),
                ("base_url", models.URLField(blank=True, max_length=500)),
                ("secret_reference", models.CharField(blank=True, max_length=200)),
                (
                    "at_once",
                    models.PositiveIntegerField(
                        blank=True, help_text="Calls under way at once; empty: no limit.", null=True
                    ),
                ),
                ("settings", models.JSONField(blank=True, default=dict)),
                ("active", models.BooleanField(default=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tool", "environment"), name="toolbinding_is_unique")
                ],
            },
        ),
        migrations.CreateModel(
            name="Agent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.SlugField(max_length=80, unique=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="agents",
                        to="orchestra.person",
                    ),
                ),
                ("active", models.BooleanField(default=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="AgentVersion",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="orchestra.agent",
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("model", models.CharField(max_length=200)),
                ("prompt", models.TextField(blank=True)),
                ("settings", models.JSONField(default=dict)),
                ("digest", models.BinaryField(max_length=32)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="orchestra.person"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("agent", "number"), name="agentversion_number_is_unique"),
                    models.UniqueConstraint(fields=("agent", "digest"), name="agentversion_digest_is_unique"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="orchestra.agent",
                    ),
                ),
                (
                    "tool",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="orchestra.tool",
                    ),
                ),
                (
                    "environment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.environment",
                    ),
                ),
                (
                    "granted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="orchestra.person"
                    ),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("agent", "tool", "environment"), name="grant_is_unique")
                ],
            },
        ),
        migrations.CreateModel(
            name="Turn",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="turns", to="orchestra.run"
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="turns", to="orchestra.step"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "agent_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.agentversion",
                    ),
                ),
                ("received", models.JSONField(default=list)),
                ("message", models.JSONField(null=True)),
                (
                    "ended",
                    models.CharField(
                        blank=True,
                        help_text="How the agent's part is over: done, handed_off, …",
                        max_length=12,
                    ),
                ),
                (
                    "notes",
                    models.JSONField(
                        default=list, help_text="Remarks of the adapter, such as departures from a recording."
                    ),
                ),
                ("failure_class", models.CharField(blank=True, max_length=20)),
                ("error", models.TextField(blank=True)),
                ("input_tokens", models.PositiveIntegerField(default=0)),
                ("output_tokens", models.PositiveIntegerField(default=0)),
                ("cost", models.DecimalField(decimal_places=6, max_digits=18, null=True)),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("started_at", models.DateTimeField(null=True)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("traceparent", models.CharField(blank=True, max_length=64)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("step", "number"), name="turn_number_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("failure_class", ""),
                            (
                                "failure_class__in",
                                [
                                    "tool_error",
                                    "tool_timeout",
                                    "tool_refused",
                                    "policy_block",
                                    "grant_block",
                                    "model_error",
                                    "model_refusal",
                                    "model_garbage",
                                    "data_mismatch",
                                    "precondition",
                                    "limit",
                                    "loop",
                                    "halted",
                                    "cancelled",
                                    "lost_worker",
                                    "bug",
                                ],
                            ),
                            _connector="OR",
                        ),
                        name="turn_failure_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ToolCall",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="toolcalls",
                        to="orchestra.run",
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="toolcalls",
                        to="orchestra.step",
                    ),
                ),
                (
                    "turn",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="toolcalls",
                        to="orchestra.turn",
                    ),
                ),
                (
                    "ordinal",
                    models.PositiveIntegerField(help_text="Place among the calls of its turn or step."),
                ),
                ("revision", models.PositiveIntegerField(default=0)),
                (
                    "parent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revisions",
                        to="orchestra.toolcall",
                    ),
                ),
                (
                    "edited_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.person",
                    ),
                ),
                ("tool_name", models.CharField(help_text="As the agent wrote it.", max_length=120)),
                (
                    "tool_version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.toolversion",
                    ),
                ),
                (
                    "binding",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.toolbinding",
                    ),
                ),
                (
                    "effect",
                    models.CharField(
                        choices=[
                            ("read", "Reads"),
                            ("write", "Writes, and can be undone"),
                            ("destructive", "Cannot be undone"),
                        ],
                        default="destructive",
                        max_length=12,
                    ),
                ),
                (
                    "delivery",
                    models.CharField(
                        choices=[
                            ("key", "Takes our idempotency key"),
                            ("probe", "Can be asked whether it happened"),
                            ("transactional", "Happens in our own transaction"),
                            ("idempotent", "Repeats are harmless"),
                            ("opaque", "Nothing can be known"),
                        ],
                        default="opaque",
                        max_length=14,
                    ),
                ),
                (
                    "tier",
                    models.PositiveSmallIntegerField(
                        choices=[(1, "low"), (2, "medium"), (3, "high"), (4, "critical")], default=4
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "proposed"),
                            ("refused", "refused"),
                            ("denied", "denied"),
                            ("awaiting_approval", "awaiting_approval"),
                            ("approved", "approved"),
                            ("returned", "returned"),
                            ("rejected", "rejected"),
                            ("expired", "expired"),
                            ("superseded", "superseded"),
                            ("stale", "stale"),
                            ("cancelled", "cancelled"),
                            ("dispatched", "dispatched"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("failed_clean", "failed_clean"),
                            ("unknown", "unknown"),
                            ("reconciling", "reconciling"),
                            ("settled_done", "settled_done"),
                            ("settled_not_done", "settled_not_done"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "raw",
                    models.BinaryField(
                        help_text="Text as it came, when it could not be made canonical.", null=True
                    ),
                ),
                ("arguments", models.JSONField(null=True)),
                (
                    "target",
                    models.CharField(
                        blank=True, help_text="Scheme, host and port that the bytes go to.", max_length=300
                    ),
                ),
                ("method", models.CharField(blank=True, max_length=10)),
                ("path", models.TextField(blank=True)),
                ("headers", models.JSONField(default=dict)),
                ("body", models.BinaryField(null=True)),
                ("digest", models.BinaryField(max_length=32, null=True)),
                (
                    "agent_reason",
                    models.TextField(
                        blank=True, help_text="The agent's own words: unverified, outside the digest."
                    ),
                ),
                ("witness", models.JSONField(null=True)),
                (
                    "key",
                    models.CharField(
                        blank=True, help_text="Idempotency key: one for each call.", max_length=120
                    ),
                ),
                ("result", models.JSONField(null=True)),
                ("failure_class", models.CharField(blank=True, max_length=20)),
                ("error", models.TextField(blank=True)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["step", "ordinal"], name="toolcall_of_step"),
                    models.Index(
                        condition=models.Q(("state__in", ["dispatched", "unknown", "reconciling"])),
                        fields=["state", "id"],
                        name="toolcall_in_doubt",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "proposed",
                                    "refused",
                                    "denied",
                                    "awaiting_approval",
                                    "approved",
                                    "returned",
                                    "rejected",
                                    "expired",
                                    "superseded",
                                    "stale",
                                    "cancelled",
                                    "dispatched",
                                    "succeeded",
                                    "failed",
                                    "failed_clean",
                                    "unknown",
                                    "reconciling",
                                    "settled_done",
                                    "settled_not_done",
                                ],
                            )
                        ),
                        name="toolcall_state_is_known",
                    ),
                    models.UniqueConstraint(
                        fields=("run", "step", "turn", "ordinal", "revision"),
                        name="toolcall_is_unique",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "refused"),
                            models.Q(("body__isnull", False), ("digest__isnull", False)),
                            _connector="OR",
                        ),
                        name="toolcall_has_bytes_and_digest",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("failure_class", ""),
                            (
                                "failure_class__in",
                                [
                                    "tool_error",
                                    "tool_timeout",
                                    "tool_refused",
                                    "policy_block",
                                    "grant_block",
                                    "model_error",
                                    "model_refusal",
                                    "model_garbage",
                                    "data_mismatch",
                                    "precondition",
                                    "limit",
                                    "loop",
                                    "halted",
                                    "cancelled",
                                    "lost_worker",
                                    "bug",
                                ],
                            ),
                            _connector="OR",
                        ),
                        name="toolcall_failure_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("effect__in", ["read", "write", "destructive"])),
                        name="toolcall_effect_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("delivery__in", ["key", "probe", "transactional", "idempotent", "opaque"])
                        ),
                        name="toolcall_delivery_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("tier__in", ["1", "2", "3", "4"])), name="toolcall_tier_is_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Epoch",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("reason", models.CharField(max_length=200)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Dispatch",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "toolcall",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dispatches",
                        to="orchestra.toolcall",
                    ),
                ),
                ("n", models.PositiveSmallIntegerField()),
                ("fence", models.BigIntegerField()),
                (
                    "worker",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.workerprocess",
                    ),
                ),
                ("key", models.CharField(blank=True, max_length=120)),
                ("digest", models.BinaryField(max_length=32)),
                ("send_by", models.DateTimeField()),
                (
                    "settles_at",
                    models.DateTimeField(help_text="Before this nothing may be concluded from silence."),
                ),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("succeeded", "Done"),
                            ("failed", "The system said no"),
                            ("failed_clean", "Proof that nothing happened"),
                            ("unknown", "No readable answer"),
                        ],
                        max_length=12,
                    ),
                ),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("reply", models.BinaryField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("traceparent", models.CharField(blank=True, max_length=64)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("toolcall", "n"), name="dispatch_number_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", True), ("outcome", "")),
                            models.Q(
                                models.Q(("outcome", ""), _negated=True), ("finished_at__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="dispatch_outcome_has_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("outcome__in", ["", "succeeded", "failed", "failed_clean", "unknown"])
                        ),
                        name="dispatch_outcome_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Ruling",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "toolcall",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rulings",
                        to="orchestra.toolcall",
                    ),
                ),
                (
                    "moment",
                    models.CharField(
                        choices=[("propose", "When it was proposed"), ("gate", "At the gate")], max_length=10
                    ),
                ),
                ("digest", models.BinaryField(max_length=32)),
                (
                    "verdict",
                    models.CharField(
                        choices=[("allow", "May pass"), ("review", "People decide"), ("deny", "Forbidden")],
                        max_length=8,
                    ),
                ),
                ("requirements", models.JSONField(default=dict)),
                (
                    "rules",
                    models.JSONField(
                        default=list, help_text="Rules that matched: id, policy, version, digest."
                    ),
                ),
                ("context", models.BinaryField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("verdict__in", ["allow", "review", "deny"])),
                        name="ruling_verdict_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("moment__in", ["propose", "gate"])), name="ruling_moment_is_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "toolcall",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="question",
                        to="orchestra.toolcall",
                    ),
                ),
                (
                    "deployment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="orchestra.deployment",
                    ),
                ),
                (
                    "ruling",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="orchestra.ruling"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("approved", "approved"),
                            ("rejected", "rejected"),
                            ("returned", "returned"),
                            ("expired", "expired"),
                            ("superseded", "superseded"),
                            ("cancelled", "cancelled"),
                        ],
                        max_length=20,
                    ),
                ),
                ("digest", models.BinaryField(max_length=32)),
                (
                    "tier",
                    models.PositiveSmallIntegerField(
                        choices=[(1, "low"), (2, "medium"), (3, "high"), (4, "critical")]
                    ),
                ),
                (
                    "sentence",
                    models.TextField(help_text="From the tool's own template, never from the model."),
                ),
                ("requirements", models.JSONField(default=dict)),
                ("preview", models.JSONField(null=True)),
                ("votes_needed", models.PositiveSmallIntegerField(default=1)),
                ("rejects_needed", models.PositiveSmallIntegerField(default=1)),
                ("expires_at", models.DateTimeField(null=True)),
                (
                    "effective_at",
                    models.DateTimeField(
                        help_text="With a grace window: when the decision counts.", null=True
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["-tier", "created_at", "id"],
                        name="proposal_queue",
                    ),
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["expires_at"],
                        name="proposal_expiry",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "pending",
                                    "approved",
                                    "rejected",
                                    "returned",
                                    "expired",
                                    "superseded",
                                    "cancelled",
                                ],
                            )
                        ),
                        name="proposal_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rejects_needed__gte", 1), ("votes_needed__gte", 1)),
                        name="proposal_needs_votes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("state", "pending")),
                            models.Q(
                                models.Q(("state", "pending"), _negated=True), ("decided_at__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="proposal_decided_has_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Approval",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "proposal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approvals",
                        to="orchestra.proposal",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approvals",
                        to="orchestra.person",
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("digest", models.BinaryField(max_length=32)),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("approve", "Approve"),
                            ("reject", "Reject"),
                            ("changes", "Ask for changes"),
                        ],
                        max_length=8,
                    ),
                ),
                ("category", models.CharField(blank=True, max_length=40)),
                ("reason", models.TextField(blank=True)),
                ("opened_at", models.DateTimeField(null=True)),
                ("authentication", models.JSONField(default=dict)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("proposal", "person"), name="approval_is_one_per_person"),
                    models.CheckConstraint(
                        condition=models.Q(("verdict__in", ["approve", "reject", "changes"])),
                        name="approval_verdict_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Edit",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "proposal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="edit",
                        to="orchestra.proposal",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="edits",
                        to="orchestra.person",
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("arguments", models.JSONField()),
                ("reason", models.TextField(blank=True)),
                ("opened_at", models.DateTimeField(null=True)),
                ("authentication", models.JSONField(default=dict)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="HumanTask",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("form", "Fill in a form"),
                            ("escalation", "Settle what cannot go on"),
                            ("unknown", "Did this happen?"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="humantasks",
                        to="orchestra.run",
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="humantasks",
                        to="orchestra.step",
                    ),
                ),
                (
                    "toolcall",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="humantasks",
                        to="orchestra.toolcall",
                    ),
                ),
                (
                    "deployment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="humantasks",
                        to="orchestra.deployment",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="auth.group"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("answered", "answered"),
                            ("expired", "expired"),
                            ("cancelled", "cancelled"),
                        ],
                        max_length=20,
                    ),
                ),
                ("title", models.CharField(max_length=300)),
                ("context", models.JSONField(default=dict)),
                ("form", models.JSONField(default=dict, help_text="JSON Schema of the answer.")),
                ("expires_at", models.DateTimeField(null=True)),
                ("answer", models.JSONField(null=True)),
                (
                    "answered_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.person",
                    ),
                ),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "open")),
                        fields=["group", "created_at"],
                        name="humantask_open",
                    ),
                    models.Index(fields=["run"], name="humantask_of_run"),
                    models.Index(
                        condition=models.Q(("state", "open")), fields=["expires_at"], name="humantask_expiry"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "answered", "expired", "cancelled"])),
                        name="humantask_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["form", "escalation", "unknown"])),
                        name="humantask_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", True), ("state", "open")),
                            models.Q(
                                models.Q(("state", "open"), _negated=True), ("finished_at__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="humantask_closed_has_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "answered"), _negated=True),
                            ("answered_by__isnull", False),
                            _connector="OR",
                        ),
                        name="humantask_answer_has_a_person",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Policy",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.SlugField(max_length=80, unique=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="PolicyVersion",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="orchestra.policy",
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("document", models.JSONField()),
                ("source", models.TextField()),
                ("digest", models.BinaryField(max_length=32)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="orchestra.person"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("policy", "number"), name="policyversion_number_is_unique"
                    ),
                    models.UniqueConstraint(
                        fields=("policy", "digest"), name="policyversion_digest_is_unique"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PolicyPublication",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="publications",
                        to="orchestra.policy",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="publications",
                        to="orchestra.policyversion",
                    ),
                ),
                (
                    "environment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="publications",
                        to="orchestra.environment",
                    ),
                ),
                (
                    "published_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="orchestra.person"
                    ),
                ),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("until__isnull", True)),
                        fields=("policy", "environment"),
                        name="policypublication_one_in_force",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("until__isnull", True), ("until__gte", models.F("since")), _connector="OR"
                        ),
                        name="policypublication_ends_after_it_starts",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Budget",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="budgets",
                        to="orchestra.run",
                    ),
                ),
                (
                    "deployment",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="budgets",
                        to="orchestra.deployment",
                    ),
                ),
                (
                    "agent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="budgets",
                        to="orchestra.agent",
                    ),
                ),
                (
                    "resource",
                    models.CharField(
                        choices=[
                            ("steps", "Steps"),
                            ("turns", "Model calls"),
                            ("tool_calls", "Tool calls"),
                            ("tokens", "Tokens"),
                            ("cost", "Money"),
                        ],
                        max_length=12,
                    ),
                ),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("limit", models.DecimalField(decimal_places=0, max_digits=20)),
                ("used", models.DecimalField(decimal_places=0, default=0, max_digits=20)),
                ("reserved", models.DecimalField(decimal_places=0, default=0, max_digits=20)),
                ("period_ends_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("agent__isnull", True), ("deployment__isnull", True), ("run__isnull", False)
                            ),
                            models.Q(
                                ("agent__isnull", True), ("deployment__isnull", False), ("run__isnull", True)
                            ),
                            models.Q(
                                ("agent__isnull", False), ("deployment__isnull", True), ("run__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="budget_belongs_to_one_thing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "limit__gte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("used"), "+", models.F("reserved")
                                ),
                            )
                        ),
                        name="budget_is_never_exceeded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reserved__gte", 0), ("used__gte", 0)), name="budget_counts_up"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("resource", "cost"), models.Q(("currency", ""), _negated=True)),
                            models.Q(models.Q(("resource", "cost"), _negated=True), ("currency", "")),
                            _connector="OR",
                        ),
                        name="budget_money_has_a_currency",
                    ),
                    models.UniqueConstraint(
                        fields=("run", "deployment", "agent", "resource", "currency"),
                        name="budget_is_unique",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("resource__in", ["steps", "turns", "tool_calls", "tokens", "cost"])
                        ),
                        name="budget_resource_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reservation",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "budget",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reservations",
                        to="orchestra.budget",
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.step",
                    ),
                ),
                ("purpose", models.CharField(max_length=120)),
                ("amount", models.DecimalField(decimal_places=0, max_digits=20)),
                ("settled", models.DecimalField(decimal_places=0, max_digits=20, null=True)),
                ("settled_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("budget", "purpose"), name="reservation_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gte", 0)), name="reservation_is_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Halt",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("global", "Everything"),
                            ("deployment", "One deployment"),
                            ("run", "One run"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "deployment",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="halts",
                        to="orchestra.deployment",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="halts",
                        to="orchestra.run",
                    ),
                ),
                ("state", models.CharField(choices=[("on", "on"), ("lifted", "lifted")], max_length=20)),
                ("reason", models.TextField()),
                (
                    "set_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="orchestra.person"
                    ),
                ),
                (
                    "lifted_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orchestra.person",
                    ),
                ),
                ("lifted_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["on", "lifted"])), name="halt_state_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("deployment__isnull", True), ("run__isnull", True), ("scope", "global")
                            ),
                            models.Q(
                                ("deployment__isnull", False), ("run__isnull", True), ("scope", "deployment")
                            ),
                            models.Q(("deployment__isnull", True), ("run__isnull", False), ("scope", "run")),
                            _connector="OR",
                        ),
                        name="halt_names_its_scope",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("lifted_at__isnull", True), ("state", "on")),
                            models.Q(
                                ("lifted_at__isnull", False),
                                ("lifted_by__isnull", False),
                                ("state", "lifted"),
                            ),
                            _connector="OR",
                        ),
                        name="halt_lifted_says_by_whom",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "on")),
                        fields=("scope", "deployment", "run"),
                        name="halt_is_on_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("scope__in", ["global", "deployment", "run"])),
                        name="halt_scope_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tokens",
                        to="orchestra.person",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tokens",
                        to="orchestra.serviceaccount",
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("prefix", models.CharField(max_length=16, unique=True)),
                ("digest", models.BinaryField(max_length=32)),
                ("scopes", models.JSONField(default=list)),
                ("expires_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("person__isnull", False), ("service__isnull", True)),
                            models.Q(("person__isnull", True), ("service__isnull", False)),
                            _connector="OR",
                        ),
                        name="apitoken_has_one_owner",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OutboxMessage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("topic", models.CharField(max_length=80)),
                (
                    "task",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="orchestra.task",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="orchestra.run",
                    ),
                ),
                ("payload", models.JSONField()),
                ("due_at", models.DateTimeField()),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("last_error", models.TextField(blank=True)),
                ("delivered_at", models.DateTimeField(null=True)),
                ("given_up_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("delivered_at__isnull", True), ("given_up_at__isnull", True)),
                        fields=["due_at"],
                        name="outbox_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("delivered_at__isnull", True), ("given_up_at__isnull", True), _connector="OR"
                        ),
                        name="outbox_has_one_end",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("chain", models.UUIDField()),
                ("seq", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "transaction",
                    models.BigIntegerField(
                        help_text="PostgreSQL's transaction number: ties the event to its change."
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("object_id", models.BigIntegerField()),
                (
                    "subject",
                    models.CharField(help_text="The object's name inside its chain.", max_length=120),
                ),
                ("source", models.CharField(max_length=20)),
                ("target", models.CharField(max_length=20)),
                ("actor", models.CharField(max_length=120)),
                ("reason", models.TextField()),
                (
                    "data",
                    models.BinaryField(help_text="Canonical JSON: ids, digests and numbers, never payloads."),
                ),
                ("previous", models.BinaryField(max_length=32)),
                ("digest", models.BinaryField(max_length=32)),
            ],
            options={
                "indexes": [models.Index(fields=["kind", "object_id"], name="auditevent_of_object")],
                "constraints": [
                    models.UniqueConstraint(fields=("chain", "seq"), name="auditevent_chain_has_no_fork")
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("chain", models.UUIDField(primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField()),
                ("digest", models.BinaryField(max_length=32)),
            ],
        ),
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                (
                    "origin",
                    models.CharField(
                        help_text="Name of this log: a seal of another log never fits.", max_length=120
                    ),
                ),
                ("heads", models.BigIntegerField()),
                ("events", models.BigIntegerField()),
                ("root", models.BinaryField(max_length=32)),
                ("key", models.BinaryField(help_text="Public Ed25519 key.", max_length=32)),
                ("signature", models.BinaryField(max_length=64)),
            ],
        ),
        migrations.AddField(
            model_name="run",
            name="parent_step",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="children",
                to="orchestra.step",
            ),
        ),
        migrations.AddField(
            model_name="step",
            name="waits_proposal",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="orchestra.proposal",
            ),
        ),
        migrations.AddField(
            model_name="step",
            name="waits_humantask",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="orchestra.humantask",
            ),
        ),
        migrations.AddField(
            model_name="toolcall",
            name="ruling",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="authorised",
                to="orchestra.ruling",
            ),
        ),
        migrations.AddField(
            model_name="toolcall",
            name="proposal",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="authorised",
                to="orchestra.proposal",
            ),
        ),
        migrations.AddConstraint(
            model_name="step",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("state", "waiting"),
                        models.Q(
                            models.Q(
                                ("waits_event__isnull", True),
                                ("waits_humantask_id__isnull", True),
                                ("waits_proposal_id__isnull", False),
                                ("waits_run_id__isnull", True),
                                ("waits_until__isnull", True),
                            ),
                            models.Q(
                                ("waits_event__isnull", True),
                                ("waits_humantask_id__isnull", False),
                                ("waits_proposal_id__isnull", True),
                                ("waits_run_id__isnull", True),
                                ("waits_until__isnull", True),
                            ),
                            models.Q(
                                ("waits_event__isnull", True),
                                ("waits_humantask_id__isnull", True),
                                ("waits_proposal_id__isnull", True),
                                ("waits_run_id__isnull", True),
                                ("waits_until__isnull", False),
                            ),
                            models.Q(
                                ("waits_event__isnull", True),
                                ("waits_humantask_id__isnull", True),
                                ("waits_proposal_id__isnull", True),
                                ("waits_run_id__isnull", False),
                                ("waits_until__isnull", True),
                            ),
                            models.Q(
                                ("waits_event__isnull", False),
                                ("waits_humantask_id__isnull", True),
                                ("waits_proposal_id__isnull", True),
                                ("waits_run_id__isnull", True),
                                ("waits_until__isnull", True),
                            ),
                            _connector="OR",
                        ),
                    ),
                    models.Q(
                        models.Q(("state", "waiting"), _negated=True),
                        ("waits_event__isnull", True),
                        ("waits_humantask_id__isnull", True),
                        ("waits_proposal_id__isnull", True),
                        ("waits_run_id__isnull", True),
                        ("waits_until__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="step_waits_for_exactly_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="toolcall",
            constraint=models.CheckConstraint(
                condition=models.Q(("ruling__isnull", True), ("proposal__isnull", True), _connector="OR"),
                name="toolcall_has_one_authorisation",
            ),
        ),
        migrations.AddConstraint(
            model_name="toolcall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        (
                            "state__in",
                            ["approved", "dispatched", "succeeded", "failed", "unknown", "reconciling"],
                        ),
                        _negated=True,
                    ),
                    ("ruling__isnull", False),
                    ("proposal__isnull", False),
                    _connector="OR",
                ),
                name="toolcall_passes_only_with_authorisation",
            ),
        ),
    ]
