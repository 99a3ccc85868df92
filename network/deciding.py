"""What is to become of a received instance, by its header, the records of the clinic and what a person decided."""

from __future__ import annotations

from dataclasses import dataclass, replace

from diagnosis.actions.receiving import SentFile
from diagnosis.errors import FileRefused, IdentityMismatch
from diagnosis.messages import Message
from diagnosis.models import Patient
from diagnosis.scans import intake
from ml.imaging import DicomIdentity
from network import classes
from network.matching import match, names_anybody, why
from network.models import InstanceStatus, ReceivedInstance, ReceivedStudy, StudyStatus
from network.models.received_study import key_of

Matches = dict[DicomIdentity, Patient | Message]


@dataclass(frozen=True)
class Outcome:
    status: InstanceStatus
    reason: Message | None = None
    patient: Patient | None = None


@dataclass(frozen=True)
class Look:
    """What a worker knows of an instance: what its header says, and its group with the decision as it stood then."""

    row: ReceivedInstance
    identity: DicomIdentity
    study: ReceivedStudy | None

    @property
    def key(self) -> str:
        return key_of(self.identity, fallback=self.row.sop_instance_uid)

    @property
    def decided(self) -> ReceivedStudy | None:
        """The group, where a person has decided about it."""
        return self.study if self.study and self.study.is_decided else None


@dataclass(frozen=True)
class Taking:
    """An instance that is to become an image of `patient`."""

    look: Look
    data: bytes
    patient: Patient

    @property
    def file(self) -> SentFile:
        row, name = self.look.row, f"{self.look.row.sop_instance_uid}.dcm"
        if not self.look.decided:
            return SentFile(self.data, name)
        mismatch = IdentityMismatch(intake.differences(self.look.identity, self.patient))
        # What came after the decision was not looked at: of that, no more is confirmed than was compared.
        return SentFile(self.data, name, identity_confirmed=bool(row.study_id), compared=[mismatch.comparison])


def unread(row: ReceivedInstance) -> Look:
    """Before its header is read it belongs to the group in which it waited, if it did."""
    look = Look(row, DicomIdentity(sop_instance_uid=row.sop_instance_uid), row.study)
    return look if row.study else replace(look, study=_group(row, look.key))


def read(row: ReceivedInstance, identity: DicomIdentity) -> Look:
    look = Look(row, identity, None)
    return replace(look, study=_group(row, look.key))


def _group(row: ReceivedInstance, key: str) -> ReceivedStudy | None:
    return ReceivedStudy.objects.filter(clinic=row.clinic, entity=row.entity, key=key).select_related("patient").first()


def decide(look: Look, data: bytes, matches: Matches) -> Outcome | Taking:
    if look.row.is_taken_back:
        return Outcome(InstanceStatus.WAITING, why("taken_back"))
    if look.decided:
        return _by_decision(look, look.decided, data)
    found = _match(look, matches)
    if isinstance(found, Message):
        return Outcome(InstanceStatus.WAITING, found)
    asked = look.row.retrieval
    if asked and not asked.covers(look.identity.study_instance_uid, found):
        return Outcome(InstanceStatus.WAITING, why("not_asked_for"))
    return _taking(look, data, found)


def _match(look: Look, matches: Matches) -> Patient | Message:
    """Asked once for all slices of a study that come together."""
    said = replace(look.identity, series_instance_uid="", sop_instance_uid="", sop_class_uid="", acquired_at=None)
    if said not in matches:
        matches[said] = match(said, look.row.clinic)
    return matches[said]


def _by_decision(look: Look, decided: ReceivedStudy, data: bytes) -> Outcome | Taking:
    """As the person said, where nothing has happened since that they could not know."""
    if decided.status == StudyStatus.REJECTED:
        return Outcome(InstanceStatus.WAITING, why("after_rejection"))
    assert decided.patient
    patient = decided.patient.in_use
    if doubt := _doubt(look, decided, patient):
        return Outcome(InstanceStatus.WAITING, why(doubt))
    return _taking(look, data, patient)


def _doubt(look: Look, decided: ReceivedStudy, patient: Patient) -> str:
    """Why the decision does not hold for this instance any more; empty: it does."""
    if not names_anybody(look.identity) and (not decided.decided_at or look.row.received_at > decided.decided_at):
        return "after_decision"
    if decided.instances.filed_elsewhere(patient).exists():
        return "study_elsewhere"
    return "record_changed" if decided.compare(patient) != decided.comparison else ""


def _taking(look: Look, data: bytes, patient: Patient) -> Outcome | Taking:
    if look.row.sop_class_uid not in classes.SHOWN:
        return Outcome(InstanceStatus.KEPT, why("not_shown"), patient)
    return Taking(look, data, patient)


def not_shown(look: Look, refused: FileRefused) -> Outcome:
    """Once a person has said whose study it is, nobody can do more about a file that is refused."""
    if look.decided and look.decided.status == StudyStatus.ATTACHED:
        return Outcome(InstanceStatus.KEPT, refused.stored, look.decided.patient)
    return Outcome(InstanceStatus.WAITING, refused.stored)
