"""What the viewer of a scan is told by the page that embeds it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import prefetch_related_objects
from django.urls import reverse

from accounts.models import User
from accounts.permissions import Permission, allowed
from diagnosis.models import AttentionMap, Prediction, Scan
from diagnosis.patients.prior import prior_studies
from diagnosis.results import colour, slices
from diagnosis.results.display_sets import DisplaySet, Hanging, display_sets, hang
from diagnosis.results.labels import label_name
from diagnosis.rules import blinding, policies
from diagnosis.views.viewer_sets import entry, listed


def settings_of(scan: Scan, user: User, *, hide_result: bool = False, alone: bool = False) -> dict[str, Any]:
    """All addresses that the viewer needs. Where the result is hidden, nothing that leads to it is among them.

    `scan` is the image that the page is about; the viewer opens with that of its study which `hang` chooses, or with
    `scan` itself where that is to be seen `alone`.
    """
    sets = display_sets(scan.study_id, visible_to=user)
    share_study(scan, [one.middle for one in sets])
    prior = prior_studies(scan)
    prefetch_related_objects(prior, "patient", "series__study")
    hanging = Hanging(scan) if alone else hang(scan, sets)
    config: dict[str, Any] = {
        "self": reverse("diagnosis:scan-viewer", args=[scan.pk]),
        "about": str(scan.pk),
        "scan": entry(hanging.first),
        "sets": [listed(one) for one in sets],
        "prior": [offered(one) for one in prior],
    }
    if hanging.beside:
        config["beside"] = entry(hanging.beside)
    if hide_result or not may_see_result(user, scan):
        return config
    return config | _result_of(scan, hanging, sets, user)


def share_study(scan: Scan, images: Iterable[Scan]) -> None:
    """Tell images of one study whose they are, so that each need not be asked."""
    for image in images:
        image.patient = scan.patient
        image.series.study = scan.series.study


def may_see_result(user: User, scan: Scan) -> bool:
    return allowed(user, Permission.VIEW_RESULT, scan.clinic) and not blinding.hides_result(user, scan.study_id)


def offered(scan: Scan) -> dict[str, Any]:
    """A scan of another study: `viewer` tells what else there is in that one."""
    return entry(scan) | {"viewer": reverse("diagnosis:scan-viewer", args=[scan.pk])}


def _result_of(scan: Scan, hanging: Hanging, sets: Sequence[DisplaySet], user: User) -> dict[str, Any]:
    """Attention maps by the key of their image and, for slices, the address of their scores."""
    config: dict[str, Any] = {}
    if scan.comes_in_series:
        config["scores"] = reverse("diagnosis:scan-slice-scores", args=[scan.pk])
    if policies.result_of(scan):
        # The maps of further slices come with their scores.
        images = [hanging.first.pk] if scan.comes_in_series else [key for one in sets for key in one.images]
        found = slices.scores(scan.study_id, visible_to=user, among=images)
        config["attention"] = {str(key): attention(score) for key, score in found.items()}
        config["legend"] = colour.legend()
    return config


def attention(score: slices.Score) -> list[dict[str, str]]:
    """The maps of one image, by the classifier's name."""
    own = [_map(one, one, one.attention_label) for one in score.predictions if one.attention]
    asked = [_map(one.prediction, one, one.label, f"?image={one.drawing.image_id}") for one in score.drawn]
    return sorted(own or asked, key=lambda one: one["name"])


def _map(prediction: Prediction, of: Prediction | AttentionMap, label: str, query: str = "") -> dict[str, str]:
    return {
        "name": f"{prediction.classifier} {prediction.version}",
        "shows": label_name(label) if label else "",
        "url": reverse("diagnosis:prediction-attention", args=[prediction.pk]) + query,
    }
