"""What the gate, the classifiers and their ensemble predict for the images of a study. Reads and writes no row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any
from uuid import UUID

from diagnosis.analyses import aggregation, ahead, classifiers
from diagnosis.analyses.aggregation import AnsweredImage, ImageSource, Speaking, StudyAnswers
from diagnosis.analyses.classifiers import Chosen
from diagnosis.errors import AnalysisFailed
from diagnosis.messages import Message
from diagnosis.models.scan import Modality
from ml import serving
from ml.ensemble import EnsembleSpec
from ml.gate.refusal import GateRefusal, params_of_a_series, params_of_a_slice
from ml.preprocessing import Pixels
from ml.serving.engine import BATCH
from ml.spec import ClassifierSpec
from ml.spec import Modality as MlModality
from ml.study.inference import ImageAnswers, Panel
from ml.study.series import ChosenSeries
from ml.study.thinning import ask_each, first_of_each

# A classifier, and its probability of each label.
Said = tuple[ClassifierSpec, dict[str, float]]


@dataclass(frozen=True, eq=False)
class ClassifierPrediction:
    """What one classifier predicts."""

    spec: ClassifierSpec
    prediction: serving.Prediction


@dataclass(frozen=True, eq=False)
class CombinedPrediction:
    """An ensemble's probability of each label, summing to 1."""

    ensemble: EnsembleSpec
    probabilities: dict[str, float]


@dataclass(frozen=True, eq=False)
class ImagePredictions:
    """Of all active classifiers. `without_ensemble` says why `combined` is None, where there is something to say."""

    each: tuple[ClassifierPrediction, ...]
    combined: CombinedPrediction | None
    without_ensemble: tuple[Message, ...]


@dataclass(frozen=True)
class ImageOutcome:
    """What one image contributes: `probabilities` of the class looked out for by classifier, and of the combination,
    else their mean, all 0 to 1; or, where it gets none, why.
    """

    image: UUID
    probabilities: Mapping[str, float] = field(default_factory=dict)
    probability: float | None = None
    zone: str = ""
    above: int = 0
    refused: Message | None = None


@dataclass(frozen=True, eq=False)
class StudyPredictions:
    """Of a whole study: `predictions` with the maps of its key image, and what each image contributed."""

    key_image: UUID
    predictions: ImagePredictions
    images: tuple[ImageOutcome, ...]
    aggregation: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_one(cls, image: UUID, predictions: ImagePredictions) -> StudyPredictions:
        """Of a study with one image, which decides alone."""
        return cls(image, predictions, (outcome(image, predictions),), {"method": "single_image"})


def predict_study(sources: Sequence[ImageSource], modality: Modality, asked: Chosen) -> StudyPredictions:
    """Ask those chosen about the images that speak for the study, and combine what is answered.

    Of a CT series one slice in every 5 mm is asked about. An image that the gate or the decoder refuses counts for
    nothing, and a neighbour within the same 5 mm is asked in its place. Raises AnalysisFailed where all are refused,
    with the first one's reason or, of slices, that of most, and where the refusal may pass.
    """
    if len(sources) == 1:
        return StudyPredictions.of_one(sources[0].key, predict(sources[0].pixels(), modality, asked))
    speaking = aggregation.choose(sources, modality)
    found, _without = asked.ensemble
    panel = _panel(asked.classifiers, modality)
    answered, outcomes = _ask_all(speaking, panel, found)
    if not answered:
        raise _all_refused(outcomes, modality)
    made = aggregation.aggregate(answered, asked.specs, found, modality)
    key = next(one for one in answered if one.source.key == made.key_image)
    account = dict(made.account)
    if any(one.refused == aggregation.BETWEEN for one in outcomes):
        note = aggregation.note_of_thinning(len(answered), len(speaking.images))
        account["notes"] = [*account["notes"], note]
    if modality.comes_in_series:
        outcomes = [_of_a_slice(one) for one in outcomes]
    if speaking.series:
        account |= aggregation.account_of_choice(speaking.series)
        outcomes += _silent(sources, speaking.series)
    drawn = panel.draw(key.answers)
    predictions = _read(drawn, asked) if drawn else predict(key.source.pixels(), modality, asked)
    return StudyPredictions(made.key_image, _of_study(predictions, made), tuple(outcomes), account)


def _of_a_slice(one: ImageOutcome) -> ImageOutcome:
    if one.refused is None:
        return one
    return replace(one, refused=Message(one.refused.code, params_of_a_slice(one.refused.code, one.refused.params)))


def _silent(sources: Sequence[ImageSource], chosen: ChosenSeries[UUID]) -> list[ImageOutcome]:
    """The images of the series that do not speak for the study, with the reason."""
    others = [one for one in sources if one.series != chosen.key]
    return [ImageOutcome(one.key, refused=aggregation.reason_of(one.series, chosen.left_out)) for one in others]


def answer_ahead(sources: Sequence[ImageSource], modality: Modality, asked: Chosen) -> bool:
    """Ask about a batch of images whose study is not complete, and keep the answers for `predict_study`.

    Returns False, and does nothing, while fewer are there that are to be asked about and have not been. Raises
    AnalysisFailed.
    """
    panel = _panel(asked.classifiers, modality)
    speaking = aggregation.choose(sources, modality)
    known = ahead.recall(panel, speaking.images)
    refused = {key for key, one in known.items() if one.refusal}
    wanted = set(first_of_each(speaking.settled, refused)) - known.keys()
    unknown = [one for one in speaking.images if one.key in wanted][:BATCH]
    if len(unknown) < BATCH:
        return False
    answered = list(panel.answer(_decoded(unknown, {})))
    ahead.keep(panel, answered)
    return bool(answered)


def _panel(active: Sequence[serving.Classifier], modality: Modality) -> Panel:
    return Panel(classifiers.gate_for(modality), active, MlModality(modality.value))


def _ask_all(
    speaking: Speaking, panel: Panel, found: EnsembleSpec | None
) -> tuple[list[AnsweredImage], list[ImageOutcome]]:
    """What was answered, and what each image contributes, in the order of `speaking`."""
    said, refused = _answers(speaking, panel)
    images = {
        one.key: _answered(one, said[one.key], panel.classifiers, found) for one in speaking.images if one.key in said
    }
    outcomes = [
        _outcome(one.key, *images[one.key][1:])
        if one.key in images
        else ImageOutcome(one.key, refused=refused.get(one.key, aggregation.BETWEEN))
        for one in speaking.images
    ]
    return [image for image, _, _ in images.values()], outcomes


def _answers(speaking: Speaking, panel: Panel) -> tuple[dict[UUID, ImageAnswers], dict[UUID, Message]]:
    """What the panel says of the images that it is asked about, and why others of these were refused."""
    by_key = {one.key: one for one in speaking.images}
    said: dict[UUID, ImageAnswers] = {}
    refused: dict[UUID, Message] = {}

    def ask(keys: Sequence[UUID]) -> Iterable[UUID]:
        known = ahead.recall(panel, [by_key[key] for key in keys])
        unknown = [by_key[key] for key in keys if key not in known]
        known |= {source.key: answers for source, answers in panel.answer(_decoded(unknown, refused))}
        for key, answers in known.items():
            if answers.refusal:
                refused[key] = Message(answers.refusal.code, answers.refusal.params)
            else:
                said[key] = answers
        return refused

    ask_each(speaking.stretches, ask)
    return said, refused


def _answered(
    source: ImageSource, answers: ImageAnswers, active: Sequence[serving.Classifier], found: EnsembleSpec | None
) -> tuple[AnsweredImage, list[Said], CombinedPrediction | None]:
    said = [(one.spec, answer.probabilities) for one, answer in zip(active, answers.answers, strict=True)]
    combined = _combine(found, said) if found else None
    return AnsweredImage(source, answers, combined.probabilities if combined else None), said, combined


def _decoded(sources: Sequence[ImageSource], refused: dict[UUID, Message]) -> Iterator[tuple[ImageSource, Pixels]]:
    """Those that can be decoded; the reasons of the others go to `refused`."""
    for source in sources:
        try:
            pixels = source.pixels()
        except AnalysisFailed as failure:
            if failure.retryable:
                raise
            refused[source.key] = failure.stored
        else:
            yield source, pixels


def _of_study(key: ImagePredictions, made: StudyAnswers) -> ImagePredictions:
    """The key image's predictions with their maps, and the study's probabilities in place of its own."""
    each = tuple(_with_probabilities(one, made.of_each[one.spec.identity]) for one in key.each)
    combined = replace(key.combined, probabilities=made.combined) if key.combined and made.combined else None
    return replace(key, each=each, combined=combined)


def _with_probabilities(one: ClassifierPrediction, probabilities: dict[str, float]) -> ClassifierPrediction:
    point = one.spec.operating_point
    changed = replace(
        one.prediction,
        probabilities=probabilities,
        label=max(probabilities, key=probabilities.__getitem__),
        positive=probabilities[point.positive_label] >= point.threshold,
    )
    return replace(one, prediction=changed)


def _all_refused(outcomes: Sequence[ImageOutcome], modality: Modality) -> AnalysisFailed:
    refused = [one.refused for one in outcomes if one.refused]
    if not refused:
        return AnalysisFailed("nothing_to_classify", retryable=False)
    if not modality.comes_in_series:
        return AnalysisFailed(refused[0].code, refused[0].params, retryable=False)
    ((code, count),) = Counter(one.code for one in refused).most_common(1)
    params = next(one.params for one in refused if one.code == code)
    told = params_of_a_series(code, params, count=count, slices=len(refused))
    return AnalysisFailed(code, told, retryable=False)


def outcome(image: UUID, made: ImagePredictions) -> ImageOutcome:
    """What `made` contributes to its study."""
    return _outcome(image, [(one.spec, one.prediction.probabilities) for one in made.each], made.combined)


def _outcome(image: UUID, said: Sequence[Said], combined: CombinedPrediction | None) -> ImageOutcome:
    each = {spec.identity: probabilities[spec.operating_point.positive_label] for spec, probabilities in said}
    above = sum(each[spec.identity] >= spec.operating_point.threshold for spec, _ in said)
    if combined is None:
        return ImageOutcome(image, each, fmean(each.values()), above=above)
    point = combined.ensemble.operating_point
    probability = combined.probabilities[point.positive_label]
    return ImageOutcome(image, each, probability, point.zone(probability).value, above)


def predict(pixels: Pixels, modality: Modality, asked: Chosen) -> ImagePredictions:
    """Ask the gate, then those chosen, then the ensemble. `pixels` float32 (h, w) in [0, 1], 0 is air.

    Raises AnalysisFailed when the gate refuses the image or no lungs are found in it, with code and parameters.
    """
    said = _panel(asked.classifiers, modality).predict(pixels)
    if isinstance(said, GateRefusal):
        raise AnalysisFailed(said.code, said.params, retryable=False)
    return _read(said, asked)


def _read(predictions: Sequence[serving.Prediction], asked: Chosen) -> ImagePredictions:
    """What those chosen predict, in their order, with their ensemble."""
    each = tuple(
        ClassifierPrediction(classifier.spec, prediction)
        for classifier, prediction in zip(asked.classifiers, predictions, strict=True)
    )
    found, without = asked.ensemble
    said = [(one.spec, one.prediction.probabilities) for one in each]
    return ImagePredictions(each, _combine(found, said) if found else None, without)


def _combine(found: EnsembleSpec, said: Sequence[Said]) -> CombinedPrediction:
    """Of the ensemble's own members; other classifiers are shown beside it and change nothing in it."""
    answers = {spec.identity: probabilities for spec, probabilities in said if spec.identity in found.members}
    return CombinedPrediction(found, found.combine(answers))
