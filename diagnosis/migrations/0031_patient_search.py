from django.conf import settings
from django.db import migrations, models

from diagnosis.models.patient import fold
from diagnosis.models.patient_search import number_words


BATCH = 2000


def add_parts_of_numbers(apps, schema_editor):
    """Records whose number is one plain word keep their key."""
    patients = apps.get_model("diagnosis", "Patient").objects
    changed = []
    for patient in patients.only("pk", "medical_record_number", "search_key").iterator(BATCH):
        words = number_words(fold(patient.medical_record_number))
        if not words or patient.search_key.endswith(f" {words}"):
            continue
        patient.search_key = f"{patient.search_key} {words}"[:400]
        changed.append(patient)
        if len(changed) == BATCH:
            patients.bulk_update(changed, ["search_key"])
            changed.clear()
    patients.bulk_update(changed, ["search_key"])


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_letterhead'),
        ('diagnosis', '0030_follow'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='patient',
            index=models.Index(fields=['birth_date'], name='patient_by_birth_date'),
        ),
        migrations.RunPython(add_parts_of_numbers, migrations.RunPython.noop),
    ]
