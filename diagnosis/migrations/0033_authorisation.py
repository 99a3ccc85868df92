from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

study = import_module("diagnosis.migrations.0014_study")


class Migration(migrations.Migration):
    """Reports that are handed over for authorisation and sent back. No signed row is written to."""

    dependencies = [
        ("diagnosis", "0032_second_look"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # SQLite makes the table anew, and would lose the wall without a word.
        migrations.RunPython(study.lower_wall, study.raise_wall),
        migrations.AddField(
            model_name="report",
            name="handed_over_at",
            field=models.DateTimeField(
                blank=True,
                help_text="when its author, who does not sign, gave it to those who do; else empty",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="report",
            name="return_comment",
            field=models.TextField(blank=True, default="", help_text="what its author is to do", max_length=2000),
        ),
        migrations.AddField(
            model_name="report",
            name="returned_by",
            field=models.ForeignKey(
                blank=True,
                help_text="who sent it back to its author last; empty: nobody since it was handed over",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(
                condition=models.Q(("handed_over_at__isnull", False), ("status", "preliminary")),
                fields=["handed_over_at"],
                name="report_handed_over",
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="kind",
            field=models.CharField(
                choices=[
                    ("result", "A result is ready"),
                    ("failure", "An analysis failed"),
                    ("report", "Report signed"),
                    ("addendum", "A report has an addendum"),
                    ("critical", "A critical result waits for you to acknowledge it"),
                    ("overdue", "A critical result was not acknowledged in time"),
                    ("correct", "A report was corrected"),
                    ("error", "A report was entered in error"),
                    ("returned", "A report came back to you"),
                    ("author", "Your report was authorised"),
                    ("look", "A second reader does not agree with your report"),
                ],
                max_length=8,
            ),
        ),
        migrations.RunPython(study.raise_wall, study.lower_wall),
    ]
