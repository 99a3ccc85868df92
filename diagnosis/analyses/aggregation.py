"""From what each image of a study was answered to what is said of the study. Reads and writes no row.

The methods, and what was and was not measured of them: docs/adr/0212.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any
from uuid import UUID

from diagnosis.messages import Message
from diagnosis.models.scan import Modality
from ml.ensemble import EnsembleSpec
from ml.preprocessing import Pixels
from ml.spec import ClassifierSpec, OperatingPoint
from ml.study.ct import SeriesResult, Slice, combine_slices
from ml.study.inference import ImageAnswers
from ml.study.reasons import BETWEEN_SLICES, LeftOut, Reason
from ml.study.series import ChosenSeries, SeriesFacts, choose_series, slice_spacing
from ml.study.thinning import STRETCH, Stretches, settled, stretches
from ml.study.xray import Frontal, FrontalResult, combine_frontals

Probabilities = dict[str, float]


@dataclass(frozen=True, eq=False)
class ImageSource:
    """An image that may be classified: where it stands in its study, and what decodes its pixels.

    `pixels` gives float32 (h, w) in [0, 1], 0 is air, and raises AnalysisFailed; `sha256` is that of the file, empty
    where nothing may be kept of it. In millimetres, None where not known:
    `spacing` between rows and between columns, `thickness` of the slice, `position` along the patient's axis.
    """

    key: UUID
    pixels: Callable[[], Pixels]
    series: UUID
    description: str = ""
    kernel: str = ""
    thickness: float | None = None
    position: float | None = None
    number: int = 0
    spacing: tuple[float, float] | None = None
    sha256: str = ""


@dataclass(frozen=True, eq=False)
class AnsweredImage:
    """An image that the gate let pass, and what its classifiers answered, in the order of their specs.

    `combined`: the ensemble's probability of each label; None without an ensemble.
    """

    source: ImageSource
    answers: ImageAnswers
    combined: Probabilities | None

    @property
    def lung_area(self) -> float | None:
        """Square millimetres; where the spacing is not known, square pixels."""
        return self.answers.lung_area(self.source.spacing or (1.0, 1.0))


@dataclass(frozen=True)
class StudyAnswers:
    """`of_each`: the study's probability of each label, by classifier; `combined`: the ensemble's, None without one."""

    key_image: UUID
    of_each: Mapping[str, Probabilities]
    combined: Probabilities | None
    account: Mapping[str, Any]  # how it came about, as JSON


@dataclass(frozen=True, eq=False)
class Speaking:
    """The images that speak for a study: all frontal X-rays, or the slices of one CT `series`."""

    images: Sequence[ImageSource]
    series: ChosenSeries[UUID] | None = None

    @property
    def stretches(self) -> Stretches[UUID]:
        """The keys of the images, grouped: one of each group is asked about. Each X-ray is alone in its group."""
        return stretches(self._positions) if self.series else tuple((one.key,) for one in self.images)

    @property
    def settled(self) -> Stretches[UUID]:
        """Those that images which still arrive are not expected to change."""
        return settled(self._positions) if self.series else self.stretches

    @property
    def _positions(self) -> dict[UUID, float | None]:
        return {one.key: one.position for one in self.images}


def choose(sources: Sequence[ImageSource], modality: Modality) -> Speaking:
    """The images that speak for the study."""
    if not modality.comes_in_series:
        return Speaking(sources)
    by_series: dict[UUID, list[ImageSource]] = {}
    for source in sources:
        by_series.setdefault(source.series, []).append(source)
    chosen = choose_series(_facts(key, members) for key, members in by_series.items())
    return Speaking(by_series[chosen.key], chosen) if chosen else Speaking(sources)


def aggregate(
    images: Sequence[AnsweredImage],
    specs: Sequence[ClassifierSpec],
    ensemble: EnsembleSpec | None,
    modality: Modality,
) -> StudyAnswers:
    """What the study is answered; `images` must not be empty, and their order does not matter."""
    of_each = {
        spec.identity: {one.source.key: one.answers.answers[place].probabilities for one in images}
        for place, spec in enumerate(specs)
    }
    points = {spec.identity: spec.operating_point for spec in specs}
    combined = {one.source.key: one.combined for one in images if one.combined}
    leading = combined or _means(of_each)
    point = ensemble.operating_point if ensemble else specs[0].operating_point
    combine = _of_slices if modality.comes_in_series else _of_frontals
    lead = combine(images, leading, point)
    return StudyAnswers(
        lead.key_image,
        {name: combine(images, said, points[name]).probabilities for name, said in of_each.items()},
        lead.probabilities if combined else None,
        lead.account,
    )


@dataclass(frozen=True)
class _Combined:
    probabilities: Probabilities
    key_image: UUID
    account: Mapping[str, Any]


Said = Mapping[UUID, Probabilities]


def _of_frontals(images: Sequence[AnsweredImage], said: Said, point: OperatingPoint) -> _Combined:
    result = combine_frontals((Frontal(one.source.key, said[one.source.key]) for one in images), point)
    assert result is not None  # there is an image
    return _Combined(result.probabilities, result.key_image, _account_of_frontals(result))


def _of_slices(images: Sequence[AnsweredImage], said: Said, point: OperatingPoint) -> _Combined:
    label = point.positive_label
    result = combine_slices((_slice(one, said[one.source.key][label]) for one in images), point)
    assert result is not None  # there is an image
    key = max(result.key_slices, key=lambda slice_: said[slice_][label])
    return _Combined(_scaled(said[key], label, result.score), key, _account_of_slices(result))


def _slice(one: AnsweredImage, probability: float) -> Slice[UUID]:
    source = one.source
    return Slice(source.key, min(1.0, max(0.0, probability)), one.lung_area, source.position, source.number)


def _scaled(probabilities: Probabilities, label: str, score: float) -> Probabilities:
    """With `score` for `label`, and the rest in the proportions that the key slice has."""
    rest = 1.0 - probabilities[label]
    others = [name for name in probabilities if name != label]
    return {
        name: score if name == label else (1.0 - score) * (probabilities[name] / rest if rest > 0 else 1 / len(others))
        for name in probabilities
    }


def _means(of_each: Mapping[str, Said]) -> dict[UUID, Probabilities]:
    """The mean over the classifiers, where none was measured for all of them together: it only orders the images."""
    first = next(iter(of_each.values()))
    return {
        image: {label: fmean(said[image][label] for said in of_each.values()) for label in first[image]}
        for image in first
    }


def _facts(key: UUID, members: Sequence[ImageSource]) -> SeriesFacts[UUID]:
    positions = [one.position for one in members if one.position is not None]
    first = members[0]
    spacing = slice_spacing(positions)
    return SeriesFacts(key, len(members), first.thickness, spacing, first.kernel, first.description)


def _account_of_frontals(result: FrontalResult[UUID]) -> dict[str, Any]:
    return {
        "method": result.method,
        "version": result.version,
        "key_images": [str(result.key_image)],
        "images": len(result.images),
        "notes": _notes(result.notes),
    }


def _account_of_slices(result: SeriesResult[UUID]) -> dict[str, Any]:
    return {
        "method": result.method,
        "version": result.version,
        "key_images": [str(key) for key in result.key_slices],
        "images": result.slices,
        "at_threshold": asdict(result.at_threshold),
        "clearly_positive": asdict(result.clearly_positive),
        "thirds": [{**asdict(third), "level": third.level.value} for third in result.thirds],
        "left_out": [{"image": str(one.key), **stored(one.reason).as_json()} for one in result.left_out],
        "notes": _notes(result.notes),
    }


def account_of_choice(chosen: ChosenSeries[UUID]) -> dict[str, Any]:
    """Which series speaks for the study and why, as JSON."""
    others = [{"series": str(one.key), **stored(one.reason).as_json()} for one in chosen.left_out]
    return {"series": {"series": str(chosen.key), **stored(chosen.reason).as_json()}, "other_series": others}


def note_of_thinning(classified: int, slices: int) -> dict[str, Any]:
    """What to know of a series of which not every slice was asked about, as JSON."""
    params = {"millimetres": STRETCH, "classified": classified, "slices": slices}
    return stored(Reason("thinned", params)).as_json()


def reason_of(series: UUID, left_out: Iterable[LeftOut[UUID]]) -> Message:
    """Why the images of a series that was not chosen have no part."""
    return next(stored(one.reason) for one in left_out if one.key == series)


def stored(reason: Reason) -> Message:
    """As a row keeps it; see diagnosis.messages."""
    return Message("aggregation", {"variant": reason.code, **reason.params})


# Of a slice that was not asked about because a neighbour was.
BETWEEN = stored(Reason(BETWEEN_SLICES, {"millimetres": STRETCH}))


def _notes(notes: Iterable[Reason]) -> list[dict[str, Any]]:
    return [stored(reason).as_json() for reason in notes]
