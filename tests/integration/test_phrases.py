"""Phrases for reports, and the fields in brackets that must be filled in before anything is signed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from diagnosis.actions.authorisation import authorise_report, hand_over
from diagnosis.actions.report import add_addendum, revise_report, sign_report
from diagnosis.actions.report_correction import correct_report
from diagnosis.actions.review import claim_review
from diagnosis.errors import Refusal
from diagnosis.models import Patient, Phrase, Report
from diagnosis.rules.blanks import unfilled
from tests.conftest import PASSWORD
from tests.factories import new_case, read

WORDS = {"name": "Nodule", "modality": "", "findings": "Nodule [side], [size] mm.", "impression": ""}


@pytest.mark.parametrize(
    ("text", "blank"),
    [
        ("Nodule [side], [size] mm.", "[side]"),
        ("[größe in mm]", "[größe in mm]"),
        ("As in [3]; [ ] and [] stay, [a\nb] too, ] and [", ""),
        (f"[{'a' * 41}]", ""),
    ],
)
def test_a_field_is_a_few_words_in_brackets_that_begin_with_a_letter(text: str, blank: str) -> None:
    assert unfilled({"impression": text}).get("impression", "") == blank


def test_the_referrers_words_are_no_field() -> None:
    assert unfilled({"indication": "[COPD]", "findings": "", "impression": None}) == {}


@pytest.mark.django_db
def test_nothing_is_signed_while_a_field_is_left(
    client: Client, radiographer: User, radiologist: User, member: Callable[..., User], patient: Patient
) -> None:
    report = read(radiologist, new_case(radiographer, patient), findings="Nodule [side].").report
    left = pytest.raises(Refusal, match=r"^\[side\] is not filled in")
    with left:
        sign_report(by=radiologist, report=report, password=PASSWORD)
    client.force_login(radiologist)
    page = client.post(reverse("diagnosis:report-sign", args=[report.pk]), {"password": PASSWORD})
    assert page.status_code == 400 and "[side] is not filled in" in page.content.decode()
    assert not Report.objects.get().is_final
    revise_report(by=radiologist, report=report, findings="Nodule left.", impression="Nodule.")
    final = sign_report(by=radiologist, report=report, password=PASSWORD)
    with left:
        correct_report(by=radiologist, report=final, reason="Wrong.", findings="[side]", password=PASSWORD)
    with left:
        add_addendum(by=radiologist, report=final, text="On the [side].", password=PASSWORD)
    assert Report.objects.count() == 1
    sent = {"category": final.category, "findings": "[side]", "impression": "Nodule.", "reason": "Wrong."}
    page = client.post(reverse("diagnosis:report-correct", args=[final.pk]), sent | {"password": PASSWORD})
    assert "[side] is not filled in" in page.content.decode() and 'name="findings"' in page.content.decode()

    trainee = member("trainee")
    draft = read(trainee, new_case(radiographer, patient, 1), findings="Nodule [side].").report
    with left:
        hand_over(by=trainee, report=draft)
    hand_over(by=trainee, report=revise_report(by=trainee, report=draft, findings="Left.", impression="Nodule."))
    with left:
        seen = draft.handed_over_at
        authorise_report(by=radiologist, report=draft, seen=seen, findings="[side]", password=PASSWORD)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_each_reader_is_offered_their_own_and_the_clinics(
    client: Client, radiographer: User, radiologist: User, administrator: User, stranger: User, patient: Patient
) -> None:
    add, shared = reverse("diagnosis:phrase-add"), reverse("diagnosis:phrase-add") + "?shared=1"
    client.force_login(radiologist)
    assert client.post(shared, WORDS).status_code == 403
    assert client.post(add, WORDS | {"findings": ""}).status_code == 422
    assert client.post(add, WORDS).status_code == 302
    client.force_login(administrator)
    assert client.post(add, WORDS).status_code == 403
    assert client.post(shared, WORDS | {"name": "Clear", "findings": "Both lungs clear."}).status_code == 302
    client.post(shared, WORDS | {"name": "Of a CT", "modality": "ct"})
    assert "Both lungs clear." in client.get(reverse("diagnosis:phrases")).content.decode()
    own = Phrase.objects.get(owner=radiologist)
    for person in (administrator, stranger):
        client.force_login(person)
        assert client.get(reverse("diagnosis:phrase-change", args=[own.pk])).status_code == 404
    client.force_login(radiographer)
    assert client.get(reverse("diagnosis:phrases")).status_code == 403

    client.force_login(radiologist)
    review = claim_review(by=radiologist, review=new_case(radiographer, patient))
    page = client.get(reverse("diagnosis:review", args=[review.pk])).content.decode()
    assert 'data-findings="Nodule [side], [size] mm."' in page
    assert page.index("<span>Nodule</span>") < page.index("<span>Clear</span>")
    assert "Of a CT" not in page
    change = reverse("diagnosis:phrase-change", args=[own.pk])
    client.post(change, WORDS | {"impression": "Follow up."})
    assert Phrase.objects.get(pk=own.pk).impression == "Follow up."
    theirs = Phrase.objects.get(name="Clear")
    assert client.post(reverse("diagnosis:phrase-remove", args=[theirs.pk])).status_code == 403
    client.post(reverse("diagnosis:phrase-remove", args=[own.pk]))
    assert set(Phrase.objects.values_list("name", flat=True)) == {"Clear", "Of a CT"}
