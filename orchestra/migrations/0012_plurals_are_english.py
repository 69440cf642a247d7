"""The administration names lists as people do. The database is not touched."""

from django.db import migrations


class Migration(migrations.Migration):
    """Plurals."""

    dependencies = [("orchestra", "0011_answered_questions_are_found")]

    operations = [
        migrations.AlterModelOptions(
            name="apitoken", options={"verbose_name": "API token", "verbose_name_plural": "API tokens"}
        ),
        migrations.AlterModelOptions(name="dispatch", options={"verbose_name_plural": "dispatches"}),
        migrations.AlterModelOptions(name="policy", options={"verbose_name_plural": "policies"}),
        migrations.AlterModelOptions(
            name="webhookdelivery", options={"verbose_name_plural": "webhook deliveries"}
        ),
    ]
