"""A report as ORU^R01, for whoever asked for it.

Built anew at each try from what is signed and cannot change, under one control id: a receiver that has it drops it. The
numbers of its orders are frozen when it is queued. Each order that the images answer has a group of its own in the
message: where two have one accession number, the report answers both.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import translation
from django.utils.timezone import localtime

from delivery import outbox
from delivery.models import Content, Delivery, Destination
from delivery.senders import GONE, Refused
from diagnosis.models import Report, Study
from diagnosis.results.labels import label_name
from diagnosis.rules.corrections import signed_under
from diagnosis.states import STANDING_ELSEWHERE, ReportStanding, StandingElsewhere
from orders.hl7.answering import escape
from orders.models import Order

# Sections of a report, by LOINC code and its name.
SECTIONS = (
    ("indication", "18785-6", "Reason for study"),
    ("technique", "55111-9", "Current imaging procedure descriptions"),
    ("comparison", "18834-2", "Comparison study"),
    ("findings", "18782-3", "Study observation"),
    ("impression", "19005-8", "Imaging study impression"),
)
ADDENDUM = ("55107-7", "Addendum")
REPORT = "18748-4^Diagnostic imaging study^LN"
ERROR = "Entered in error: "
AI = "AI output, not the radiologist's words"


Observation = tuple[str, str, str, list[str]]  # OBX-2, OBX-3, OBX-5 and the notes below it
FrozenOrder = dict[str, str]  # what FROZEN names, with the order's own key as "id"
FROZEN = {
    "placer": "placer_number",
    "filler": "filler_number",
    "accession": "accession_number",
    "code": "procedure_code",
    "procedure": "procedure_description",
}


def control_id(delivery: Delivery) -> str:
    """MSH-10, the same at each try: of 20 characters, as older receivers take no more."""
    return delivery.pk.hex[:20]


def message(delivery: Delivery) -> str:
    """In the source language, whoever reads it. Raises Refused where the delivery is not the caller's any more."""
    assert delivery.report  # the outbox refuses what has lost its study
    _freeze(delivery, delivery.report)
    with translation.override(settings.LANGUAGE_CODE):
        return "\r".join(_segments(delivery, delivery.report)) + "\r"


def _segments(delivery: Delivery, report: Report) -> Iterator[str]:
    standing = ReportStanding(delivery.payload["standing"])
    codes = STANDING_ELSEWHERE[standing]
    orders = delivery.payload["orders"]
    yield _head(delivery)
    yield _person(delivery, report.study, orders)
    said = [*_words(report, delivery, standing), *_numbers(report)]
    for place, order in enumerate(orders or [{}], start=1):
        yield _segment("ORC", {1: "RE", 2: _own(order, "placer"), 3: _own(order, "filler")})
        yield _request(delivery, report, order, place, codes.order)
        yield from _observations(said, codes)


def _observations(said: list[Observation], codes: StandingElsewhere) -> Iterator[str]:
    for number, (kind, code, value, notes) in enumerate(said, start=1):
        yield _segment("OBX", {1: str(number), 2: kind, 3: code, 4: "1", 5: value, 11: codes.observation})
        yield from (_segment("NTE", {1: str(place), 3: note}) for place, note in enumerate(notes, start=1))


def _segment(name: str, fields: dict[int, str]) -> str:
    """`fields` are written already, by number."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def _head(delivery: Delivery) -> str:
    options = delivery.destination.options
    fields = ["MSH", "^~\\&", escape(settings.MLLP_APPLICATION), escape(delivery.destination.clinic.name)]
    fields += [escape(options.get("application", "")), escape(options.get("facility", ""))]
    fields += [_time(delivery.queued_at), "", "ORU^R01^ORU_R01", control_id(delivery), "P", "2.5.1"]
    return "|".join([*fields, "", "", "", "", "", "UNICODE UTF-8"])


def _person(delivery: Delivery, study: Study, orders: list[FrozenOrder]) -> str:
    """As at the signature: a report that turns out to be somebody else's is taken back where it was sent."""
    assert delivery.report
    patient, signed = study.patient, delivery.report.snapshot["patient"]
    own = next((one["authority"] for one in orders if one["authority"]), "")
    authority = own or delivery.destination.options.get("authority", "")
    number = f"{escape(signed['medical_record_number'])}^^^{escape(authority)}^MR"
    family, _, given = signed["name"].partition(", ")
    fields = {
        1: "1",
        3: number,
        5: f"{escape(family)}^{escape(given)}",
        7: (signed["birth_date"] or "").replace("-", ""),
    }
    if patient.medical_record_number == signed["medical_record_number"]:
        fields[8] = patient.sex
    return _segment("PID", fields)


def _request(delivery: Delivery, report: Report, order: FrozenOrder, place: int, status: str) -> str:
    study = report.study
    fields = {1: str(place), 2: _own(order, "placer"), 3: _own(order, "filler") or report.pk.hex[:20]}
    fields[4] = _procedure(order) or REPORT
    fields[7] = _time(study.examined_at) if study.examined_at else ""
    fields[18] = _own(order, "accession") or escape(delivery.payload["accession"])
    fields[22] = _time(report.signed_at or report.written_at)
    fields[25] = status
    fields[32] = f"^{escape(report.signer_name)}" if report.signer_name else ""
    return _segment("OBR", fields)


def _procedure(order: FrozenOrder) -> str:
    code, name = _own(order, "code"), _own(order, "procedure")
    return f"{code}^{name}" if code or name else ""


def _own(order: FrozenOrder, field: str) -> str:
    return escape(order.get(field, ""))


def _time(at: datetime) -> str:
    return f"{localtime(at):%Y%m%d%H%M%S%z}"


def _words(report: Report, delivery: Delivery, standing: ReportStanding) -> Iterator[Observation]:
    """What people wrote, each section an observation; of a report entered in error why, and nothing else."""
    if standing == ReportStanding.ENTERED_IN_ERROR:
        yield (
            "TX",
            _loinc("18782-3", "Study observation"),
            escape(ERROR + (report.error.reason if report.error else "")),
            [],
        )
        return
    for name, code, label in SECTIONS:
        if text := getattr(report, name):
            yield "TX", _loinc(code, label), escape(text), []
    for addendum in report.addenda.filter(number__lte=delivery.payload.get("addenda", 0)).order_by("number"):
        yield "TX", _loinc(*ADDENDUM), escape(addendum.text), []


def _loinc(code: str, label: str) -> str:
    return f"{code}^{label}^LN"


def _numbers(report: Report) -> Iterator[Observation]:
    """The classifiers' results that the signed report rests on, as the signature froze them. None before it: until a
    person has read the study and signed, no number leaves.
    """
    if not report.is_final or report.error:
        return
    analysis = report.snapshot.get("analysis") or {}
    for one in analysis.get("predictions", []):
        yield _number(one, one["classifier"], f"weights SHA-256 {one['weights_sha256']}")
    if combined := analysis.get("combination"):
        yield _number(combined, combined["panel"], f"combines {', '.join(combined['members'])}")


def _number(one: dict[str, Any], name: str, made_with: str) -> Observation:
    label = label_name(one["label"])
    code = f"{escape(name)}^{escape(f'{AI}: probability of {label}')}^L"
    point = one.get("operating_point") or {}
    threshold = (
        f"threshold {point['threshold']!r}, chosen for {point.get('chosen_for', '')}" if point else "no threshold"
    )
    note = f"{AI}. {name} {one['version']}, {made_with}; {threshold}, of version {one['version']}."
    return "NM", code, repr(one["probability"]), [escape(note)]


def enqueue(report: Report) -> None:
    """Queue a report that was signed, added to, corrected or entered in error, in the transaction that does so."""
    standing, addenda = report.standing, report.addenda.count()
    payload = {"standing": standing.value, "addenda": addenda, **_numbers_of(report)}
    _enqueue(report, key=f"report:{report.pk}:{standing}:{addenda}", payload=payload)


def enqueue_for(order: Order) -> None:
    """Queue the report for an order that came after the signature; nothing where the order has it already, or will."""
    report = order.study.report if order.study else None
    if report is None or not report.is_final:
        return
    sent = _sent_of(report).values_list("payload__orders", flat=True)
    if any(one["id"] == str(order.pk) for orders in sent for one in orders or ()):
        return
    standing, addenda = report.standing, report.addenda.count()
    payload = {"standing": standing.value, "addenda": addenda, **_numbers_of(report), "orders": [_frozen(order)]}
    _enqueue(report, key=f"report:{report.pk}:{standing}:{addenda}:{order.pk}", payload=payload)


def _enqueue(report: Report, *, key: str, payload: dict[str, Any]) -> None:
    study = report.study
    for destination in Destination.objects.wanting(Content.HL7_RESULT, clinic=study.clinic_id):
        outbox.enqueue(
            destination=destination, content=Content.HL7_RESULT, key=key, study=study, report=report, payload=payload
        )


def _freeze(delivery: Delivery, report: Report) -> None:
    """Where no order had the images when it was queued: the numbers of the first try, or of a row from before."""
    if "orders" in delivery.payload:
        return
    payload = {**delivery.payload, **_numbers_of(report)}
    payload.setdefault("orders", [])
    if not delivery.keep(payload):
        raise Refused(GONE)


def _numbers_of(report: Report) -> dict[str, Any]:
    """The accession number and the orders under which a report goes out: those of its earlier versions, whatever became
    of the orders since, and what has come on top. Without "orders" where there is none yet.
    """
    found: dict[str, FrozenOrder] = {}
    accession = report.study.accession_number
    for payload in _sent_of(report).order_by("-queued_at", "-pk").values_list("payload", flat=True):
        accession = payload.get("accession") or accession
        found = {one["id"]: one for one in payload.get("orders") or ()} | found
    now = Order.objects.filter(study=report.study).select_related("source").order_by("requested_at", "created_at", "pk")
    if signed_under(report):  # another patient's images now, and another patient's orders
        now = now.none()
    found |= {str(one.pk): _frozen(one) for one in now if str(one.pk) not in found}
    return {"accession": accession} | ({"orders": list(found.values())} if found else {})


def _frozen(order: Order) -> FrozenOrder:
    authority = order.source.assigning_authority if order.source else ""
    return {"id": str(order.pk), "authority": authority, **{k: getattr(order, v) for k, v in FROZEN.items()}}


def _sent_of(report: Report) -> QuerySet[Delivery]:
    """What was queued of it, and of the reports that it corrects."""
    chain, one = [report.pk], report
    while one.corrects:
        one = one.corrects
        chain.append(one.pk)
    return Delivery.objects.filter(content=Content.HL7_RESULT, report__in=chain)
