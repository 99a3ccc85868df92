"""The parameters of a search (PS3.18 8.3.4): keys to match, which page, and what is not known here."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_noop
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from rest_framework.request import Request

from diagnosis.api.strict import UnknownParameter
from diagnosis.errors import Refusal
from dicomweb import matching
from dicomweb.matching import Match

M = TypeVar("M", bound=Model)
R = TypeVar("R")
MOST, USUAL = 1000, 200
BAD_NUMBER = gettext_noop("“%(name)s” must be a whole number from 0.")
BAD_FIELD = gettext_noop("“%(value)s” is no attribute of DICOM, neither as a keyword nor as a tag.")
# PS3.18 8.3.4.6, in its words.
LITERAL = '299 {host}: "The fuzzymatching parameter is not supported. Only literal matching has been performed."'
_OTHERS = ("limit", "offset", "fuzzymatching", "includefield", "accept")


@dataclass(frozen=True)
class Query:
    """What is asked. `include`: tags beside the usual ones; `everything`: all that is known."""

    conditions: Mapping[str, Q]
    limit: int
    offset: int
    include: frozenset[str]
    everything: bool
    fuzzy: bool

    def where(self, keys: Container[str]) -> Q:
        """The conditions of `keys`; empty where nothing is asked of them."""
        return Q(*(condition for key, condition in self.conditions.items() if key in keys))

    def page(self, rows: QuerySet[M, R]) -> QuerySet[M, R]:
        return rows[self.offset : self.offset + self.limit]


def read(request: Request, keys: Mapping[str, Match]) -> Query:
    """Raises UnknownParameter for a key that is not matched here: to ignore it would answer another question."""
    conditions: dict[str, Q] = {}
    for name, text in _given(request):
        key = _keyword(name)
        if key not in keys:
            raise UnknownParameter(name, [*keys, *_OTHERS])
        if text.strip(" *"):  # else anything matches
            condition = matching.q_of(key, text.strip(), keys[key])
            conditions[key] = conditions.get(key, Q()) & condition
    include = frozenset(_fields(request))
    return Query(
        conditions,
        limit=min(_number(request, "limit", USUAL), MOST),
        offset=_number(request, "offset", 0),
        include=include - {"all"},
        everything="all" in include,
        fuzzy=request.query_params.get("fuzzymatching", "").lower() == "true",
    )


def _given(request: Request) -> Iterator[tuple[str, str]]:
    for name, texts in request.query_params.lists():
        if name not in _OTHERS:
            yield from ((name, text) for text in texts)


def _keyword(name: str) -> str:
    """Of a key that is a tag; of anything else itself."""
    return keyword_for_tag(int(name, 16)) if _is_tag(name) else name


def _is_tag(name: str) -> bool:
    return len(name) == 8 and all(letter in "0123456789abcdefABCDEF" for letter in name)


def _fields(request: Request) -> Iterator[str]:
    for stated in request.query_params.getlist("includefield"):
        for field in filter(None, stated.split(",")):
            yield field if field == "all" else _tag(field.rpartition(".")[2])


def _tag(name: str) -> str:
    if _is_tag(name):
        return name.upper()
    found = tag_for_keyword(name)
    if found is None:
        raise Refusal("unknown_field", BAD_FIELD, value=name[:64])
    return f"{found:08X}"


def _number(request: Request, name: str, usual: int) -> int:
    stated = request.query_params.get(name, str(usual))
    if not (stated.isascii() and stated.isdigit() and len(stated) < 10):
        raise Refusal("bad_number", BAD_NUMBER, name=name)
    return int(stated)
