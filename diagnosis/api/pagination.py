"""Lists in pages, by a cursor: the last page is as fast as the first, and rows that come meanwhile shift nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.utils.translation import gettext_noop
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from diagnosis import keyset
from diagnosis.audited import note_rows
from diagnosis.errors import Refusal

T = TypeVar("T")
CURSOR, SIZE = "cursor", "page_size"
USUAL, MOST = 50, 200
UNKNOWN_CURSOR = gettext_noop(
    "The cursor names no page of this list. Follow `next` and `previous` of an answer, or begin without a cursor."
)
BAD_SIZE = gettext_noop("`page_size` must be a whole number from 1 to %(most)d.")
_ADDRESS = {"type": "string", "nullable": True, "format": "uri"}


class Pages(BasePagination):
    """`?cursor=` and `?page_size=`. The view of a table names its `order`, which ends with a unique field."""

    _page: keyset.Page[Any]
    _request: Request

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """`view.get_queryset()`: the rows that may be a mark, unfiltered; `view.keys_first`: that of `keyset.page`."""
        size, mark, among = page_size(request), _cursor(request), view.get_queryset()
        joined = getattr(view, "keys_first", True)
        page = self._keep(
            request,
            lambda: keyset.page(queryset, order=view.order, size=size, mark=mark, among=among, keys_first=joined),
        )
        note_rows(queryset.model, page)
        return page

    def paginate_list(self, entries: Sequence[T], request: Request, *, key: Callable[[T], str]) -> list[T]:
        """The same over a list in memory; `key` names an entry."""
        size, mark = page_size(request), _cursor(request)
        return self._keep(request, lambda: keyset.page_of_list(entries, size=size, mark=mark, key=key))

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._address("next"), "previous": self._address("previous"), "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": {
                    **_ADDRESS,
                    "description": "the page behind this one; null on the last",
                    "example": "https://portal.example/api/v1/…?cursor=7d9b1c3a-2f64-4e7a-b1d5-9c8e7f6a5b33",
                },
                "previous": {
                    **_ADDRESS,
                    "description": "the page before this one; null on the first",
                    "example": "https://portal.example/api/v1/…?cursor=-3c1d0f5e-58a1-4d3e-8f0b-6b8e2a7c9d22",
                },
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}
        cursor = "which page; taken from `next` or `previous` of an answer, never built"
        return [
            {"name": CURSOR, "in": "query", "required": False, "description": cursor, "schema": {"type": "string"}},
            {"name": SIZE, "in": "query", "required": False, "description": "rows a page", "schema": size},
        ]

    def _keep(self, request: Request, find: Callable[[], keyset.Page[T]]) -> list[T]:
        try:
            self._page, self._request = find(), request
        except keyset.UnknownMark as error:
            raise Refusal("unknown_cursor", UNKNOWN_CURSOR) from error
        return list(self._page)

    def _address(self, side: str) -> str | None:
        mark = getattr(self._page, side)
        return replace_query_param(self._request.build_absolute_uri(), CURSOR, mark) if mark else None


def page_size(request: Request) -> int:
    """As asked for; raises Refusal where it is no number that is allowed."""
    asked = request.query_params.get(SIZE, str(USUAL))
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10 and 1 <= int(asked) <= MOST):
        raise Refusal("bad_page_size", BAD_SIZE, most=MOST)
    return int(asked)


def _cursor(request: Request) -> str:
    cursor: str = request.query_params.get(CURSOR, "")
    return cursor
