from __future__ import annotations

import unicodedata
from datetime import date
from functools import reduce
from operator import or_
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Q
from django.db.models.lookups import Contains
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from accounts.models import Clinic
from diagnosis.models import patient_search
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet

OLDEST_YEARS = 130
FEW = 500  # patients found, up to which they are sorted rather than met in order
# Of the record in which images wait that were sent without a patient; no hospital numbers a patient like this.
UNASSIGNED_NUMBER = "*UNASSIGNED*"
# The order of lists; in one clinic the record number makes it unique, the key does everywhere.
BY_NAME = ("family_name", "given_name", "medical_record_number", "id")


class Sex(models.TextChoices):
    FEMALE = "F", _("Female")
    MALE = "M", _("Male")
    OTHER = "O", _("Other")
    UNKNOWN = "U", _("Unknown")


def fold(text: str) -> str:
    """`text` as search compares it: no accents, no case, single spaces."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


def search_key_of(number: str, family_name: str, given_name: str) -> str:
    """The words that search knows a patient by, each after a blank; at most 400 letters."""
    number = fold(number)
    words = f"{number} {fold(f'{family_name} {given_name}')} {patient_search.number_words(number)}"
    return f" {words}".rstrip()[:400]


def plausible_birth_date(birth_date: date) -> None:
    """Raise ValidationError for a date on which no living patient was born: most often a slip in the year."""
    today = timezone.localdate()
    if birth_date > today:
        raise ValidationError(_("This date lies in the future. Check the year."))
    if today.year - birth_date.year > OLDEST_YEARS:
        raise ValidationError(
            _("That is more than %(years)d years ago. Check the year."), params={"years": OLDEST_YEARS}
        )


class BeginsAWord(Contains):
    """Whether a search key holds the right side, a blank and the beginning of a word.

    PostgreSQL asks an index of words (migration 0018), which no other way of asking this reaches: an index of trigrams
    would need an extension that not every server has.
    """

    WORDS = "array_to_tsvector(array_remove(string_to_array({key}, ' '), ''))"

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        key, params = self.process_lhs(compiler, connection)
        word = str(self.rhs).strip().replace("\\", "\\\\").replace("'", "''")
        return f"{self.WORDS.format(key=key)} @@ %s::tsquery", [*params, f"'{word}':*"]


class PatientQuerySet(ClinicalQuerySet["Patient"]):
    patient_paths = ("pk",)

    def current(self) -> Self:
        """Records in use: not merged into another."""
        return self.filter(merged_into=None)

    def search(self, text: str) -> Self:
        """Patients whose number, a part of it, or names hold a word for each of `text`, which may hold a birth date.

        A word must be the beginning. `patient_search.read` says how dates are written. Asks for the keys of a few.

        No database knows how rare a beginning is: it would read a clinic in the order of names to find nobody. Where
        there are many, that order soon meets a page of them, and to look into a key is cheaper than to split it.
        """
        sought = patient_search.read(fold(text.replace("\0", " ")))
        if not sought:
            return self
        found = self.filter(*(_holds(one, BeginsAWord) for one in sought))
        keys = list(found.order_by().values_list("pk", flat=True)[: FEW + 1])
        if len(keys) <= FEW:
            return self.filter(pk__in=keys)
        return self.filter(*(_holds(one, Contains) for one in sought))


def _holds(sought: patient_search.Sought, begins_a_word: type[Contains]) -> Q:
    days = (Q(birth_date__range=pair) for pair in sought.days)
    word = [Q(begins_a_word(F("search_key"), f" {sought.word}"))] if sought.word else []
    return reduce(or_, [*word, *days])


class Patient(ClinicalModel):
    """A person in the care of one clinic, known there by a medical record number."""

    clinic = models.ForeignKey(Clinic, verbose_name=_("clinic"), on_delete=models.PROTECT, related_name="patients")
    medical_record_number = models.CharField(_("record number"), max_length=64)
    family_name = models.CharField(_("family name"), max_length=120)
    given_name = models.CharField(_("given name"), max_length=120, blank=True)
    birth_date = models.DateField(_("birth date"), null=True, blank=True, validators=[plausible_birth_date])
    sex = models.CharField(_("sex"), max_length=1, choices=Sex.choices, default=Sex.UNKNOWN)
    search_key = models.CharField(max_length=400, editable=False)
    merged_into = models.ForeignKey(
        "self",
        verbose_name=_("merged into"),
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="merged_from",
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("created by"), on_delete=models.PROTECT, related_name="+"
    )

    history = HistoricalRecords(
        excluded_fields=["search_key"],
        verbose_name=_("earlier record of a patient"),
        verbose_name_plural=_("earlier records of patients"),
    )
    objects = PatientQuerySet.as_manager()

    class Meta:
        verbose_name = _("patient")
        verbose_name_plural = _("patients")
        ordering = ["family_name", "given_name", "medical_record_number"]
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "medical_record_number"],
                name="one_patient_per_record_number_and_clinic",
                violation_error_message=_("This clinic already has a patient with this record number."),
            )
        ]
        # Search has one more on PostgreSQL, see `BeginsAWord`.
        indexes = [
            models.Index(fields=["clinic", *BY_NAME], name="patient_by_name"),
            models.Index(fields=["birth_date"], name="patient_by_birth_date"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.medical_record_number})"

    @property
    def in_use(self) -> Patient:
        """The record that this one was merged into, through those between; itself where it was not."""
        patient = self
        while patient.merged_into:
            patient = patient.merged_into
        return patient

    @property
    def is_unassigned(self) -> bool:
        """Whether this is the record in which images wait that were sent without a patient."""
        return self.medical_record_number == UNASSIGNED_NUMBER

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.search_key = search_key_of(self.medical_record_number, self.family_name, self.given_name)
        super().save(*args, **kwargs)

    @property
    def name(self) -> str:
        return f"{self.family_name}, {self.given_name}" if self.given_name else self.family_name
