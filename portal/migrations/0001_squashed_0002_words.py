import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from audit.tables import CreateModels


class Migration(migrations.Migration):
    """A new database's tables at once; an older one goes through those that this replaces, which stay (ADR 0305)."""

    replaces = [
        ('portal', '0001_initial'),
        ('portal', '0002_words'),
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='ContactMessage',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=120, verbose_name='name')),
                    ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                    ('subject', models.CharField(max_length=160, verbose_name='subject')),
                    ('body', models.TextField(max_length=4000, verbose_name='message')),
                    ('sent_at', models.DateTimeField(auto_now_add=True, verbose_name='sent')),
                    ('mailed_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='mailed')),
                    ('handled_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='handled')),
                    ('handled_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='handled by')),
                ],
                options={
                    'verbose_name': 'contact message',
                    'verbose_name_plural': 'contact messages',
                    'ordering': ['-sent_at'],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('handled_at', None), ('handled_by', None)), models.Q(('handled_at__isnull', False), ('handled_by__isnull', False)), _connector='OR'), name='contact_handled_by_and_at_together')],
                },
            ),
        ]),
    ]
