"""Runs that have ended or are in trouble, failures, and proposals by their times are found by index."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("orchestra", "0009_halts_reach_children")]

    operations = [
        migrations.AddIndex(
            "run",
            models.Index(
                fields=["finished_at"],
                name="run_ended",
                condition=Q(state__in=["cancelled", "failed", "succeeded"]),
            ),
        ),
        migrations.AddIndex(
            "run",
            models.Index(
                fields=["state", "-id"],
                name="run_in_trouble",
                condition=Q(state__in=["cancelled", "escalated", "failed"]),
            ),
        ),
        migrations.AddIndex(
            "step", models.Index(fields=["finished_at"], name="step_failed", condition=~Q(failure_class=""))
        ),
        migrations.AddIndex(
            "toolcall",
            models.Index(fields=["finished_at"], name="toolcall_failed", condition=~Q(failure_class="")),
        ),
        migrations.AddIndex("proposal", models.Index(fields=["created_at"], name="proposal_opened")),
        migrations.AddIndex(
            "proposal",
            models.Index(
                fields=["-decided_at", "-id"], name="proposal_decided", condition=~Q(state="pending")
            ),
        ),
    ]
