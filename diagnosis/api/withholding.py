"""Pages of what rests on a report that programs are not given: it was signed for another patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.utils.translation import gettext
from rest_framework.response import Response

from accounts.models import User
from diagnosis.api.pagination import Pages
from diagnosis.models import Report
from diagnosis.rules import corrections
from diagnosis.rules.confidentiality import open_reports

T = TypeVar("T")


class WithholdingPages(Pages):
    """With the keys of the rows that are not given to programs, although they belong on the page."""

    withheld: Sequence[UUID] = ()

    def given(self, user: User, page: Sequence[T], report_of: Callable[[T], Report | None]) -> list[T]:
        """The rows of `page` without those whose report `user` may not open, or that was signed for another patient.
        A page of a clinic with such records may be shorter than asked.
        """
        reports = [(row, report) for row in page if (report := report_of(row)) is not None]
        opened = open_reports(user, [report for _row, report in reports])
        open_keys, others = {one.pk for one in opened}, corrections.signed_for_others(opened)
        left_out = {id(row) for row, report in reports if report.pk not in open_keys - others}
        self.withheld = [row.pk for row, report in reports if report.pk in others]  # type: ignore[attr-defined]
        return [row for row in page if id(row) not in left_out]

    def get_paginated_response(self, data: Any) -> Response:
        answer = super().get_paginated_response(data)
        answer.data["withheld"] = [
            {"id": str(key), "code": "signed_for_another", "detail": gettext(corrections.SIGNED_FOR_ANOTHER)}
            for key in self.withheld
        ]
        return answer

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        found = super().get_paginated_response_schema(schema)
        text = {"type": "string"}
        one = {
            "type": "object",
            "required": ["id", "code", "detail"],
            "properties": {"id": text | {"format": "uuid"}, "code": text, "detail": text},
        }
        told = "what of this page was signed for another patient than it stands with now"
        found["properties"]["withheld"] = {"type": "array", "items": one, "description": told, "example": []}
        found["required"].append("withheld")
        return found
