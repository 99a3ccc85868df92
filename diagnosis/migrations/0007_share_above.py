from statistics import fmean

from django.db import migrations, models


def fill(apps, schema_editor):
    """Reviews that already had a result take it from their scan's newest one."""
    Review, Prediction = apps.get_model("diagnosis", "Review"), apps.get_model("diagnosis", "Prediction")
    for review in Review.objects.filter(suspicion__isnull=False).iterator():
        found = Prediction.objects.filter(analysis__scan=review.scan_id, analysis__status="succeeded")
        newest = found.order_by("-analysis__number").values_list("analysis", flat=True).first()
        above = found.filter(analysis=newest).values_list("positive", flat=True)
        Review.objects.filter(pk=review.pk).update(share_above=fmean(above) if above else None)


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0006_dismissal")]

    operations = [
        migrations.AddField(
            model_name="review",
            name="share_above",
            field=models.FloatField(
                blank=True,
                null=True,
                help_text="share of the classifiers above their operating point, 0 to 1; none yet: empty",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
