"""What a ServiceRequest that was sent orders: in the words and numbers of the portal's own order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop

from diagnosis.interchange.fhir.elements import DCM, DICOM_UID, IDENTIFIER_TYPE, urn
from diagnosis.interchange.fhir.patients import GENDERS
from diagnosis.models.study import Priority
from fhir import values
from fhir.bodies import MISSING, NOT_TAKEN, WRONG_FORM, Element, Wrong, kept, resource
from fhir.resources.orders import KIND
from orders.hl7.people import Person
from orders.matching import is_number
from orders.models import OrderSource

OWN = frozenset(
    {
        *("resourceType", "id", "meta", "implicitRules", "language", "text", "contained", "extension"),
        *("modifierExtension", "identifier", "instantiatesCanonical", "instantiatesUri", "basedOn", "replaces"),
        *("requisition", "status", "intent", "category", "priority", "doNotPerform", "code", "orderDetail"),
        *("quantityQuantity", "quantityRatio", "quantityRange", "subject", "encounter", "occurrenceDateTime"),
        *("occurrencePeriod", "occurrenceTiming", "asNeededBoolean", "asNeededCodeableConcept", "authoredOn"),
        *("requester", "performerType", "performer", "locationCode", "locationReference", "reasonCode"),
        *("reasonReference", "insurance", "supportingInfo", "specimen", "bodySite", "note", "patientInstruction"),
        "relevantHistory",
    }
)
# What would make another order of it if it were passed over.
REFUSED = ("modifierExtension", "implicitRules", "replaces", "occurrenceTiming", "asNeededCodeableConcept")
ACTIVE, REVOKED, COMPLETED = "active", "revoked", "completed"
STATUSES = (ACTIVE, REVOKED, COMPLETED, "draft", "on-hold", "entered-in-error", "unknown")
PRIORITIES = {
    "routine": Priority.ROUTINE,
    **dict.fromkeys(("urgent", "asap", "stat"), Priority.URGENT),
}
UID = re.compile(r"[0-9]+(\.[0-9]+)*")
OID = "urn:oid:"
PART_OF_DATE = re.compile(r"\d{4}(-\d{2})?")
BAD_CODE = gettext_noop("%(element)s is none of: %(known)s.")
BAD_STATUS = gettext_noop("An order that is %(word)s is not taken. Send it as active, or as revoked to cancel it.")
ENTERED_IN_ERROR = gettext_noop("Send status revoked: the order is cancelled then, and stays on record.")
NOT_AN_ORDER = gettext_noop("Only an order is taken: intent must be “order”.")
NO_PLACER = gettext_noop(
    "No identifier is the placer's order number: of type PLAC, with the system that the clinic has registered for the "
    "ordering system."
)
SEVERAL = gettext_noop("%(element)s has more than one value of this kind. Which one counts is not guessed.")
NO_SUCH_SYSTEM = gettext_noop("No ordering system of this clinic that may order over FHIR has this system of numbers.")
NO_RECORD_NUMBER = gettext_noop("No identifier is a record number of this clinic: its system must be %(known)s.")
TWO_PATIENTS = gettext_noop("Reference and identifier name two patients.")
ELSEWHERE = gettext_noop("A reference must lead to a Patient of this server, or to one in contained.")
NO_NAME = gettext_noop("The requester has no name: give display, or a contained Practitioner.")


@dataclass(frozen=True)
class Subject:
    """Whom the order is for: a record by its key, a record number, or both. `person`: what else the body tells."""

    path: str
    key: UUID | None = None
    person: Person | None = None


@dataclass(frozen=True)
class SentOrder:
    """`id`: empty where the body has none. `words`: by field of the order; empty is what was left open."""

    id: str
    source: OrderSource
    status: str
    subject: Subject
    requested_at: datetime | None
    words: Mapping[str, Any]

    @property
    def placer_number(self) -> str:
        return str(self.words["placer_number"])


def read(data: Any, *, systems: Mapping[str, OrderSource], base: str) -> SentOrder:
    """`systems`: by the URI that an identifier names; `base`: the address of this server. Raises Wrong."""
    body = resource(data, KIND)
    body.require_known(OWN, refused=REFUSED)
    status = _status(body)
    numbers, source = _numbers(body, systems)
    subject, words = _subject(body, source, base), numbers | _words(body)
    return SentOrder(body.text("id"), source, status, subject, body.moment("authoredOn"), words)


def _status(body: Element) -> str:
    status, intent = body.required("status"), body.required("intent")
    if status not in STATUSES:
        raise Wrong("code-invalid", BAD_CODE, body.at("status"), status=400, known=", ".join(STATUSES))
    if status == "entered-in-error":
        raise Wrong("business-rule", ENTERED_IN_ERROR, body.at("status"))
    if status not in (ACTIVE, REVOKED, COMPLETED):
        raise Wrong("business-rule", BAD_STATUS, body.at("status"), word=status)
    if intent != "order":
        raise Wrong("business-rule", NOT_AN_ORDER, body.at("intent"))
    for name in ("doNotPerform", "asNeededBoolean"):
        if body.flag(name):
            raise Wrong("business-rule", NOT_TAKEN, body.at(name))
    return status


def _numbers(body: Element, systems: Mapping[str, OrderSource]) -> tuple[dict[str, str], OrderSource]:
    found: dict[str, str] = {}
    source = None
    for one in body.each("identifier"):
        kind, system = _type(one), one.text("system")
        value = one.text("value", most=64 + (len(OID) if system == DICOM_UID else 0))
        if kind == "PLAC" or (not kind and system in systems):
            if system not in systems:
                raise Wrong("not-found", NO_SUCH_SYSTEM, one.at("system"))
            _set(found, "placer_number", value, one)
            source = systems[system]
        elif kind in ("FILL", "ACSN"):
            _set(found, "filler_number" if kind == "FILL" else "accession_number", value, one)
        elif system == DICOM_UID:
            _set(found, "study_instance_uid", _uid(one, value), one)
    if source is None:
        raise Wrong("required", NO_PLACER, body.at("identifier"))
    return found, source


def _type(one: Element) -> str:
    of = one.one("type")
    codings = of.each("coding") if of else ()
    return next((each.text("code") for each in codings if each.text("system") == IDENTIFIER_TYPE), "")


def _set(found: dict[str, str], name: str, value: str, one: Element) -> None:
    if not is_number(value):
        raise Wrong("required", MISSING, one.at("value"), status=400)
    if found.setdefault(name, value) != value:
        raise Wrong("business-rule", SEVERAL, one.path)


def _uid(one: Element, value: str) -> str:
    uid = kept(value.removeprefix(OID), one.at("value"), most=64)
    if not UID.fullmatch(uid):
        raise Wrong("value", WRONG_FORM, one.at("value"), status=400)
    return uid


def _words(body: Element) -> dict[str, Any]:
    return _procedure(body) | {
        "clinical_question": _question(body),
        "referring_physician": _requester(body),
        "priority": _priority(body),
        "scheduled_at": _scheduled(body),
    }


def _procedure(body: Element) -> dict[str, str]:
    """The code as it was sent; in words also the side, the view and the part of the body."""
    code, details, modality = body.one("code"), list(body.each("orderDetail")), ""
    if details and code is None:
        raise Wrong("invariant", MISSING, body.at("code"), status=400)
    concepts = [*([code] if code else []), *details]
    for each in (coding for one in concepts for coding in one.each("coding") if coding.text("system") == DCM):
        if modality not in ("", each.text("code", most=16)):
            raise Wrong("business-rule", SEVERAL, body.at("orderDetail"))
        modality = each.text("code")
    beside = [*(one for one in details if not _is_modality(one)), *body.each("bodySite")]
    said = [code.words(most=200)] if code else []
    for words in (one.words(most=200) for one in beside):
        said += [words] if words.lower() not in ", ".join(said).lower() else []
    codes = [one.text("code", most=64) for one in code.each("coding")] if code else []
    return {
        "procedure_code": next(filter(None, codes), ""),
        "procedure_description": kept(", ".join(filter(None, said)), body.at("code"), most=200),
        "modality": modality,
    }


def _is_modality(one: Element) -> bool:
    return any(each.text("system") == DCM for each in one.each("coding"))


def _question(body: Element) -> str:
    """The reasons, and what else is noted that bears on it, a line each."""
    said = [one.words(most=2000) for one in body.each("reasonCode")]
    said += [one.text("display", most=2000) for one in body.each("reasonReference")]
    said += [one.text("text", most=2000) for one in body.each("note")]
    return kept("\n".join(dict.fromkeys(filter(None, said))), body.at("reasonCode"), most=2000)


def _requester(body: Element) -> str:
    named = body.one("requester")
    if named is None:
        return ""
    if name := named.text("display", most=200):
        return name
    of = _contained(body, named.text("reference"), "Practitioner")
    for one in of.each("name") if of else ():
        parts = (*_texts(one, "prefix"), *_texts(one, "given"), one.text("family"))
        return kept(one.text("text") or " ".join(filter(None, parts)), one.path, most=200)
    raise Wrong("required", NO_NAME, named.path)


def _priority(body: Element) -> str:
    code = body.text("priority")
    if code and code not in PRIORITIES:
        raise Wrong("code-invalid", BAD_CODE, body.at("priority"), status=400, known=", ".join(PRIORITIES))
    return PRIORITIES[code] if code else ""


def _scheduled(body: Element) -> datetime | None:
    period = body.one("occurrencePeriod")
    if period and body.has("occurrenceDateTime"):
        raise Wrong("structure", SEVERAL, body.at("occurrence"), status=400)
    return period.moment("start") if period else body.moment("occurrenceDateTime")


def _subject(body: Element, source: OrderSource, base: str) -> Subject:
    named = body.one("subject")
    if named is None:
        raise Wrong("required", MISSING, body.at("subject"), status=400)
    number = named.one("identifier")
    person = Person(_record_number([number], source, number.path), "", "", None, "") if number else None
    reference = named.text("reference")
    if not reference:
        if person is None:
            raise Wrong("required", MISSING, named.at("reference"), status=400)
        return Subject(named.path, person=person)
    if reference.startswith("#"):
        told = _person(_contained(body, reference, "Patient"), source, named)
        if person and person.number != told.number:
            raise Wrong("business-rule", TWO_PATIENTS, named.path)
        return Subject(named.path, person=told)
    key = values.key(reference.removeprefix(f"{base}/").removeprefix("Patient/"))
    if key is None or "Patient/" not in reference:
        raise Wrong("not-supported", ELSEWHERE, named.at("reference"))
    return Subject(named.path, key, person)


def _contained(body: Element, reference: str, kind: str) -> Element | None:
    found = [one for one in body.each("contained") if reference == f"#{one.text('id')}"]
    if len(found) > 1:
        raise Wrong("business-rule", SEVERAL, body.at("contained"))
    return next((one for one in found if one.text("resourceType") == kind), None)


def _person(record: Element | None, source: OrderSource, named: Element) -> Person:
    """As PID says it."""
    if record is None:
        raise Wrong("not-found", ELSEWHERE, named.at("reference"))
    if record.has("modifierExtension"):
        raise Wrong("not-supported", NOT_TAKEN, record.at("modifierExtension"))
    number = _record_number(list(record.each("identifier")), source, record.at("identifier"))
    gender = record.text("gender")
    sexes = {word: sex for sex, word in GENDERS.items()}
    if gender and gender not in sexes:
        raise Wrong("code-invalid", BAD_CODE, record.at("gender"), status=400, known=", ".join(sexes))
    names = list(record.each("name"))
    name = next((one for one in names if one.text("use") == "official"), names[0] if names else None)
    given = kept(" ".join(_texts(name, "given")), name.at("given"), most=120) if name else ""
    sex = sexes[gender] if gender not in ("", "unknown") else ""
    return Person(number, name.text("family", most=120) if name else "", given, _birth_date(record), sex)


def _birth_date(record: Element) -> date | None:
    """None for a year or a month alone, which is no day."""
    text = record.text("birthDate")
    if not text or PART_OF_DATE.fullmatch(text):
        return None
    record.moment("birthDate")
    return date.fromisoformat(text[:10])


def _record_number(identifiers: Iterable[Element], source: OrderSource, path: str) -> str:
    """Of the clinic: under the system that its patients have here, or of the ordering system's assigning authority."""
    known = [one for one in (urn(source.clinic_id), source.assigning_authority) if one]
    found = {one.text("value", most=64) for one in identifiers if one.text("system") in known} - {""}
    if not found:
        raise Wrong("not-found", NO_RECORD_NUMBER, path, known=", ".join(known))
    if len(found) > 1:
        raise Wrong("business-rule", SEVERAL, path)
    return found.pop()


def _texts(one: Element, name: str) -> Iterator[str]:
    """Of an element that is a list of strings."""
    found = one.value.get(name, [])
    if not isinstance(found, list):
        raise Wrong("structure", WRONG_FORM, one.at(name), status=400)
    for text in found:
        if not isinstance(text, str):
            raise Wrong("structure", WRONG_FORM, one.at(name), status=400)
        yield kept(text, one.at(name), most=0)
