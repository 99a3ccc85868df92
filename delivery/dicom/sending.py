"""The sender of DICOM destinations: what is built for a delivery, and that it may leave."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings

from accounts.locale import chosen_language, in_time_zone_of
from delivery import release
from delivery.departures import record_departure
from delivery.dicom import capture, report, result, scu
from delivery.dicom.objects import Built
from delivery.dicom.subject import Subject, subject_of
from delivery.models import Content, Delivery
from delivery.senders import GONE, Refused
from diagnosis.models import Analysis, Prediction, ReadingPolicy, Report, Scan, Study


def send(delivery: Delivery) -> str:
    """Build what the delivery is about and store it at its destination."""
    _require_latest(delivery)
    has = delivery.payload.get("stored", {})
    objects = [one for one in build(delivery) if one.sop_instance not in has]
    if not objects:  # the worker that gave it the last one did not live to say so
        return scu.STORED
    assert delivery.study  # the outbox refuses what has lost its study
    return scu.store(
        delivery.destination,
        objects,
        before=partial(record_departure, delivery, delivery.study, encrypted=delivery.destination.tls),
        taken=partial(_remember, delivery),
    )


def _remember(delivery: Delivery, answer: scu.Answer) -> None:
    """What the receiver took is not sent again where another object failed. Raises Refused where the delivery is not
    this worker's any more: the study may be gone.
    """
    stored = {**delivery.payload.get("stored", {}), answer.object.sop_instance: f"0x{answer.status:04X}"}
    _keep(delivery, {**delivery.payload, "stored": stored})


def _keep(delivery: Delivery, payload: dict[str, Any]) -> None:
    if not delivery.keep(payload):
        raise Refused(GONE)


def build(delivery: Delivery) -> list[Built]:
    """The same bytes at each try, with times as the clocks of the clinic show them. Raises what senders raise."""
    with in_time_zone_of(delivery.destination.clinic):
        return _result(delivery) if delivery.content == Content.STUDY_RESULT else _report(delivery)


def _require_latest(delivery: Delivery) -> None:
    """Raise Refused for a report to which something was signed since: the PDF is that of today, and goes with that."""
    signed = delivery.report if delivery.content == Content.SIGNED_REPORT else None
    if signed and report.version_of(signed) != delivery.payload["version"]:
        raise Refused(release.NEWER_VERSION)


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
    # Older rows have no language: theirs is that of today.
    language = frozen.get("language") or _language_of(found.study)
    return report.build(Subject(**frozen["subject"]), found, delivery.payload["version"], language=language)


def _language_of(study: Study) -> str:
    return chosen_language(None, study.clinic) or settings.LANGUAGE_CODE


def _frozen(delivery: Delivery, study: Study, image: Scan, *, said: list[str]) -> dict[str, Any]:
    """What was true at the first try is sent at each: kept with the delivery before anything goes out.

    Raises Refused where the study is another patient's since, or was deleted in between.
    """
    patient = str(study.patient_id)
    if "frozen" not in delivery.payload:
        frozen = {"subject": subject_of(study, image).as_json(), "said": said, "patient": patient}
        frozen["language"] = _language_of(study)
        _keep(delivery, {**delivery.payload, "frozen": frozen})
    if delivery.payload["frozen"]["patient"] != patient:
        raise Refused(release.MOVED_TO_ANOTHER)
    kept: dict[str, Any] = delivery.payload["frozen"]
    return kept
