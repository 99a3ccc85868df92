"""Every address that shows a patient, as the resolver lists them: opening it leaves one entry in the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts.models import Clinic, Membership, User
from audit import chain
from audit.models import AuditEvent
from audit.vocabulary import Action, Event
from delivery.models import Content, Delivery, Destination, Kind
from diagnosis.actions.authorisation import hand_over
from diagnosis.actions.confidentiality import lift_confidentiality, mark_confidential
from diagnosis.actions.correction import merge_patients
from diagnosis.actions.critical_result import mark_critical
from diagnosis.actions.deletion import request_deletion
from diagnosis.actions.emergency import end_emergency, open_in_emergency
from diagnosis.actions.legal_hold import set_hold
from diagnosis.actions.report import sign_report
from diagnosis.actions.review import claim_review
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.withdrawal import take_back
from diagnosis.interchange.fhir.devices import maker
from diagnosis.models import (
    AcceptanceCase,
    AcceptanceSet,
    EmergencyAccess,
    KeyImage,
    Notification,
    Patient,
    Prediction,
    RetentionRule,
    Scan,
    Study,
)
from diagnosis.models import SecondLook as Look
from diagnosis.models.confidentiality import EmergencyKind
from network.models import PriorRetrieval, ReceivedStudy, RemoteEntity
from orders.actions import receive_order
from orders.models import MergeProposal, Order, OrderSource
from tests.conftest import PASSWORD
from tests.factories import finish, new_patient, read
from tests.images import xray_dicom

OF_THE_ADMINISTRATION = ("accounts_user", "accounts_clinic", "accounts_apitoken", "auth_group", "portal_contactmessage")
# What shows nothing of a patient, and what it is instead. An address that shows one has no place here.
WITHOUT_PATIENT = {
    "for visitors": (
        *("portal:home", "portal:about", "portal:questions", "portal:contact", "portal:contact_thanks"),
        *("portal:styleguide", "script_catalogue", "healthz", "readyz", "admin:jsi18n"),
    ),
    "one's own account": (
        *("account_login", "account_logout", "account_signup", "account_inactive", "account_reauthenticate"),
        *("account_change_password", "account_reset_password", "account_reset_password_done"),
        *("account_reset_password_from_key", "account_reset_password_from_key_done", "accounts:profile"),
        *("mfa_index", "mfa_authenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn", "mfa_activate_totp"),
        *("mfa_deactivate_totp", "mfa_list_webauthn", "mfa_add_webauthn", "mfa_remove_webauthn"),
        *("mfa_view_recovery_codes", "mfa_generate_recovery_codes", "accounts:second_factor_policy"),
        *("accounts:invitation", "accounts:invitation_link", "accounts:alive"),
        *("accounts:issue_token", "api:tokens", "api:token", "api:token-current", "diagnosis:reading-preference"),
    ),
    "the administration of people, clinics and messages": (
        *("admin:index", "admin:login", "admin:logout", "admin:password_change", "admin:password_change_done"),
        *("admin:app_list", "admin:autocomplete", "admin:view_on_site", "admin:auth_user_password_change"),
        *(
            f"admin:{model}_{page}"
            for model in (
                "accounts_user",
                "accounts_clinic",
                "accounts_apitoken",
                "auth_group",
                "portal_contactmessage",
                "network_remoteentity",
                "orders_ordersource",
            )
            for page in ("changelist", "add", "history", "delete", "change")
        ),
        *("diagnosis:reading-policy", "accounts:people", "accounts:invite", "accounts:person"),
        *("api:people", "api:person"),
        *("delivery:destinations", "delivery:destination", "delivery:destination-add", "delivery:destination-echo"),
    ),
    "always refused": tuple(
        f"admin:diagnosis_{model}_{page}" for model in ("patient", "scan", "analysis") for page in ("add", "delete")
    ),
    "classifiers": ("diagnosis:model-card", "api:classifiers", "api:ensembles", "fhir:Device", "fhir:Device-search"),
    "an empty form": ("diagnosis:patient-create",),
    "phrases": ("diagnosis:phrases", "diagnosis:phrase-add", "diagnosis:phrase-change", "diagnosis:phrase-remove"),
    "figures": (
        *("diagnosis:oversight-overview", "diagnosis:oversight-agreement", "diagnosis:oversight-work"),
        *("diagnosis:oversight-classifiers", "diagnosis:oversight-acceptance", "diagnosis:acceptance-paper"),
        "diagnosis:notifications-unread",
    ),
    "received, and nobody's yet": (
        *("network:received", "network:received-rejected", "network:received-register", "network:received-preview"),
    ),
    "by tokens alone": ("predecessor:sendbase64", "predecessor:upload"),
    "documentation": ("api:schema", "api:docs", "fhir:metadata"),
}
SILENT = {name for names in WITHOUT_PATIENT.values() for name in names}
# A form's address that is opened by itself leads to its page, and an administration's history is read on that page.
LEAD_ELSEWHERE = {"diagnosis:review-decide", "diagnosis:review-impression", "diagnosis:patient-emergency"}
# What is one's own, by who has something there.
OWN_LISTS = {
    **dict.fromkeys(("diagnosis:notifications", "api:notices", "api:notice"), "radiographer"),
    "diagnosis:reading-unsigned": "radiologist",
    "diagnosis:reading-authorisation": "radiologist",
}
ONLY_FORMS = 405


def names() -> set[str]:
    def walk(resolver: URLResolver, spaces: tuple[str, ...] = ()) -> Iterator[str]:
        for pattern in resolver.url_patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern, (*spaces, pattern.namespace) if pattern.namespace else spaces)
            elif isinstance(pattern, URLPattern) and pattern.name:
                yield ":".join((*spaces, pattern.name))

    return set(walk(get_resolver()))


@dataclass
class World:
    """A patient of whom everything can be looked at. `subjects`: the arguments of addresses, by their beginning."""

    patient: Patient
    people: dict[str, User]
    subjects: dict[str, list[Any]] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)

    def address(self, name: str) -> str:
        """The longest beginning that the name has."""
        rest = name.rpartition(":")[2]
        try:
            return reverse(name) + self.query.get(name, "")
        except NoReverseMatch:
            fitting = [begin for begin in self.subjects if rest.startswith(begin)]
            assert fitting, f"{name}: say what to open it with"
            return reverse(name, args=self.subjects[max(fitting, key=len)]) + self.query.get(name, "")

    def names(self, entry: AuditEvent) -> bool:
        return self.patient.pk == entry.patient or self.patient.pk.hex in entry.patients.split()


@pytest.fixture
def world(
    clinic: Clinic,
    member: Callable[..., User],
    patient: Patient,
    upload: Callable[..., Scan],
    radiographer: User,
    administrator: User,
) -> World:
    people = {"radiologist": member("radiologist"), "other": member("radiologist"), "radiographer": radiographer}
    root = User.objects.create_superuser(
        "root@clinic.example", PASSWORD, full_name="Ines Berg"
    )  # whose own name is unusual
    Membership.objects.create(user=root, clinic=clinic, role="administrator")
    reader, other = people["radiologist"], people["other"]
    scan, held, taken, contradicted, failed = (upload(seed) for seed in range(5))
    analysis = finish(scan, 0.9, 0.8, combined=0.8)
    report = read(reader, scan.reviews.get(), decision="agree", category="typical").report
    KeyImage.objects.create(review=report.review, image=scan, place=1)
    unsigned = upload(6)
    finish(unsigned, 0.1)
    preliminary = read(reader, unsigned.reviews.get(), decision="agree").report
    sign_report(by=reader, report=report, password=PASSWORD)
    handed = upload(8)
    finish(handed, 0.1)
    trainee = member("trainee")
    draft = read(trainee, handed.reviews.get(), decision="agree").report
    hand_over(by=trainee, report=draft)
    finish(contradicted, 0.95, 0.9, combined=0.95)
    second = read(other, contradicted.reviews.get(), decision="agree", category="negative").report
    sign_report(by=other, report=second, password=PASSWORD)
    review = claim_review(by=reader, review=held.reviews.get())
    critical = mark_critical(by=reader, study=scan.study, finding="A pneumothorax.", recipient=reader)
    made = take_back(by=radiographer, study=taken.study)
    waiting = upload(9).study
    deletion = request_deletion(by=radiographer, study=waiting, reason="Uploaded twice.")
    hold = set_hold(by=administrator, patient=patient, reason="A complaint.")
    look = Look.objects.create(report=second, reader=reader)
    twice = new_patient(clinic, radiographer, "TWICE")
    correction = merge_patients(by=administrator, source=twice, target=patient, reason="Twice in the book.")
    finished = {"finished_at": timezone.now(), "failure_code": "no_classifier/cxr"}
    failed.analyses.update(status="failed", started_at=timezone.now(), **finished)
    access = _reviewed_access(patient, other, by=administrator)
    prediction = Prediction.objects.filter(image=scan).first()
    assert prediction
    order = ordered(patient)
    opened: dict[str, list[Any]] = {
        "patient": [patient.pk],
        "study": [scan.study_id],
        "study-take-back": [upload(7).study_id],
        "scan": [scan.pk],
        "scan-upload": [patient.pk],
        "analysis": [analysis.pk],
        "prediction": [prediction.pk],
        "attention": [prediction.pk],
        "review": [review.pk],
        "report": [report.pk],
        "report-key-image": [report.pk, 1],
        "report-revise": [preliminary.pk],
        "report-verify": [report.verification_code],
        "second-look": [look.pk],
        "critical": [critical.pk],
        "withdrawal": [made.pk],
        "study-delete": [waiting.pk],
        "deletion": [deletion.pk],
        "hold": [hold.pk],
        "correction": [correction.pk],
        "regroup-undo": [correction.pk],
        "notification": [1],
        "notice": [_notice_of(radiographer)],
        "one-series": [scan.series_id],
        "image": [scan.pk],
        "revoke_token": [1],
        "mfa_remove_webauthn": [1],
        "person": [1],
        "end_session": [1],
        "queue-filter-delete": [1],
        "oversight-download": ["waiting"],
        "acceptance": [_accepted(scan.study, clinic, administrator).pk],
        "emergency": [access.pk],
        "diagnosis_patient": [patient.pk],
        "diagnosis_scan": [scan.pk],
        "diagnosis_analysis": [analysis.pk],
        "received": [received(clinic).pk],
        "prior": [wanted(scan.study).pk],
        **dicom(radiographer, patient),
        "order": [order.pk],
        "proposal": [proposed(order, twice).pk],
        "cancel": [order.pk],
        "Patient": [patient.pk],
        "ServiceRequest": [order.pk],
        "ImagingStudy": [scan.study_id],
        "DiagnosticReport": [report.pk],
        "Observation": [prediction.pk],
        "Device": [maker(prediction).key],
        "Provenance": [analysis.pk],
        "AuditEvent": [_entry_about(patient)],
        **sent(scan.study),
    }
    # Past a retention period, which a page lists.
    RetentionRule.objects.create(clinic=clinic, years=1)
    Study.with_withdrawn.filter(patient=patient).update(examined_at=timezone.now() - timedelta(days=900))
    query = {
        "diagnosis:scan-progress": f"?id={scan.pk}",
        "diagnosis:patient-compare": f"?scan={scan.pk}&scan={held.pk}",
        "network:received-study": f"?patient={patient.pk}",
    }
    return World(patient, {"root": root, **people}, opened, query)


def _accepted(study: Study, clinic: Clinic, by: User) -> AcceptanceSet:
    """A set with one case."""
    of = {"modality": "cxr", "ensemble": "panel-cxr", "version": "1.0.0"}
    made = AcceptanceSet.objects.create(clinic=clinic, begun_by=by, **of)
    AcceptanceCase.objects.create(acceptance_set=made, study=study, is_abnormal=True, reason="A CT.", added_by=by)
    return made


def dicom(by: User, patient: Patient) -> dict[str, list[Any]]:
    """The arguments of the addresses of DICOMweb: the UIDs of a study, of its series, of its image."""
    data = xray_dicom(
        overrides={"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4", "SOPInstanceUID": "1.2.3.4.5"}
    )
    upload_scan(by=by, patient=patient, data=data, name="a.dcm")
    uids = ["1.2.3", "1.2.3.4", "1.2.3.4.5"]
    named = {"dicom-study": uids[:1], "dicom-series": uids[:2], "dicom-instance": uids}
    return {**named, "dicom-instance-frames": [*uids, "1"]}


def _entry_about(patient: Patient) -> str:
    made = chain.append(AuditEvent(event=Event.RECORD, action=Action.READ, patient=patient.pk))
    return f"{made.chain}.{made.position}"


def _notice_of(person: User) -> int:
    told = Notification.objects.of(person).first()
    assert told
    return told.pk


def received(clinic: Clinic) -> ReceivedStudy:
    entity = RemoteEntity.objects.create(clinic=clinic, title="MODALITY", networks="192.0.2.0/24")
    return ReceivedStudy.objects.create(clinic=clinic, entity=entity, patient_name="Quist, Ole")


def wanted(study: Study) -> PriorRetrieval:
    archive = RemoteEntity.objects.create(clinic=study.clinic, title="ARCHIVE", networks="192.0.2.0/24")
    return PriorRetrieval.objects.create(entity=archive, study=study)


def ordered(patient: Patient) -> Order:
    source = OrderSource.objects.create(clinic=patient.clinic, name="RIS", networks="192.0.2.0/24")
    return receive_order(source=source, patient=patient, requested_at=timezone.now(), accession_number="A-1")


def proposed(order: Order, gone: Patient) -> MergeProposal:
    return MergeProposal.objects.create(clinic=order.clinic, source=order.source, gone=gone, kept=order.patient)


def sent(study: Study) -> dict[str, list[Any]]:
    # Of a kind that is not asked whether it answers: nothing listens there.
    to = Destination.objects.create(clinic=study.clinic, kind=Kind.HL7, name="RIS", host="127.0.0.1", port=1)
    row = Delivery.objects.create(destination=to, content=Content.SIGNED_REPORT, study=study, key="1")
    return {"destination": [to.pk], "destination-add": ["dicom"], "delivery": [row.pk]}


def _reviewed_access(patient: Patient, person: User, *, by: User) -> EmergencyAccess:
    """Of a time when the record was confidential."""
    mark_confidential(by=by, patient=patient)
    access = open_in_emergency(by=person, patient=patient, kind=EmergencyKind.READING, reason="On call, no reader.")
    end_emergency(by=person, access=access)
    lift_confidentiality(by=by, patient=patient)
    return access


@pytest.fixture
def browsers(world: World) -> dict[str, Client]:
    opened = {name: Client() for name in world.people}
    for name, browser in opened.items():
        browser.force_login(world.people[name])
    return opened


def test_the_table_names_only_addresses_that_there_are() -> None:
    assert names() >= SILENT | LEAD_ELSEWHERE


def test_every_address_that_shows_a_patient_leaves_one_entry(world: World, browsers: dict[str, Client]) -> None:
    wrong = [fault for name in sorted(names() - SILENT) if (fault := _fault(name, world, browsers))]
    assert not wrong, "\n".join(wrong)


def in_turn(name: str, browsers: dict[str, Client]) -> list[str]:
    """Whoever has something on the page comes first."""
    return sorted(browsers, key=lambda person: person != OWN_LISTS.get(name, "root"))


def _fault(name: str, world: World, browsers: dict[str, Client]) -> str:
    """What is wrong with the entries of an address, opened by the first of the people who may; empty: nothing."""
    address, told = world.address(name), []
    for person in in_turn(name, browsers):
        browser = browsers[person]
        before = AuditEvent.objects.count()
        answer = browser.get(address)
        answer.getvalue()  # files are read to their end, and closed
        status = answer.status_code
        entries = list(AuditEvent.objects.order_by("pk")[before:])
        told.append(status)
        if status == 200:
            return _told(name, world, world.people[person], entries)
    closed = set(told) == {ONLY_FORMS} or (name in LEAD_ELSEWHERE and 302 in told)
    return "" if closed else f"{name}: nobody could open {address}: {told}"


def _told(name: str, world: World, by: User, entries: list[AuditEvent]) -> str:
    if len(entries) != 1:
        return f"{name}: {len(entries)} entries"
    [entry] = entries
    lacking = {
        "person": entry.person != by.pk,
        "patient": not world.names(entry),
        "object": not entry.object_type,
        "address": entry.address != "127.0.0.1",
        "route": entry.route != f"GET {name}",
        "outcome": entry.outcome != "0",
    }
    return f"{name}: {[what for what, is_lacking in lacking.items() if is_lacking]}" if any(lacking.values()) else ""


def test_what_is_named_as_showing_no_patient_shows_none(world: World, browsers: dict[str, Client]) -> None:
    """The ones that can be opened without an argument; the others are about something that is no patient.

    The documentation has an example that is called like the tests' patient.
    """
    for name in sorted(SILENT - {"account_logout", "admin:logout", *WITHOUT_PATIENT["documentation"]}):
        try:
            address = reverse(name)
        except NoReverseMatch:
            continue
        for browser in browsers.values():
            shown = browser.get(address).content.decode()
            assert world.patient.name not in shown, name
            assert world.patient.medical_record_number not in shown, name
