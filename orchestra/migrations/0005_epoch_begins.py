"""The first life of the database: every idempotency key names it, so that a restored one never repeats old keys."""

from django.db import migrations


def begin(apps, schema_editor):
    """The first epoch, where there is none."""
    epoch = apps.get_model("orchestra", "Epoch").objects.using(schema_editor.connection.alias)
    if not epoch.exists():
        epoch.create(reason="the database was made")


class Migration(migrations.Migration):
    """Begin the first epoch."""

    dependencies = [("orchestra", "0004_groups_are_seeded")]

    operations = [migrations.RunPython(begin, migrations.RunPython.noop)]
