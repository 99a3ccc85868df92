from django.db import migrations


def fill(apps, schema_editor):
    """Reviews of scans on which the classifiers stand on both sides say so from now on."""
    Review = apps.get_model("diagnosis", "Review")
    Review.objects.filter(share_above__gt=0, share_above__lt=1).update(marks=["disagreement"])


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0008_zones")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
