"""The tables of docs/dicom_conformance.md: what is accepted, answered and sent, from the code that does it."""

import os
from collections.abc import Callable

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()  # what sends and answers is beside rows

from delivery.dicom import scu  # noqa: E402
from ml.imaging.admission import MODALITIES  # noqa: E402
from network import choosing, classes, commitment, querying  # noqa: E402
from orders import modality_worklist  # noqa: E402
from tools.generated import ROOT, Part  # noqa: E402


def draw() -> str:
    shown = [_row(uid, "shown, and classified where a classifier knows it") for uid in _named(classes.SHOWN)]
    kept = [_row(uid, "kept with the study") for uid in _named(classes.KEPT)]
    head = ["| SOP class | UID | What becomes of it |", "| --- | --- | --- |"]
    verification = _row(classes.VERIFICATION, "answered (C-ECHO)")
    syntaxes = [f"| {classes.name_of(uid)} | `{uid}` |" for uid in classes.TRANSFER_SYNTAXES]
    return "\n".join(
        [*head, verification, *shown, *kept, "", "| Transfer syntax | UID |", "| --- | --- |", *syntaxes],
    )


def _named(uids: frozenset[str]) -> list[str]:
    return sorted(uids, key=classes.name_of)


def _row(uid: str, what: str) -> str:
    return f"| {classes.name_of(uid)} | `{uid}` | {what} |"


def draw_commitment() -> str:
    """What N-ACTION is answered with, and the reasons in a report."""
    head = ["| Answer to N-ACTION | Meaning |", "| --- | --- |"]
    answers = [f"| {status:04X} | {ANSWERS[status]} |" for status in commitment.Status]
    reasons = [f"| {reason:04X} | {REASONS[reason]} |" for reason in commitment.Reason]
    return "\n".join([*head, *answers, "", "| Failure reason | Meaning |", "| --- | --- |", *reasons])


def draw_requested() -> str:
    syntaxes = ", ".join(classes.name_of(uid) for uid in scu.TRANSFER_SYNTAXES)
    rows = [
        (scu.VERIFICATION, "C-ECHO", "a destination, when an administrator tries it"),
        *((uid, "C-STORE", "a destination") for uid in scu.STORAGE),
        (modality_worklist.MODALITY_WORKLIST, "C-FIND", "the worklist of an ordering system"),
        (querying.FIND, "C-FIND", "an archive, for priors"),
        (querying.GET, "C-GET", "an archive, for priors"),
        (querying.MOVE, "C-MOVE", "an archive, for priors"),
    ]
    head = ["| SOP class, as SCU | UID | Service | Of whom |", "| --- | --- | --- | --- |"]
    body = [f"| {classes.name_of(uid)} | `{uid}` | {service} | {whom} |" for uid, service, whom in rows]
    return "\n".join([*head, *body, "", f"To destinations, transfer syntaxes: {syntaxes}."])


def draw_retrieved() -> str:
    """The keys of the query, and which answers are followed."""
    head = ["| Key of C-FIND at STUDY level | |", "| --- | --- |"]
    matched = ["| PatientID | the record number |", "| StudyDate | before the day of the study that came in |"]
    returned = [f"| {name} | returned |" for name in sorted(querying.KEYS)]
    kinds = ", ".join(MODALITIES)
    rule = (
        f"Fetched are the newest studies of {kinds} whose description names no other part of the body, of up to "
        f"{choosing.MOST_INSTANCES:,} instances, whose number, name and birth date agree with the record."
    )
    return "\n".join([*head, *matched, *returned, "", rule])


ANSWERS = {
    commitment.Status.SUCCESS: "the question is kept; a report follows",
    commitment.Status.PROCESSING: "the database does not answer",
    commitment.Status.INVALID_ARGUMENT: "the data set cannot be read, names no instance, or a UID that is none",
    commitment.Status.NO_SUCH_ACTION: "another action type or SOP instance",
    commitment.Status.DUPLICATE_TRANSACTION: "the transaction UID stands for another question",
    commitment.Status.RESOURCES: (
        f"more than {commitment.MOST_INSTANCES:,} instances or {commitment.MOST_BYTES:,} bytes, or too many in a minute"
    ),
}
REASONS = {
    commitment.Reason.PROCESSING: "nobody had decided whose it is when the report could wait no longer",
    commitment.Reason.UNKNOWN: "no such instance of the sender's clinic is kept, or a person has turned it away",
    commitment.Reason.CLASS_CONFLICT: "it is kept under another SOP class",
}
PAGE = ROOT / "docs" / "dicom_conformance.md"


def _part(name: str, draw: Callable[[], str]) -> Part:
    return Part(PAGE, f"<!-- {name}: written by make docs -->", f"<!-- end of {name} -->", draw)


PARTS = (
    _part("accepted", draw),
    _part("commitment", draw_commitment),
    _part("requested", draw_requested),
    _part("retrieved", draw_retrieved),
)
