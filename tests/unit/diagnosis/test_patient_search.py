"""What a patient is found by, and what not."""

from __future__ import annotations

from datetime import date

import pytest
from django.utils import translation

from accounts.models import Clinic, User
from diagnosis.models import Patient
from diagnosis.models.patient import fold
from diagnosis.models.patient_search import number_words

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def ada(clinic: Clinic, radiographer: User) -> Patient:
    rows = {"created_by": radiographer, "clinic": clinic}
    Patient.objects.create(medical_record_number="Z-9", family_name="Other", birth_date=date(1971, 2, 3), **rows)
    return Patient.objects.create(
        medical_record_number="MRN-0815",
        family_name="Okafor",
        given_name="Ada",
        birth_date=date(1970, 3, 2),
        **rows,
    )


@pytest.mark.parametrize(
    "text",
    [
        *("okafor,ada", "Okafor, Ada", "ada okafor", "oka ad"),
        *("1970-03-02", "02.03.1970", "2.3.1970", "2/3/1970", "3/2/1970", "2 Mar 1970", "2. march 1970", "1970"),
        *("okafor 1970", "ada 2 Mar 1970", "Okafor, 1970-03-02"),
        *("MRN-0815", "mrn0815", "0815", "815", "mrn", "mrn-08"),
    ],
)
def test_every_usual_way_finds_her_alone(ada: Patient, text: str) -> None:
    assert list(Patient.objects.search(text)) == [ada]


@pytest.mark.parametrize("text", ["1970-03-03", "3 Mar 1970", "okafor 1971", "31.02.1970", "1970-3-2-1", "kafor", "15"])
def test_another_date_or_the_middle_of_a_word_does_not(ada: Patient, text: str) -> None:
    assert not Patient.objects.search(text).exists()


def test_months_are_read_in_the_active_language(ada: Patient) -> None:
    with translation.override("de"):
        assert list(Patient.objects.search("2. März 1970")) == [ada]
        assert list(Patient.objects.search("2 Mar 1970")) == [ada]


def test_a_number_that_looks_like_a_date_or_year_is_found_too(ada: Patient, radiographer: User) -> None:
    made = Patient.objects.create(
        clinic=ada.clinic, created_by=radiographer, medical_record_number="1999-01-02", family_name="Date"
    )
    assert list(Patient.objects.search("1999-01-02")) == [made]
    assert list(Patient.objects.search("1999")) == [made]


def test_the_parts_of_a_number_stay_short() -> None:
    assert number_words(fold("MRN-0815")) == "mrn0815 mrn 0815 815"
    assert number_words("4711") == ""
    assert len(number_words("a1b2" * 16)) <= 90
