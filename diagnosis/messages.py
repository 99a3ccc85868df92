"""The sentences of which the database keeps only code and parameters, rendered in each reader's language.

Rows that are older than this table keep the English sentence that they were given as the parameter `sentence`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext, gettext_noop

from ml.gate.refusal import SENTENCES as OF_THE_GATE
from ml.imaging.facts import SENTENCES as OF_FACTS
from ml.imaging.sentences import FORMER_SENTENCES as FORMERLY_OF_FILES
from ml.imaging.sentences import SENTENCES as OF_FILES
from ml.messages import Params, sentence_key
from ml.study.reasons import SENTENCES as OF_STUDIES

FAILURES = {
    "unexpected": gettext_noop(
        "The analysis stopped on an unexpected error, which was logged. "
        "Retry; if it fails again, tell your administrator."
    ),
    "too_slow": gettext_noop("The analysis took longer than it is allowed to. Retry when the server is less busy."),
    "workers_lost": gettext_noop(
        "Every worker that tried this scan stopped in the middle of it. Tell your administrator before retrying."
    ),
    "original_altered": gettext_noop(
        "The stored file is no longer the one that was uploaded. Tell your administrator; it must be restored."
    ),
    "decoder_unavailable": gettext_noop(
        "The server could not open image files then. Tell your administrator, then retry."
    ),
    "original_unreadable": gettext_noop("The stored file could not be read. Tell your administrator, then retry."),
    "no_classifier/cxr": gettext_noop(
        "No classifier for this modality (Chest X-ray) is active here. The scan is kept; "
        "retry when an administrator has activated one."
    ),
    "no_classifier/ct": gettext_noop(
        "No classifier for this modality (Chest CT) is active here. The scan is kept; "
        "retry when an administrator has activated one."
    ),
    "classifiers_off/cxr": gettext_noop(
        "The classifiers for chest X-rays are switched off in this clinic. The study can be read without a result."
    ),
    "classifiers_off/ct": gettext_noop(
        "The classifiers for chest CT are switched off in this clinic. The study can be read without a result."
    ),
    "classifiers_off/research_cxr": gettext_noop(
        "The classifiers for chest X-rays are for research only, and switched off in this clinic. "
        "The study can be read without a result."
    ),
    "classifiers_off/research_ct": gettext_noop(
        "The classifiers for chest CT are for research only: on whole examinations they were not shown to find "
        "disease. They are switched off in this clinic. The study can be read without a result."
    ),
    "classifiers_off/unaccepted_cxr": gettext_noop(
        "This clinic shows no result for chest X-rays before it has measured the classifiers on its own cases. "
        "The study can be read without a result."
    ),
    "classifiers_off/unaccepted_ct": gettext_noop(
        "This clinic shows no result for chest CT before it has measured the classifiers on its own cases. "
        "The study can be read without a result."
    ),
    "classifiers_stopped/cxr": gettext_noop(
        "The classifiers for chest X-rays were stopped: “%(reason)s” The study can be read without a result. "
        "It is analysed again when they are taken up again."
    ),
    "classifiers_stopped/ct": gettext_noop(
        "The classifiers for chest CT were stopped: “%(reason)s” The study can be read without a result. "
        "It is analysed again when they are taken up again."
    ),
    "classifiers_stopped/one": gettext_noop(
        "%(name)s was stopped: “%(reason)s” The study can be read without a result. "
        "It is analysed again when the classifier is taken up again; a retry asks the others now."
    ),
    "classifiers_changed": gettext_noop(
        "The classifiers that answered for this image are not installed any more. Run the analysis again."
    ),
    "nothing_to_classify": gettext_noop("The study has no image that a classifier could be asked about."),
    "classifier_refused": gettext_noop(
        "The files of the classifiers are damaged or incomplete on this server. The scan is kept; "
        "tell your administrator, then retry."
    ),
    "no_gate": gettext_noop(
        "The check that comes before the classifiers cannot be used here. The scan is kept; "
        "tell your administrator, then retry."
    ),
}
# Of a file; by what it says of itself.
MODALITY_MISMATCH = {
    "modality_mismatch/cxr": gettext_noop(
        "The file says that it is a chest X-ray, which is not what you chose. Choose chest X-ray or another file."
    ),
    "modality_mismatch/ct": gettext_noop(
        "The file says that it is a chest CT, which is not what you chose. Choose chest CT or another file."
    ),
}
# Of a file that was here already and was refused as something else.
MODALITY_CHANGED = {
    "modality_changed/cxr": gettext_noop("This file was here already; it is now a Chest X-ray and analysed again."),
    "modality_changed/ct": gettext_noop("This file was here already; it is now a Chest CT and analysed again."),
}
# Where a person attached a file although it disagreed with the record.
IDENTITY = {
    "identity_differs/name": gettext_noop("Name: the file says %(in_file)s, the record says %(in_record)s."),
    "identity_differs/record_number": gettext_noop(
        "Record number: the file says %(in_file)s, the record says %(in_record)s."
    ),
    "identity_differs/image": gettext_noop(
        "Image's identifier: the file has %(in_file)s, which another image has too."
    ),
    "identity_differs/birth_date": gettext_noop(
        "Birth date: the file says %(in_file)s, the record says %(in_record)s."
    ),
}
# Of what came over the DICOM network: why it waits for a person, or is kept without being shown.
RECEIVED = {
    "received/no_identifier": gettext_noop("It names neither a record number nor an accession number that is known."),
    "received/unknown_patient": gettext_noop("No patient of this clinic has this record number."),
    "received/incomplete": gettext_noop(
        "The record number is known, but without a name and a birth date nothing confirms the person."
    ),
    "received/not_asked_for": gettext_noop(
        "An archive sent it although another study, or another patient’s, was asked for."
    ),
    "received/disagrees": gettext_noop("The record that it points to has another name, number or birth date."),
    "received/several": gettext_noop("It points to more than one patient."),
    "received/study_elsewhere": gettext_noop("Images with the same study UID belong to another patient."),
    "received/image": gettext_noop("An image with the same identifier but other pixels is here already."),
    "received/elsewhere": gettext_noop("The same image belongs to another patient."),
    "received/taken_back": gettext_noop("Images of this study were taken back. Decide whether this one belongs here."),
    "received/erased": gettext_noop("This study was deleted for good. Decide whether what came later belongs here."),
    "received/expired": gettext_noop("Its bytes were deleted some time after it was rejected. Have it sent again."),
    "received/after_decision": gettext_noop(
        "It came after its study was attached, and names nobody, so that the decision does not cover it."
    ),
    "received/record_changed": gettext_noop("The patient’s record was changed after the study was compared with it."),
    "received/after_rejection": gettext_noop("It came after the rest of its study was rejected."),
    "received/not_shown": gettext_noop("It is kept with the study; nothing here can show a file of this kind."),
    "received/gone": gettext_noop("Its stored bytes cannot be read any more. Have it sent again."),
    "received/unexpected": gettext_noop("It could not be looked into, and the log says why. Tell your administrator."),
}
# Of an HL7 message: why it could not be used. It names nobody, since it is kept for ever.
HL7 = {
    "hl7/no_message": gettext_noop("This is no HL7 message of version 2."),
    "hl7/no_control_id": gettext_noop("MSH-10, the control id, is missing."),
    "hl7/charset": gettext_noop(
        "The text is not in the character set that MSH-18 names, or that one is not known: %(charset)s."
    ),
    "hl7/receiver": gettext_noop("MSH-5 names another receiving application than this portal."),
    "hl7/kind": gettext_noop("Messages of this kind are not taken: %(kind)s."),
    "hl7/no_number": gettext_noop("No record number of this clinic’s own assigning authority is in the message."),
    "hl7/several_numbers": gettext_noop("The message has more than one record number of this clinic."),
    "hl7/several_records": gettext_noop(
        "Several records of this clinic have this number if capitals and small letters are taken for the same."
    ),
    "hl7/no_name": gettext_noop("The patient is not known here, and the message has no family name to register."),
    "hl7/unknown_patient": gettext_noop("No patient of this clinic has the record number that is to be kept."),
    "hl7/merged": gettext_noop("The record was merged into another one here."),
    "hl7/birth_date": gettext_noop(
        "The record has another birth date. Nothing was changed; a person must say which of the two is right."
    ),
    "hl7/sex": gettext_noop(
        "The record has another sex. Nothing was changed; a person must say which of the two is right."
    ),
    "hl7/names": gettext_noop(
        "The record has another family name and another given name. Nothing was changed; "
        "a person must say whether both are the same patient."
    ),
    "hl7/no_order": gettext_noop("The message has no order: no ORC segment."),
    "hl7/no_order_number": gettext_noop("The order has neither a placer nor a filler order number."),
    "hl7/order_control": gettext_noop("This order control code in ORC-1 is not taken: %(control)s."),
    "hl7/unknown_order": gettext_noop("No order with this number is known here."),
    "hl7/not_open": gettext_noop("The order has its images or was cancelled, so it is not changed any more."),
    "hl7/other_patient": gettext_noop("The order is known here for another patient."),
    "hl7/order_group": gettext_noop(
        "An ORC may be followed by one OBR only, and no OBR, TQ1 or IPC may stand before the first ORC."
    ),
    "hl7/escape": gettext_noop("The message has an escape sequence that is wrong or repeats something too often."),
    "hl7/year": gettext_noop("The message has a date before the year 1900."),
    "hl7/failed": gettext_noop("The message could not be processed because of a fault in this portal."),
    "hl7/invalid": gettext_noop("A field of the message cannot be stored as it is."),
}
WITHOUT_ENSEMBLE = {
    "none_measured": gettext_noop("None was measured for these classifiers."),
    "member_switched_off": gettext_noop("%(name)s is switched off."),
    "member_on_trial": gettext_noop("%(name)s is on trial and not shown."),
    "member_stopped": gettext_noop("%(name)s was stopped."),
    "member_not_installed": gettext_noop("%(name)s %(version)s is not installed."),
    "member_of_other_version": gettext_noop("%(name)s %(active)s is active instead of %(version)s."),
    "measured_with_members": gettext_noop("The combination was measured with exactly the classifiers of %(ensemble)s."),
}
# Beside the moves of an analysis, a review or a report.
NOTES = {
    "trigger/upload": gettext_noop("Upload"),
    "trigger/retry": gettext_noop("Retry after a failure"),
    "trigger/rerun": gettext_noop("Run again"),
    "uploaded_again/cxr": gettext_noop("Uploaded again as chest X-ray"),
    "uploaded_again/ct": gettext_noop("Uploaded again as chest CT"),
    "images_moved": gettext_noop("Images of the study were moved"),
    "taken_back": gettext_noop("The images were taken back by the person who uploaded them"),
    "brought_back": gettext_noop("Images that were taken back were restored"),
    "replaced_by_newer": gettext_noop("A newer analysis of the study waits already"),
    "worker_lost": gettext_noop("%(worker)s was lost"),
    "database_away": gettext_noop("The database went away while it ran"),
    "reading/first": gettext_noop("First reading"),
    "reading/second": gettext_noop("Second reading"),
    "reading/arbitration": gettext_noop("Arbitration"),
    "corrects_report": gettext_noop("Corrects the report before it"),
    "entered_in_error": gettext_noop("Entered in error"),
    "handed_over": gettext_noop("Handed over for authorisation"),
    "withdrawn_by_author": gettext_noop("Taken back by its author"),
    "sent_back": gettext_noop("Sent back: %(comment)s"),
    "authorised": gettext_noop("Authorised"),
    "authorised_changed": gettext_noop("Authorised with changes"),
    "order_cancelled": gettext_noop("Cancelled: %(reason)s"),
    "given_back": gettext_noop("Given back"),
    "lease_ended": gettext_noop("The lease ended"),
    "read_with_study": gettext_noop("Read with its study in %(review)s"),
    "read_with_series": gettext_noop("Read with its series in %(review)s"),
}
# How the images of a study were combined.
AGGREGATION = {f"aggregation/{code}": template for code, template in OF_STUDIES.items()}
SENTENCES: Mapping[str, str] = {
    key.replace("-", "_"): template
    for table in (
        OF_FILES,
        FORMERLY_OF_FILES,
        OF_FACTS,
        OF_THE_GATE,
        FAILURES,
        MODALITY_MISMATCH,
        MODALITY_CHANGED,
        IDENTITY,
        RECEIVED,
        HL7,
        WITHOUT_ENSEMBLE,
        NOTES,
        AGGREGATION,
    )
    for key, template in table.items()
}


@dataclass(frozen=True)
class Message:
    """A sentence as it is stored. `str()` renders it in the active language."""

    code: str
    params: Params = field(default_factory=dict)

    def __str__(self) -> str:
        return sentence(self.code, self.params)

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "params": dict(self.params)}


def sentence(code: str, params: Params) -> str:
    """What a stored code and its parameters say, in the active language.

    A code that this version does not know, or cannot fill, is named as it is: a row must never break its page.
    """
    if kept := params.get("sentence"):
        return str(kept)
    try:
        return gettext(SENTENCES[sentence_key(code, params)]) % params
    except (KeyError, TypeError, ValueError):
        return gettext("The reason is not known to this version (%(code)s).") % {"code": code}


def reason(code: str, params: Params) -> str:
    """The sentence of a code that may be empty, which then is too."""
    return sentence(code, params) if code else ""


def sentences(stored: Iterable[Mapping[str, Any]]) -> str:
    """Several stored messages, as `Message.as_json` gives them, one after the other; empty where there are none."""
    return " ".join(sentence(one["code"], one["params"]) for one in stored)


def note(code: str, params: Params) -> str:
    """What stands beside a move. Notes that were written as text, by a person or before there were codes, stay."""
    return sentence(code, params) if sentence_key(code, params) in SENTENCES or "sentence" in params else code


def in_active_language(answer: str) -> str:
    """The lines of what another system's answer was kept as; those that are sentences of ours translated."""
    return "\n".join(gettext(line) if line else "" for line in answer.splitlines())
