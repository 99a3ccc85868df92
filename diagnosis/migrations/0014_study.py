import uuid
from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

stands = import_module("diagnosis.migrations.0003_final_reports_stand")
REPORT = "diagnosis_report"


def lower_wall(apps, schema_editor):
    """What follows writes keys beside signed words, which stay as they are; 0016 raises the wall again."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {REPORT}_stands ON {REPORT}")
    else:
        # SQLite's own remaking of a table would drop them without a word.
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {REPORT}_stands_update")
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {REPORT}_stands_delete")


def raise_wall(apps, schema_editor):
    dialect = {"postgresql": stands._postgresql, "sqlite": stands._sqlite}[schema_editor.connection.vendor]
    lower_wall(apps, schema_editor)
    for statement in dialect(REPORT, *stands.STANDING[REPORT]):
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    """Tables for studies and series, and room for their keys in what hung on single images."""

    dependencies = [
        ('accounts', '0005_words'),
        ('diagnosis', '0013_override_reasons'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(lower_wall, raise_wall),
        migrations.RemoveConstraint(
            model_name='analysis',
            name='analysis_number_once_per_scan',
        ),
        migrations.RemoveConstraint(
            model_name='analysis',
            name='one_open_analysis_per_scan',
        ),
        migrations.RemoveConstraint(
            model_name='review',
            name='one_review_of_each_kind_per_scan',
        ),
        migrations.RenameField(model_name='analysis', old_name='scan', new_name='image'),
        migrations.AlterField(
            model_name='analysis',
            name='image',
            field=models.ForeignKey(blank=True, help_text='the only one it saw, in analyses from before there were studies; else empty', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='diagnosis.scan', verbose_name='image'),
        ),
        migrations.RenameField(model_name='report', old_name='scan', new_name='image'),
        migrations.AlterField(
            model_name='report',
            name='image',
            field=models.ForeignKey(blank=True, help_text='the only one it rests on, in reports from before there were studies; else empty', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='diagnosis.scan'),
        ),
        migrations.RenameField(model_name='review', old_name='scan', new_name='image'),
        migrations.AlterField(
            model_name='review',
            name='image',
            field=models.ForeignKey(blank=True, help_text='the only one it covers, in readings from before there were studies; else empty', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='diagnosis.scan'),
        ),
        migrations.CreateModel(
            name='ImageResult',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('probabilities', models.JSONField(default=dict, help_text='calibrated probability of the class looked out for, 0 to 1, by classifier/version')),
                ('probability', models.FloatField(blank=True, help_text="the combination's, else the classifiers' mean; not classified: empty", null=True)),
                ('above', models.PositiveSmallIntegerField(default=0, help_text='how many classifiers reach their operating point')),
                ('zone', models.CharField(blank=True, choices=[('negative', 'Negative'), ('indeterminate', 'Indeterminate'), ('positive', 'Positive')], default='', max_length=13)),
                ('not_classified_code', models.CharField(blank=True, max_length=40, verbose_name='reason for no probability')),
                ('not_classified_params', models.JSONField(blank=True, default=dict)),
            ],
            options={
                'verbose_name': 'result of an image',
                'verbose_name_plural': 'results of images',
            },
        ),
        migrations.CreateModel(
            name='Series',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('series_instance_uid', models.CharField(blank=True, max_length=64, verbose_name='series instance UID')),
                ('number', models.IntegerField(blank=True, null=True, verbose_name='number')),
                ('description', models.CharField(blank=True, max_length=64, verbose_name='description')),
                ('body_part', models.CharField(blank=True, max_length=64, verbose_name='body part')),
                ('kernel', models.CharField(blank=True, max_length=64, verbose_name='reconstruction kernel')),
                ('slice_thickness', models.FloatField(blank=True, help_text='mm; CT only', null=True, verbose_name='slice thickness')),
            ],
            options={
                'verbose_name': 'series',
                'verbose_name_plural': 'series',
                'ordering': ['number', 'series_instance_uid', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Study',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('modality', models.CharField(choices=[('cxr', 'Chest X-ray'), ('ct', 'Chest CT slice')], max_length=3, verbose_name='modality')),
                ('study_instance_uid', models.CharField(blank=True, max_length=64, verbose_name='study instance UID')),
                ('accession_number', models.CharField(blank=True, max_length=64, verbose_name='accession number')),
                ('description', models.CharField(blank=True, max_length=64, verbose_name='description')),
                ('referring_physician', models.CharField(blank=True, max_length=200, verbose_name='referring physician')),
                ('clinical_question', models.TextField(blank=True, max_length=2000, verbose_name='clinical question')),
                ('examined_at', models.DateTimeField(blank=True, help_text='as the files say; empty: they do not', null=True, verbose_name='examined')),
                ('received_at', models.DateTimeField(help_text='when its first image came in', verbose_name='received')),
            ],
            options={
                'verbose_name': 'study',
                'verbose_name_plural': 'studies',
                'ordering': ['-received_at', '-id'],
            },
        ),
        migrations.AddField(
            model_name='analysis',
            name='aggregation',
            field=models.JSONField(blank=True, default=dict, help_text="how the images' predictions became the study's: method, version, key images, what was left out", verbose_name='aggregation'),
        ),
        migrations.AddField(
            model_name='analysis',
            name='not_before',
            field=models.DateTimeField(blank=True, help_text='until then it waits for further images of its study; empty: it waits for none', null=True, verbose_name='not before'),
        ),
        migrations.AddField(
            model_name='prediction',
            name='image',
            field=models.ForeignKey(help_text='the image that its attention map is of', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='predictions', to='diagnosis.scan'),
        ),
        migrations.AddField(
            model_name='report',
            name='images',
            field=models.JSONField(blank=True, default=list, help_text='keys of the images that it rests on, as they were at the signature'),
        ),
        migrations.AddField(
            model_name='scan',
            name='not_classified_code',
            field=models.CharField(blank=True, help_text='why no classifier is asked about it, as a code; empty: one may be', max_length=40, verbose_name='reason for no probability'),
        ),
        migrations.AddField(
            model_name='scan',
            name='role',
            field=models.CharField(blank=True, default='', help_text='frontal, lateral, axial, scout, derived, other; not said: empty', max_length=10, verbose_name='role'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='scan',
            name='slice_position',
            field=models.FloatField(blank=True, help_text="mm along the patient's axis; CT slices only", null=True, verbose_name='slice position'),
        ),
        migrations.AddField(
            model_name='scan',
            name='pixel_sha256',
            field=models.CharField(blank=True, default='', help_text='empty: from before it was kept', max_length=64, verbose_name='SHA-256 of the pixels'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='scan',
            name='not_classified_params',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AlterField(
            model_name='analysis',
            name='number',
            field=models.PositiveIntegerField(help_text="1 for the study's first analysis", verbose_name='number'),
        ),
        migrations.AddField(
            model_name='imageresult',
            name='analysis',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='image_results', to='diagnosis.analysis'),
        ),
        migrations.AddField(
            model_name='imageresult',
            name='image',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='results', to='diagnosis.scan'),
        ),
        migrations.AddField(
            model_name='scan',
            name='series',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='images', to='diagnosis.series', verbose_name='series'),
        ),
        migrations.AddField(
            model_name='study',
            name='clinic',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='studies', to='accounts.clinic', verbose_name='clinic'),
        ),
        migrations.AddField(
            model_name='study',
            name='patient',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='studies', to='diagnosis.patient', verbose_name='patient'),
        ),
        migrations.AddField(
            model_name='study',
            name='received_from',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='received from'),
        ),
        migrations.AddField(
            model_name='study',
            name='representative',
            field=models.OneToOneField(blank=True, help_text='the image that stands for the study in lists; empty: no image has come yet', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='represented_study', to='diagnosis.scan', verbose_name='representative image'),
        ),
        migrations.AddField(
            model_name='series',
            name='study',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='series', to='diagnosis.study', verbose_name='study'),
        ),
        migrations.AddField(
            model_name='analysis',
            name='study',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='analyses', to='diagnosis.study', verbose_name='study'),
        ),
        migrations.AddField(
            model_name='notification',
            name='study',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='notifications', to='diagnosis.study'),
        ),
        migrations.AddField(
            model_name='report',
            name='study',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='diagnosis.study'),
        ),
        migrations.AddField(
            model_name='review',
            name='study',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reviews', to='diagnosis.study'),
        ),
        migrations.AddConstraint(
            model_name='imageresult',
            constraint=models.UniqueConstraint(fields=('analysis', 'image'), name='one_result_per_image_and_analysis'),
        ),
        migrations.AddConstraint(
            model_name='imageresult',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('not_classified_code', ''), ('probability__range', (0, 1))), models.Q(('probability', None), models.Q(('not_classified_code', ''), _negated=True)), _connector='OR'), name='image_result_probability_or_reason'),
        ),
        migrations.AddIndex(
            model_name='study',
            index=models.Index(fields=['patient', '-received_at', '-id'], name='study_of_patient'),
        ),
        migrations.AddIndex(
            model_name='study',
            index=models.Index(fields=['clinic', '-received_at', '-id'], name='study_of_clinic'),
        ),
        migrations.AddIndex(
            model_name='study',
            index=models.Index(fields=['patient', 'study_instance_uid'], name='study_by_uid'),
        ),
        migrations.AddConstraint(
            model_name='study',
            constraint=models.CheckConstraint(condition=models.Q(('modality__in', ['cxr', 'ct'])), name='study_modality_known'),
        ),
        migrations.AddConstraint(
            model_name='series',
            constraint=models.UniqueConstraint(condition=models.Q(('series_instance_uid', ''), _negated=True), fields=('study', 'series_instance_uid'), name='one_series_per_uid_and_study'),
        ),
    ]
