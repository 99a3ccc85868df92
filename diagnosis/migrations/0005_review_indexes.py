

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('diagnosis', '0004_attention_label'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='review',
            index=models.Index(condition=models.Q(('status__in', ('waiting', 'claimed'))), fields=['clinic', 'due_at', 'id'], name='review_open'),
        ),
        migrations.AddIndex(
            model_name='review',
            index=models.Index(condition=models.Q(('status', 'claimed')), fields=['lease_expires_at'], name='review_lease'),
        ),
        migrations.AddIndex(
            model_name='review',
            index=models.Index(fields=['clinic', 'decided_at'], name='review_decided'),
        ),
    ]
