"""Classifiers and ensembles: those that answer here, and those that answered once. They are nobody's data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404
from django.utils import translation
from rest_framework.request import Request

from diagnosis import keyset
from diagnosis.analyses import classifiers
from diagnosis.api.pagination import UNKNOWN_CURSOR
from diagnosis.interchange.fhir.devices import Maker, device
from diagnosis.interchange.fhir.elements import OWN
from diagnosis.models import EnsemblePrediction, Prediction
from diagnosis.models.classifier_rule import ClassifierState
from diagnosis.results import intended_use
from diagnosis.rules.classifiers import Stop, Stops
from fhir.kinds import LANGUAGE, Entry, Found, Include, entry
from fhir.query import Query
from fhir.values import BadParameter, split_token

Test = Callable[[Maker, str], bool]


def known() -> list[Maker]:
    """By name and version; each once."""
    return sorted({*_installed(), *_stored()}, key=lambda one: (one.identity, str(one.key)))


def _installed() -> list[Maker]:
    single = [Maker(one.name, one.version, one.weights_sha256) for one in classifiers.installed_specs()]
    combined = [Maker(one.name, one.version, members=tuple(one.members)) for one in classifiers.ensembles()]
    return [*single, *combined]


def _stored() -> list[Maker]:
    """What stored results name."""
    single = Prediction.objects.order_by().values_list("classifier", "version", "weights_sha256").distinct()
    combined = EnsemblePrediction.objects.order_by().values_list("ensemble", "version", "members").distinct()
    return [*(Maker(*one) for one in single), *(Maker(a, b, members=tuple(c)) for a, b, c in combined)]


def _active(clinic: UUID | None) -> set[Maker]:
    """Those whose answers the clinic is shown; an ensemble speaks with all of its members alone."""
    states = classifiers.states_in(clinic)
    shown = {one.identity for one in classifiers.installed_specs() if states[one.name] == ClassifierState.ACTIVE}
    return {one for one in _installed() if all(name in shown for name in one.members or (one.identity,))}


def _entries(request: Request, found: Iterable[Maker]) -> list[Entry]:
    """As they stand in the clinic in which the request works."""
    clinic = _clinic(request)
    active, stops = _active(clinic), Stops.of(clinic)
    modality = {one.identity: one.modality.value for one in classifiers.installed_specs()}

    def stopped(one: Maker) -> list[Stop]:
        names = one.members or (one.identity,)
        return [stop for name in names for stop in stops.among(modality.get(name, ""), [name])]

    with translation.override(LANGUAGE):
        note = intended_use.sentence()
        return [entry(one, device(one, active=one in active, note=note, stops=stopped(one)), None) for one in found]


def _clinic(request: Request) -> UUID | None:
    membership = getattr(request, "membership", None)
    return membership.clinic_id if membership else None


def _is_identified(one: Maker, value: str) -> bool:
    system, text = split_token(value)
    return system in (None, OWN) and text in (one.identity, one.weights_sha256)


TESTS: Mapping[str, Test] = {
    "_id": lambda one, value: str(one.key) == value.lower(),
    "identifier": _is_identified,
    "device-name": lambda one, value: one.name.startswith(value.lower()),
}


@dataclass(frozen=True)
class DeviceKind:
    name: str = "Device"

    @property
    def parameters(self) -> Mapping[str, str]:
        return {"_id": "token", "identifier": "token", "device-name": "string"}

    @property
    def includes(self) -> Mapping[str, Include]:
        return {}

    def read(self, request: Request, key: str) -> Entry:
        found = self.of_keys(request, [key.lower()])
        if not found:
            raise Http404
        return found[0]

    def of_keys(self, request: Request, keys: Iterable[Any]) -> list[Entry]:
        sought = {str(key) for key in keys}
        return _entries(request, (one for one in known() if str(one.key) in sought))

    def search(self, request: Request, query: Query) -> Found:
        """Raises BadParameter for an unknown cursor."""
        matching = [one for one in known() if _holds(one, query)]
        if query.size == 0:
            return Found([], total=len(matching))
        try:
            page = keyset.page_of_list(matching, size=query.size, mark=query.cursor, key=lambda one: str(one.key))
        except keyset.UnknownMark as error:
            raise BadParameter("unknown_cursor", UNKNOWN_CURSOR) from error
        return Found(_entries(request, page), page.next, len(matching))


def _holds(one: Maker, query: Query) -> bool:
    return all(any(TESTS[name](one, value) for value in values) for name, values in query.wanted)


def named(key: str) -> Maker | None:
    """What the id of a Device stands for."""
    return next((one for one in known() if str(one.key) == key.lower()), None)


DEVICE = DeviceKind()
