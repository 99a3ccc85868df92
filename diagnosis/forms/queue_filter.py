from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, User
from diagnosis.models import Draft
from diagnosis.models.review import OPEN, ReviewKind, ReviewQuerySet
from diagnosis.models.scan import Modality
from diagnosis.models.zone import Zone
from diagnosis.reviews.orders import Order
from diagnosis.states import ReviewStatus

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

EVERY_CLINIC = "all"


class Standing(StrEnum):
    """How the result stands: by the combination's zone, else by the sides on which the classifiers are."""

    ABOVE = "above"
    SPLIT = "split"
    BELOW = "below"
    NONE = "none"


STANDINGS: dict[Standing, tuple[StrOrPromise, Q]] = {
    Standing.ABOVE: (_("Positive, or all above"), Q(zone=Zone.POSITIVE) | Q(zone="", share_above=1)),
    Standing.SPLIT: (
        _("Indeterminate, or split"),
        Q(zone=Zone.INDETERMINATE) | Q(zone="", share_above__gt=0, share_above__lt=1),
    ),
    Standing.BELOW: (_("Negative, or all below"), Q(zone=Zone.NEGATIVE) | Q(zone="", share_above=0)),
    Standing.NONE: (_("No result yet"), Q(share_above=None)),
}
AGES: dict[str, tuple[StrOrPromise, int, int | None]] = {
    "child": (_("Under 18"), 0, 18),
    "adult": (_("18 to 64"), 18, 65),
    "senior": (_("65 and over"), 65, None),
}


ORDERS: dict[Order, StrOrPromise] = {
    Order.DUE: _("Sorted by priority"),
    Order.PATIENT: _("Patients from A to Z"),
    Order.PATIENT_BACKWARDS: _("Patients from Z to A"),
    Order.EXAMINED: _("Oldest examination first"),
    Order.EXAMINED_NEWEST: _("Newest examination first"),
    Order.WAITING: _("Longest wait first"),
    Order.WAITING_SHORTEST: _("Shortest wait first"),
}


class QueueFilter(forms.Form):
    """Narrows the reading queue. What does not fit is left out, so that an old address still shows a queue."""

    clinic = forms.ChoiceField(required=False, label=_("Clinic"))
    modality = forms.ChoiceField(required=False, label=_("Image"), choices=[("", _("All images")), *Modality.choices])
    zone = forms.ChoiceField(
        required=False,
        label=_("Result"),
        choices=[("", _("All results")), *((name, words) for name, (words, _where) in STANDINGS.items())],
    )
    age = forms.ChoiceField(
        required=False,
        label=_("Patient's age"),
        choices=[("", _("All ages")), *((name, words) for name, (words, *_years) in AGES.items())],
    )
    kind = forms.ChoiceField(required=False, label=_("Reading"), choices=[("", _("All readings")), *ReviewKind.choices])
    marked = forms.BooleanField(
        required=False,
        label=_("Flagged"),
        help_text=_("Classifiers disagree, or indeterminate result"),
    )
    mine = forms.BooleanField(required=False, label=_("My cases and drafts"))
    # Where the table's head has no room; else the head says it.
    sort = forms.ChoiceField(required=False, label=_("Sorted by"), choices=[(one.value, ORDERS[one]) for one in Order])

    def __init__(
        self, data: Mapping[str, Any], *, reader: User, home: Clinic, clinics: list[Clinic], blind: bool
    ) -> None:
        """`clinics` are those whose queue `reader` sees; `home` comes first. `blind`: no filter by the result."""
        super().__init__(data)
        self._reader, self._home, self._clinics = reader, home, clinics
        if len(clinics) > 1:
            self._offer_clinics()
        else:
            del self.fields["clinic"]
        if blind:
            del self.fields["zone"], self.fields["marked"]
        self.full_clean()

    def narrow(self, reviews: ReviewQuerySet) -> ReviewQuerySet:
        chosen = self.cleaned_data
        found = reviews.filter(clinic__in=self.chosen_clinics)
        if chosen.get("modality"):
            found = found.filter(study__modality=chosen["modality"])
        if chosen.get("zone"):
            found = found.filter(STANDINGS[Standing(chosen["zone"])][1])
        if chosen.get("marked"):
            found = found.exclude(marks=[])
        if chosen.get("age"):
            found = found.filter(_of_age(chosen["age"], timezone.localdate()))
        if chosen.get("kind"):
            found = found.filter(kind=chosen["kind"])
        if chosen.get("mine"):
            found = found.filter(_mine(self._reader))
        return found

    @property
    def chosen_clinics(self) -> list[Clinic]:
        chosen = self.cleaned_data.get("clinic")
        if chosen == EVERY_CLINIC:
            return self._clinics
        return [clinic for clinic in self._clinics if str(clinic.pk) == chosen] or [self._home]

    @property
    def narrowed(self) -> bool:
        return any(value for name, value in self.cleaned_data.items() if name not in ("clinic", "sort"))

    @property
    def order(self) -> Order:
        return Order(self.cleaned_data.get("sort", ""))

    @property
    def chosen(self) -> dict[str, str]:
        """The filters in use, for addresses and for the form that asks for the next case."""
        return {name: "on" if value is True else value for name, value in self.cleaned_data.items() if value}

    def _offer_clinics(self) -> None:
        field = self.fields["clinic"]
        assert isinstance(field, forms.ChoiceField)
        others = [(str(clinic.pk), clinic.name) for clinic in self._clinics if clinic != self._home]
        field.choices = [("", self._home.name), *others, (EVERY_CLINIC, _("All clinics"))]


def _of_age(group: str, today: date) -> Q:
    _words, youngest, below = AGES[group]
    born = Q(study__patient__birth_date__lte=_years_before(today, youngest))
    return born & Q(study__patient__birth_date__gt=_years_before(today, below)) if below else born


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)


def _mine(reader: User) -> Q:
    # Keys: asked of each open case, the queue would be read to its end.
    drafts = list(Draft.objects.filter(reader=reader, review__status__in=OPEN).values_list("review", flat=True))
    return Q(reader=reader, status=ReviewStatus.CLAIMED) | Q(pk__in=drafts)
