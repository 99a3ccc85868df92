"""How a type of resource is read and searched: from which rows, by which parameters, in which order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import Http404
from django.utils import translation
from django.utils.translation import gettext
from rest_framework.request import Request

from diagnosis.api import scope
from diagnosis.api.pagination import UNKNOWN_CURSOR
from diagnosis.audited import note_row, note_rows
from diagnosis.interchange.fhir.elements import Resource, instant
from diagnosis.models import Deletion
from diagnosis.rules import deletions
from fhir.query import Query
from fhir.values import NOTHING, BadParameter, Find, by_key
from fhir.values import key as uuid_of

# Resources do not change with the reader's language: their version is a hash of them.
LANGUAGE = "en-gb"
VERSION_DIGITS = 16


@dataclass(frozen=True)
class Entry:
    """A resource, and the row that it was made of."""

    row: Any
    resource: Resource
    changed: datetime | None = None

    @property
    def version(self) -> str:
        return str(self.resource["meta"]["versionId"])


@dataclass(frozen=True)
class Found:
    """A page of a search. `next`: the mark of the page behind it; `total` where it is known.

    `withheld`: why something that the page should have had is not in it, a sentence each.
    """

    entries: Sequence[Entry]
    next: str = ""
    total: int | None = None
    withheld: Sequence[str] = ()


class Kind(Protocol):
    """`parameters`: name → type of R4. `includes`: a value of `_include` → the type, and the keys that a row names."""

    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, str]: ...
    @property
    def includes(self) -> Mapping[str, Include]: ...
    def search(self, request: Request, query: Query) -> Found: ...
    def read(self, request: Request, key: str) -> Entry: ...
    def of_keys(self, request: Request, keys: Iterable[Any]) -> list[Entry]: ...


@dataclass(frozen=True)
class Include:
    kind: str
    keys: Callable[[Any], Iterable[Any]]


Refused = Mapping[Any, Exception]


def _nothing_more(request: Request, rows: Sequence[Any]) -> Refused:
    return {}


def _no_row(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.none()


@dataclass(frozen=True)
class Source:
    """Rows of one table. `rows` are those that the person may see, annotated with `changed`; where the reading rules
    hide some for a while, also with `hidden`, and `why_hidden` says so.

    `moment`: the field by which pages go, newest first. `find`: how each parameter narrows them. `check` says of which
    rows, by their keys, the own reading is refused, and by which error; it can do so of `suspects` alone.
    """

    model: type[Model]
    rows: Callable[[Request], QuerySet[Any]]
    moment: str
    build: Callable[[Request, Sequence[Any]], list[Resource]]
    find: Mapping[str, Find]
    key: Find = by_key
    why_hidden: str = ""
    check: Callable[[Request, Sequence[Any]], Refused] = _nothing_more
    suspects: Callable[[QuerySet[Any]], QuerySet[Any]] = _no_row
    note_row: Callable[[Any], None] = note_row
    note_rows: Callable[[type[Model], Iterable[Any]], None] = note_rows

    def shown(self, request: Request) -> QuerySet[Any]:
        rows = self.rows(request)
        return rows.filter(hidden=False) if self.why_hidden else rows

    def matching(self, request: Request, query: Query) -> QuerySet[Any]:
        rows = self.shown(request)
        for name, values in query.wanted:
            rows = rows.filter(self._condition(name, values))
        return rows

    def entries(self, request: Request, rows: Sequence[Any]) -> list[Entry]:
        with translation.override(LANGUAGE):
            made = self.build(request, rows)
        return [entry(row, resource, row.changed) for row, resource in zip(rows, made, strict=True)]

    def allowed(self, request: Request, rows: Iterable[Any]) -> tuple[list[Any], list[str]]:
        """Without those that `check` refuses, and the reasons. A list does not say that there is one that the person
        may not see.
        """
        found = list(rows)
        refused = self.check(request, found)
        told = [str(one) for one in refused.values() if not isinstance(one, PermissionDenied)]
        return [row for row in found if row.pk not in refused], told

    def count(self, request: Request, query: Query) -> int:
        rows = self.matching(request, query)
        return int(rows.count()) - len(self.check(request, list(self.suspects(rows))))

    def _condition(self, name: str, values: Sequence[str]) -> Q:
        found, narrow = NOTHING, self.find.get(name, _never)
        for value in values:
            found |= self.key(value) if name == "_id" else narrow(value)
        return found


def _never(value: str) -> Q:
    return NOTHING


@dataclass(frozen=True)
class RowKind:
    """A type whose resources are rows of one table, or of several in one list."""

    name: str
    sources: Sequence[Source]
    parameters: Mapping[str, str]
    includes: Mapping[str, Include] = field(default_factory=dict)

    def read(self, request: Request, key: str) -> Entry:
        """Raises Http404, Deleted, or PermissionDenied with the reason while the row is hidden."""
        for source in self.sources:
            if row := source.rows(request).filter(source.key(key)).first():
                source.note_row(row)
                if source.why_hidden and row.hidden:
                    raise PermissionDenied(gettext(source.why_hidden))
                for refusal in source.check(request, [row]).values():
                    raise refusal
                return source.entries(request, [row])[0]
        self._require_there(request, key)
        raise Http404

    def of_keys(self, request: Request, keys: Iterable[Any]) -> list[Entry]:
        """Those of the keys that the person may see."""
        sought, found = set(keys), []
        for source in self.sources:
            rows, _withheld = source.allowed(request, source.shown(request).filter(pk__in=sought))
            source.note_rows(source.model, rows)
            found += source.entries(request, rows)
        return found

    def search(self, request: Request, query: Query) -> Found:
        """A page, newest first. Raises BadParameter for an unknown cursor."""
        if query.size == 0:
            for source in self.sources:
                source.note_rows(source.model, [])  # a number tells of patients too
            return Found([], total=sum(source.count(request, query) for source in self.sources))
        edge = self._edge(request, query.cursor) if query.cursor else None
        marks = sorted(self._marks(request, query, edge), key=lambda mark: mark[:2], reverse=True)
        page = marks[: query.size]
        following = f"{page[-1][2]}.{page[-1][1]}" if len(marks) > query.size else ""
        entries, withheld = self._entries(request, page)
        return Found(entries, following, None if edge or following else len(entries), withheld)

    def _marks(self, request: Request, query: Query, edge: tuple[Any, Any] | None) -> list[tuple[Any, Any, int]]:
        """Moment, key and source of one row more than a page has, from each source."""
        found: list[tuple[Any, Any, int]] = []
        for number, source in enumerate(self.sources):
            rows = source.matching(request, query)
            if edge:
                at, key = edge
                rows = rows.filter(Q(**{f"{source.moment}__lt": at}) | Q(**{source.moment: at, "pk__lt": key}))
            pairs = rows.order_by(f"-{source.moment}", "-pk").values_list(source.moment, "pk")[: query.size + 1]
            found += [(at, key, number) for at, key in pairs]
        return found

    def _edge(self, request: Request, cursor: str) -> tuple[Any, Any]:
        number, _dot, key = cursor.partition(".")
        try:
            source = self.sources[int(number)]
            found = source.rows(request).filter(pk=key).values_list(source.moment, "pk").first()
        except (ValueError, IndexError, ValidationError) as error:
            raise BadParameter("unknown_cursor", UNKNOWN_CURSOR) from error
        if found is None:
            raise BadParameter("unknown_cursor", UNKNOWN_CURSOR)
        at, key = found
        return at, key

    def _entries(self, request: Request, page: Sequence[tuple[Any, Any, int]]) -> tuple[list[Entry], list[str]]:
        """In the order of the page, and why some are withheld; what vanished or is refused since is left out."""
        made: dict[Any, Entry] = {}
        withheld: list[str] = []
        for number, source in enumerate(self.sources):
            keys = [key for _at, key, of in page if of == number]
            rows, told = source.allowed(request, source.shown(request).filter(pk__in=keys)) if keys else ([], [])
            withheld += told
            source.note_rows(source.model, rows)
            made |= {one.row.pk: one for one in source.entries(request, rows)}
        return [made[key] for _at, key, _of in page if key in made], withheld

    def _require_there(self, request: Request, key: str) -> None:
        """Raises Deleted where it was one once."""
        among = scope.visible(Deletion.objects.all(), request)
        for source in self.sources:
            if found := uuid_of(key):
                deletions.require_there(source.model, found, among)


def entry(row: Any, resource: Resource, changed: datetime | None) -> Entry:
    """With the version and the time of the last change, which belongs to the version: a resource that is again what it
    was has changed since, and who holds it from before must not take it for today's.
    """
    text = json.dumps([resource, changed and instant(changed)], sort_keys=True, ensure_ascii=False)
    meta = resource.get("meta", {}) | {"versionId": hashlib.sha256(text.encode()).hexdigest()[:VERSION_DIGITS]}
    stamp = {"lastUpdated": instant(changed)} if changed else {}
    rest = {name: value for name, value in resource.items() if name not in ("resourceType", "id", "meta")}
    named = {"resourceType": resource["resourceType"], "id": resource["id"]}
    return Entry(row, {**named, "meta": meta | stamp, **rest}, changed)
