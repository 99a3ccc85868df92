import django.db.models.deletion
from django.db import migrations, models


def copy_order(apps, schema_editor):
    """A text named the last order of its message."""
    for body in apps.get_model("orders", "MessageBody").objects.exclude(order=None).iterator():
        body.orders.add(body.order_id)


class Migration(migrations.Migration):
    dependencies = [
        ("diagnosis", "0045_drift_alarm"),
        ("orders", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="messagebody",
            name="order",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="orders.order"
            ),
        ),
        migrations.AddField(
            model_name="messagebody",
            name="orders",
            field=models.ManyToManyField(blank=True, related_name="messages", to="orders.order"),
        ),
        migrations.RunPython(copy_order, migrations.RunPython.noop),
        migrations.RemoveField(
            model_name="messagebody",
            name="order",
        ),
        migrations.AddField(
            model_name="mergeproposal",
            name="reason",
            field=models.CharField(blank=True, help_text="why it was not done", max_length=400, verbose_name="reason"),
        ),
        migrations.AddField(
            model_name="order",
            name="former_study",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                help_text="the images that it had and let go of, until it has others",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="diagnosis.study",
            ),
        ),
    ]
