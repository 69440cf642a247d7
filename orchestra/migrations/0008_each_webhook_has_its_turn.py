from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orchestra', '0007_admins_may_configure'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('delivered_at__isnull', True), ('given_up_at__isnull', True)), fields=['webhook', 'due_at'], name='webhookdelivery_due_of_each'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('given_up_at__isnull', False)), fields=['-id'], name='webhookdelivery_given_up'),
        ),
    ]
