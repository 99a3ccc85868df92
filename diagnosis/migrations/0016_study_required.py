import django.db.models.deletion
from django.db import migrations, models
from importlib import import_module

study = import_module("diagnosis.migrations.0014_study")


def required(to, name, **more):
    return models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name=name, to=f"diagnosis.{to}", **more)


class Migration(migrations.Migration):
    """Every row has its study; what must hold from now on."""

    dependencies = [("diagnosis", "0015_file_scans")]

    operations = [
        migrations.AlterField("scan", "series", required("series", "images", verbose_name="series")),
        migrations.AlterField("analysis", "study", required("study", "analyses", verbose_name="study")),
        migrations.AlterField("review", "study", required("study", "reviews")),
        migrations.AlterField("report", "study", required("study", "reports")),
        migrations.AlterField(
            "prediction",
            "image",
            required("scan", "predictions", help_text="the image that its attention map is of"),
        ),
        migrations.AlterField(
            "notification",
            "study",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="notifications", to="diagnosis.study"
            ),
        ),
        migrations.RemoveField("notification", "scan"),
        migrations.AddConstraint(
            model_name='analysis',
            constraint=models.UniqueConstraint(condition=models.Q(('image', None)), fields=('study', 'number'), name='analysis_number_once_per_study'),
        ),
        migrations.AddConstraint(
            model_name='analysis',
            constraint=models.UniqueConstraint(condition=models.Q(('image__isnull', False)), fields=('image', 'number'), name='analysis_number_once_per_image'),
        ),
        migrations.AddConstraint(
            model_name='analysis',
            constraint=models.UniqueConstraint(condition=models.Q(('image', None), ('status', 'queued')), fields=('study',), name='one_queued_analysis_per_study'),
        ),
        migrations.AddConstraint(
            model_name='analysis',
            constraint=models.UniqueConstraint(condition=models.Q(('image__isnull', False), ('status__in', ('queued', 'running'))), fields=('image',), name='one_open_analysis_per_image'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ('waiting', 'claimed'))), fields=('study', 'kind'), name='one_open_review_of_each_kind_per_study'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.UniqueConstraint(condition=models.Q(('image__isnull', False)), fields=('image', 'kind'), name='one_review_of_each_kind_per_image'),
        ),
        migrations.RunPython(study.raise_wall, study.lower_wall),
    ]
