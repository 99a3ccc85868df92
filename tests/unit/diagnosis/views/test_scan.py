from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from PIL import Image

from accounts.models import Clinic, User
from diagnosis import formats
from diagnosis.actions.analysis import cancel_analysis, rerun_analysis
from diagnosis.actions.report import sign_report
from diagnosis.actions.report_correction import enter_in_error
from diagnosis.analyses.classifiers import installed_specs
from diagnosis.messages import Message
from diagnosis.models import Analysis, Patient, Prediction, ReadingPolicy, ReadingPreference, Scan
from diagnosis.results import intended_use, verdict
from diagnosis.results.labels import label_name
from diagnosis.results.reading import NOT_READ
from diagnosis.results.words import computer
from diagnosis.rules import blinding
from diagnosis.views import scan_list
from tests.conftest import PASSWORD
from tests.factories import ABNORMALITY, finish, read, refuse
from tests.pages import queries, text
from tests.unit.diagnosis.views.conftest import As


@pytest.fixture
def client(as_: As, clinician: User) -> Client:
    return as_(clinician)


def page(client: Client, scan: Scan, **more: Any) -> Any:
    return client.get(reverse("diagnosis:scan-detail", args=[scan.pk]), **more)


def test_a_result_says_all_that_explains_it(client: Client, prediction: Prediction) -> None:
    shown = text(page(client, prediction.analysis.scan))
    point = prediction.operating_point
    for word in (
        prediction.classifier,
        prediction.version,
        prediction.weights_sha256[:12],
        prediction.preprocessing,
        point["chosen_for"],
        point["measured_on"],
        formats.share(point["sensitivity"]["value"]),
        formats.share(point["specificity"]["value"]),
        intended_use.SENTENCE.replace("'", "&#x27;"),
        f"Statement {intended_use.VERSION}",
        "not where disease is",
    ):
        assert word in shown, word
    for label in prediction.probabilities:
        assert capfirst(label_name(label)) in shown
    assert verdict.of_prediction(prediction).word in shown.lower()


@pytest.mark.parametrize(("upper", "named"), [(0.6, "lower threshold"), (1.0, "threshold")])
def test_a_caption_names_the_threshold_that_there_is(client: Client, scan: Scan, upper: float, named: str) -> None:
    finish(scan, 0.1, 0.9, combined=0.5, abnormality=ABNORMALITY | {"abnormal_from": upper})
    question = text(page(client, scan)).split('class="question"')[1]
    assert f"Measured at the {named} on" in question
    assert f"By place, at the {named}" in question


def test_a_panel_shows_every_classifier_and_whose_map_it_is(client: Client, scan: Scan) -> None:
    first, second = finish(scan, 0.9, 0.1).predictions.all()
    shown = page(client, scan)
    assert "COVID-19 pattern: 1 of 2 classifiers at or above their thresholds" in text(shown)
    assert [reading.prediction for reading in shown.context["predictions"]] == [first, second]
    assert shown.context["mapped"].prediction == first
    assert page(client, scan, data={"map": str(second.pk)}).context["mapped"].prediction == second
    assert page(client, scan, data={"map": "nonsense"}).context["mapped"].prediction == first


def test_a_map_of_no_finding_is_not_laid_over_the_image_unasked(client: Client, scan: Scan) -> None:
    finish(scan, 0.1, 0.1, 0.9)
    normal, other, finding = Prediction.objects.order_by("classifier")
    Prediction.objects.filter(pk__in=[normal.pk, other.pk]).update(attention_label="normal")
    shown = page(client, scan)
    assert shown.context["mapped"].prediction == finding
    assert not map_is_laid(shown), "the plain image comes first"
    assert map_is_laid(page(client, scan, data={"map": str(finding.pk)}))
    assert map_is_laid(page(client, scan, data={"map": str(other.pk)}))


def map_is_laid(shown: Any) -> bool:
    """Whether the switch of the attention map is on."""
    (switch,) = re.findall(r'<input class="viewer-toggle"[^>]*>', shown.content.decode())
    return "checked" in switch


def test_a_combination_stands_above_its_members(client: Client, scan: Scan) -> None:
    finish(scan, 0.9, 0.1, combined=0.5)
    shown = page(client, scan)
    words = text(shown)
    assert shown.context["ensemble"].verdict.status == "COVID-19 pattern: between the two thresholds"
    assert words.index("between the two thresholds") < words.index("classifier-0")
    assert "The classifiers disagree: 1 of 2 above their threshold, 1 below." in words


def test_where_the_attention_of_an_earlier_result_lay_is_told_without_an_alarm(client: Client, scan: Scan) -> None:
    finish(scan, 0.9, 0.1, combined=0.5)
    assert "outside the lungs" not in text(page(client, scan))
    Prediction.objects.update(attention_outside=0.8)  # as rows were then
    words = text(page(client, scan))
    assert (
        words.count("80.0\u00a0% of its attention lies outside the lungs. Combined results were not found to be wrong")
        == 2
    )
    assert "distrust" not in words


def test_without_a_combination_the_reason_stands_there(client: Client, scan: Scan) -> None:
    finish(scan, 0.9, 0.1, without=(Message("member_switched_off", {"name": "vgg19-cxr"}),))
    assert "Not combined: vgg19-cxr is switched off." in text(page(client, scan))


def test_what_the_network_got_is_shown_to_the_clinic_alone(
    client: Client, prediction: Prediction, as_: As, stranger: User
) -> None:
    address = reverse("diagnosis:prediction-seen", args=[prediction.pk])
    assert f'href="{address}"' in text(page(client, prediction.analysis.scan))
    answer = client.get(address)
    assert answer["Cache-Control"] == "private, no-store"
    (spec,) = (spec for spec in installed_specs() if spec.identity == prediction.identity)
    with Image.open(BytesIO(answer.content)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "L", spec.input_size[::-1])
    assert as_(stranger).get(address).status_code == 404


def test_a_picture_that_was_not_kept_is_not_promised(client: Client, scan: Scan) -> None:
    prediction = finish(scan, 0.9).predictions.get()
    type(prediction).objects.update(seen="")  # as it is on rows from before it was kept
    address = reverse("diagnosis:prediction-seen", args=[prediction.pk])
    assert address not in text(page(client, scan))
    assert client.get(address).status_code == 404


def test_every_result_leads_to_its_model_card(client: Client, prediction: Prediction) -> None:
    address = reverse("diagnosis:model-card", args=[prediction.classifier, prediction.version])
    assert address in text(page(client, prediction.analysis.scan))
    assert "Must not be used" in text(client.get(address))
    assert client.get(reverse("diagnosis:model-card", args=["no-such", "1.0.0"])).status_code == 404


def test_an_open_analysis_shows_waiting_and_never_a_number(client: Client, scan: Scan) -> None:
    shown = page(client, scan)
    assert shown.context["predictions"] == ()
    assert verdict.WAITING in text(shown)
    assert "It is next in the queue." in text(shown)
    assert f'data-poll="{reverse("diagnosis:scan-result", args=[scan.pk])}"' in text(shown)
    # Without a script the page reloads, to the page itself even after a refused POST.
    assert f'<meta http-equiv="refresh" content="3;url={scan_url(scan)}">' in text(shown)


def scan_url(scan: Scan) -> str:
    return reverse("diagnosis:scan-detail", args=[scan.pk])


def test_the_queue_is_counted_and_a_long_wait_explained(
    client: Client, scan: Scan, upload: Callable[..., Scan]
) -> None:
    second = upload(2)
    assert page(client, second).context["queue_place"] == "1 analysis is ahead of it in the queue."
    Analysis.objects.filter(study=scan.study).update(requested_at=timezone.now() - timedelta(minutes=5))
    assert "no worker has taken it up" in text(page(client, scan))
    assert "no worker has taken it up" not in text(page(client, second))


def test_a_finished_page_follows_nothing(client: Client, finished: Analysis) -> None:
    shown = text(page(client, finished.scan))
    assert "data-poll" not in shown
    assert "http-equiv" not in shown


def test_a_failure_shows_its_reason_and_offers_a_retry(
    client: Client, scan: Scan, settings: Any, tmp_path: Any
) -> None:
    from diagnosis.analyses import runner

    settings.ML_WEIGHTS_ROOT = tmp_path  # an installation without classifiers
    runner.run(scan.analyses.get().pk, worker="test")
    shown = page(client, scan)
    assert scan.analyses.get().failure_reason in text(shown)
    assert shown.context["rerun_word"] == "Retry"
    retried = client.post(reverse("diagnosis:analysis-rerun", args=[scan.pk]))
    assert retried["Location"] == scan_url(scan)
    assert [analysis.status for analysis in scan.analyses.order_by("number")] == ["failed", "queued"]


def test_a_refused_image_did_not_fail_and_is_not_asked_to_be_tried_again(client: Client, scan: Scan) -> None:
    refuse(scan)
    shown = page(client, scan)
    result = text(shown).split('id="result-title"')[1].split("</section>")[0]
    assert "Not classified" in result and "Failed" not in result
    assert "button-primary" not in result


def test_the_disabled_button_says_what_the_rule_says(client: Client, scan: Scan) -> None:
    blocked_reason = page(client, scan).context["rerun_blocked_reason"]
    refused = client.post(reverse("diagnosis:analysis-rerun", args=[scan.pk]))
    assert blocked_reason
    assert refused.status_code == 409
    assert refused.context["refusal"].sentence == blocked_reason
    assert scan.analyses.count() == 1


def test_cancelling_leaves_a_step_with_a_name(client: Client, scan: Scan, clinician: User) -> None:
    analysis = scan.analyses.get()
    client.post(reverse("diagnosis:analysis-cancel", args=[analysis.pk]))
    shown = text(page(client, scan))
    assert verdict.CANCELLED in shown
    assert clinician.email in analysis.transitions.get(target="cancelled").by


def test_an_earlier_analysis_stays_readable(client: Client, finished: Analysis, clinician: User) -> None:
    second = rerun_analysis(by=clinician, study=finished.scan.study)
    shown = client.get(reverse("diagnosis:analysis-detail", args=[finished.pk]))
    assert (shown.context["analysis"], shown.context["is_latest"]) == (finished, False)
    assert len(shown.context["predictions"]) == finished.predictions.count()
    assert page(client, finished.scan).context["analysis"] == second


def test_earlier_scans_of_the_patient_stand_beside_it(client: Client, upload: Callable[..., Scan]) -> None:
    scans = [upload(seed) for seed in range(5)]
    beside = page(client, scans[-1]).context["earlier_scans"]
    assert [row.scan for row in beside] == [scans[3], scans[2], scans[1]]


def test_who_reads_first_sees_no_result_anywhere(
    as_: As, radiologist: User, clinician: User, prediction: Prediction
) -> None:
    scan = prediction.analysis.scan
    ReadingPreference.objects.create(user=radiologist, read_first=True)
    blind, seeing = as_(radiologist), as_(clinician)
    said = verdict.of_analysis(prediction.analysis)
    words = {said.status, said.sentence}
    pages = [scan_url(scan), f"{scan_url(scan)}result/", f"/analyses/{prediction.analysis_id}/", "/scans/", "/desk/"]
    pages += [f"/patients/{scan.patient_id}/", f"/scans/progress/?id={scan.pk}"]
    for address in pages:
        assert any(word in text(seeing.get(address)) for word in words), address
        assert not any(word in text(blind.get(address)) for word in words), address
        assert formats.percent(prediction.probability) not in text(blind.get(address)), address
    assert blinding.RESULT_HIDDEN.replace("'", "&#x27;") in text(blind.get(scan_url(scan)))
    assert blind.get(reverse("diagnosis:prediction-attention", args=[prediction.pk])).status_code == 403


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["queued", "succeeded", "cancelled"]),
        ({"status": "succeeded"}, ["succeeded"]),
        ({"status": "cancelled"}, ["cancelled"]),
        ({"modality": "ct"}, []),
        ({"modality": "cxr", "status": "queued"}, ["queued"]),
        ({"q": "alma"}, ["queued", "succeeded", "cancelled"]),
        ({"q": "nobody"}, []),
        ({"status": "nonsense"}, ["queued", "succeeded", "cancelled"]),
    ],
)
def test_the_list_can_be_narrowed(
    client: Client,
    finished: Analysis,
    upload: Callable[..., Scan],
    clinician: User,
    asked: dict[str, str],
    found: list[str],
) -> None:
    cancel_analysis(by=clinician, analysis=upload(1).analyses.get())
    upload(2)
    rows = client.get("/scans/", asked).context["rows"]
    assert sorted(row.analysis.status for row in rows) == sorted(found)


def test_a_patient_in_the_address_leads_to_theirs_and_nothing_else_answers_with_everybody(
    client: Client, scan: Scan, patient: Patient, as_: As, stranger: User
) -> None:
    there = client.get("/scans/", {"patient": patient.pk})
    assert (there.status_code, there["Location"]) == (302, reverse("diagnosis:patient-detail", args=[patient.pk]))
    assert [client.get("/scans/", {"patient": key}).status_code for key in ("", "nobody", scan.pk)] == [404] * 3
    assert as_(stranger).get("/scans/", {"patient": patient.pk}).status_code == 404


def test_a_patients_timeline_keeps_the_earlier_analyses(client: Client, finished: Analysis, clinician: User) -> None:
    rerun_analysis(by=clinician, study=finished.scan.study)
    (row,) = client.get(reverse("diagnosis:patient-detail", args=[finished.scan.patient_id])).context["rows"]
    assert row.analysis.number == 2
    assert [analysis for analysis, _ in row.earlier] == [finished]


def test_the_list_shows_the_latest_analysis(client: Client, finished: Analysis, clinician: User) -> None:
    rerun_analysis(by=clinician, study=finished.scan.study)
    (row,) = client.get("/scans/").context["rows"]
    assert (row.analysis.number, row.following) == (2, True)


@pytest.mark.parametrize("address", ["/scans/", "/desk/"])
def test_a_list_costs_the_same_for_one_scan_and_for_many(
    client: Client, upload: Callable[..., Scan], address: str
) -> None:
    upload(0)
    one = queries(client, address)
    for seed in range(1, 6):
        upload(seed)
    assert queries(client, address) == one


def test_progress_answers_for_many_scans_at_once(
    client: Client, finished: Analysis, upload: Callable[..., Scan]
) -> None:
    waiting = upload(1)
    scans = client.get("/scans/progress/", {"id": [finished.scan.pk, waiting.pk]}).json()["scans"]
    said = {scan["id"]: scan for scan in scans}
    assert said[str(waiting.pk)] | {"html": ""} == {
        "id": str(waiting.pk),
        "status": "queued",
        "finished": False,
        "sentence": f"Computer: Queued. {verdict.WAITING}. {NOT_READ}.",
        "url": reverse("diagnosis:study-detail", args=[waiting.study_id]),
        "html": "",
    }
    assert said[str(finished.scan.pk)]["finished"]
    result = computer(finished, policy=ReadingPolicy())
    assert said[str(finished.scan.pk)]["sentence"] == f"{result.sentence}. {NOT_READ}."


def test_progress_knows_nothing_of_other_clinics(as_: As, stranger: User, scan: Scan) -> None:
    answer = as_(stranger).get("/scans/progress/", {"id": [scan.pk, "nonsense"]})
    assert answer.json() == {"scans": []}


def test_the_desk_shows_what_needs_a_person(
    client: Client, scan: Scan, upload: Callable[..., Scan], settings: Any, tmp_path: Any
) -> None:
    from diagnosis.analyses import runner

    settings.ML_WEIGHTS_ROOT = tmp_path
    runner.run(scan.analyses.get().pk, worker="test")
    upload(1)
    desk = client.get("/desk/")
    assert [row.scan for row in desk.context["troubled"]] == [scan]
    assert desk.context["open_count"].number == 1
    assert "1 scan needs attention" in text(desk)


def test_a_refused_image_needs_nobody_once_its_report_is_signed(
    scan: Scan, clinic: Clinic, radiographer: User, radiologist: User
) -> None:
    def needing() -> list[Scan]:
        return list(scan_list.needing_a_person(radiographer, clinic)[1])

    refused = refuse(scan)
    assert needing() == [scan]
    report = read(radiologist, scan.reviews.get(), decision="no_result").report
    assert needing() == [scan]
    signed = sign_report(by=radiologist, report=report, password=PASSWORD)
    assert needing() == []
    Analysis.objects.filter(pk=refused.pk).update(failure_retryable=True)  # what broke can be mended
    assert needing() == [scan]
    Analysis.objects.filter(pk=refused.pk).update(failure_retryable=False, finished_at=timezone.now())
    assert needing() == [scan]  # images that came after the signature
    Analysis.objects.filter(pk=refused.pk).update(finished_at=refused.finished_at)
    assert needing() == []
    enter_in_error(by=radiologist, report=signed, reason="Of another patient.", password=PASSWORD)
    assert needing() == [scan]


def test_a_patient_without_scans_says_what_to_do(client: Client, patient: Patient) -> None:
    assert "Drop the first ones" in text(client.get(reverse("diagnosis:patient-detail", args=[patient.pk])))
