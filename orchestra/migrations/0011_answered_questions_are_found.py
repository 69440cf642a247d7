"""Questions that are over are found by their end, as the queue lists them."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("orchestra", "0010_overview_is_quick")]

    operations = [
        migrations.AddIndex(
            "humantask",
            models.Index(fields=["-finished_at", "-id"], name="humantask_over", condition=~Q(state="open")),
        ),
    ]
