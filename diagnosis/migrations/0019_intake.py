import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


def mark_values_of_files(apps, schema_editor):
    """Nobody could say who referred before: what stands there came with a file."""
    studies = apps.get_model("diagnosis", "Study").objects.exclude(referring_physician="")
    studies.update(from_file=["referring_physician"])


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_words'),
        ('diagnosis', '0018_page_indexes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='StudyChange',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('field', models.CharField(help_text='name of the field of the study', max_length=40)),
                ('before', models.TextField(blank=True, help_text='as text, dates as ISO 8601; empty: not said')),
                ('after', models.TextField(blank=True)),
                ('made_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name': 'change of a study',
                'verbose_name_plural': 'changes of studies',
                'ordering': ['-made_at', 'field'],
            },
        ),
        migrations.CreateModel(
            name='Withdrawal',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('reason', models.CharField(max_length=400)),
                ('made_at', models.DateTimeField(auto_now_add=True)),
                ('undone_at', models.DateTimeField(blank=True, null=True)),
                ('scans', models.JSONField(help_text='keys of the images that were taken back')),
            ],
            options={
                'verbose_name': 'withdrawal',
                'verbose_name_plural': 'withdrawals',
                'ordering': ['-made_at'],
                'abstract': False,
            },
        ),
        migrations.RemoveConstraint(
            model_name='scan',
            name='one_scan_per_file_and_clinic',
        ),
        migrations.AddField(
            model_name='readingpolicy',
            name='asks_request',
            field=models.BooleanField(default=True, help_text='whether an upload asks for referrer, ward, clinical question and symptoms'),
        ),
        migrations.AddField(
            model_name='study',
            name='batch',
            field=models.UUIDField(blank=True, editable=False, help_text='what the uploader called the loose files of one examination; empty: nothing', null=True, verbose_name='batch'),
        ),
        migrations.AddField(
            model_name='study',
            name='examined_from',
            field=models.CharField(blank=True, choices=[('guessed', 'guessed from the photograph'), ('person', 'stated by a person')], help_text='empty: the files say it, or it is not known', max_length=7, verbose_name='source of the date'),
        ),
        migrations.AddField(
            model_name='study',
            name='from_file',
            field=models.JSONField(blank=True, default=list, help_text='names of the fields that a file filled and nobody has changed', verbose_name='taken from the file'),
        ),
        migrations.AddField(
            model_name='study',
            name='priority',
            field=models.CharField(blank=True, choices=[('routine', 'Routine'), ('urgent', 'Urgent')], max_length=7, verbose_name='priority'),
        ),
        migrations.AddField(
            model_name='study',
            name='symptoms',
            field=models.TextField(blank=True, max_length=2000, verbose_name='symptoms'),
        ),
        migrations.AddField(
            model_name='study',
            name='ward',
            field=models.CharField(blank=True, max_length=120, verbose_name='ward'),
        ),
        migrations.AlterField(
            model_name='study',
            name='examined_at',
            field=models.DateTimeField(blank=True, help_text='empty: not known', null=True, verbose_name='examined'),
        ),
        migrations.AddField(
            model_name='studychange',
            name='made_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='studychange',
            name='study',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='diagnosis.study'),
        ),
        migrations.AddField(
            model_name='withdrawal',
            name='clinic',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='withdrawals', to='accounts.clinic'),
        ),
        migrations.AddField(
            model_name='withdrawal',
            name='made_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='withdrawal',
            name='study',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='withdrawals', to='diagnosis.study'),
        ),
        migrations.AddField(
            model_name='withdrawal',
            name='undone_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='scan',
            name='withdrawal',
            field=models.ForeignKey(blank=True, editable=False, help_text='empty: it stands', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='images', to='diagnosis.withdrawal', verbose_name='taken back by'),
        ),
        migrations.AddField(
            model_name='study',
            name='withdrawal',
            field=models.ForeignKey(blank=True, editable=False, help_text='empty: it stands, with one image at least', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='whole_studies', to='diagnosis.withdrawal', verbose_name='taken back by'),
        ),
        migrations.AddConstraint(
            model_name='scan',
            constraint=models.UniqueConstraint(condition=models.Q(('withdrawal', None)), fields=('clinic', 'sha256'), name='one_scan_per_file_and_clinic'),
        ),
        migrations.AddIndex(
            model_name='withdrawal',
            index=models.Index(fields=['clinic', '-made_at'], name='withdrawal_newest'),
        ),
        migrations.AddConstraint(
            model_name='withdrawal',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('undone_at', None), ('undone_by', None)), models.Q(('undone_at__isnull', False), ('undone_by__isnull', False)), _connector='OR'), name='withdrawal_undone_who_and_when'),
        ),
        migrations.RunPython(mark_values_of_files, migrations.RunPython.noop),
    ]
