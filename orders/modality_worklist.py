"""The modality worklist of another system, asked by C-FIND (PS3.4 K.6.1): what it has scheduled becomes orders here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, _config

from accounts.locale import in_time_zone_of
from audit.record import record
from audit.vocabulary import Action, Event
from diagnosis.errors import Refusal
from diagnosis.models.study import Priority
from orders import actions
from orders.hl7.people import SEXES, Person, find_or_register
from orders.hl7.reading import Unusable, day, moment
from orders.matching import number_of
from orders.models import Order, OrderSource

log = logging.getLogger(__name__)
# Its lines about each message would name patients.
_config.LOG_HANDLER_LEVEL = "none"
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)

# Modality Worklist Information Model – FIND, PS3.4 K.6.1.
MODALITY_WORKLIST = "1.2.840.10008.5.1.4.31"
SECONDS = 20
MOST_ENTRIES = 2000
BEFORE, AHEAD = timedelta(days=1), timedelta(days=14)
PENDING = (0xFF00, 0xFF01)
URGENT = ("STAT", "HIGH")
TEXTS = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "AccessionNumber"),
    *("ReferringPhysicianName", "CurrentPatientLocation", "StudyInstanceUID", "RequestedProcedureID"),
    *("RequestedProcedureDescription", "RequestedProcedurePriority", "ReasonForTheRequestedProcedure"),
    *("PlacerOrderNumberImagingServiceRequest", "FillerOrderNumberImagingServiceRequest"),
)
UNREACHABLE = gettext_noop("The worklist could not be reached, or did not let this portal in.")
NO_ANSWER = gettext_noop("The worklist did not answer the question to its end.")
UNUSABLE = gettext_noop("Some of its entries could not be used: no number, or they contradict a record.")


class Failed(Exception):
    """The worklist could not be asked; says why."""


def ask_all() -> None:
    for source in OrderSource.objects.with_worklist().select_related("clinic", "account"):
        try:
            ask(source)
        except Exception as error:  # the other worklists are asked all the same
            log.error("the worklist of ordering system %s: %s", source.pk, type(error).__name__)


def ask(source: OrderSource) -> int:
    """Take over what the worklist of `source` has scheduled, on its clinic's clocks; returns how many orders are new or
    changed.
    """
    with in_time_zone_of(source.clinic):
        return _ask(source)


def _ask(source: OrderSource) -> int:
    changed, failure = 0, ""
    try:
        entries = list(_entries(source))
    except Failed as failed:
        log.warning("the worklist of ordering system %s: %s", source.pk, failed)
        entries, failure = [], str(failed)
    for entry in entries:
        try:
            changed += take(entry, source)
        except (Unusable, Refusal, ValidationError):
            failure = UNUSABLE
        except Exception as error:  # the other entries are taken all the same
            log.error("an entry of ordering system %s failed: %s", source.pk, type(error).__name__)
            failure = UNUSABLE
    OrderSource.objects.filter(pk=source.pk).update(asked_at=timezone.now(), failure=failure)
    return changed


def _entries(source: OrderSource) -> Iterator[Dataset]:
    entity = AE(ae_title=settings.DICOM_AE_TITLE)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = SECONDS
    entity.add_requested_context(MODALITY_WORKLIST)
    peer = entity.associate(source.worklist_host, source.worklist_port, ae_title=source.worklist_title)
    if not peer.is_established:
        raise Failed(UNREACHABLE)
    try:
        for number, (status, found) in enumerate(peer.send_c_find(question(), UID(MODALITY_WORKLIST))):
            if not status or status.Status not in (*PENDING, 0x0000) or number > MOST_ENTRIES:
                raise Failed(NO_ANSWER)
            if status.Status in PENDING and found:
                yield found
    finally:
        peer.release() if peer.is_established else peer.abort()


def question() -> Dataset:
    """Everything from yesterday on, for two weeks."""
    today = timezone.localdate()
    asked = Dataset()
    asked.SpecificCharacterSet = "ISO_IR 192"
    for name in TEXTS:
        setattr(asked, name, "")
    step = Dataset()
    step.Modality = step.ScheduledStationAETitle = step.ScheduledProcedureStepStartTime = ""
    step.ScheduledProcedureStepDescription = ""
    step.ScheduledProcedureStepStartDate = f"{today - BEFORE:%Y%m%d}-{today + AHEAD:%Y%m%d}"
    asked.ScheduledProcedureStepSequence = [step]
    code = Dataset()
    code.CodeValue = code.CodingSchemeDesignator = code.CodeMeaning = ""
    asked.RequestedProcedureCodeSequence = [code]
    return asked


@transaction.atomic
def take(entry: Dataset, source: OrderSource) -> bool:
    """Place or change the order of one entry; returns whether anything changed. Raises Unusable and Refusal."""
    patient = find_or_register(_person(entry, source), source)
    words = _words(entry)
    order = _known(source, words)
    if order is None:
        made = actions.receive_order(source=source, patient=patient, requested_at=timezone.now(), **words)
        _tell(made, Action.CREATE)
        return True
    said = {name: value for name, value in words.items() if value and getattr(order, name) != value}
    if not said or not order.is_open:
        return False
    actions.change_order(order, by=source.account, patient=patient, **said)
    _tell(order, Action.UPDATE)
    return True


def _known(source: OrderSource, words: dict[str, Any]) -> Order | None:
    """By the placer's number, else by the accession number."""
    names = ("placer_number", "accession_number")
    name = next((one for one in names if words[one]), None)
    if name is None:
        raise Unusable("no_order_number")
    found = Order.objects.filter(source=source, **{name: words[name]})
    return found.select_related("clinic", "patient__merged_into", "study").first()


def _person(entry: Dataset, source: OrderSource) -> Person:
    number, issuer = _text(entry, "PatientID"), _text(entry, "IssuerOfPatientID")
    if not number or (issuer and source.assigning_authority and issuer != source.assigning_authority):
        raise Unusable("no_number")
    name = getattr(entry, "PatientName", None)
    family, given, middle = (
        str(getattr(name, part, "") or "") for part in ("family_name", "given_name", "middle_name")
    )
    return Person(
        number[:64],
        family[:120],
        " ".join(filter(None, (given, middle)))[:120],
        day(_text(entry, "PatientBirthDate")),
        SEXES.get(_text(entry, "PatientSex").upper(), ""),
    )


def _words(entry: Dataset) -> dict[str, Any]:
    step = _first(entry, "ScheduledProcedureStepSequence")
    code = _first(entry, "RequestedProcedureCodeSequence")
    priority = _text(entry, "RequestedProcedurePriority").upper()
    described = _text(entry, "RequestedProcedureDescription") or _text(step, "ScheduledProcedureStepDescription")
    return {
        "placer_number": number_of(_text(entry, "PlacerOrderNumberImagingServiceRequest")),
        "filler_number": number_of(_text(entry, "FillerOrderNumberImagingServiceRequest")),
        "accession_number": number_of(_text(entry, "AccessionNumber")),
        "study_instance_uid": _text(entry, "StudyInstanceUID")[:64],
        "procedure_code": _text(code, "CodeValue")[:64],
        "procedure_description": described[:200],
        "modality": _text(step, "Modality").upper()[:16],
        "clinical_question": _text(entry, "ReasonForTheRequestedProcedure")[:2000],
        "referring_physician": _readable(_text(entry, "ReferringPhysicianName"))[:200],
        "ward": _text(entry, "CurrentPatientLocation")[:120],
        "priority": Priority.URGENT if priority in URGENT else Priority.ROUTINE if priority else "",
        "scheduled_at": _scheduled(step),
    }


def _scheduled(step: Dataset) -> datetime | None:
    date, time = _text(step, "ScheduledProcedureStepStartDate"), _text(step, "ScheduledProcedureStepStartTime")
    return moment(date + time.partition(".")[0]) if date else None


def _text(entry: Dataset, name: str) -> str:
    return str(entry.get(name) or "").replace("\0", "").strip()


def _first(entry: Dataset, name: str) -> Dataset:
    sequence = entry.get(name)
    return sequence[0] if sequence else Dataset()


def _readable(name: str) -> str:
    """Prefix, given and family name of the first writing of a DICOM person name."""
    family, given, middle, prefix, *_ = [*name.partition("=")[0].split("^"), "", "", "", ""]
    return " ".join(filter(None, (prefix, given, middle, family)))


def _tell(order: Order, action: Action) -> None:
    record(
        Event.IMPORT,
        action,
        person=order.placed_by_id,
        route="DICOM C-FIND",
        object_type=order._meta.label_lower,
        object_id=str(order.pk),
        patient=order.patient_id,
    )
