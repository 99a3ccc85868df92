"""What a token may do of what its person may do: scopes in the manner of SMART on FHIR, for FHIR and for the API.

A scope is `system/TYPE.ACTIONS`: a type of resource of FHIR R4, or `*`, and letters out of `cruds`: create, read,
update, delete, search. `*` alone is everything. A scope never adds a right: the role of the person in the clinic stays
the limit.

An address that is not listed here needs `*`: what nobody has thought of is not open to a token that was made for less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

EVERYTHING = "*"
# PractitionerRole is who works in a clinic and as what, of which the API tells and FHIR here does not.
TYPES = (
    *("Patient", "ImagingStudy", "DiagnosticReport", "Observation", "Device", "Provenance", "AuditEvent"),
    *("ServiceRequest", "PractitionerRole"),
)
LETTERS = "cruds"
FORM = re.compile(rf"system/(?P<type>\*|{'|'.join(TYPES)})\.(?P<actions>c?r?u?d?s?)")
READING = ("GET", "HEAD", "OPTIONS")
WRITING = {"POST": "c", "PUT": "u"}


class Choice(models.TextChoices):
    """What the form offers. Programs that sign in may ask for any other scopes."""

    ALL = EVERYTHING, _("everything that I may do there")
    READ = "system/*.rs", _("read, and change nothing")
    SEND = "system/Patient.rs system/ImagingStudy.crs system/Observation.rs", _("send images and read the results")
    REPORTS = "system/Patient.rs system/ImagingStudy.rs system/DiagnosticReport.rs", _("read patients and reports")


def plausible(text: str) -> None:
    """Raise ValidationError unless `text` is a list of scopes, separated by blanks."""
    scopes = text.split()
    wrong = [one for one in scopes if not _is_scope(one)]
    if wrong or not scopes:
        raise ValidationError(
            _("“%(scope)s” is no scope. Write it like system/Patient.rs, or * for everything."),
            params={"scope": " ".join(wrong)},
        )


def _is_scope(text: str) -> bool:
    found = FORM.fullmatch(text)
    return text == EVERYTHING or bool(found and found["actions"])


def missing(held: str, needed: Iterable[str]) -> str:
    """The first of the scopes `needed` that those `held` do not have; empty where they have all."""
    return next((one for one in needed if not _covers(held.split(), one)), "")


def _covers(held: Iterable[str], needed: str) -> bool:
    """`needed` has one letter."""
    type_, _dot, letter = needed.removeprefix("system/").partition(".")
    return any(one == EVERYTHING or _gives(one, type_, letter) for one in held)


def _gives(scope: str, type_: str, letter: str) -> bool:
    found = FORM.fullmatch(scope)
    return found is not None and letter != "" and found["type"] in ("*", type_) and letter in found["actions"]


def needed(name: str, method: str) -> tuple[str, ...]:
    """The scopes that asking the address `name` by `method` takes; none: any token may."""
    space, _colon, view = name.partition(":")
    if space == "fhir":
        return _of_fhir(view, method)
    found = {"api": API, "predecessor": PREDECESSOR}.get(space, {}).get(view)
    if found is None or method not in found:
        return (EVERYTHING,)
    return found[method]


def _of_fhir(view: str, method: str) -> tuple[str, ...]:
    type_, _dash, ending = view.partition("-")
    if type_ not in TYPES:
        return ()
    reading = "s" if ending else "r"
    return (f"system/{type_}.{reading if ending == 'form' else WRITING.get(method, reading)}",)


def _reading(letter: str, *types: str, **others: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """`others`: what other methods take."""
    read = tuple(f"system/{one}.{letter}" for one in types)
    return {**dict.fromkeys(READING, read), **others}


_PATIENT, _STUDY, _RESULT, _REPORT = "Patient", "ImagingStudy", "Observation", "DiagnosticReport"
_ORDER, _ROLE = "ServiceRequest", "PractitionerRole"
_SEND = ("system/ImagingStudy.c", "system/Observation.r")  # the answer tells of results, where the file was here before
# By the name of the address, then by method: one scope for each type of which the answer tells.
API: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "token-current": {**dict.fromkeys(READING, ()), "DELETE": ()},
    "patients": _reading("s", _PATIENT, POST=("system/Patient.c",)),
    "patient": _reading("r", _PATIENT, PATCH=("system/Patient.u",)),
    "patient-history": _reading("r", _PATIENT, _STUDY, _RESULT, _REPORT),
    "studies": _reading("s", _STUDY, _RESULT, _REPORT),
    "study": _reading("r", _STUDY, _RESULT, _REPORT),
    "study-take-back": {"POST": ("system/ImagingStudy.d",)},
    "one-series": _reading("r", _STUDY),
    "images": _reading("s", _STUDY, _RESULT),
    "image": _reading("r", _STUDY, _RESULT),
    "scans": _reading("s", _STUDY, _RESULT, POST=_SEND),
    "scan": _reading("r", _STUDY, _RESULT),
    "scan-original": _reading("r", _STUDY),
    "scan-image": _reading("r", _STUDY),
    "scan-analyses": {"POST": ("system/Observation.c",)},
    "archives": {"POST": _SEND},
    "analysis": _reading("r", _RESULT),
    "analysis-images": _reading("r", _RESULT),
    "analysis-cancel": {"POST": ("system/Observation.u",)},
    "attention": _reading("r", _RESULT),
    "reviews": _reading("s", _REPORT, _RESULT),
    "review": _reading("r", _REPORT, _RESULT),
    "reports": _reading("s", _REPORT),
    "report": _reading("r", _REPORT),
    "report-pdf": _reading("r", _REPORT, _RESULT, _PATIENT),
    "orders": _reading("s", _ORDER),
    "order": _reading("r", _ORDER),
    "notices": _reading("s", _STUDY, _RESULT, _REPORT),
    "notice": _reading("r", _STUDY, _RESULT, _REPORT),
    "people": _reading("s", _ROLE),
    "person": _reading("r", _ROLE),
    "classifiers": _reading("s", "Device"),
    "ensembles": _reading("s", "Device"),
    "schema": dict.fromkeys(READING, ()),
    "docs": dict.fromkeys(READING, ()),
}
PREDECESSOR: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "sendbase64": {"POST": _SEND},
    "upload": {"POST": _SEND},
}
