from django.db import migrations, models
from django.db.models import Q
import django.db.models.deletion


class Migration(migrations.Migration):
    """The field's words: an ensemble predicts, and "positive" no longer means what only the zone can say."""

    dependencies = [("diagnosis", "0009_marks")]

    operations = [
        migrations.RemoveConstraint("combination", "combination_probability_in_range"),
        migrations.RemoveConstraint("combination", "combination_zone_known"),
        migrations.RenameModel("Combination", "EnsemblePrediction"),
        migrations.RenameField("ensembleprediction", "panel", "ensemble"),
        migrations.RenameField("ensembleprediction", "positive", "at_or_above_threshold"),
        migrations.RenameField("prediction", "positive", "at_or_above_threshold"),
        migrations.RenameField("analysis", "without_combination", "without_ensemble"),
        migrations.AlterField(
            "ensembleprediction",
            "analysis",
            models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="ensemble_prediction",
                to="diagnosis.analysis",
            ),
        ),
        migrations.AlterField(
            "ensembleprediction",
            "card",
            models.JSONField(default=dict, help_text="what the ensemble's card said of it then"),
        ),
        migrations.AddConstraint(
            "ensembleprediction",
            models.CheckConstraint(condition=Q(probability__range=(0, 1)), name="ensemble_prediction_probability_in_range"),
        ),
        migrations.AddConstraint(
            "ensembleprediction",
            models.CheckConstraint(condition=Q(zone__in=["negative", "indeterminate", "positive"]), name="ensemble_prediction_zone_known"),
        ),
    ]
