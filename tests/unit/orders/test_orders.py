"""An order and its images, in either order of arrival, and what it says of them until the report is signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Clinic, User
from accounts.permissions import Permission
from accounts.roles import ROLES
from audit.models import AuditEvent
from diagnosis.actions.confidentiality import mark_confidential
from diagnosis.actions.correction import merge_patients, move_scans, undo_correction
from diagnosis.actions.deletion import confirm_deletion, request_deletion
from diagnosis.actions.report import sign_report
from diagnosis.actions.report_correction import enter_in_error
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.study import amend_study
from diagnosis.actions.withdrawal import bring_back, take_back
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Patient, Report, Scan, Study, StudyChange
from diagnosis.models.base import ClinicalQuerySet
from diagnosis.rules.deletions import contents
from orders import actions, following
from orders.models import MergeProposal, MessageBody, Order, OrderPolicy, OrderSource, ReceivedMessage
from orders.states import OrderStatus as S
from tests.conftest import PASSWORD
from tests.factories import new_patient, read
from tests.images import xray_dicom

pytestmark = pytest.mark.django_db
MakeOrder = Callable[..., Order]
WORDS = {
    "accession_number": "ACC-1",
    "clinical_question": "Pneumonia?",
    "referring_physician": "Dr Sommer",
    "priority": "urgent",
}


@pytest.fixture
def acquire(radiographer: User, patient: Patient, django_capture_on_commit_callbacks: Any) -> Callable[..., Scan]:
    """`acquire("ACC-1")`: an image with this accession number comes in, of `patient` unless another is given."""

    def make(accession_number: str, *, of: Patient = patient, seed: int = 0) -> Scan:
        data = xray_dicom(seed=seed, overrides={"AccessionNumber": accession_number, "StudyInstanceUID": f"1.2.{seed}"})
        with django_capture_on_commit_callbacks(execute=True):
            return upload_scan(by=radiographer, patient=of, data=data, name="a.dcm").scan

    return make


def state(order: Order) -> tuple[str, Study | None]:
    order.refresh_from_db()
    return order.status, order.study


def steps(order: Order) -> list[str]:
    return [one.target for one in order.transitions.all()]


def test_order_and_images_meet_in_either_order_of_arrival(
    order: MakeOrder, acquire: Callable[..., Scan], radiographer: User
) -> None:
    first = order(**WORDS, scheduled_at=timezone.now())
    assert state(first) == (S.SCHEDULED, None)
    study = acquire("ACC-1").study
    assert state(first) == (S.ACQUIRED, study)
    study.refresh_from_db()
    assert (study.clinical_question, study.priority) == ("Pneumonia?", "urgent")
    said = {(one.field, one.after, one.made_by.full_name) for one in StudyChange.objects.filter(study=study)}
    assert ("referring_physician", "Dr Sommer", "RIS") in said

    late = acquire("ACC-2", seed=1).study
    amend_study(by=radiographer, study=late, clinical_question="Asked by hand")
    after = order(**WORDS | {"accession_number": "ACC-2"})
    assert state(after) == (S.ACQUIRED, late)
    late.refresh_from_db()
    assert (late.clinical_question, late.referring_physician) == ("Asked by hand", "Dr Sommer")


def test_what_does_not_fit_takes_no_images(
    order: MakeOrder, acquire: Callable[..., Scan], clinic: Clinic, radiographer: User, administrator: User
) -> None:
    """Another patient, another clinic, no number, another kind of examination, a cancelled order."""
    other = new_patient(clinic, radiographer, "2")
    wrong, ct = order(**WORDS), order(accession_number="ACC-3", modality="CT")
    noughts, cancelled = order(accession_number="0000"), order(accession_number="ACC-4")
    actions.cancel_order(cancelled, by=radiographer, reason="Not wanted")
    scan = acquire("ACC-1", of=other)
    acquire("ACC-3", seed=1), acquire("0000", seed=2), acquire("ACC-4", seed=3)
    assert [state(one)[1] for one in (wrong, ct, noughts, cancelled)] == [None] * 4
    scan.study.refresh_from_db()
    assert scan.study.clinical_question == ""
    assert set(Order.objects.contradicted()) == {wrong, cancelled}
    Study.objects.filter(accession_number="ACC-4").update(representative=None)
    assert state(order(accession_number="ACC-4"))[1] is None, "of a study whose images were all moved away"

    move_scans(by=administrator, source=other, scans=[scan.pk], target=wrong.patient, reason="Wrong patient")
    following.sweep()
    assert state(wrong)[0] == S.ACQUIRED, "once the images are with the right patient they are the order's"
    assert set(Order.objects.contradicted()) == {cancelled}


def test_it_follows_the_report(
    order: MakeOrder,
    acquire: Callable[..., Scan],
    radiologist: User,
    django_capture_on_commit_callbacks: Any,
) -> None:
    early = order(**WORDS)
    scan = acquire("ACC-1")
    with django_capture_on_commit_callbacks(execute=True):
        read(radiologist, scan.reviews.get())
    assert state(early)[0] == S.REPORTED
    with django_capture_on_commit_callbacks(execute=True):
        report = sign_report(by=radiologist, report=Report.objects.get(), password=PASSWORD)
    assert state(early)[0] == S.AUTHORISED
    late = order(**WORDS | {"clinical_question": "Embolism?"})
    assert steps(late) == [S.ORDERED, S.ACQUIRED, S.REPORTED, S.AUTHORISED]
    with django_capture_on_commit_callbacks(execute=True):
        enter_in_error(by=radiologist, report=report, reason="Another patient's", password=PASSWORD, read_again=True)
    assert state(early)[0] == S.ACQUIRED
    with django_capture_on_commit_callbacks(execute=True):
        read(radiologist, scan.study.reviews.get(status="waiting"))
    assert state(early)[0] == S.REPORTED
    scan.study.refresh_from_db()
    assert scan.study.clinical_question == "Pneumonia?", "what is signed stays as it is"
    with pytest.raises(NotAllowedNow):
        actions.withdraw_order(early, by=early.placed_by)


def test_what_nobody_told_is_swept_up(
    order: MakeOrder, acquire: Callable[..., Scan], radiographer: User, administrator: User, radiologist: User
) -> None:
    early = order(**WORDS)
    scan = acquire("ACC-1")
    withdrawal = take_back(by=radiographer, study=scan.study)
    following.sweep()
    assert state(early) == (S.ORDERED, None)
    bring_back(by=administrator, withdrawal=withdrawal)
    following.sweep()
    assert state(early)[0] == S.ACQUIRED
    read(radiologist, scan.study.reviews.get(status="waiting"))
    sign_report(by=radiologist, report=Report.objects.get(), password=PASSWORD)
    following.sweep()
    assert state(early)[0] == S.AUTHORISED
    assert following.sweep() == 0


def test_a_merged_record_keeps_its_orders(
    order: MakeOrder, acquire: Callable[..., Scan], clinic: Clinic, radiographer: User, administrator: User
) -> None:
    old = new_patient(clinic, radiographer, "2")
    theirs = order(of=old, **WORDS)
    merged = merge_patients(by=administrator, source=old, target=new_patient(clinic, radiographer, "3"), reason="Same")
    study = acquire("ACC-1", of=merged.target).study
    assert state(theirs) == (S.ACQUIRED, study)
    undo_correction(by=administrator, correction=merged)
    following.sweep()
    assert state(theirs) == (S.ORDERED, None)
    with pytest.raises(NotAllowedNow, match="another patient"):
        actions.change_order(theirs, by=theirs.placed_by, patient=merged.target, priority="routine")


def test_who_may_not_order_cancel_or_drop_is_refused_by_the_action_itself(
    order: MakeOrder, source: OrderSource, patient: Patient, clinic: Clinic, stranger: User, administrator: User
) -> None:
    """Whichever page or interface asks: another clinic's patient, a record that was merged, a role that may not."""
    outside = new_patient(stranger.memberships.get().clinic, stranger, "2")
    with pytest.raises(NotAllowedNow, match="another clinic"):
        order(of=outside)
    twice = new_patient(clinic, administrator, "3")
    proposal = MergeProposal.objects.create(clinic=clinic, source=source, gone=twice, kept=patient)
    for act in (
        lambda: actions.cancel_order(order(), by=stranger, reason="Not wanted"),
        lambda: actions.drop_proposal(proposal, by=stranger, reason="Sisters"),
    ):
        with pytest.raises(PermissionDenied):
            act()
    merge_patients(by=administrator, source=twice, target=patient, reason="The same person")
    with pytest.raises(NotAllowedNow, match="was merged into"):
        order(of=twice)


def test_an_erased_study_takes_its_orders_along(
    order: MakeOrder, acquire: Callable[..., Scan], administrator: User, member: Callable[..., User]
) -> None:
    order(**WORDS)
    study = acquire("ACC-1").study
    asked = request_deletion(by=administrator, study=study, reason="Wrong person")
    confirm_deletion(by=member("administrator"), deletion=asked, seen=contents(study))
    assert not Order.objects.exists()


def test_an_order_whose_images_were_taken_back_goes_with_them_when_they_are_erased(
    order: MakeOrder,
    acquire: Callable[..., Scan],
    source: OrderSource,
    clinic: Clinic,
    radiographer: User,
    administrator: User,
    member: Callable[..., User],
    django_capture_on_commit_callbacks: Any,
) -> None:
    """And the texts that named it; not one that waits because its images turned out to be another patient's."""
    gone, waits = order(**WORDS), order(**WORDS | {"accession_number": "ACC-2"})
    other = new_patient(clinic, radiographer, "2")
    wrong = acquire("ACC-2", seed=1)
    move_scans(by=administrator, source=waits.patient, scans=[wrong.pk], target=other, reason="Wrong patient")
    study = acquire("ACC-1").study
    assert state(gone) == (S.ACQUIRED, study)
    for one in (gone, waits):
        came = ReceivedMessage.objects.create(
            clinic=clinic, source=source, control_id=str(one), answer="AA", address="127.0.0.1"
        )
        MessageBody.objects.create(message=came, raw=b"MSH|", patient=one.patient).orders.set([one])
    with django_capture_on_commit_callbacks(execute=True):
        take_back(by=radiographer, study=study)
    following.sweep()
    assert (state(gone), state(waits)) == ((S.ORDERED, None), (S.ORDERED, None))
    for erased in (study, Study.objects.get(patient=other)):
        asked = request_deletion(by=administrator, study=erased, reason="Wrong person")
        seen = contents(Study.with_withdrawn.get(pk=erased.pk))
        confirm_deletion(by=member("administrator"), deletion=asked, seen=seen)
    assert Order.objects.get() == waits
    assert MessageBody.objects.get().orders.get() == waits


def test_a_proposal_is_dropped_with_a_reason_or_done_by_a_merge(
    source: OrderSource,
    patient: Patient,
    clinic: Clinic,
    radiographer: User,
    administrator: User,
    member: Callable[..., User],
    stranger: User,
) -> None:
    gone = new_patient(clinic, radiographer, "2")
    proposed = {"clinic": clinic, "source": source, "gone": gone, "kept": patient}
    proposal = MergeProposal.objects.create(**proposed)
    drop = reverse("orders:proposal-drop", args=[proposal.pk])
    said = {"reason": "They are sisters."}
    answers = {who.full_name: client_of(who).post(drop, said).status_code for who in (radiographer, stranger)}
    assert set(answers.values()) == {403, 404}
    browser = client_of(administrator)
    listed = browser.get(reverse("orders:list")).content.decode()
    assert f"RIS says that {gone} was merged into {patient}." in listed
    assert browser.post(drop, {"reason": " "}).status_code == 422
    assert MergeProposal.objects.waiting().get() == proposal
    before = AuditEvent.objects.count()
    assert "stay as they are" in browser.post(drop, said, follow=True).content.decode()
    told = AuditEvent.objects.order_by("pk")[before]
    assert (told.person, told.patient, told.detail["proposal"]) == (administrator.pk, gone.pk, "dropped")
    assert str(patient.pk.hex) in told.patients
    proposal.refresh_from_db()
    assert (proposal.status, proposal.decided_by, proposal.reason) == ("dropped", administrator, said["reason"])
    assert "decided this proposal" in browser.post(drop, said, follow=True).content.decode()
    with pytest.raises(NotAllowedNow, match="Say why"):
        actions.drop_proposal(proposal, by=administrator, reason="")

    again = MergeProposal.objects.create(**proposed)
    merge_patients(by=administrator, source=gone, target=patient, reason="The same person")
    again.refresh_from_db()
    assert (again.status, again.decided_by) == ("merged", administrator)


def test_what_a_page_shows_and_to_whom(
    order: MakeOrder,
    acquire: Callable[..., Scan],
    member: Callable[..., User],
    clinic: Clinic,
    other_clinic: Clinic,
    patient: Patient,
    radiographer: User,
) -> None:
    other = new_patient(clinic, radiographer, "2")
    ago = timezone.now() - timedelta(hours=30)
    late, wrong = order(requested_at=ago, accession_number="ACC-9"), order(**WORDS)
    acquire("ACC-1", of=other)
    faults = []
    for role, at in (("clinician", None), ("administrator", None), ("administrator", other_clinic)):
        client = client_of(member(role, at=at))
        may = Permission.FOLLOW_ORDER in ROLES[role].permissions
        expected = 404 if at else 200 if may else 403
        faults += [(role, at, "page")] if client.get(address("order", late)).status_code != expected else []
        listed = client.get(reverse("orders:list"), {"state": "overdue"})
        faults += [(role, at, "list")] if (b"ACC-9" in listed.content) != (may and at is None) else []
        cancelled = client.post(address("cancel", wrong)).status_code
        faults += [(role, at, "cancel")] if cancelled != (422 if expected == 200 else expected) else []
        policy = client.post(reverse("orders:policy"), {"overdue_hours": 40}).status_code
        faults += [(role, at, "policy")] if policy != (302 if role == "administrator" else 403) else []
    assert faults == []
    assert not Order.objects.overdue(timezone.now() - timedelta(hours=OrderPolicy.of(clinic).overdue_hours)).exists()

    client = client_of(radiographer)
    doubted = client.get(reverse("orders:list"), {"state": "contradicted"})
    assert (b"ACC-1" in doubted.content, b"ACC-9" in doubted.content) == (True, False)
    assert b"Family2" in client.get(address("order", wrong)).content
    assert b"ACC-9" in client.get(reverse("orders:list"), {"q": "berg"}).content
    gone = client.post(address("cancel", late), {"reason": "Made elsewhere"}, follow=True)
    assert b"Made elsewhere" in gone.content
    mark_confidential(by=member("administrator"), patient=other)
    assert b"Family2" not in client.get(address("order", wrong)).content
    mark_confidential(by=member("administrator"), patient=patient)
    assert client.get(address("order", wrong)).status_code == 403
    assert b"ACC-1" not in client.get(reverse("orders:list"), {"state": "all"}).content


def test_every_row_knows_the_way_to_its_patient() -> None:
    for model in apps.get_app_config("orders").get_models():
        rows = model._default_manager.all()
        if isinstance(rows, ClinicalQuerySet) and model not in (OrderSource, ReceivedMessage):
            assert rows.patient_paths or rows.study_path, model


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(name: str, order: Order) -> str:
    return reverse(f"orders:{name}", args=[order.pk])
