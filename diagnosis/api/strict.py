"""Parameters in the address: those that a view knows, and a refusal of every other one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import Http404
from django.utils.translation import gettext, gettext_noop
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.views import APIView

from diagnosis.api import conditional, scope
from diagnosis.api.pagination import CURSOR, SIZE
from diagnosis.audited import note_row
from diagnosis.errors import Refusal
from diagnosis.models import Deletion
from diagnosis.models.kept_answer import LONGEST_KEY
from diagnosis.rules import deletions

KNOWN = gettext_noop("This address knows no parameter “%(parameter)s”. It knows: %(known)s.")
KNOWS_NONE = gettext_noop("This address knows no parameter “%(parameter)s”; it knows none at all.")
READING = ("GET", "HEAD")
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="`ETag` of what you have; 304 while it is still that"
)
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="`ETag` of what you read; 412 where it has changed since"
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
    OpenApiParameter.HEADER,
    description=(
        "a name that you choose for this request, best a random one: sent again within 24 hours with the same body and "
        "token, it is done once, and answered again as it was, with `Idempotency-Replayed: true`"
    ),
)


class UnknownParameter(Refusal):
    """The address has a parameter that means nothing here; ignoring it would answer another question."""

    def __init__(self, parameter: str, known: Sequence[str]) -> None:
        super().__init__("unknown_parameter", KNOWN, parameter=parameter, known=", ".join(known))
        self.parameter, self.known = parameter, list(known)

    @property
    def sentence(self) -> str:
        return gettext(KNOWN if self.known else KNOWS_NONE) % self.params

    @property
    def details(self) -> dict[str, Any]:
        return {"parameter": self.parameter, "known": self.known}


class Strict(APIView):
    """A view that refuses unknown parameters. `filters` are those of its GET, beside the ones of its pages."""

    filters: ClassVar[tuple[OpenApiParameter, ...]] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        known = self._known() if request.method in READING else []
        for parameter in request.query_params:
            if parameter not in known:
                raise UnknownParameter(parameter, known)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """With its tag where the answer is one thing and not a page of a list."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        is_one = request.method in READING and not getattr(self, "pagination_class", None)
        return conditional.tagged(request, answer) if is_one else answer

    def get_object(self) -> Any:
        """The row that the address names; 410 where it was deleted. The audit trail is told."""
        generic: Any = super()  # the class beside this one that knows rows
        try:
            row = generic.get_object()
        except Http404:
            self._require_there()
            raise
        note_row(row)
        return row

    def _require_there(self) -> None:
        generic: Any = self
        among = scope.visible(Deletion.objects.all(), self.request)
        deletions.require_there(generic.get_queryset().model, self.kwargs["pk"], among)

    def _known(self) -> list[str]:
        pages = [CURSOR, SIZE] if getattr(self, "pagination_class", None) else []
        return [*(one.name for one in self.filters), *self._filtered(), *pages]

    def _filtered(self) -> Sequence[str]:
        """By django-filter."""
        named: Sequence[str] = getattr(self, "filterset_fields", ())
        return [*named, *getattr(getattr(self, "filterset_class", None), "base_filters", ())]


class StrictSchema(AutoSchema):
    """Describes what `Strict` reads, so that neither can name a parameter that the other does not."""

    def get_override_parameters(self) -> list[Any]:
        if self.method == "GET":
            return [*getattr(self.view, "filters", ()), *self._of_one_thing()]
        return self._of_change()

    def _of_one_thing(self) -> list[OpenApiParameter]:
        is_one = isinstance(self.view, Strict) and not getattr(self.view, "pagination_class", None)
        return [IF_NONE_MATCH] if is_one else []

    def _of_change(self) -> list[OpenApiParameter]:
        handler = getattr(self.view, self.method.lower())
        if self.method == "PATCH":
            return [IF_MATCH]
        return [IDEMPOTENCY_KEY] if getattr(handler, "is_idempotent", False) else []
