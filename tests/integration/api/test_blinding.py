"""A reader who reads first learns nothing of the result through the API either."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from diagnosis.actions.review import claim_review, commit_first_impression
from diagnosis.messages import Message
from diagnosis.models import Analysis, ReadingPolicy, Scan
from diagnosis.models.review import Category
from diagnosis.rules import blinding
from tests.factories import finish
from tests.integration.api.conftest import Api

if TYPE_CHECKING:
    from accounts.models import Clinic, User

TELLING = "0.8765"
MEASURED = Message("measured_with_members", {"ensemble": "panel-cxr 1.0.0"})


@pytest.fixture
def analysis(scan: Scan, clinic: Clinic) -> Analysis:
    ReadingPolicy.objects.create(clinic=clinic, read_first="always")
    return finish(scan, float(TELLING), 0.1, combined=float(TELLING), without=(MEASURED,))


def addresses(analysis: Analysis) -> list[str]:
    return [
        f"/api/v1/analyses/{analysis.pk}/",
        f"/api/v1/scans/{analysis.scan.pk}/",
        "/api/v1/scans/",
        f"/api/v1/patients/{analysis.scan.patient_id}/history/",
        "/api/v1/images/",
        f"/api/v1/images/{analysis.scan.pk}/",
    ]


def test_hidden_until_the_first_impression(analysis: Analysis, radiologist: User, api: Api) -> None:
    client = api(radiologist)
    for address in addresses(analysis):
        body = client.get(address).content.decode()
        assert not re.search(rf"(?<![0-9]){TELLING}", body), address  # after a digit it is a moment
        for trace in ("classifier-0", "panel-cxr", "disagreement", "attention_outside", "indeterminate"):
            assert trace not in body, (address, trace)
        assert '"result_hidden":true' in body, address
    attention = client.get(f"/api/v1/predictions/{analysis.predictions.first().pk}/attention.png")  # type: ignore[union-attr]
    assert attention.status_code == 403
    assert attention.json()["detail"] == blinding.RESULT_HIDDEN

    by_image = f"/api/v1/analyses/{analysis.pk}/images/"
    assert client.get(by_image).json()["detail"] == blinding.RESULT_HIDDEN
    told = client.get(f"/api/v1/analyses/{analysis.pk}/").json()
    assert (told["aggregation"], told["predictions"]) == (None, [])
    assert client.get(f"/api/v1/images/{analysis.scan.pk}/").json()["result"] is None

    review = claim_review(by=radiologist, review=analysis.scan.reviews.get())
    commit_first_impression(by=radiologist, review=review, category=Category.TYPICAL)
    for address in addresses(analysis):
        assert TELLING in client.get(address).content.decode(), address
    assert TELLING in client.get(by_image).content.decode()
    assert client.get(f"/api/v1/analyses/{analysis.pk}/").json()["aggregation"]["method"] == "single_image"
    assert client.get(f"/api/v1/predictions/{analysis.predictions.first().pk}/attention.png").status_code == 200  # type: ignore[union-attr]


def test_who_does_not_read_sees_it(analysis: Analysis, clinician: User, api: Api) -> None:
    for address in addresses(analysis):
        assert TELLING in api(clinician).get(address).content.decode(), address
