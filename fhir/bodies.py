"""A resource that a program sends: read from JSON, and told which of its elements is wrong.

What is of the wrong form is refused with 400, what is well formed and cannot be kept with 422.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime
from typing import IO, Any

from django.utils import timezone
from django.utils.translation import gettext_noop
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from diagnosis.errors import Refusal

# R4's date and dateTime, a day at least.
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?")
FIRST_YEAR = 1900
# Beside line breaks and tabs; a lone surrogate cannot be stored either.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
NO_JSON = gettext_noop("The body is no JSON, or names an element twice.")
MISSING = gettext_noop("%(element)s is missing.")
WRONG_FORM = gettext_noop("%(element)s has another form than FHIR R4 gives it.")
UNKNOWN = gettext_noop("FHIR R4 knows no element %(element)s.")
NOT_TAKEN = gettext_noop("%(element)s changes what the rest means, and this server does not know it.")
TOO_LONG = gettext_noop("%(element)s is longer than the %(most)d characters that are kept.")
NO_TEXT = gettext_noop("%(element)s has a character that no text has.")
BAD_MOMENT = gettext_noop(
    "%(element)s must be a day from 1900 on, such as 2026-03-02, or a time with its zone, such as 2026-03-02T08:00:00Z."
)


class Wrong(Refusal):
    """An element of the body cannot be used. `expression`: its FHIRPath. `issue`: a code of FHIR's issue-type."""

    def __init__(self, issue: str, message: str, element: str, *, status: int = 422, **params: object) -> None:
        super().__init__(issue.replace("-", "_"), message, element=element, **params)
        self.http_status, self.issue, self.expression = status, issue, element


class FhirParser(BaseParser):
    media_type = "application/fhir+json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises ParseError. RecursionError: brackets without end."""
        try:
            return json.loads(stream.read().decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise ParseError(NO_JSON) from error


class PlainParser(FhirParser):
    """The same under the name that clients use which know nothing of FHIR."""

    media_type = "application/json"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values of one name nobody knows which is meant."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _no_number(text: str) -> None:
    raise ValueError(text)


@dataclass(frozen=True)
class Element:
    """One element of the body and its path. What it holds is asked for by name; raises Wrong for another form."""

    value: Mapping[str, Any]
    path: str

    def at(self, name: str) -> str:
        return f"{self.path}.{name}"

    def has(self, name: str) -> bool:
        return name in self.value

    def require_known(self, known: Collection[str], *, refused: Collection[str] = ()) -> None:
        """`refused`: what R4 knows and must not be passed over."""
        for name in self.value:
            kept(name, self.path, most=0)  # the answer names it
            if name.lstrip("_") not in known:
                raise Wrong("structure", UNKNOWN, self.at(name), status=400)
            if name.lstrip("_") in refused:
                raise Wrong("not-supported", NOT_TAKEN, self.at(name))

    def required(self, name: str) -> str:
        if not self.has(name):
            raise Wrong("required", MISSING, self.at(name), status=400)
        return self.text(name)

    def text(self, name: str, *, most: int = 0) -> str:
        """Empty where it is not there. `most`: how many letters can be kept; 0: it is not kept."""
        if not self.has(name):
            return ""
        found = self.value[name]
        if not isinstance(found, str) or not found.strip():
            raise Wrong("structure", WRONG_FORM, self.at(name), status=400)
        return kept(found, self.at(name), most=most)

    def flag(self, name: str) -> bool:
        found = self.value.get(name, False)
        if not isinstance(found, bool):
            raise Wrong("structure", WRONG_FORM, self.at(name), status=400)
        return found

    def moment(self, name: str) -> datetime | None:
        """A day is its midnight on the clinic's clock. Not in 9999, whose last hours not every clock has."""
        text = self.text(name)
        if not text:
            return None
        try:
            if not MOMENT.fullmatch(text) or not FIRST_YEAR <= int(text[:4]) < MAXYEAR:
                raise ValueError(text)
            at = datetime.fromisoformat(text)
            return (at if timezone.is_aware(at) else timezone.make_aware(at)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise Wrong("value", BAD_MOMENT, self.at(name), status=400) from error

    def one(self, name: str) -> Element | None:
        return Element(_object(self.value[name], self.at(name)), self.at(name)) if self.has(name) else None

    def each(self, name: str) -> Iterator[Element]:
        found = self.value.get(name, [])
        if not isinstance(found, list) or (self.has(name) and not found):
            raise Wrong("structure", WRONG_FORM, self.at(name), status=400)
        for place, one in enumerate(found):
            path = f"{self.at(name)}[{place}]"
            yield Element(_object(one, path), path)

    def words(self, *, most: int) -> str:
        """What a CodeableConcept says in words."""
        codings = list(self.each("coding"))
        said = (self.text("text", most=most), *(one.text("display", most=most) for one in codings))
        return next(filter(None, (*said, *(one.text("code", most=most) for one in codings))), "")


def resource(data: Any, kind: str) -> Element:
    """The body as a resource of this type."""
    body = Element(_object(data, kind), kind)
    if body.required("resourceType") != kind:
        raise Wrong("invalid", WRONG_FORM, body.at("resourceType"), status=400)
    return body


def kept(text: str, path: str, *, most: int) -> str:
    found = text.strip()
    if UNPRINTABLE.search(found):
        raise Wrong("value", NO_TEXT, path, status=400)
    if most and len(found) > most:
        raise Wrong("too-long", TOO_LONG, path, most=most)
    return found


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not value:
        raise Wrong("structure", WRONG_FORM, path, status=400)
    return value
