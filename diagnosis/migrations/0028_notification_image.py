"""The image that an old notice was about: its address was handed out, and leads there still."""

from bisect import bisect_left
from datetime import timedelta

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Count, OuterRef, Subquery

BATCH = 1000
# A notice was written in the transaction of what it tells of.
NEAR = timedelta(minutes=1)


def name_images(apps, schema_editor):
    """Where a study has one image, that one. Where it has several, by the moment: what ended then was of which image?"""
    Notification, Scan = apps.get_model("diagnosis", "Notification"), apps.get_model("diagnosis", "Scan")
    counted = apps.get_model("diagnosis", "Study").objects.annotate(images=Count("series__images"))
    only = Scan.objects.filter(series__study=OuterRef("study")).values("pk")[:1]
    Notification.objects.filter(study__in=counted.filter(images=1).values("pk")).update(image=Subquery(only))
    several = counted.filter(images__gt=1).values("pk")
    for study in Notification.objects.filter(study__in=several).order_by().values_list("study", flat=True).distinct():
        _name_in_study(apps, study)


def _name_in_study(apps, study):
    Notification = apps.get_model("diagnosis", "Notification")
    ended = {}
    pending = []
    for notice in Notification.objects.filter(study=study).iterator(chunk_size=BATCH):
        moments = ended.get(notice.kind)
        if moments is None:
            moments = ended[notice.kind] = sorted(_moments(apps, study, notice.kind), key=lambda one: one[0])
        notice.image_id = _at(moments, notice.created_at)
        if notice.image_id:
            pending.append(notice)
    Notification.objects.bulk_update(pending, ["image"], batch_size=BATCH)


def _moments(apps, study, kind):
    """When what notices of this kind tell of ended, with the image that it was of."""
    if kind in ("result", "failure"):
        Analysis = apps.get_model("diagnosis", "Analysis")
        status = "succeeded" if kind == "result" else "failed"
        return list(
            Analysis.objects.filter(study=study, status=status, image__isnull=False).values_list("finished_at", "image")
        )
    if kind == "report":
        reports = apps.get_model("diagnosis", "Report").objects.filter(study=study, signed_at__isnull=False)
        return [(report.signed_at, _image_of(report)) for report in reports if _image_of(report)]
    addenda = apps.get_model("diagnosis", "Addendum").objects.filter(report__study=study).select_related("report")
    return [(one.signed_at, _image_of(one.report)) for one in addenda if _image_of(one.report)]


def _image_of(report):
    """The one that a report speaks of alone, or on which one for the whole series was signed."""
    return report.image_id or (report.images[0] if len(report.images) == 1 else None)


def _at(moments, moment):
    """The image of the nearest one; None where none is near."""
    place = bisect_left(moments, moment, key=lambda one: one[0])
    near = min(moments[max(0, place - 1) : place + 1], key=lambda one: abs(one[0] - moment), default=None)
    return near[1] if near and abs(near[0] - moment) <= NEAR else None


class Migration(migrations.Migration):
    dependencies = [
        ("diagnosis", "0027_critical_results"),
    ]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="image",
            field=models.ForeignKey(
                blank=True,
                help_text="the image that it was about, in notices from before there were studies; else empty",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="diagnosis.scan",
            ),
        ),
        migrations.RunPython(name_images, migrations.RunPython.noop, elidable=False),
    ]
