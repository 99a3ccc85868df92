from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('network', '0004_priors'),
    ]

    operations = [
        migrations.AddField(
            model_name='remoteentity',
            name='report_tls',
            field=models.BooleanField(db_default=False, default=False, help_text='Its certificate must name the address from which it asked.', verbose_name='reports encrypted (TLS)'),
        ),
    ]
