"""What a study holds, as its page shows it: series, images, what one analysis says of each, and what came later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext, gettext_noop, ngettext

from diagnosis import messages
from diagnosis.formats import percent
from diagnosis.models import Analysis, ImageResult, Report, Scan, Series, Study
from diagnosis.models.modality import Modality
from diagnosis.models.review import ReviewKind
from diagnosis.results import images as words
from diagnosis.results.labels import label_name

# Of a series of slices; the others are in the viewer.
THUMBNAILS = 5
# How the answers for several images became one result, by the stored method: of one image, and of several.
_METHODS = {
    "frontal-pool": gettext_noop(
        "The probabilities of the %(count)d frontal images are pooled; no single image decides."
    ),
    "lung-top-third": gettext_noop(
        "The score is that of the third of the lung area that scores highest, over %(count)d slices."
    ),
}


@dataclass(frozen=True)
class ImageLine:
    """One image. `probability` of the class looked out for is empty where there is none or it may not be seen yet.

    `left_out`: why its probability has no part in the result. `is_key`: among those that the result rests on most.
    `is_late`: it came after what the analysis saw.
    """

    image: Scan
    name: str
    not_classified: str = ""
    probability: str = ""
    left_out: str = ""
    is_key: bool = False
    is_late: bool = False


@dataclass(frozen=True)
class SeriesLine:
    """A series with the images that its page shows, out of `count`; `middle` is the one to open the viewer at.

    `choice`: why it speaks for the study, or why not, where there were several to choose from.
    """

    series: Series
    count: int
    lines: tuple[ImageLine, ...]
    middle: Scan
    choice: str = ""

    @property
    def left_out(self) -> int:
        return self.count - len(self.lines)


@dataclass(frozen=True)
class StudyContents:
    """`how` says how several images became one result, `notes` what to know of it, `maps_of` which image the attention
    maps are of; `finding` is what the images state the probability of.
    """

    count: int
    summary: str
    series: tuple[SeriesLine, ...]
    how: str = ""
    notes: tuple[str, ...] = ()
    maps_of: str = ""
    finding: str = ""
    late: str = ""


@dataclass(frozen=True)
class _Answers:
    """What may be told of one analysis: its results by image, its key image, and the keys of what it did not see."""

    results: Mapping[UUID, ImageResult] = field(default_factory=dict)
    maps_of: UUID | None = None
    late: frozenset[UUID] = frozenset()
    account: Mapping[str, Any] = field(default_factory=dict)

    @property
    def keys(self) -> frozenset[UUID | None]:
        return frozenset((self.maps_of, *(UUID(key) for key in self.account.get("key_images", ()))))

    def left_out(self, image: UUID) -> str:
        return _reason(self.account.get("left_out", ()), "image", image)

    def leaves_to_a_neighbour(self, image: UUID) -> bool:
        return image in self.results and self.results[image].was_left_to_a_neighbour

    def choice(self, series: UUID) -> str:
        """Nothing where there was one series alone: there was nothing to choose."""
        others = self.account.get("other_series", ())
        return _reason([self.account["series"], *others], "series", series) if others else ""


def _reason(stored: Iterable[Mapping[str, Any]], name: str, key: UUID) -> str:
    return next((messages.sentence(one["code"], one["params"]) for one in stored if one[name] == str(key)), "")


def images_of(study: Study) -> list[Scan]:
    """By series, in each in the order of its slices; of an X-ray the frontal images first, as they are hung."""
    images = Scan.objects.filter(series__study=study).select_related("series__study")
    order = ("series__number", "series__series_instance_uid", "series_id", F("instance_number").asc(nulls_last=True))
    found = list(images.order_by(*order, "uploaded_at", "pk"))
    if Modality(study.modality).comes_in_series:
        return found
    return sorted(found, key=lambda image: (bool(image.not_classified_code), image.uploaded_at))


def contents(images: Sequence[Scan], analysis: Analysis | None, *, hidden: bool, shown: Scan) -> StudyContents:
    """Of the study of `images`. Where the result is `hidden`, nothing of it is there, neither number nor key image.

    `shown` is the image that the page shows: it has a thumbnail, whichever others are left out.
    """
    answers = _answers(images, analysis, hidden=hidden)
    series = tuple(
        _series(one, list(group), answers, shown) for one, group in groupby(images, key=lambda image: image.series)
    )
    return StudyContents(
        count=len(images),
        summary=words.summary(images),
        series=series,
        how="" if hidden or analysis is None else how_combined(analysis, answers.results.values(), len(images)),
        notes=tuple(messages.sentence(one["code"], one["params"]) for one in answers.account.get("notes", ())),
        maps_of=next((words.name_of(image) for image in images if image.pk == answers.maps_of), ""),
        finding="" if hidden else _finding(analysis),
        late=_late_sentence(len(answers.late)),
    )


def _answers(images: Sequence[Scan], analysis: Analysis | None, *, hidden: bool) -> _Answers:
    results = {one.image_id: one for one in analysis.image_results.all()} if analysis else {}
    if not results or analysis is None:
        return _Answers()
    late = _unseen(images, analysis, results)
    maps_of = next((one.image_id for one in analysis.predictions.all()), None)
    return _Answers(late=late) if hidden else _Answers(results, maps_of, late, analysis.aggregation)


def _unseen(images: Sequence[Scan], analysis: Analysis, seen: Mapping[UUID, object]) -> frozenset[UUID]:
    """The keys of the images that a classifier may be asked about and that the analysis of their study did not see."""
    if analysis.image_id:
        return frozenset()
    return frozenset(image.pk for image in images if not image.not_classified_code and image.pk not in seen)


def late_for_analysis(images: Sequence[Scan], analysis: Analysis | None) -> str:
    """What to know of images that came after the analysis whose result is shown; empty where there are none."""
    if analysis is None:
        return ""
    seen = dict.fromkeys(analysis.image_results.values_list("image", flat=True))
    return _late_sentence(len(_unseen(images, analysis, seen))) if seen else ""


def _series(series: Series, images: list[Scan], answers: _Answers, shown: Scan) -> SeriesLine:
    answered = [image for image in images if not answers.leaves_to_a_neighbour(image.pk)]
    kept = {image.pk for image in _spread(answered)} | {*answers.keys, shown.pk}
    chosen = [image for image in images if not image.in_series or image.pk in kept]
    choice = answers.choice(series.pk)
    lines = tuple(_line(one, answers, said=choice) for one in chosen)
    return SeriesLine(series, len(images), lines, images[len(images) // 2], choice)


def _spread(images: list[Scan]) -> list[Scan]:
    """Evenly from the first to the last: by whether the classifiers were asked, never by what they said."""
    if len(images) <= THUMBNAILS:
        return images
    return [images[round(place * (len(images) - 1) / (THUMBNAILS - 1))] for place in range(THUMBNAILS)]


def _line(image: Scan, answers: _Answers, *, said: str) -> ImageLine:
    """`said` of the whole series, and not again of each of its images."""
    result = answers.results.get(image.pk)
    probability = None if result is None else result.probability
    reason = image.not_classified or (result.not_classified if result else "")
    return ImageLine(
        image=image,
        name=words.name_of(image),
        not_classified="" if said and reason == said else reason,
        probability="" if probability is None else percent(probability),
        left_out=answers.left_out(image.pk),
        is_key=image.pk in answers.keys,
        is_late=image.pk in answers.late,
    )


def how_combined(analysis: Analysis, results: Iterable[ImageResult], images: int) -> str:
    """How the result of a study of `images` images came about, in a sentence; empty where nothing was combined."""
    found = [one for one in results if one.probability is not None]
    if images == 1 or not found:
        return ""
    if analysis.image_id:
        return gettext(
            "This result is of this image alone: it is from before the images of an examination were analysed together."
        )
    if len(found) == 1:
        return gettext("One image of this examination was classified; the result is that of this image.")
    template = _METHODS.get(str(analysis.aggregation.get("method", "")))
    return gettext(template) % {"count": analysis.aggregation.get("images", len(found))} if template else ""


def _finding(analysis: Analysis | None) -> str:
    """The class whose probability each image states."""
    first = next(iter(analysis.predictions.all()), None) if analysis else None
    return label_name(first.operating_point["positive_label"]) if first else ""


def _late_sentence(count: int) -> str:
    if not count:
        return ""
    return ngettext(
        "%(count)d image came in after this analysis and has no part in its result.",
        "%(count)d images came in after this analysis and have no part in its result.",
        count,
    ) % {"count": count}


def since_reading(since: datetime, count: int) -> str:
    """What a reader has to know of a study that was read at `since`, and has `count` images that came later."""
    day = date_format(localtime(since), "DATETIME_FORMAT")
    if not count:
        return gettext("This study was read before, on %(day)s.") % {"day": day}
    return ngettext(
        "This study was read before, on %(day)s. %(count)d image came in since.",
        "This study was read before, on %(day)s. %(count)d images came in since.",
        count,
    ) % {"day": day, "count": count}


def since_claim(count: int) -> str:
    """What a reader has to know of `count` images that came in while they read; empty where there are none."""
    if not count:
        return ""
    return ngettext(
        "%(count)d image came in after you took this case. Look at it before you decide.",
        "%(count)d images came in after you took this case. Look at them before you decide.",
        count,
    ) % {"count": count}


def came_after(report: Report, images: Sequence[Scan]) -> list[Scan]:
    """Those of its study that came after a report and that it does not rest on.

    Of a report on one image alone: none, because it never spoke of the others.
    """
    if report.image_id:
        return []
    if frozen := report.snapshot.get("images"):
        known = {one["id"] for one in frozen}
        return [image for image in images if str(image.pk) not in known]
    since = report.signed_at or report.reading.decided_at or report.written_at
    return [image for image in images if image.uploaded_at > since]


def late(report: Report, images: Sequence[Scan]) -> str:
    """What a reader of `report` has to know of images that came after it or were moved away; empty where nothing."""
    came, gone = _came(report, images), _gone(report, images)
    return " ".join([*(one for one in (came, gone) if one), _read_since(report)]) if came or gone else ""


def _gone(report: Report, images: Sequence[Scan]) -> str:
    here = {str(image.pk) for image in images}
    count = sum(1 for one in report.snapshot.get("images", ()) if one["id"] not in here)
    if not count:
        return ""
    return ngettext(
        "%(count)d image that this report rests on was moved to another study since.",
        "%(count)d images that this report rests on were moved to another study since.",
        count,
    ) % {"count": count}


def _came(report: Report, images: Sequence[Scan]) -> str:
    count = len(came_after(report, images))
    if not count:
        return ""
    if report.is_final:
        came = ngettext(
            "%(count)d image was added after this report was signed; the report does not speak of it.",
            "%(count)d images were added after this report was signed; the report does not speak of them.",
            count,
        )
    else:
        came = ngettext(
            "%(count)d image was added after this report was written; the report does not speak of it.",
            "%(count)d images were added after this report was written; the report does not speak of them.",
            count,
        )
    return came % {"count": count}


def _read_since(report: Report) -> str:
    waiting = report.study.reviews.open().filter(kind=ReviewKind.FIRST).exists()
    if waiting:
        return gettext("The study waits to be read again.")
    return gettext("The study was read again since; look for its later report.")
