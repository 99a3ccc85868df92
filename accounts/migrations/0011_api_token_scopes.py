import accounts.scopes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_provider_links_end"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="scopes",
            field=models.CharField(
                default="*",
                help_text="What it may do of what its person may do; * for everything.",
                max_length=400,
                validators=[accounts.scopes.plausible],
                verbose_name="scopes",
            ),
        ),
    ]
