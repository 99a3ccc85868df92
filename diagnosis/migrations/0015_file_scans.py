"""Every scan gets its series and its study; what was read, analysed and reported of one image becomes the study's."""

import re
from collections import defaultdict
from itertools import groupby
from statistics import fmean

from django.db import migrations
from django.db.models import Count, OuterRef, Subquery
from django.utils import timezone

BATCH = 500
OPEN = ("waiting", "claimed")
READ_WITH = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def file_scans(apps, schema_editor):
    """One study for the images of one patient, modality and study UID, else accession number, else series UID."""
    Scan = apps.get_model("diagnosis", "Scan")
    scans = Scan.objects.order_by("patient_id", "uploaded_at", "pk").defer("identity_differences")
    pending = []
    for _patient, of_patient in groupby(scans.iterator(chunk_size=2000), key=lambda scan: scan.patient_id):
        studies = defaultdict(list)
        for scan in of_patient:
            studies[_key(scan)].append(scan)
        pending += studies.values()
        if len(pending) >= BATCH:
            _make(apps, pending)
            pending = []
    _make(apps, pending)


def _key(scan):
    if scan.study_instance_uid:
        return scan.modality, "study", scan.study_instance_uid
    if scan.accession_number:
        return scan.modality, "accession", scan.accession_number
    if scan.series_instance_uid:
        return scan.modality, "series", scan.series_instance_uid
    return scan.modality, "scan", str(scan.pk)


def _make(apps, groups):
    Scan, Study, Series = (apps.get_model("diagnosis", name) for name in ("Scan", "Study", "Series"))
    studies, series, filed = [], [], []
    for images in groups:
        first = images[0]
        taken = [image.acquired_at for image in images if image.acquired_at]
        study = Study(
            clinic_id=first.clinic_id,
            patient_id=first.patient_id,
            modality=first.modality,
            study_instance_uid=first.study_instance_uid,
            accession_number=first.accession_number,
            examined_at=min(taken, default=None),
            received_at=first.uploaded_at,
            received_from_id=first.uploaded_by_id,
        )
        studies.append(study)
        by_uid = defaultdict(list)
        for image in images:
            by_uid[image.series_instance_uid or str(image.pk)].append(image)
        for uid, members in by_uid.items():
            one = Series(
                study=study,
                series_instance_uid=uid if members[0].series_instance_uid else "",
                body_part=members[0].body_part,
            )
            series.append(one)
            for image in members:
                image.series = one
                filed.append(image)
    Study.objects.bulk_create(studies, batch_size=BATCH)
    Series.objects.bulk_create(series, batch_size=BATCH)
    Scan.objects.bulk_update(filed, ["series"], batch_size=BATCH)


def hang_on_studies(apps, schema_editor):
    """Set by set, in the database: what named an image names its study."""
    Scan = apps.get_model("diagnosis", "Scan")
    for name, field in (("Analysis", "image"), ("Review", "image"), ("Report", "image"), ("Notification", "scan")):
        study = Scan.objects.filter(pk=OuterRef(field)).values("series__study")[:1]
        apps.get_model("diagnosis", name).objects.update(study=Subquery(study))
    Analysis, Prediction = apps.get_model("diagnosis", "Analysis"), apps.get_model("diagnosis", "Prediction")
    image = Analysis.objects.filter(pk=OuterRef("analysis")).values("image")[:1]
    Prediction.objects.update(image=Subquery(image))


def keep_image_results(apps, schema_editor):
    """What each finished analysis said of its one image."""
    Analysis, ImageResult = apps.get_model("diagnosis", "Analysis"), apps.get_model("diagnosis", "ImageResult")
    done = Analysis.objects.filter(status="succeeded", predictions__isnull=False).distinct()
    pending = []
    for analysis in done.prefetch_related("predictions", "ensemble_prediction").iterator(chunk_size=BATCH):
        pending.append(_image_result(ImageResult, analysis))
        if len(pending) >= BATCH:
            ImageResult.objects.bulk_create(pending)
            pending = []
    ImageResult.objects.bulk_create(pending)


def _image_result(ImageResult, analysis):
    predictions = list(analysis.predictions.all())
    ensemble = getattr(analysis, "ensemble_prediction", None)
    mean = fmean(one.probability for one in predictions)
    return ImageResult(
        analysis=analysis,
        image_id=analysis.image_id,
        probabilities={f"{one.classifier}/{one.version}": one.probability for one in predictions},
        probability=ensemble.probability if ensemble else mean,
        zone=ensemble.zone if ensemble else "",
        above=sum(one.at_or_above_threshold for one in predictions),
    )


def choose_representatives(apps, schema_editor):
    """The image that was reported on, else read, else the middle slice of the largest series, else the first one."""
    Scan, Study = apps.get_model("diagnosis", "Scan"), apps.get_model("diagnosis", "Study")
    Report, Review = apps.get_model("diagnosis", "Report"), apps.get_model("diagnosis", "Review")
    reported = set(Report.objects.values_list("image", flat=True))
    decided = Review.objects.filter(status="decided").values_list("image", flat=True)
    held = Review.objects.filter(status="claimed").values_list("image", flat=True)
    ranks = {pk: 3 for pk in held} | {pk: 2 for pk in decided} | {pk: 1 for pk in reported}
    scans = Scan.objects.select_related("series").order_by("series__study", "uploaded_at", "pk")
    pending = []
    for study, images in groupby(scans.iterator(chunk_size=2000), key=lambda scan: scan.series.study_id):
        pending.append(Study(pk=study, representative=_representative(list(images), ranks)))
        if len(pending) >= BATCH:
            Study.objects.bulk_update(pending, ["representative"])
            pending = []
    Study.objects.bulk_update(pending, ["representative"])


def _representative(images, ranks):
    ranked = [image for image in images if image.pk in ranks]
    if ranked:
        return min(ranked, key=lambda image: ranks[image.pk])
    if images[0].modality != "ct":
        return images[0]
    groups = defaultdict(list)
    for image in images:
        groups[image.series_id].append(image)
    largest = max(groups.values(), key=len)
    ordered = sorted(largest, key=lambda image: (image.instance_number or 0, image.uploaded_at))
    return ordered[len(ordered) // 2]


def join_readings(apps, schema_editor):
    """Where a study has one image, everything is the study's. Where it has several, a reading that covered them all is
    the study's too, and of the open ones one stays in the queue for all; the others say where they went.
    """
    Study = apps.get_model("diagnosis", "Study")
    counted = Study.objects.annotate(images=Count("series__images"))
    alone = counted.filter(images=1).values("pk")
    for name in ("Analysis", "Review", "Report"):
        apps.get_model("diagnosis", name).objects.filter(study__in=alone).update(image=None)
    covers = _covers(apps)
    for study in counted.filter(images__gt=1).iterator(chunk_size=BATCH):
        _join(apps, study, covers)


def _covers(apps):
    """The readings that others were withdrawn for, each with the images of those. Only words name it: see the note."""
    Transition = apps.get_model("diagnosis", "ReviewTransition")
    covers = defaultdict(set)
    for row in Transition.objects.filter(target="withdrawn").select_related("review"):
        named = READ_WITH.search(str(row.note_params.get("review", "")) or row.note)
        if named:
            covers[named.group()].add(row.review.image_id)
    return covers


def _join(apps, study, covers):
    Review, Report = apps.get_model("diagnosis", "Review"), apps.get_model("diagnosis", "Report")
    images = set(apps.get_model("diagnosis", "Scan").objects.filter(series__study=study).values_list("pk", flat=True))
    for review in Review.objects.filter(study=study, kind="first", status="decided"):
        if covers.get(str(review.pk), set()) | {review.image_id} >= images:
            # The report keeps in its list the one image that it was signed on.
            Report.objects.filter(review=review).update(images=[str(review.image_id)], image=None)
            Review.objects.filter(pk=review.pk).update(image=None)
    for kind in ("first", "second", "arbitration"):
        waiting = list(Review.objects.filter(study=study, kind=kind, status__in=OPEN).order_by("status", "due_at", "pk"))
        if waiting:
            _keep_one(apps, study, waiting)


def _keep_one(apps, study, waiting):
    """The claimed one, else that of the image that stands for the study, else the first in the queue's order."""
    Review = apps.get_model("diagnosis", "Review")
    Transition = apps.get_model("diagnosis", "ReviewTransition")
    kept = min(waiting, key=lambda review: (review.status != "claimed", review.image_id != study.representative_id))
    urgent = any(review.urgent for review in waiting)
    first = min(review.due_at for review in waiting)
    for review in waiting:
        if review.pk != kept.pk:
            free = {"claim": None, "lease_expires_at": None, "claimed_at": None, "reader": None}
            Review.objects.filter(pk=review.pk).update(status="withdrawn", **free)
            note = {"note": "read_with_study", "note_params": {"review": str(kept.pk)}}
            Transition.objects.create(
                review=review, source=review.status, target="withdrawn", at=timezone.now(), by="migration", **note
            )
    Review.objects.filter(pk=kept.pk).update(image=None, urgent=urgent, due_at=first)


def list_images_of_reports(apps, schema_editor):
    """Every report names the one image that it rests on."""
    Report = apps.get_model("diagnosis", "Report")
    for report in Report.objects.filter(images=[]).select_related("study").iterator(chunk_size=BATCH):
        image = report.image_id or report.study.representative_id
        Report.objects.filter(pk=report.pk).update(images=[str(image)])


def back(apps, schema_editor):
    """The way back is for empty tables: a study of several images has no place in those of before."""


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0014_study")]

    operations = [
        migrations.RunPython(file_scans, back),
        migrations.RunPython(hang_on_studies, back),
        migrations.RunPython(keep_image_results, back),
        migrations.RunPython(choose_representatives, back),
        migrations.RunPython(join_readings, back),
        migrations.RunPython(list_images_of_reports, back),
    ]
