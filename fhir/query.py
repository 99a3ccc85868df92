"""What a search asks for: known parameters with their values. The rest is refused, unless the client is lenient."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import gettext_noop
from rest_framework.request import Request

from diagnosis.api.strict import UnknownParameter
from fhir.rendering import FORMAT
from fhir.values import BadParameter, alternatives

COUNT, CURSOR, INCLUDE, PRETTY = "_count", "_cursor", "_include", "_pretty"
CONTROL = (COUNT, CURSOR, INCLUDE, FORMAT, PRETTY)
USUAL, MOST = 50, 200
BAD_COUNT = gettext_noop("`_count` must be a whole number from 0 to %(most)d.")
BAD_INCLUDE = gettext_noop("“%(value)s” cannot be included here. What can be: %(known)s.")


@dataclass(frozen=True)
class Query:
    """`wanted`: name of a parameter and the values of which one must hold; each pair must. `size` 0: count alone.

    `ignored`: parameters that mean nothing here, of a client that said it does not mind.
    """

    wanted: Sequence[tuple[str, Sequence[str]]]
    size: int
    cursor: str
    includes: Sequence[str]
    ignored: Sequence[str]


def read(request: Request, *, parameters: Collection[str], includes: Collection[str]) -> Query:
    """Raises UnknownParameter and BadParameter."""
    sent = asked(request)
    unknown = [name for name in sent if name not in parameters and name not in CONTROL]
    if unknown and not _may_ignore(request, unknown):
        raise UnknownParameter(unknown[0], sorted([*parameters, *CONTROL]))
    pairs = [(name, value) for name in sent if name in parameters for value in sent.getlist(name)]
    return Query(
        [(name, alternatives(name, value)) for name, value in pairs],
        _size(sent.get(COUNT, str(USUAL))),
        sent.get(CURSOR, ""),
        _includes(sent.getlist(INCLUDE), includes),
        unknown,
    )


def asked(request: Request) -> QueryDict:
    """Of the address, and of the form of a search by POST."""
    found = request.query_params.copy()
    if request.method == "POST" and isinstance(request.data, QueryDict):
        for name, values in request.data.lists():
            found.setlist(name, [*found.getlist(name), *values])
    return found


def preferences(headers: Mapping[str, str]) -> set[str]:
    """Of the header Prefer, such as handling=lenient."""
    return {one.strip().lower() for one in headers.get("Prefer", "").replace(";", ",").split(",")}


def _may_ignore(request: Request, unknown: Sequence[str]) -> bool:
    """A modifier is never ignored: the parameter would mean something else without it."""
    return "handling=lenient" in preferences(request.headers) and not any(":" in name for name in unknown)


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= MOST):
        raise BadParameter("bad_count", BAD_COUNT, most=MOST)
    return int(text)


def _includes(values: Sequence[str], known: Collection[str]) -> list[str]:
    for value in values:
        if value not in known:
            raise BadParameter("bad_include", BAD_INCLUDE, value=value, known=", ".join(sorted(known)) or "–")
    return list(dict.fromkeys(values))
