"""The sender of DICOM destinations: what is built for a delivery, and that it may leave."""

from __future__ import annotations

from typing import Any

from delivery import release
from delivery.dicom import capture, report, result, scu
from delivery.dicom.objects import Built
from delivery.dicom.subject import Subject, subject_of
from delivery.models import Content, Delivery
from diagnosis.models import Analysis, Prediction, ReadingPolicy, Report, Scan, Study


def send(delivery: Delivery) -> str:
    """Build what the delivery is about and store it at its destination."""
    return scu.store(delivery.destination, build(delivery))


def build(delivery: Delivery) -> list[Built]:
    """The same bytes at each try. Raises what senders raise."""
    if delivery.content == Content.STUDY_RESULT:
        return _result(delivery)
    return _report(delivery)


def _result(delivery: Delivery) -> list[Built]:
    related = ("study__clinic", "study__patient", "ensemble_prediction")
    found = Analysis.objects.select_related(*related).get(pk=delivery.payload["analysis"])
    release.require_result(found)
    maps = list(found.predictions.select_related("image").order_by("classifier"))
    frozen = _frozen(delivery, found.study, maps[0].image, said=result.frozen_words(found, _policy(found.study)))
    subject = Subject(**frozen["subject"])
    at = found.finished_at
    assert at  # it has succeeded
    captures = [capture.build(subject, one, number=n, at=at) for n, one in enumerate(maps, 1)]
    evidence = subject.original() if subject.has_original else _of_ours(subject, maps[0])
    return [*captures, result.build(subject, found, evidence=evidence, said=frozen["said"], at=at)]


def _policy(study: Study) -> ReadingPolicy:
    return ReadingPolicy.of(study.clinic)


def _of_ours(subject: Subject, prediction: Prediction) -> Any:
    """Where the image came as no DICOM, the picture that we send is what the numbers refer to."""
    return subject.instance(capture.SECONDARY_CAPTURE, capture.instance_of(prediction), capture.series_of(prediction))


def _report(delivery: Delivery) -> list[Built]:
    related = ("study__clinic", "study__patient", "study__representative", "entered_in_error", "corrects")
    key = delivery.report_id
    found = release.require_report(Report.objects.select_related(*related).filter(pk=key).first() if key else None)
    frozen = _frozen(delivery, found.study, found.scan, said=[])
    return report.build(Subject(**frozen["subject"]), found, delivery.payload["version"])


def _frozen(delivery: Delivery, study: Study, image: Scan, *, said: list[str]) -> dict[str, Any]:
    """What was true at the first try is sent at each: kept with the delivery before anything goes out."""
    if "frozen" not in delivery.payload:
        frozen = {"subject": subject_of(study, image).as_json(), "said": said}
        delivery.payload = {**delivery.payload, "frozen": frozen}
        Delivery.objects.held_as(delivery).update(payload=delivery.payload)
    kept: dict[str, Any] = delivery.payload["frozen"]
    return kept
