from django.db import migrations, models
from django.db.models import Q


def _text(value):
    """A message that says what an older version wrote."""
    return {"code": "", "params": {"sentence": value}}


def keep_sentences(apps, schema_editor):
    """English sentences become parameters: what a row said, it goes on saying."""
    Analysis, Scan = apps.get_model("diagnosis", "Analysis"), apps.get_model("diagnosis", "Scan")
    for analysis in Analysis.objects.exclude(failure_reason="", without_ensemble="").iterator():
        analysis.failure_params = {"sentence": analysis.failure_reason} if analysis.failure_reason else {}
        analysis.failure_code = analysis.failure_code or ("unexpected" if analysis.failure_reason else "")
        analysis.without_ensemble_reasons = [_text(analysis.without_ensemble)] if analysis.without_ensemble else []
        analysis.save(update_fields=["failure_params", "failure_code", "without_ensemble_reasons"])
    for scan in Scan.objects.exclude(identity_note="").iterator():
        scan.identity_differences = [_text(f"{scan.identity_note}.")]
        scan.save(update_fields=["identity_differences"])


def _field_of_note():
    return models.TextField(blank=True, help_text="a code of diagnosis.messages; text in older rows")


def _params_of_note():
    return models.JSONField(blank=True, default=dict, help_text="what fills the code's sentence")


TRANSITIONS = ("transition", "reviewtransition", "reporttransition")


class Migration(migrations.Migration):
    """Codes and parameters instead of English sentences, so that each reader gets them in their language."""

    dependencies = [("diagnosis", "0010_ensemble_predictions")]

    operations = [
        migrations.AddField(
            "analysis",
            "failure_params",
            models.JSONField(blank=True, default=dict, help_text="what fills the code's sentence"),
        ),
        migrations.AddField(
            "analysis",
            "without_ensemble_reasons",
            models.JSONField(
                blank=True,
                default=list,
                help_text="messages that say why the answers were not combined; empty: they were, or nothing was to combine",
            ),
        ),
        migrations.AddField(
            "scan",
            "identity_differences",
            models.JSONField(
                blank=True,
                default=list,
                help_text="messages that say what file and record disagreed on when the uploader confirmed the patient",
            ),
        ),
        *(migrations.AlterField(name, "note", _field_of_note()) for name in TRANSITIONS),
        *(migrations.AddField(name, "note_params", _params_of_note()) for name in TRANSITIONS),
        migrations.RunPython(keep_sentences, migrations.RunPython.noop),
        migrations.RemoveConstraint("analysis", "analysis_failed_has_reason"),
        migrations.RemoveField("analysis", "failure_reason"),
        migrations.RemoveField("analysis", "without_ensemble"),
        migrations.RemoveField("scan", "identity_note"),
        migrations.AddConstraint(
            "analysis",
            models.CheckConstraint(
                condition=(Q(status="failed") & ~Q(failure_code="")) | (~Q(status="failed") & Q(failure_code="")),
                name="analysis_failed_has_reason",
            ),
        ),
    ]
