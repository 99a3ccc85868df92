"""What lists can be narrowed by."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from django_filters import FilterSet
from django_filters.rest_framework import BooleanFilter, CharFilter, ChoiceFilter, DjangoFilterBackend, UUIDFilter
from rest_framework.request import Request

from diagnosis.errors import Refusal
from diagnosis.models.scan import Modality
from diagnosis.states import ReportStatus, ReviewStatus

EMPTY = gettext_noop("“%(parameter)s” is empty. Give it a value, or leave it out to ask for everything.")


class StrictFilters(DjangoFilterBackend):
    """A parameter without a value is refused: ignored, it would answer with everything."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        for parameter in view.filterset_class.base_filters:
            if not request.query_params.get(parameter, "given").strip():
                raise Refusal("empty_parameter", EMPTY, parameter=parameter)
        narrowed: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return narrowed


class _StrictBoolean(forms.NullBooleanField):
    def to_python(self, value: Any) -> bool | None:  # type: ignore[override]  # its stub forgets None
        found = super().to_python(str(value or "").lower())
        if value and found is None:
            raise ValidationError(_("Give “true” or “false”."), code="invalid")
        return found


class StrictBooleanFilter(BooleanFilter):
    """Refuses any other word than “true” and “false”: ignored, it would answer with everything."""

    field_class = _StrictBoolean

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput)
        super().__init__(*args, **kwargs)


class StudyFilter(FilterSet):
    patient = UUIDFilter()
    modality = ChoiceFilter(choices=Modality.choices)
    study_instance_uid = CharFilter(help_text="exactly this UID")
    accession_number = CharFilter(help_text="exactly this number")


class ImageFilter(FilterSet):
    patient = UUIDFilter()
    study = UUIDFilter(field_name="series__study")
    series = UUIDFilter()
    modality = ChoiceFilter(choices=Modality.choices)


class ReviewFilter(FilterSet):
    study = UUIDFilter()
    patient = UUIDFilter(field_name="study__patient")
    status = ChoiceFilter(choices=ReviewStatus.choices)


class ReportFilter(FilterSet):
    study = UUIDFilter()
    patient = UUIDFilter(field_name="study__patient")
    status = ChoiceFilter(choices=ReportStatus.choices)


class NoticeFilter(FilterSet):
    study = UUIDFilter()
    unread = StrictBooleanFilter(field_name="read_at", lookup_expr="isnull")
