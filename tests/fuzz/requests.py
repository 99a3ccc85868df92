"""Forms, JSON, queries, headers and archives that no page of ours sends, at every address, by people of every role."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any
from urllib.parse import quote

from django import forms
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import got_request_exception
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from rest_framework import serializers

from accounts.models import Clinic, Membership, User
from accounts.roles import ROLES
from diagnosis.models import Analysis, Patient, Prediction, Scan
from orders.actions import receive_order
from orders.models import Order, OrderSource
from tests.archives import disc, packed
from tests.authorisation import Route, address, routes
from tests.factories import finish, new_case, new_patient, read
from tests.fuzz.cases import Case, Outcome
from tests.fuzz.mutations import spoil
from tests.images import ct_dicom, xray_dicom, xray_png

QUERIES = ("q", "page", "after", "before", "clinic", "patient", "search", "sort", "id", "scan", "from", "until", "next")
TEXTS = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1e999",
        "NaN",
        "null",
        "true",
        "99999999999999999999",
        "0000-00-00",
        "9999-12-31",
        "2026-02-30",
    ),
    *(
        "a" * 5000,
        "\x00",
        "a\r\nSet-Cookie: a=b",
        "\u202egnp.a",
        "é\u0301" * 50,
        "\ud800",
        "%00%ff",
        "../../etc/passwd",
    ),
    *("<script>alert(1)</script>", "{{7*7}}", "' OR 1=1 --", "=1+1", "[]", "{}", '{"a":', "(" * 500, "*" * 300),
    *("00000000-0000-0000-0000-000000000000", "urn:uuid:x", "1,2,3", "٣", "１２", "-0", "1.5", "https://evil.example"),
)
ODD: tuple[Any, ...] = (None, True, False, 0, -1, 1.5, 10**30, [], {}, [[[]]], {"a": {"b": []}}, [None] * 50, [{}])
TYPES = (
    *("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"),
    *("multipart/form-data", "application/json; charset=utf-7", "application/xml", "application/zip", "x", ""),
)
HEADERS = (
    *("Accept", "Accept-Language", "Range", "If-None-Match", "If-Modified-Since", "X-Forwarded-For", "Authorization"),
    *("Cookie", "Referer", "Origin", "X-Requested-With", "X-CSRFToken", "Content-Encoding", "X-HTTP-Method-Override"),
)
# Deliberate: something else is down, and the answer says so.
UNAVAILABLE = 503


@dataclass
class World:
    """A clinic in which there is something at most addresses, and a person of each role."""

    clients: dict[str, Client]
    patient: Patient
    subjects: dict[str, list[Any]]

    def known(self, name: str) -> str:
        try:
            return reverse(name)
        except NoReverseMatch:
            rest = name.rpartition(":")[2]
            fitting = [begin for begin in self.subjects if rest.startswith(begin)]
            return reverse(name, args=self.subjects[max(fitting, key=len, default="")])

    @cached_property
    def addresses(self) -> list[tuple[Route, str]]:
        return [(route, address(route, self.known)) for route in routes() if "logout" not in route.name]


def make_world(name: str = "fuzz") -> World:
    clinic = Clinic.objects.create(name=name)
    people = {role: _person(role, clinic) for role in ROLES}
    site = User.objects.create_superuser(f"site@{name}.example", None, full_name="Site")
    Membership.objects.create(user=site, clinic=clinic, role="administrator")
    patient = new_patient(clinic, people["radiographer"], f"{name}-1")
    read_scan = new_case(people["radiographer"], patient, 1).scan
    analysis = finish(read_scan, 0.9, 0.8, combined=0.8)
    report = read(people["radiologist"], read_scan.reviews.get(), decision="agree", category="typical").report
    review = new_case(people["radiographer"], patient, 2)
    subjects = {
        **_subjects(patient, read_scan, analysis),
        "review": [review.pk],
        "report": [report.pk],
        "order": [_order(patient).pk],
        "accounts_user": [site.pk],
        "accounts_clinic": [clinic.pk],
        "app_list": ["accounts"],
        "oversight-download": ["waiting"],
        "": [],
    }
    return World({name: _browser(user) for name, user in {**people, "site": site, "": None}.items()}, patient, subjects)


def _subjects(patient: Patient, scan: Scan, analysis: Analysis) -> dict[str, list[Any]]:
    prediction = Prediction.objects.filter(image=scan).first()
    assert prediction
    return {
        "patient": [patient.pk],
        "study": [scan.study_id],
        "scan-upload": [patient.pk],
        "scan": [scan.pk],
        "image": [scan.pk],
        "one-series": [scan.series_id],
        "analysis": [analysis.pk],
        "prediction": [prediction.pk],
        "attention": [prediction.pk],
        "diagnosis_patient": [patient.pk],
        "diagnosis_scan": [scan.pk],
    }


def _order(patient: Patient) -> Order:
    source = OrderSource.objects.create(clinic=patient.clinic, name="RIS", networks="192.0.2.0/24")
    return receive_order(source=source, patient=patient, requested_at=timezone.now(), accession_number="A-1")


def _person(role: str, clinic: Clinic) -> User:
    user = User.objects.create_user(f"{role}@{clinic.name}.example", None, full_name=role)
    Membership.objects.create(user=user, clinic=clinic, role=role)
    return user


def _browser(user: User | None) -> Client:
    client = Client(raise_request_exception=False)
    if user:
        client.force_login(user)
    return client


def source(world: World) -> Callable[[Random], Case]:
    names = sorted(_field_names())
    archives = [disc(xray_dicom(), ct_dicom()), packed(("a/b.png", xray_png(5)), ("a/c.png", b"x"))]

    def make(chance: Random) -> Case:
        if chance.random() < 0.1:
            return _archive(world, spoil(chance.choice(archives), chance), chance)
        route, path = chance.choice(world.addresses)
        sent = _request(route, path, chance, names)
        person = chance.choice(list(world.clients))
        return Case("request", repr((person, sent)).encode(), lambda: _asked(world.clients[person], sent))

    return make


def _field_names() -> set[str]:
    """Of every form and serializer that there is: a made-up name would be left unread."""
    found = {"confirm", "csrfmiddlewaretoken", "image", "name"}
    for form in _below(forms.BaseForm):
        found |= set(getattr(form, "base_fields", {}))
    for serializer in _below(serializers.Serializer):
        found |= set(getattr(serializer, "_declared_fields", {}))
    return found


def _below(kind: type) -> set[type]:
    below: type
    found = {kind}
    for below in kind.__subclasses__():
        found |= _below(below)
    return found


def _archive(world: World, data: bytes, chance: Random) -> Case:
    body = {"file": SimpleUploadedFile("a.zip", data), "patient": str(world.patient.pk)}
    path = reverse("api:archives")
    if chance.random() < 0.5:
        body = {"files": SimpleUploadedFile("a.zip", data), "modality": "cxr"}
        path = reverse("diagnosis:scan-upload", args=[world.patient.pk])
    sent = {"path": path, "method": "post", "data": body}
    return Case("archive", data, lambda: _asked(world.clients["radiographer"], sent))


def _request(route: Route, path: str, chance: Random, names: list[str]) -> dict[str, Any]:
    """The arguments of a test client's call."""
    query = "&".join(f"{chance.choice(QUERIES)}={_quoted(chance)}" for _ in range(chance.choice((0, 0, 1, 2, 5))))
    headers = {chance.choice(HEADERS): _header(chance) for _ in range(chance.choice((0, 0, 1, 3)))}
    sent: dict[str, Any] = {"path": f"{path}?{query}" if query else path, "headers": headers}
    method = chance.choice(("get", "get", "post", "post", "post", "put", "patch", "delete"))
    if method == "get":
        return {**sent, "method": method}
    fields = {name: chance.choice((*TEXTS, *ODD)) for name in chance.sample(names, chance.choice((0, 1, 4, 12)))}
    is_json = chance.random() < (0.8 if route.is_api else 0.1)
    body = json.dumps(fields).encode() if is_json else _encoded(fields)
    if chance.random() < 0.3:
        body = spoil(body, chance)
    usual = "application/json" if is_json else "application/x-www-form-urlencoded"
    return {**sent, "method": method, "data": body, "content_type": chance.choice((usual, usual, usual, *TYPES))}


def _quoted(chance: Random) -> str:
    return quote(chance.choice(TEXTS).encode(errors="surrogatepass"))


def _header(chance: Random) -> str:
    """As a server hands it on: no line breaks, and Latin-1."""
    plain = chance.choice((*TEXTS, "bytes=5-1", "bytes=0-0,-1", "Bearer cip_x", "*", "de;q=9,*;q=x", 'W/"a"', "gzip"))
    return plain.translate({10: " ", 13: " ", 0: " "}).encode("utf-8", "replace").decode("latin-1")


def _encoded(fields: dict[str, Any]) -> bytes:
    return "&".join(
        f"{name}={quote(str(value).encode(errors='surrogatepass'))}" for name, value in fields.items()
    ).encode()


def _asked(client: Client, sent: dict[str, Any]) -> tuple[Outcome, str]:
    """What the answer says; nothing that the request changed remains."""
    seen: list[str] = []

    def note(**_: Any) -> None:
        from traceback import format_exc

        seen.append(format_exc())

    got_request_exception.connect(note)
    try:
        with transaction.atomic():
            answer = _sent_by(client, **sent)
            b"".join(answer.streaming_content) if answer.streaming else answer.content
            transaction.set_rollback(True)
    finally:
        got_request_exception.disconnect(note)
        cache.clear()
    return _outcome(answer.status_code), "\n".join([str(answer.status_code), *seen])


def _sent_by(client: Client, *, method: str, path: str, data: Any = None, **more: Any) -> Any:
    """Bytes go as they are: the client's own methods would encode them anew for a type that names a character set."""
    if isinstance(data, bytes):
        return client.generic(method.upper(), path, data, **more)
    return getattr(client, method)(path, data, **more)


def _outcome(status: int) -> Outcome:
    if status >= 500 and status != UNAVAILABLE:
        return Outcome.CRASH
    return Outcome.REFUSED if status >= 400 else Outcome.ACCEPTED
