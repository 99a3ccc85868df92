"""Moves, claims and leases of an analysis, on the database that production uses."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from diagnosis.analyses import runner
from diagnosis.analyses.lease import Lease
from diagnosis.models import Analysis, Scan, Transition
from diagnosis.states import AnalysisStatus as S
from diagnosis.states import ForbiddenMove
from tests.concurrency import together


def moves(analysis: Analysis) -> list[tuple[str, str]]:
    return list(Transition.objects.filter(analysis=analysis).values_list("source", "target"))


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_eight_workers_one_gets_the_claim(analysis: Analysis) -> None:
    claims = together(8, lambda number: Analysis.objects.claim(analysis.pk, worker=f"worker {number}"))
    won = [claim for claim in claims if claim]
    assert len(won) == 1
    analysis.refresh_from_db()
    assert (analysis.claim, analysis.attempts, analysis.status) == (won[0], 1, S.RUNNING)
    assert analysis.worker == f"worker {claims.index(won[0])}"
    assert moves(analysis) == [("", "queued"), ("queued", "running")]


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_finishing_and_cancelling_at_once_end_in_one_way(analysis: Analysis) -> None:
    claim = Analysis.objects.claim(analysis.pk, worker="w")
    ends = (
        lambda: Analysis.objects.finish(analysis.pk, S.RUNNING, S.SUCCEEDED, by="w", only=Q(claim=claim)),
        lambda: Analysis.objects.finish(analysis.pk, S.RUNNING, S.CANCELLED, by="a person"),
    )
    done = together(2, lambda number: ends[number]())
    assert sorted(done) == [False, True]
    assert len(moves(analysis)) == 3


@pytest.mark.django_db
def test_a_move_that_the_table_does_not_know_is_a_defect(analysis: Analysis) -> None:
    with pytest.raises(ForbiddenMove):
        Analysis.objects.move(analysis.pk, S.QUEUED, S.SUCCEEDED, by="w")


@pytest.mark.django_db
def test_a_move_and_its_row_stand_or_fall_together(analysis: Analysis) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        Analysis.objects.claim(analysis.pk, worker="w")
        raise RuntimeError
    analysis.refresh_from_db()
    assert analysis.status == S.QUEUED
    assert moves(analysis) == [("", "queued")]


@pytest.mark.django_db
def test_a_finished_analysis_is_claimed_by_nobody(analysis: Analysis) -> None:
    Analysis.objects.finish(analysis.pk, S.QUEUED, S.CANCELLED, by="a person")
    assert Analysis.objects.claim(analysis.pk, worker="w") is None


@pytest.mark.django_db
def test_a_lease_is_renewed_by_its_claim_alone(analysis: Analysis) -> None:
    first = Analysis.objects.claim(analysis.pk, worker="w")
    assert first
    assert Analysis.objects.renew(analysis.pk, first)
    Analysis.objects.release(analysis.pk, by="sweep", only=Q())
    second = Analysis.objects.claim(analysis.pk, worker="v")
    assert second
    assert not Analysis.objects.renew(analysis.pk, first)
    assert Analysis.objects.renew(analysis.pk, second)


@pytest.mark.django_db(transaction=True)
def test_the_lease_renews_itself_while_the_block_runs(analysis: Analysis, settings: Any) -> None:
    settings.ANALYSIS_LEASE = timedelta(seconds=0.6)
    claim = Analysis.objects.claim(analysis.pk, worker="w")
    assert claim
    Analysis.objects.filter(pk=analysis.pk).update(lease_expires_at=timezone.now())
    renewed = threading.Event()
    with Lease(analysis.pk, claim):
        for _ in range(200):
            if not Analysis.objects.lost().exists():
                renewed.set()
                break
            renewed.wait(0.05)
    assert renewed.is_set()


@pytest.mark.django_db
def test_a_lost_analysis_is_queued_again_and_says_who_was_lost(analysis: Analysis) -> None:
    Analysis.objects.claim(analysis.pk, worker="worker 7")
    assert runner.release_lost(by="sweep") == 0
    lose(analysis)
    assert runner.release_lost(by="sweep") == 1
    analysis.refresh_from_db()
    assert (analysis.status, analysis.claim, analysis.enqueued_at, analysis.attempts) == (S.QUEUED, None, None, 1)
    assert "worker 7 was lost" in Transition.objects.latest("id").note_text


def lose(analysis: Analysis) -> None:
    """As when its worker died a while ago."""
    Analysis.objects.filter(pk=analysis.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_a_job_that_kills_its_workers_is_not_tried_for_ever(analysis: Analysis, settings: Any) -> None:
    for _ in range(settings.ANALYSIS_ATTEMPTS):
        assert Analysis.objects.claim(analysis.pk, worker="w")
        lose(analysis)
        runner.release_lost(by="sweep")
    analysis.refresh_from_db()
    assert (analysis.status, analysis.failure_code) == (S.FAILED, "workers_lost")
    assert analysis.failure_reason.endswith(".")
    assert analysis.failure_retryable


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_release_a_job_once(analysis: Analysis) -> None:
    Analysis.objects.claim(analysis.pk, worker="w")
    lose(analysis)
    assert sum(together(4, lambda _: runner.release_lost(by="sweep"))) == 1
    assert moves(analysis).count(("running", "queued")) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {"status": S.RUNNING},
        {"status": "lost"},
        {"status": S.SUCCEEDED},
        {"status": S.FAILED, "finished_at": timezone.now()},
        {"failure_code": "a reason without a failure"},
        {"finished_at": timezone.now()},
    ],
)
def test_rows_that_contradict_themselves_cannot_be_written(analysis: Analysis, wrong: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Analysis.objects.filter(pk=analysis.pk).update(**wrong)


@pytest.mark.django_db
def test_a_scan_has_one_open_analysis(scan: Scan) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Analysis.objects.create(study=scan.study, number=2, requested_by=scan.uploaded_by)
