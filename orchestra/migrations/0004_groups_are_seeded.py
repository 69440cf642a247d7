"""The five groups that rights are given to."""

from django.db import migrations

GROUPS = ["requesters", "reviewers", "operators", "admins", "auditors"]


def seed(apps, schema_editor):
    """Create the groups that are missing."""
    group = apps.get_model("auth", "Group")
    for name in GROUPS:
        group.objects.using(schema_editor.connection.alias).get_or_create(name=name)


class Migration(migrations.Migration):
    """Seed the groups."""

    dependencies = [
        ("orchestra", "0003_moves_are_guarded"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
