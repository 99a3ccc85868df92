"""Move images to another study of the patient or split them off into a new one, and undo it."""

from __future__ import annotations

import uuid
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from diagnosis.actions.correction import undo_correction
from diagnosis.actions.regrouping import move_images
from diagnosis.errors import Refusal
from diagnosis.forms.correction import RegroupForm
from diagnosis.models import Correction, Scan, Series, Study
from diagnosis.models.correction import OF_STUDIES
from diagnosis.results import images as words
from diagnosis.results.contents import images_of
from diagnosis.rules import corrections
from diagnosis.views.scan import page as study_page
from diagnosis.views.shortcuts import find, noted, person

# Of the other studies of the patient; the latest are the likeliest.
OTHERS = 30


@require_http_methods(["GET", "POST"])
def move(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    study = find(Study.objects.filter(emptied_of=None).select_related("clinic", "patient__clinic"), request, pk)
    if not corrections.may_move_images(person(request), study):
        raise PermissionDenied(_(corrections.ONLY_UNREAD if corrections.was_read(pk) else corrections.ONLY_OWN))
    series = {one: list(images) for one, images in groupby(_movable(request, study), key=lambda image: image.series)}
    others = _others(study)
    form = RegroupForm(request.POST or None, series=series, others=others)
    context = {"study": study, "patient": study.patient, "clinic": study.clinic, "form": form}
    context |= {"series": [_line(*one) for one in series.items()], "others": _with_counts(others)}
    context |= {"signed": study.reports.filter(signed_at__isnull=False).exists(), "refusal": None}
    if request.method == "POST" and form.is_valid():
        return _attempt(request, study, form, context)
    return render(request, "diagnosis/study/regroup.html", context, status=422 if request.method == "POST" else 200)


@require_POST
def undo(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    between = Correction.objects.filter(kind__in=OF_STUDIES).visible_to(person(request))
    related = ("source", "target", "source_study", "target_study")
    made = noted(get_object_or_404(between.select_related(*related), pk=pk))
    try:
        undo_correction(by=person(request), correction=made)
    except Refusal as refusal:
        assert made.target_study
        return study_page(request, made.target_study.shown, refusal=refusal)
    messages.success(request, _("Undone. The images are in the study that they were in before."))
    return redirect("diagnosis:study-detail", pk=made.source_study_id)


def _attempt(request: HttpRequest, study: Study, form: RegroupForm, context: dict[str, Any]) -> HttpResponse:
    wanted = form.cleaned_data["target"]
    target = Study.objects.get(pk=wanted) if wanted else None
    try:
        made = move_images(
            by=person(request), study=study, images=form.chosen, target=target, reason=form.cleaned_data["reason"]
        )
    except Refusal as refusal:
        refused = context | {"refusal": refusal}
        return render(request, "diagnosis/study/regroup.html", refused, status=refusal.http_status)
    messages.success(request, _("Moved. Both studies are analysed and read again; this page is of the one with them."))
    return redirect("diagnosis:study-detail", pk=made.target_study_id)


def _movable(request: HttpRequest, study: Study) -> list[Scan]:
    """The images that the person may move, by series."""
    user = person(request)
    images = [image for image in images_of(study) if corrections.may_move_image(user, study, image)]
    return sorted(images, key=lambda image: (image.series.number or 0, str(image.series_id)))


def _line(series: Series, images: list[Scan]) -> dict[str, Any]:
    lines = [(image, words.name_of(image)) for image in images]
    return {"series": series, "lines": lines, "many": len(images) > 6, "count": words.count_of(len(images))}


def _others(study: Study) -> list[Study]:
    """The other studies of the patient that images of this one may join, the latest first."""
    same = Study.objects.filter(patient=study.patient_id, modality=study.modality, emptied_of=None)
    return list(same.exclude(pk=study.pk).order_by("-received_at", "-pk")[:OTHERS])


def _with_counts(studies: list[Study]) -> list[tuple[Study, str]]:
    counts = words.image_counts(study.pk for study in studies)
    return [(study, words.count_of(counts.get(study.pk, 0))) for study in studies]
