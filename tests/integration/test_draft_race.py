"""A draft that is saved while the very case is decided."""

from __future__ import annotations

from threading import Thread

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from diagnosis.actions.review import claim_review, decide_review
from diagnosis.models import Draft, Patient
from diagnosis.models.review import Category, Decision
from tests.factories import WORDS, new_case
from tests.slow import eventually

pytestmark = pytest.mark.django_db(transaction=True)
WAITS_FOR_ME = "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def test_a_draft_that_meets_the_decision_of_its_case_leaves_nothing(
    patient: Patient, radiographer: User, radiologist: User
) -> None:
    review = claim_review(by=radiologist, review=new_case(radiographer, patient))
    client, answers = Client(), []
    client.force_login(radiologist)

    def save() -> None:
        answer = client.post(reverse("diagnosis:review-draft", args=[review.pk]), {"findings": "late words"})
        answers.append((answer.status_code, answer.json().get("own")))
        connection.close()

    saving = Thread(target=save)
    with transaction.atomic():
        decide_review(by=radiologist, review=review, decision=Decision.NO_RESULT, category=Category.NEGATIVE, **WORDS)
        saving.start()
        eventually(lambda: _somebody_waits() or not saving.is_alive(), "the draft waits for the decision, or is saved")
    saving.join()
    assert answers == [(409, True)]
    assert not Draft.objects.exists()


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITS_FOR_ME)
        return cursor.fetchone() is not None
