"""Confidential records: who meets them where, and how an emergency opens one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import people
from accounts.models import ApiToken, Clinic, Membership, User
from audit.models import AuditEvent
from audit.vocabulary import Event
from diagnosis import notifications
from diagnosis.actions.confidentiality import lift_confidentiality, mark_confidential, name_people, remove_named
from diagnosis.actions.correction import merge_patients, move_scans
from diagnosis.actions.critical_result import mark_critical
from diagnosis.actions.emergency import end_emergency, open_in_emergency, review_emergency
from diagnosis.actions.report import sign_report
from diagnosis.actions.review import claim_next, claim_review, release_review
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.second_look import take_second_look
from diagnosis.errors import AttachedElsewhere, NotAllowedNow, Refusal
from diagnosis.models import CriticalResult, EmergencyAccess, NamedPerson, Patient, Review, Scan, SecondLook
from diagnosis.models.confidentiality import EmergencyKind
from diagnosis.models.notification import NotificationKind
from diagnosis.oversight.emergency import kept, looked
from diagnosis.patients import history
from diagnosis.reviews.escalation import escalate_overdue
from diagnosis.reviews.missing_readers import tell_of_missing_readers
from diagnosis.rules import confidentiality as rules
from tests.conftest import PASSWORD
from tests.factories import finish, new_patient, read
from tests.images import xray_png
from tests.integration.test_audit_routes import (  # noqa: F401
    ONLY_FORMS,
    SILENT,
    World,
    browsers,
    in_turn,
    names,
    world,
)

# What opens as ever, without the record; the code of a report is on paper, and its page says nothing of the patient.
LISTS = {
    *("api:patients", "api:scans", "api:images", "api:studies", "api:reports", "api:reviews"),
    *("api:orders", "api:notices"),
    *(f"admin:diagnosis_{model}_changelist" for model in ("patient", "scan", "analysis")),
    *("diagnosis:home", "diagnosis:patient-list", "diagnosis:scan-list", "diagnosis:scan-progress", "diagnosis:upload"),
    *("diagnosis:queue", "diagnosis:reading-authorisation", "diagnosis:reading-unsigned", "diagnosis:second-looks"),
    *("diagnosis:notifications", "diagnosis:oversight-reading", "diagnosis:oversight-jobs"),
    *("diagnosis:oversight-corrections", "diagnosis:oversight-critical", "diagnosis:oversight-deletions"),
    *("diagnosis:oversight-retention", "diagnosis:oversight-download", "diagnosis:oversight-access"),
    "diagnosis:acceptance-set",
    *("diagnosis:oversight-deidentified", "diagnosis:report-verify", "delivery:outbox", "orders:list"),
    "network:priors",
    *(f"dicomweb:dicom-find-{level}" for level in ("studies", "series", "instances")),
    *(f"fhir:{kind}-search" for kind in ("Patient", "ImagingStudy", "DiagnosticReport", "Observation", "Provenance")),
    *("fhir:AuditEvent-search", "fhir:ServiceRequest-search"),
}
# Where administrators look after closed records, which they know by their numbers alone.
OF_KEEPERS = {"diagnosis:oversight-emergency", "diagnosis:patient-confidential"}
WHY = "She collapsed on the ward."


def test_nobody_meets_a_closed_record_who_is_not_named(
    world: World,  # noqa: F811
    browsers: dict[str, Client],  # noqa: F811
    administrator: User,
) -> None:
    """Every address, opened by those to whom it showed the patient before: test_audit_routes says that it did."""
    patient, named = world.patient, mark_confidential(by=administrator, patient=world.patient)
    assert world.people["radiologist"] in named, "has a draft and a case in hand"
    NamedPerson.objects.exclude(user=administrator).delete()
    of_keepers, secrets = {str(patient.pk), patient.medical_record_number}, _secrets(world)
    wrong = []
    for name in sorted(names() - SILENT):
        for person in in_turn(name, browsers):
            answer = browsers[person].get(world.address(name))
            shown, text = answer.status_code == 200, answer.getvalue().decode(errors="ignore")
            browsers[person].cookies.pop("messages", None)  # the administration says which key it lacks, one page later
            # The page of a closed record names its key, which stands in the address already.
            known = of_keepers if name in OF_KEEPERS else set() if shown else {str(patient.pk)}
            wrong += [f"{name} shows {person} {secret}" for secret in secrets - known if _tells(text, secret)]
            wrong += [f"{name} opens for {person}"] if shown and name not in LISTS | OF_KEEPERS else []
            closed = "This record is confidential" in text or (answer.status_code == 404 and name.startswith("api:"))
            if shown or closed or answer.status_code == ONLY_FORMS:
                break
    assert not wrong, "\n".join(wrong)


def _tells(text: str, secret: str) -> bool:
    """As a word of its own: four letters in a row are in some token of some page by chance."""
    return secret in text and bool(re.search(rf"(?<![0-9A-Za-z]){re.escape(secret)}(?![0-9A-Za-z])", text))


def _secrets(world: World) -> set[str]:  # noqa: F811
    """What would tell of the patient: names, numbers, and the key of everything that is theirs."""
    patient, merged = world.patient, world.patient.merged_from.get()
    keys = {patient.pk, merged.pk, *(key for keys in world.subjects.values() for key in keys)}
    keys |= {*patient.scans.values_list("pk", flat=True), *patient.studies.values_list("pk", flat=True)}
    named = {patient.name, patient.given_name, patient.medical_record_number, merged.medical_record_number}
    others = {str(world.subjects[kind][0]) for kind in ("emergency", "destination")}
    return named | {str(key) for key in keys if isinstance(key, UUID)} - others


def test_an_emergency_opens_it_loudly_and_for_a_while(
    client: Client, patient: Patient, scan: Scan, member: Callable[..., User], administrator: User
) -> None:
    mark_confidential(by=administrator, patient=patient)
    person, other, keeper = member("clinician"), member("clinician"), member("administrator")
    page = reverse("diagnosis:patient-detail", args=[patient.pk])
    address = reverse("diagnosis:patient-emergency", args=[patient.pk])
    client.force_login(person)
    closed = client.get(reverse("diagnosis:study-detail", args=[scan.study_id]))
    assert closed.status_code == 403 and "This record is confidential" in closed.content.decode()
    assert client.post(address, {"kind": "treatment", "reason": "urgent"}).status_code == 422
    assert client.post(address, {"reason": WHY}).status_code == 422
    assert not EmergencyAccess.objects.exists()

    before = AuditEvent.objects.count()
    for _twice in range(2):
        assert client.post(address, {"kind": "treatment", "reason": WHY})["Location"] == page
    access = EmergencyAccess.objects.get()
    assert access.person == person and access.ends_at - access.begun_at == timedelta(hours=4)
    entry = AuditEvent.objects.order_by("pk")[before]
    assert (entry.event, entry.action, entry.patient) == (Event.EMERGENCY_STARTED, "E", patient.pk)
    for address in (page, reverse("diagnosis:study-detail", args=[scan.study_id])):
        shown = client.get(address).content.decode()
        assert patient.name in shown and "Emergency access to a confidential record until" in shown and WHY in shown
    client.force_login(other)
    assert client.get(page).status_code == 403
    assert client.post(reverse("diagnosis:emergency-end", args=[access.pk])).status_code == 404
    with pytest.raises(Exception, match="does not allow"):  # to name oneself would make it permanent
        name_people(by=person, patient=patient, people=[person.pk])

    for told in (administrator, keeper):
        assert NotificationKind.EMERGENCY in {one.kind for one in notifications.own(told)}
    client.force_login(keeper)
    notice = client.get(reverse("diagnosis:notifications")).content.decode()
    assert "A confidential record was opened in an emergency" in notice and patient.name not in notice
    notifications.mail_pending()
    assert {to for one in mail.outbox for to in one.to} >= {administrator.email, keeper.email}
    assert all(patient.name not in one.body + one.subject for one in mail.outbox)

    review = reverse("diagnosis:emergency-review", args=[access.pk])
    client.post(review, {"remark": "Right."})
    assert EmergencyAccess.objects.unreviewed().count() == 1, "it still lasts"
    client.force_login(person)
    client.post(reverse("diagnosis:emergency-end", args=[access.pk]))
    assert client.get(page).status_code == 403
    client.force_login(keeper)
    listed = client.get(reverse("diagnosis:oversight-emergency")).content.decode()
    assert WHY in listed and "2 pages or images" in listed and "has not been reviewed" in listed
    client.post(review, {"remark": "Right."})
    client.post(review, {"remark": "Wrong."})
    access.refresh_from_db()
    assert (access.reviewed_by, access.remark) == (keeper, "Right.")
    assert "has not been reviewed" not in client.get(reverse("diagnosis:oversight-emergency")).content.decode()


def test_what_was_taken_away_in_an_emergency_is_counted_too(
    client: Client, patient: Patient, member: Callable[..., User], administrator: User
) -> None:
    mark_confidential(by=administrator, patient=patient)
    person = member("administrator")
    access = open_in_emergency(by=person, patient=patient, kind=EmergencyKind.OTHER, reason=WHY)
    client.force_login(person)
    taken = client.post(reverse("diagnosis:patient-export", args=[patient.pk]), {"password": PASSWORD})
    assert taken["Content-Type"] == "application/zip" and taken.getvalue()
    assert looked(access).count == 1


def test_who_left_the_clinic_is_named_no_more(
    clinic: Clinic, patient: Patient, scan: Scan, member: Callable[..., User], administrator: User
) -> None:
    """Neither on the page that counts them, nor when they come back years later."""
    reader, other = member("radiologist"), member("clinician")
    mark_confidential(by=administrator, patient=patient, people=[reader.pk, other.pk])
    assert Patient.objects.visible_to(reader).exists() and not rules.lacks_reader(patient)
    Membership.objects.filter(user=other).update(is_active=False)  # before names ended with the membership
    assert [one.named for one in kept([clinic.pk])] == [2]
    people.deactivate(by=administrator, membership=reader.memberships.get())
    assert rules.lacks_reader(patient) and [one.named for one in kept([clinic.pk])] == [1]
    people.restore(by=administrator, membership=reader.memberships.get())
    assert not Patient.objects.visible_to(reader).exists()
    name_people(by=administrator, patient=patient, people=[reader.pk])
    ended = reader.memberships.get()
    ended.is_active = False
    ended.save()  # as the administration does
    assert not NamedPerson.objects.filter(user=reader).exists()


def test_it_ends_by_itself_and_nobody_reviews_their_own(
    client: Client, patient: Patient, member: Callable[..., User], administrator: User, other_clinic: Clinic
) -> None:
    mark_confidential(by=administrator, patient=patient)
    keeper, stranger = member("administrator"), member("administrator", at=other_clinic)
    access = open_in_emergency(by=keeper, patient=patient, kind=EmergencyKind.OTHER, reason=WHY)
    with pytest.raises(NotAllowedNow):
        open_in_emergency(by=keeper, patient=patient, kind=EmergencyKind.OTHER, reason=WHY)
    client.force_login(keeper)
    page = reverse("diagnosis:patient-detail", args=[patient.pk])
    assert client.get(page).status_code == 200
    earlier = timezone.now() - timedelta(hours=5)
    EmergencyAccess.objects.update(begun_at=earlier, ends_at=earlier + timedelta(hours=4))
    assert client.get(page).status_code == 403
    with pytest.raises(NotAllowedNow):
        review_emergency(by=keeper, access=access, remark="")
    client.force_login(stranger)
    assert client.get(page).status_code == 404
    assert client.post(reverse("diagnosis:patient-emergency", args=[patient.pk])).status_code == 404
    assert client.get(reverse("diagnosis:patient-confidential", args=[patient.pk])).status_code == 404
    assert client.post(reverse("diagnosis:emergency-review", args=[access.pk])).status_code == 404
    assert not EmergencyAccess.objects.filter(reviewed_at__isnull=False).exists()


def test_whoever_sends_images_is_told_why_they_may_not(
    client: Client, clinic: Clinic, patient: Patient, scan: Scan, member: Callable[..., User], administrator: User
) -> None:
    sender = member("radiographer")
    mark_confidential(by=administrator, patient=patient)
    client.force_login(sender)
    assert client.get(reverse("diagnosis:scan-upload", args=[patient.pk])).status_code == 403
    # Only the whole number says that there is somebody; a part of it or the name says nothing.
    for sought, told in (("mrn-0001", True), ("MRN-000", False), ("Berg", False)):
        found = client.get(reverse("diagnosis:patient-list"), {"q": sought}).content.decode()
        assert ("a confidential record with this number" in found) is told
        assert "Alma" not in found
    fields = {"medical_record_number": "MRN-0001", "family_name": "Holm", "sex": "U"}
    refused = client.post(reverse("diagnosis:patient-create"), fields)
    assert refused.status_code == 422 and "Berg" not in refused.content.decode()
    assert "a confidential record with this number" in refused.content.decode()
    alike = {"medical_record_number": "X-9", "family_name": "Berg", "given_name": "Alma", "birth_date": "1958-03-14"}
    assert client.post(reverse("diagnosis:patient-create"), {**alike, "sex": "F"}).status_code == 302

    someone = new_patient(clinic, sender, "X-10")
    with pytest.raises(AttachedElsewhere) as elsewhere:
        upload_scan(by=sender, patient=someone, data=xray_png(0), name="a.png")
    assert "Berg" not in elsewhere.value.sentence and not elsewhere.value.details
    _token, secret = ApiToken.objects.issue(membership=sender.memberships.get(), name="gateway")
    headers: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {secret}"}
    api = Client()
    assert api.get(reverse("api:patient", args=[patient.pk]), **headers).status_code == 404
    sent = {"patient": str(patient.pk), "modality": "cxr", "file": _file()}
    answer = api.post(reverse("api:scans"), sent, **headers)
    assert answer.status_code == 403 and "confidential" in json.loads(answer.content)["detail"]
    open_in_emergency(by=sender, patient=patient, kind=EmergencyKind.IMAGES, reason="A film in the emergency room.")
    answer = api.post(reverse("api:scans"), {**sent, "file": _file()}, **headers)
    assert answer.status_code == 201, answer.content


def test_what_a_correction_left_elsewhere_tells_nothing(
    client: Client, clinic: Clinic, patient: Patient, scan: Scan, radiologist: User, administrator: User
) -> None:
    """An image was with the wrong patient: report and history of the right one name the wrong one."""
    finish(scan, 0.9, 0.8, combined=0.8)
    report = read(radiologist, scan.reviews.get(), decision="agree", category="typical").report
    sign_report(by=radiologist, report=report, password=PASSWORD)
    right = new_patient(clinic, administrator, "RIGHT")
    move_scans(by=administrator, source=patient, scans=[scan.pk], target=right, reason="The wristband was read wrong.")
    client.force_login(radiologist)
    addresses = [reverse(name, args=[report.pk]) for name in ("diagnosis:report-detail", "api:report")]
    papers = [reverse(f"{space}:report-pdf", args=[report.pk]) for space in ("diagnosis", "api")]
    pages = [reverse("diagnosis:patient-detail", args=[right.pk]), reverse("api:patient-history", args=[right.pk])]
    scan.refresh_from_db()
    moved = reverse("diagnosis:study-detail", args=[scan.study_id])
    assert [client.get(address).status_code for address in addresses] == [200, 409], (
        "no program is given it as the other's"
    )
    assert all("MRN-0001" in client.get(page).content.decode() for page in (*pages, moved))

    assert client.get(reverse("api:reports")).json()["withheld"]
    mark_confidential(by=administrator, patient=patient)
    assert [client.get(address).status_code for address in (*addresses, *papers)] == [403] * 4
    listed = client.get(reverse("api:reports")).json()
    assert (listed["results"], listed["withheld"]) == ([], []), "a list gives no more than the report's address"
    shown = [client.get(page).content.decode() for page in pages]
    assert all("MRN-0001" not in text and "moved here from record (confidential)" in text for text in shown)
    assert "MRN-0001" not in client.get(moved).content.decode()
    assert all("MRN-0001" not in one.reason for one in history.changes(right, by=None))
    name_people(by=administrator, patient=patient, people=[radiologist.pk])
    assert [client.get(address).status_code for address in addresses] == [200, 409]
    assert all("MRN-0001" in client.get(page).content.decode() for page in pages)
    Patient.objects.filter(pk=patient.pk).update(medical_record_number="AMENDED")
    remove_named(by=administrator, patient=patient, person=radiologist.pk)
    assert [client.get(address).status_code for address in (*addresses, *papers)] == [403] * 4


def test_a_merged_record_is_opened_with_the_one_it_became(
    client: Client, clinic: Clinic, patient: Patient, scan: Scan, radiologist: User, administrator: User
) -> None:
    report = read(radiologist, scan.reviews.get()).report
    sign_report(by=radiologist, report=report, password=PASSWORD)
    became = new_patient(clinic, administrator, "BECAME")
    merge_patients(by=administrator, source=patient, target=became, reason="The same person.")
    mark_confidential(by=administrator, patient=became)
    client.force_login(radiologist)
    opened = client.post(reverse("diagnosis:patient-emergency", args=[patient.pk]), {"kind": "other", "reason": WHY})
    assert opened["Location"] == reverse("diagnosis:patient-detail", args=[became.pk])
    assert EmergencyAccess.objects.get().patient == became
    addresses = [reverse(name, args=[report.pk]) for name in ("diagnosis:report-detail", "api:report")]
    assert [client.get(address).status_code for address in addresses] == [200] * 2, "signed under the old number"


def test_what_was_begun_for_a_closed_record_is_finished(
    patient: Patient, scan: Scan, member: Callable[..., User], administrator: User
) -> None:
    """A draft, a critical result and a second look of people who see the record no more."""
    reader, author, clinician = member("radiologist"), member("radiologist"), member("clinician")
    finish(scan, 0.9, 0.8, combined=0.8)
    mark_confidential(by=administrator, patient=patient, people=[reader.pk, clinician.pk])
    assert not rules.lacks_reader(patient)
    open_in_emergency(by=author, patient=patient, kind=EmergencyKind.READING, reason=WHY)
    words = {"decision": "override", "override_reason": "clinical"}
    report = read(author, scan.reviews.get(), category="negative", **words).report
    assert rules.lacks_reader(patient), "the author alone signs"
    name_people(by=administrator, patient=patient, people=[author.pk])
    assert not rules.lacks_reader(patient)
    sign_report(by=author, report=report, password=PASSWORD)
    assert not rules.waiting(rules.kept())

    mark_critical(by=author, study=scan.study, finding="Tension pneumothorax.", recipient=clinician)
    CriticalResult.objects.update(due_at=timezone.now())
    assert escalate_overdue() == 1 and list(rules.waiting(rules.kept())) == [patient]
    remove_named(by=administrator, patient=patient, person=administrator.pk)
    assert not rules.lacks_reader(patient)
    remove_named(by=administrator, patient=patient, person=clinician.pk)
    assert rules.lacks_reader(patient), "it was sent to somebody who cannot read it"

    def expire() -> None:
        earlier = timezone.now() - timedelta(hours=5)
        EmergencyAccess.objects.update(begun_at=earlier, ends_at=earlier + timedelta(hours=4))
        tell_of_missing_readers()

    for leave in (
        lambda: remove_named(by=administrator, patient=patient, person=reader.pk),
        lambda: end_emergency(by=reader, access=EmergencyAccess.objects.open().get(person=reader)),
        expire,
    ):
        take_second_look(by=reader, report=report)
        leave()
        assert not SecondLook.objects.exists(), "it is due to others again"
        open_in_emergency(by=reader, patient=patient, kind=EmergencyKind.READING, reason=WHY)


def test_whoever_works_on_what_comes_to_a_closed_record_is_named(
    clinic: Clinic,
    patient: Patient,
    upload: Callable[..., Scan],
    member: Callable[..., User],
    administrator: User,
) -> None:
    scan, unread = upload(1), upload(2)
    author, guest, here, there = (member("radiologist") for _ in range(4))
    closed, other = (new_patient(clinic, administrator, number) for number in ("CLOSED", "OTHER"))
    mark_confidential(by=administrator, patient=closed, people=[here.pk])
    read(author, scan.reviews.get())
    both = [scan.pk, unread.pk]
    move_scans(by=administrator, source=patient, scans=both, target=closed, reason="The wrong wristband.")
    assert {one.user for one in rules.named(closed.pk)} == {administrator, here, author}
    open_in_emergency(by=guest, patient=closed, kind=EmergencyKind.READING, reason=WHY)
    read(guest, unread.reviews.get())
    mark_confidential(by=administrator, patient=other, people=[there.pk])
    merge_patients(by=administrator, source=closed, target=other, reason="The same person.")
    for key in (closed.pk, other.pk):
        assert {one.user for one in rules.named(key)} == {administrator, here, author, there}, (
            "an emergency names nobody"
        )


def _file() -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile("b.png", xray_png(3), "image/png")


def test_no_examination_stays_unread_because_of_it(
    patient: Patient,
    clinic: Clinic,
    upload: Callable[..., Scan],
    member: Callable[..., User],
    administrator: User,
    stranger: User,
) -> None:
    reader, late = member("radiologist"), member("radiologist")
    held, waiting = upload(1).reviews.get(), upload(2).reviews.get()
    claim_review(by=reader, review=held)
    named = mark_confidential(by=administrator, patient=patient)
    assert set(named) == {administrator, reader}, "who reads it keeps it"
    assert not rules.lacks_reader(patient)
    release_review(by=reader, review=held)
    remove_named(by=administrator, patient=patient, person=reader.pk)
    assert claim_next(by=late, within=Review.objects.visible_to(late)) is None
    assert [one.kind for one in notifications.own(administrator)] == [NotificationKind.UNREAD]
    assert tell_of_missing_readers() == 0, "once a day"
    Review.objects.filter(pk=waiting.pk).update(waiting_since=timezone.now())
    assert [tell_of_missing_readers() for _twice in range(2)] == [1, 0], "another came since"
    with pytest.raises(NotAllowedNow):
        remove_named(by=administrator, patient=patient, person=administrator.pk)
    with pytest.raises(Refusal):
        name_people(by=administrator, patient=patient, people=[stranger.pk])
    other = new_patient(clinic, administrator, "OTHER")
    with pytest.raises(NotAllowedNow):
        merge_patients(by=administrator, source=other, target=patient, reason="The same person.")

    name_people(by=administrator, patient=patient, people=[late.pk])
    Membership.objects.filter(user=late).update(is_active=False)
    with pytest.raises(NotAllowedNow):  # a person who left the clinic sees no record
        remove_named(by=administrator, patient=patient, person=administrator.pk)
    Membership.objects.filter(user=late).update(is_active=True)
    assert not rules.lacks_reader(patient)
    assert claim_next(by=late, within=Review.objects.visible_to(late)) in (held, waiting)
    lift_confidentiality(by=administrator, patient=patient)
    assert Patient.objects.visible_to(reader).filter(pk=patient.pk).exists() and not rules.named(patient.pk)
    with pytest.raises(NotAllowedNow):
        lift_confidentiality(by=administrator, patient=patient)
