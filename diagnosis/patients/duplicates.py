"""Is the person who is being registered here already? They are named before a second record is made."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.db.models import Q

from diagnosis.models import Patient
from diagnosis.models.patient import PatientQuerySet, fold

MOST = 5
MANY = 200  # records looked at that begin like the new one's name or number


def possible_duplicates(new: Patient, among: PatientQuerySet) -> list[Patient]:
    """Records of `among` with the name and birth date of `new`, then those with a similar number; at most MOST.

    Names agree in any order of their words, without accents, case and marks. A birth date that is missing on one side
    tells nobody apart. Numbers are similar that differ in marks, blanks, leading zeros and letters that one of them
    leaves out; neighbouring numbers are not, since clinics count upwards.
    """
    alike = {one.pk: one for one in [*_of_the_same_name(new, among), *_of_a_similar_number(new, among)]}
    return list(alike.values())[:MOST]


def _of_the_same_name(new: Patient, among: PatientQuerySet) -> Iterator[Patient]:
    name = _name(new)
    return (one for one in _candidates(new, among) if _name(one) == name)


def _candidates(new: Patient, among: PatientQuerySet) -> Iterator[Patient]:
    """By birth date, and by name where one of the two has none."""
    undated = among.search(f"{new.family_name} {new.given_name}")
    if new.birth_date:
        yield from among.filter(birth_date=new.birth_date)[:MANY]
        undated = undated.filter(birth_date=None)
    yield from undated[:MANY]


def _of_a_similar_number(new: Patient, among: PatientQuerySet) -> Iterator[Patient]:
    letters, digits = _number(new)
    alike = _with_word("".join(_parts(new)), among) | _with_word(_longest(new), among)
    for one in alike[:MANY]:
        its_letters, its_digits = _number(one)
        left_out = not (letters and its_letters)
        if digits == its_digits and (letters == its_letters or left_out):
            yield one


def _with_word(word: str, among: PatientQuerySet) -> PatientQuerySet:
    """Records that search knows by exactly `word`."""
    whole = Q(search_key__contains=f" {word} ") | Q(search_key__endswith=f" {word}")
    return among.search(word).filter(whole) if word else among.none()


def _name(patient: Patient) -> list[str]:
    return sorted(re.findall(r"\w+", fold(f"{patient.family_name} {patient.given_name}")))


def _number(patient: Patient) -> tuple[str, str]:
    """The letters of the record number, and its digits without leading zeros."""
    bare = [part.lstrip("0") for part in _parts(patient)]
    return "".join(one for one in bare if not one.isdecimal()), "".join(one for one in bare if one.isdecimal())


def _longest(patient: Patient) -> str:
    """The longest figure of the record number without leading zeros: a word of every number like it, and a rare one.

    Its last part may be a year, which half of the clinic has.
    """
    return max((part.lstrip("0") for part in _parts(patient) if part.isdecimal()), key=len, default="")


def _parts(patient: Patient) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", fold(patient.medical_record_number))
