"""A clinic at work in the pseudo-locale: something to see on every page, and the names that no language changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.models import ApiToken, Clinic, Membership, User
from delivery import release
from delivery.models import Delivery, Destination, Kind
from delivery.states import DeliveryStatus
from diagnosis.actions.correction import merge_patients
from diagnosis.actions.draft import save_draft
from diagnosis.actions.report import add_addendum, sign_report
from diagnosis.actions.review import claim_review, request_second_opinion
from diagnosis.messages import Message
from diagnosis.models import (
    Acceptance,
    AcceptanceCase,
    AcceptanceSet,
    Analysis,
    Patient,
    Phrase,
    Report,
    Review,
    Scan,
    SecondLook,
    Study,
    ThresholdDecision,
)
from diagnosis.models.notification import NotificationKind
from diagnosis.notifications import notify_uploader
from diagnosis.oversight.acceptance_figures import Scored, Thresholds, figures
from diagnosis.rules import acceptance_seal
from diagnosis.states import AnalysisStatus
from network import retrieving
from network.models import PriorRetrieval, ReceivedInstance, ReceivedStudy, RemoteEntity
from network.states import RetrievalStatus
from orders.actions import receive_order, withdraw_order
from orders.following import follow
from orders.models import Answer, MergeProposal, OrderSource, ReceivedMessage
from portal import product
from portal.catalogues import PSEUDO
from portal.models import ContactMessage
from tests.conftest import PASSWORD
from tests.factories import WORDS, finish, new_case, new_patient, read

ARCHITECTURES = ("densenet121", "inceptionv3", "resnet50", "vgg16", "vgg19", "xception", "panel")
# What people wrote, and what files and classifiers are called.
WRITTEN = (
    *("a.png", "Ward 3 scanner", "Ward staff", "Clear lungs.", WORDS["impression"], "Seen again: unchanged."),
    *("MODALITY", "192.0.2.0/24", "Quist, Ole", "Quist", "Ole", "Q-17", "DX"),
    *("RIS", "X-ray", "ORD-1", "ORD-2", "ORD-3", "QRY^A19", "MSG-4711"),
    *("Ada", "ada@clinic.example", "Trying it", "How?", "Twice in the book.", "A line of the draft."),
    *(
        "no_classifier/cxr",
        "cxr-1",
        "held-out images",
        "root@clinic.example",
        "A CT of the same day.",
        "ARCHIVE",
    ),
    *(f"classifier-{number}" for number in range(3)),
    *(f"{name}-{modality}" for name in ARCHITECTURES for modality in ("cxr", "ct")),
)
# Pages whose address wants another argument than what their name begins with.
OWN_ARGUMENTS = {
    "account_reset_password_from_key": "key",
    "admin:app_list": "app",
    "delivery:destination-add": "destination-add",
    "admin:auth_user_password_change": "accounts_user",
    "diagnosis:model-card": "card",
    "diagnosis:patient-merge": "unread",
    "diagnosis:report-verify": "code",
    "diagnosis:scan-move": "waiting_scan",
    "diagnosis:scan-upload": "unread",
}


@dataclass
class World:
    """`arguments`: by what a page is about, the arguments of each address under which it is visited."""

    clinic: Clinic
    people: dict[str, User]
    patients: list[Patient] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    arguments: dict[str, list[list[Any]]] = field(default_factory=dict)

    def data(self) -> list[str]:
        """Names and numbers that belong to people, files and classifiers, in every way they are written."""
        found = [product.NAME, self.clinic.name, *WRITTEN]
        for user in User.objects.all():
            found += [user.full_name, user.email]
        for scan in self.scans:
            found.append(scan.sha256)
        found += Acceptance.objects.values_list("content_sha256", flat=True)
        for patient in self.patients:
            found += [str(patient), patient.family_name, patient.given_name, patient.medical_record_number]
        return found

    def addresses(self, name: str) -> list[str]:
        try:
            return [reverse(name)]
        except NoReverseMatch:
            return [reverse(name, args=one) for one in self.arguments[about(name)]]


def about(name: str) -> str:
    """Which of World.arguments the page wants: that of its own name, else that of what its name begins with."""
    if name in OWN_ARGUMENTS:
        return OWN_ARGUMENTS[name]
    space, _colon, rest = name.partition(":")
    return rest.rpartition("_")[0] if space == "admin" else rest.split("-")[0]


def fill(world: World) -> World:
    """Scans in every state, by the actions that people use."""
    by, reader, second = (world.people[name] for name in ("radiographer", "radiologist", "second"))
    Clinic.objects.filter(pk=world.clinic.pk).update(language=PSEUDO)
    # Records that differ in age: a birth date can be printed.
    world.patients += [new_patient(world.clinic, by, f"N{number}", born=date(1980, 5, number)) for number in (2, 3, 4)]
    reviews = [new_case(by, world.patients[number % 2], number, urgent=number == 1) for number in range(7)]
    world.scans = [review.scan for review in reviews]
    analysis = finish(world.scans[0], 0.9, 0.2, combined=0.55)
    analysis.predictions.update(attention_outside=0.6)  # as of an earlier version
    finish(world.scans[1], 0.1)
    finish(world.scans[2], 0.6, 0.2, without=(Message("member_switched_off", {"name": "vgg19-cxr"}),))
    failed = _fail(world.scans[3])
    finish(world.scans[5], 0.95, 0.9, combined=0.9)
    finish(world.scans[6], 0.8, 0.7, combined=0.8)
    signed = read(reader, reviews[0], decision="agree", findings="Clear lungs.").report
    sign_report(by=reader, report=signed, password=PASSWORD)
    signed.refresh_from_db()
    add_addendum(by=reader, report=signed, text="Seen again: unchanged.", password=PASSWORD)
    overridden = read(reader, reviews[5], decision="override", override_reason="artefact").report
    read(second, reviews[6], decision="agree", category="typical")
    request_second_opinion(by=second, review=reviews[6])
    held = claim_review(by=reader, review=reviews[2])
    save_draft(by=reader, review=held, content={"findings": "A line of the draft."})
    twice, kept = world.patients[3], world.patients[2]
    merge_patients(by=world.people["root"], source=twice, target=kept, reason="Twice in the book.")
    given: dict[str, list[Any]] = {
        "patient": [world.patients[0], twice],
        "unread": [kept],
        "scan": world.scans,
        "study": [scan.study for scan in world.scans[:2]],
        "waiting_scan": [world.scans[4]],
        "analysis": [analysis, failed],
        "review": [reviews[1], held, reviews[5], *Review.objects.filter(study=world.scans[6].study)],
        "report": [signed, overridden],
        "phrase": [Phrase.objects.create(clinic=world.clinic, name="Ward staff", findings="Clear lungs.")],
        "person": list(Membership.objects.filter(user__in=[by, world.people["root"]])),
        "second": [_looked_at(signed, second), SecondLook.objects.create(report=overridden, reader=second)],
    }
    world.arguments = {name: [[one.pk] for one in several] for name, several in given.items()}
    world.arguments |= _of_the_administration(world, analysis)
    world.arguments |= _of_the_network(world) | _of_the_orders(world)
    world.arguments |= _of_deliveries(world) | _of_acceptance(world)
    _of_retrievals(world)
    world.arguments |= {
        "code": [[signed.verification_code], ["0000-0000"]],
        "card": [["classifier-0", "1.2.3"]],
        "key": [["1", "set-password"]],
    }
    return world


def _looked_at(report: Report, by: User) -> SecondLook:
    """A decided second look; taking one needs a report that contradicts its result."""
    now = timezone.now()
    return SecondLook.objects.create(
        report=report, reader=by, decided_at=now, category="atypical", outcome="neither", note="A nodule."
    )


def _of_the_administration(world: World, analysis: Analysis) -> dict[str, list[list[Any]]]:
    by = world.people["radiographer"]
    token, _secret = ApiToken.objects.issue(membership=by.memberships.get(), name="Ward 3 scanner")
    message = ContactMessage.objects.create(name="Ada", email="ada@clinic.example", subject="Trying it", body="How?")
    return {
        "accounts_user": [[by.pk]],
        "accounts_clinic": [[world.clinic.pk]],
        "accounts_apitoken": [[token.pk]],
        "portal_contactmessage": [[message.pk]],
        "auth_group": [[Group.objects.create(name="Ward staff").pk]],
        "app": [["accounts"], ["diagnosis"], ["network"], ["orders"], ["portal"], ["auth"]],
        "diagnosis_patient": [[world.patients[0].pk]],
        "diagnosis_scan": [[world.scans[0].pk]],
        "diagnosis_analysis": [[analysis.pk]],
    }


def _of_the_network(world: World) -> dict[str, list[list[Any]]]:
    """A study that waits for a person, and one that was rejected."""
    entity = RemoteEntity.objects.create(clinic=world.clinic, title="MODALITY", networks="192.0.2.0/24")
    said = {"clinic": world.clinic, "entity": entity, "patient_name": "Quist, Ole", "record_number": "Q-17"}
    waiting = ReceivedStudy.objects.create(**said, key="1", modality="DX", birth_date=date(1970, 1, 2))
    ReceivedInstance.objects.create(
        clinic=world.clinic,
        entity=entity,
        study=waiting,
        sop_instance_uid="1.2",
        byte_size=9,
        address="192.0.2.17",
        received_at=timezone.now(),
        status="waiting",
        reason_code="received",
        reason_params={"variant": "unknown_patient"},
    )
    by = {"decided_by": world.people["radiographer"], "decided_at": timezone.now()}
    rejected = ReceivedStudy.objects.create(**said, **by, key="2", status="rejected", reason="Ward staff")
    return {"received": [[waiting.pk], [rejected.pk]], "network_remoteentity": [[entity.pk]]}


def _of_the_orders(world: World) -> dict[str, list[list[Any]]]:
    """One that is late, and one whose images are here."""
    source = OrderSource.objects.create(clinic=world.clinic, name="RIS", networks="192.0.2.0/24")
    ago = timezone.now() - timedelta(hours=30)
    said = {"source": source, "requested_at": ago, "procedure_description": "X-ray", "priority": "urgent"}
    late = receive_order(patient=world.patients[0], accession_number="ORD-1", **said)
    done = receive_order(patient=world.patients[0], accession_number="ORD-2", **said)
    Study.objects.filter(pk=world.scans[0].study.pk).update(accession_number="ORD-2")
    follow(done.pk)
    cancelled = receive_order(patient=world.patients[1], accession_number="ORD-3", **said)
    withdraw_order(cancelled, by=source.account, reason="Ward staff")
    gone, kept = world.patients[0], world.patients[1]
    MergeProposal.objects.create(clinic=world.clinic, source=source, gone=gone, kept=kept)
    ReceivedMessage.objects.create(
        clinic=world.clinic,
        source=source,
        control_id="MSG-4711",
        kind="QRY^A19",
        answer=Answer.ERROR,
        reason_code="hl7",
        reason_params={"variant": "kind", "kind": "QRY^A19"},
        address="192.0.2.17",
    )
    return {"order": [[late.pk], [done.pk], [cancelled.pk]], "orders_ordersource": [[source.pk]]}


def _of_deliveries(world: World) -> dict[str, list[list[Any]]]:
    """A destination, and a delivery in each state."""
    to = Destination.objects.create(
        clinic=world.clinic, kind=Kind.DICOM, name="PACS", host="pacs.example", port=104, contents=["signed_report"]
    )
    for number, status in enumerate(DeliveryStatus):
        held = timezone.now() + timedelta(hours=1) if status == DeliveryStatus.SENDING else None
        Delivery.objects.create(
            destination=to,
            content="signed_report",
            study=world.scans[0].study,
            key=str(number),
            status=status,
            held_until=held,
            attempts=number,
            delivered_at=timezone.now(),
            last_answer=release.MOVED,
        )
    return {"destination": [[to.pk]], "destination-add": [["dicom"]]}


def _of_retrievals(world: World) -> None:
    """A prior, and an archive that is asked for more, with what it said in each state."""
    archive = RemoteEntity.objects.create(
        clinic=world.clinic, title="ARCHIVE", networks="192.0.2.9", priors_by="get", query_host="a", query_port=104
    )
    fetched = [{"uid": "1.2", "state": "fetched", "count": 2}]
    for status, scan in zip(RetrievalStatus, world.scans, strict=False):
        PriorRetrieval.objects.create(
            entity=archive,
            study=scan.study,
            status=status,
            attempts=2,
            ended_at=timezone.now(),
            found=fetched,
            last_answer=retrieving.OTHERS,
        )
    Study.objects.filter(pk=world.scans[0].study_id).update(fetched_from="ARCHIVE")


def _of_acceptance(world: World) -> dict[str, list[list[Any]]]:
    """A set with a case that cannot be measured, one given up, one that is sealed, and one that was changed since."""
    by = world.people["root"]
    of = {"clinic": world.clinic, "modality": "cxr", "ensemble": "panel-cxr", "version": "1.0.0", "begun_by": by}
    ended = {**of, "ended_by": by, "ended_at": timezone.now()}
    begun = AcceptanceSet.objects.create(**of)
    case = {"study": world.scans[0].study, "is_abnormal": True, "reason": "A CT of the same day.", "added_by": by}
    AcceptanceCase.objects.create(acceptance_set=begun, **case)
    dropped = AcceptanceSet.objects.create(**ended, status="dropped")
    closed = [AcceptanceSet.objects.create(**ended, status="closed") for _ in range(2)]
    for number, one in enumerate(closed):
        AcceptanceCase.objects.create(acceptance_set=one, **case)
        _seal_acceptance(one, world.scans[0].study, is_changed=bool(number))
    adopted = {"acceptance": closed[0].acceptance, "reason": "Measured here.", "made_by": by}
    ThresholdDecision.objects.create(clinic=world.clinic, modality="cxr", number=1, **adopted)
    return {"acceptance": [[one.pk] for one in (begun, dropped, *closed)]}


def _seal_acceptance(of: AcceptanceSet, study: Study, *, is_changed: bool) -> None:
    at = timezone.now()
    cases = [Scored(kind, number / 20 + kind / 3) for number in range(10) for kind in (True, False)]
    content = {
        "clinic": {"id": str(of.clinic_id), "name": of.clinic.name},
        "modality": of.modality,
        "ensemble": of.identity,
        "classifiers": [],
        "operating_point": {"threshold": 0.3, "abnormal_from": 0.6},
        "cases": [{"study": str(study.pk), "abnormal": True, "report": None, "reason": "A CT of the same day."}],
        "figures": figures(cases, Thresholds(0.3, 0.6)) | {"read_first": 1},
        **dict.fromkeys(("begun_by", "closed_by"), of.begun_by.full_name),
        **dict.fromkeys(("begun_at", "closed_at"), at.isoformat()),
    }
    one = Acceptance(acceptance_set=of, content=content, content_sha256=acceptance_seal.digest(content), sealed_at=at)
    one.mac = "0" * 64 if is_changed else acceptance_seal.mac_of(one)
    one.save()


def _fail(scan: Scan) -> Analysis:
    """End the scan's open analysis with a failure, as the runner does."""
    analysis = scan.analyses.get()
    claim = Analysis.objects.claim(analysis.pk, worker="test")
    changes: dict[str, Any] = {"failure_code": "no_classifier/cxr", "failure_retryable": True}
    running, failed = AnalysisStatus.RUNNING, AnalysisStatus.FAILED
    note = Message("no_classifier/cxr")
    assert Analysis.objects.finish(analysis.pk, running, failed, by="worker", only=Q(claim=claim), note=note, **changes)
    notify_uploader(scan.study, NotificationKind.FAILURE)
    return analysis
