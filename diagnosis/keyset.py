"""Pages that begin behind a row instead of at a number: the last one costs as much as the first, and none is counted.

A page's mark is the key of the row at its edge, never that row's values: addresses end up in logs, and values are
names. What the row's values are is looked up when the page is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import BooleanField, F, Func, Model, QuerySet, Value
from django.db.models.lookups import GreaterThan, LessThan

M = TypeVar("M", bound=Model)
T = TypeVar("T")
BACKWARDS = "-"


@dataclass(frozen=True)
class Count:
    """How many rows there are, counted up to a bound; `more`: there are more than `number`."""

    number: int
    more: bool = False

    @classmethod
    def of(cls, found: int, *, most: int) -> Count:
        """Of rows that were counted no further than one beyond `most`."""
        return cls(min(found, most), found > most)

    def __str__(self) -> str:
        return f"{self.number}+" if self.more else str(self.number)

    def __bool__(self) -> bool:
        return self.number > 0


def count(rows: QuerySet[Any, Any], *, most: int) -> Count:
    """A count that costs what `most` rows cost, however many there are. Nobody works with the exact number of many."""
    return Count.of(rows.order_by()[: most + 1].count(), most=most)


class UnknownMark(Exception):
    """No row is named by the mark."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows in their order. `next` and `previous` are the marks of the pages beside it, empty where there is none.

    `whole`: there is no other page, so that the number of its rows is the number of all.
    """

    rows: Sequence[T]
    next: str = ""
    previous: str = ""

    @property
    def whole(self) -> bool:
        return not (self.next or self.previous)

    def __iter__(self) -> Iterator[T]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def page(
    rows: QuerySet[M], *, order: Sequence[str], size: int, mark: str = "", among: QuerySet[M], keys_first: bool = False
) -> Page[M]:
    """The page of `size` rows that `mark` names, the first one without a mark.

    `order` names fields of the rows' own table or annotations, none of them null, all ascending or all descending
    ("-"), and ends with a unique one. `among` are the rows that may be a mark, annotated alike: those that the person
    may see, whether they are on the list or not.
    `keys_first`: for rows of many tables which a filter leaves and the database has to sort. It would put together all
    that a row shows before it knows which are on the page. Also for rows that ask something of other tables each:
    PostgreSQL answers that for a whole clinic where it does not know how few rows there will be.
    Raises UnknownMark.
    """
    back = mark.startswith(BACKWARDS)
    beside = rows.order_by(*(_turned(order) if back else order))
    if mark:
        edge = _edge(among, mark.removeprefix(BACKWARDS), order)
        beside = beside.filter(_behind(rows, order, edge, back=back))
    found = _keys_first(rows, beside[: size + 1]) if keys_first else list(beside[: size + 1])
    return _page(found[:size], back=back, marked=bool(mark), more=len(found) > size, key=lambda row: str(row.pk))


def first(rows: QuerySet[M], most: int) -> list[M]:
    """The first `most` rows in their order, found by their keys; see `keys_first` of `page`."""
    return _keys_first(rows, rows[:most])


def page_of_list(entries: Sequence[T], *, size: int, mark: str = "", key: Callable[[T], str]) -> Page[T]:
    """The same over a list that is in memory already. Raises UnknownMark."""
    back = mark.startswith(BACKWARDS)
    rest = list(reversed(entries)) if back else list(entries)
    if mark:
        rest = rest[_place(rest, mark.removeprefix(BACKWARDS), key) + 1 :]
    return _page(rest[:size], back=back, marked=bool(mark), more=len(rest) > size, key=key)


def page_or_first(
    rows: QuerySet[M], *, order: Sequence[str], size: int, mark: str, among: QuerySet[M], keys_first: bool = False
) -> Page[M]:
    """For pages that a person opens: an old or broken address shows the beginning."""
    try:
        return page(rows, order=order, size=size, mark=mark, among=among, keys_first=keys_first)
    except UnknownMark:
        return page(rows, order=order, size=size, among=among, keys_first=keys_first)


def _keys_first(rows: QuerySet[M], beside: QuerySet[M]) -> list[M]:
    keys = list(beside.prefetch_related(None).values_list("pk", flat=True))
    whole = {row.pk: row for row in rows.order_by().filter(pk__in=keys)}
    return [whole[key] for key in keys if key in whole]


def _page(rows: list[T], *, back: bool, marked: bool, more: bool, key: Callable[[T], str]) -> Page[T]:
    """`more`: there are rows beyond, in the direction of reading; `marked`: there are rows behind it."""
    if back:
        rows.reverse()
    if not rows:
        return Page(rows)
    following, preceding = (marked, more) if back else (more, marked)
    return Page(rows, key(rows[-1]) if following else "", BACKWARDS + key(rows[0]) if preceding else "")


def _place(entries: Sequence[T], mark: str, key: Callable[[T], str]) -> int:
    for place, entry in enumerate(entries):
        if key(entry) == mark:
            return place
    raise UnknownMark(mark)


def _edge(among: QuerySet[M], key: str, order: Sequence[str]) -> tuple[Any, ...]:
    try:
        found = among.order_by().filter(pk=key).values_list(*_names(order)).first()
    except (ValueError, ValidationError) as error:
        raise UnknownMark(key) from error
    if found is None:
        raise UnknownMark(key)
    return tuple(found)


def _behind(rows: QuerySet[Any], order: Sequence[str], edge: Sequence[Any], *, back: bool) -> Any:
    """One comparison of rows, which an index in the same order answers without reading what comes before."""
    names, descending = _names(order), _descends(order)
    values = [Value(value, output_field=_field(rows, name)) for name, value in zip(names, edge, strict=True)]
    compare = LessThan if descending != back else GreaterThan
    return compare(_Row(*(F(name) for name in names)), _Row(*values))


class _Row(Func):
    """(a, b, …), compared from left to right as SQL does."""

    template = "(%(expressions)s)"
    output_field = BooleanField()


def _field(rows: QuerySet[Any], name: str) -> Any:
    if name in rows.query.annotations:
        return rows.query.annotations[name].output_field
    model = rows.model
    found = model._meta.pk if name == "pk" else model._meta.get_field(name)
    if found is None:
        raise FieldDoesNotExist(name)
    return found


def _names(order: Sequence[str]) -> list[str]:
    return [name.removeprefix("-") for name in order]


def _descends(order: Sequence[str]) -> bool:
    directions = {name.startswith("-") for name in order}
    assert len(directions) == 1, "one comparison of rows needs one direction"
    return directions.pop()


def _turned(order: Sequence[str]) -> list[str]:
    return [name.removeprefix("-") if name.startswith("-") else f"-{name}" for name in order]
