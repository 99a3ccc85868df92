"""The attention map of a key image as secondary capture: for viewers that show no structured report.

The words stand on the picture itself, because not every viewer shows a header.
"""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np
from django.utils.translation import gettext_noop
from PIL import Image, ImageDraw, ImageFont

from delivery.dicom.objects import NOT_A_DIAGNOSIS, PRODUCT, Built, finish
from delivery.dicom.subject import Subject
from delivery.dicom.uids import made_of
from delivery.senders import Refused, TryAgain
from diagnosis.errors import FileRefused, IntakeUnavailable
from diagnosis.models import Prediction
from diagnosis.results import colour
from diagnosis.scans import rendition

SIDE = 1024
OPACITY = 0.5
INK, GROUND = (255, 255, 255), (0, 0, 0)
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def series_of(prediction: Prediction) -> str:
    return made_of(prediction.analysis_id, "SC series")


def instance_of(prediction: Prediction) -> str:
    return made_of(prediction.pk, "SC")


def build(subject: Subject, prediction: Prediction, *, number: int, at: datetime) -> Built:
    """The image with the map of one classifier over it. Raises Refused or TryAgain where a file cannot be read."""
    from highdicom.sc import SCImage  # noqa: PLC0415  not in a web process

    made = SCImage(
        pixel_array=np.asarray(_picture(prediction)),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        study_instance_uid=subject.study,
        series_instance_uid=series_of(prediction),
        series_number=9002,
        sop_instance_uid=instance_of(prediction),
        instance_number=number,
        manufacturer=PRODUCT,
        patient_orientation=("L", "F"),
    )
    _describe(made, prediction)
    subject.fill(made)
    return finish(made, at)


def _describe(made: Any, prediction: Prediction) -> None:
    made.SeriesDescription = "AI attention map, not a diagnosis"
    made.ImageComments = NOT_A_DIAGNOSIS
    made.DerivationDescription = f"Attention of {prediction.identity}, weights SHA-256 {prediction.weights_sha256}"
    made.ImageType = ["DERIVED", "SECONDARY"]
    # Over an original of which nobody said that no name is written into it.
    made.BurnedInAnnotation, made.RecognizableVisualFeatures = "YES", "NO"
    # What a viewer would write at the edges is not known here.
    made.PatientOrientation = made.Laterality = ""


def _picture(prediction: Prediction) -> Image.Image:
    """RGB: a banner with the words, and below it the image as large as it is shown, with the map over it."""
    with Image.open(BytesIO(_grey(prediction)), formats=["PNG"]) as grey:
        image = grey.convert("RGB")
    with Image.open(BytesIO(_tinted(prediction)), formats=["PNG"]) as tinted:
        coloured = tinted.convert("RGBA").resize(image.size, Image.Resampling.BILINEAR)
    coloured.putalpha(coloured.getchannel("A").point(lambda alpha: round(alpha * OPACITY)))
    image.paste(coloured, (0, 0), coloured)
    return _with_banner(image, [NOT_A_DIAGNOSIS, f"{prediction.identity}: attention to {prediction.attention_label}"])


def _grey(prediction: Prediction) -> bytes:
    try:
        return rendition.rendition(prediction.image, SIDE)
    except IntakeUnavailable as error:
        raise TryAgain(str(error.sentence)) from error
    except (FileRefused, OSError) as error:
        raise Refused(gettext_noop("The original file cannot be shown any more.")) from error


def _tinted(prediction: Prediction) -> bytes:
    try:
        with prediction.attention.open("rb") as file:
            return colour.tint(file.read())
    except OSError as error:
        raise Refused(gettext_noop("The attention map cannot be read any more.")) from error


def _with_banner(image: Image.Image, lines: list[str]) -> Image.Image:
    size = max(12, image.width // 40)
    font = ImageFont.load_default(size)
    height = len(lines) * size * 3 // 2 + size
    made = Image.new("RGB", (image.width, image.height + height), GROUND)
    made.paste(image, (0, height))
    draw = ImageDraw.Draw(made)
    for number, line in enumerate(lines):
        draw.text((size // 2, size // 2 + number * size * 3 // 2), line, fill=INK, font=font)
    return made
