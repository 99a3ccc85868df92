"""Files become images of a patient, filed in their studies, or are refused with a sentence; nothing in between."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.db import DatabaseError, IntegrityError, transaction
from django.dispatch import Signal
from django.utils import timezone

from accounts.locale import in_time_zone_of
from accounts.models import User
from diagnosis.actions.analysis import analyse_with, start_analysis
from diagnosis.actions.review import read_with
from diagnosis.disk import is_disk_full
from diagnosis.errors import AttachedElsewhere, DiskFull, IdentityMismatch, Refusal
from diagnosis.messages import Message
from diagnosis.models import Patient, Scan, Study
from diagnosis.models.analysis import Trigger
from diagnosis.models.confidentiality import hides_any
from diagnosis.models.scan import FileFormat, Modality
from diagnosis.reviews import queue
from diagnosis.rules import policies
from diagnosis.rules.corrections import require_current
from diagnosis.scans import filing, identity, intake, rows
from diagnosis.scans.request import Request
from diagnosis.states import AnalysisStatus, ReviewStatus

# Sent with `study` in the transaction that files the first image of a study that is to be read here: not of a prior.
study_arrived = Signal()


@dataclass(frozen=True)
class SentFile:
    """A file as it was sent.

    `identity_confirmed` says that a person has compared a header that disagrees with the record; `compared` names the
    differences that were accepted, as `IdentityMismatch.comparison` does, and holds for every file that has exactly
    these.
    """

    data: bytes
    name: str
    identity_confirmed: bool = False
    compared: Collection[str] = ()


@dataclass(frozen=True)
class Upload:
    """What became of a file: its scan, and whether the same bytes were already there.

    `modality_changed`: they were, but were refused, and the scan is now of the modality that was said this time.
    """

    scan: Scan
    duplicate: bool
    modality_changed: bool = False


@dataclass(frozen=True)
class _New:
    """A file that is to be kept, and its row, which is not saved yet."""

    accepted: intake.AcceptedFile
    scan: Scan


def receive_scans(
    *,
    by: User,
    patient: Patient,
    files: Sequence[SentFile],
    modality: Modality | None = None,
    request: Request | None = None,
) -> list[Upload | Refusal]:
    """Attach files to `patient` and queue their analysis: what became of each, in their order.

    The sender's right to send was asked at another door: `by` may be a machine's account. Several files cost far less
    together than one by one. One that is refused does not stop the others; why is one of Refusal's children:
    FileRefused, ModalityNeeded, IntakeUnavailable, DiskFull, IdentityMismatch, AttachedElsewhere, and NotAllowedNow
    where the record was merged into another meanwhile; had it been before, that is raised.
    """
    require_current(patient)
    # What a file says without a zone is the time on the clinic's wall, whoever sends it from wherever.
    with in_time_zone_of(patient.clinic):
        return _receive(by, patient, files, modality, request)


def _receive(
    by: User, patient: Patient, files: Sequence[SentFile], modality: Modality | None, request: Request | None
) -> list[Upload | Refusal]:
    receiver = _Receiver(by, patient, modality, request or Request())
    outcomes: dict[int, Upload | Refusal] = {}
    waiting = dict(enumerate(files))
    while waiting:
        outcomes |= receiver.receive(waiting)
        waiting = {number: file for number, file in waiting.items() if number not in outcomes}
    return [outcomes[number] for number in range(len(files))]


class _Receiver:
    """What holds for all files of one call."""

    def __init__(self, by: User, patient: Patient, modality: Modality | None, request: Request) -> None:
        self._by, self._patient, self._modality, self._request = by, patient, modality, request

    def receive(self, files: Mapping[int, SentFile]) -> dict[int, Upload | Refusal]:
        """What became of the files by number. A second one of the same image is left out: it waits for the first."""
        outcomes: dict[int, Upload | Refusal] = {}
        accepted = self._accept(files, outcomes)
        namesakes = identity.find_namesakes(accepted.values(), self._patient.clinic)
        new: dict[int, _New] = {}
        taken: set[str] = set()
        for number, one in accepted.items():
            names = {one.sha256, one.sop_instance_uid} - {""}
            if names & taken:
                continue
            try:
                found = self._compared(files[number], one, namesakes.get(one.sop_instance_uid, ()))
            except Refusal as refusal:
                outcomes[number] = refusal
                continue
            if isinstance(found, Upload):
                outcomes[number] = found
                continue
            new[number] = _New(one, found)
            taken |= names
        return outcomes | self._keep(new)

    def _accept(
        self, files: Mapping[int, SentFile], outcomes: dict[int, Upload | Refusal]
    ) -> dict[int, intake.AcceptedFile]:
        """Those whose bytes are not here yet, looked into; the others go to `outcomes`."""
        fingerprints = {number: intake.fingerprint(file.data) for number, file in files.items()}
        known = self._known(fingerprints.values())
        accepted = {}
        for number, file in files.items():
            sha256 = fingerprints[number]
            try:
                if scan := known.get(sha256):
                    outcomes[number] = self._again(scan)
                    continue
                accepted[number] = intake.accept(
                    file.data, name=file.name, sha256=sha256, chosen=self._modality, patient=self._patient.pk
                )
            except Refusal as refusal:
                outcomes[number] = refusal
        return accepted

    def _known(self, fingerprints: Iterable[str]) -> dict[str, Scan]:
        """The clinic's images of the same bytes, by these."""
        same = Scan.objects.in_clinic(self._patient.clinic).filter(sha256__in=set(fingerprints))
        return {scan.sha256: scan for scan in same.select_related("patient", "series__study__clinic")}

    def _again(self, scan: Scan) -> Upload:
        """The same bytes once more. Raises AttachedElsewhere."""
        if scan.patient_id != self._patient.pk:
            raise AttachedElsewhere(scan, hidden=hides_any(self._by, [scan.patient_id]))
        self._want(scan)
        return _change_modality(scan, by=self._by, modality=self._modality)

    def _compared(self, file: SentFile, accepted: intake.AcceptedFile, namesakes: Iterable[Scan]) -> Upload | Scan:
        """The earlier image, or the row of a new one. Raises AttachedElsewhere or IdentityMismatch."""
        same, found = identity.find_same_image(accepted, namesakes, self._patient, by=self._by)
        if same:
            self._want(same)
            return Upload(same, duplicate=True)
        found = [*intake.differences(accepted.inspection.header, self._patient), *found]
        if found and not file.identity_confirmed:
            mismatch = IdentityMismatch(found)
            if mismatch.comparison not in file.compared:
                raise mismatch
        return rows.scan_of(accepted, by=self._by, patient=self._patient, confirmed=found)

    def _keep(self, new: Mapping[int, _New]) -> dict[int, Upload | Refusal]:
        """All of them, or each by itself where something stands against one."""
        if not new:
            return {}
        try:
            self._store(list(new.values()))
        except (Refusal, IntegrityError) as error:
            if len(new) == 1:
                return {number: self._unkept(one.scan, error) for number, one in new.items()}
            return {number: kept for one in new for number, kept in self._keep({one: new[one]}).items()}
        return {number: Upload(one.scan, duplicate=False) for number, one in new.items()}

    def _unkept(self, scan: Scan, error: Refusal | IntegrityError) -> Upload | Refusal:
        if isinstance(error, Refusal):
            return error
        # The same bytes arrived twice at once; the constraint let one through.
        earlier = self._known([scan.sha256]).get(scan.sha256)
        if earlier is None:
            raise error
        try:
            return self._again(earlier)
        except AttachedElsewhere as elsewhere:
            return elsewhere

    def _store(self, new: Sequence[_New]) -> None:
        """Files first, then the rows in one transaction: a row never names bytes that are not on the disk."""
        try:
            for one in new:
                one.scan.original.save("original", ContentFile(one.accepted.data), save=False)
            with transaction.atomic():
                # Held until the rows are there: a merge at this very moment would leave them with a record nobody uses.
                list(Patient.objects.select_for_update().filter(pk=self._patient.pk))
                require_current(self._patient)
                self._file(new)
        except BaseException as error:
            for one in new:
                _discard(one.scan)
            if is_disk_full(error):  # SQLite, whose rows lie beside the files
                raise DiskFull from error
            raise

    def _file(self, new: Sequence[_New]) -> None:
        """Save the rows in their studies, and have these analysed and read."""
        arriving = filing.Filing(self._patient, by=self._by, at=timezone.now(), request=self._request)
        images: dict[Study, list[Scan]] = {}
        for one in new:
            scan = one.scan
            address = rows.address_of(one.accepted.inspection, examined_at=scan.acquired_at)
            scan.series = arriving.find_series(Modality(scan.modality), address)
            images.setdefault(scan.study, []).append(scan)
        Scan.objects.bulk_create([one.scan for one in new])
        for study, added in images.items():
            first = _represent(study, added)
            self._take_up(study, added, arrives=first)
            if self._request.priority:  # the first word on it may come with a later file of the study
                queue.place_again(study)

    def _take_up(self, study: Study, images: Sequence[Scan], *, arrives: bool) -> None:
        """Have images analysed and read with their study. What somebody sends is no prior any more, should it be one.

        `arrives`: they are the first of their study.
        """
        if study.is_prior and not self._request.prior_from:
            Study.objects.filter(pk=study.pk).update(fetched_from="")
            study.fetched_from, arrives = "", True
        analyse_with(by=self._by, study=study, images=images)
        read_with(by=self._by, study=study, urgent=self._request.urgent)
        if arrives and not study.is_prior:
            study_arrived.send(Study, study=study)

    def _want(self, scan: Scan) -> None:
        """An image that was fetched as a prior is sent by somebody: its study is to be read here after all."""
        if self._request.prior_from or not scan.study.is_prior:
            return
        with transaction.atomic():
            # Held, so that one that is sent at this moment by somebody else does not begin the study twice.
            study = Study.objects.select_for_update().filter(pk=scan.study_id).exclude(fetched_from="").first()
            if study:
                scan.series.study = study
                self._take_up(study, [scan], arrives=True)


def _represent(study: Study, added: Sequence[Scan]) -> bool:
    """One image stands for the study until there is reason to choose another. Returns whether these are its first."""
    represented = study.representative
    if represented is None or represented.not_classified_code:
        chosen = next((image for image in added if not image.not_classified_code), None)
        if chosen or represented is None:
            study.representative, study.emptied_of = chosen or added[0], None
            study.save(update_fields=["representative", "emptied_of"])
    return represented is None


def _change_modality(scan: Scan, *, by: User, modality: Modality | None) -> Upload:
    """The same bytes as another modality: believed where the first one led to a refusal, so that nobody has to alter a
    file to have it read. Those of its study become the same; a DICOM among them says itself what all of them are.
    """
    earlier = Upload(scan, duplicate=True)
    if modality is None or modality == scan.modality or not _refused(scan):
        return earlier
    images = Scan.objects.filter(series__study=scan.study_id)
    if images.filter(file_format=FileFormat.DICOM).exists():
        return earlier
    note = Message("uploaded_again", {"variant": modality.value})
    try:
        with transaction.atomic():
            images.update(modality=modality)
            Study.objects.filter(pk=scan.study_id).update(modality=modality)
            start_analysis(by=by, study=scan.study, trigger=Trigger.RERUN, note=note)
    except IntegrityError:
        # Somebody asked for a new analysis at this moment; it runs as what the scan was said to be.
        return earlier
    scan = Scan.objects.select_related("series__study").get(pk=scan.pk)
    return Upload(scan, duplicate=True, modality_changed=True)


def _refused(scan: Scan) -> bool:
    """Whether every analysis failed, the latest for what the file shows, and nobody has read the scan either."""
    latest = scan.latest_analysis
    if latest is None or latest.status != AnalysisStatus.FAILED or latest.failure_retryable:
        return False
    return policies.result_of(scan) is None and not scan.reviews.filter(status=ReviewStatus.DECIDED).exists()


def _discard(scan: Scan) -> None:
    """Delete the file of a row that is not there. An error may also come after the commit, from what follows it."""
    with suppress(DatabaseError):
        if not Scan.objects.filter(pk=scan.pk).exists():
            scan.original.delete(save=False)
