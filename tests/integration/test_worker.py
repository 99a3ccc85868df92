"""Workers that are killed, stopped, hung or late: every upload still comes to an end."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from diagnosis import tasks
from diagnosis.actions.analysis import rerun_analysis
from diagnosis.actions.classifiers import decide_on_classifier
from diagnosis.models import Analysis, Prediction, Scan
from diagnosis.models.classifier_rule import ClassifierState
from diagnosis.states import AnalysisStatus as S
from portal import queues
from portal.embedded.worker import OF_ANALYSES, OF_SHORT_JOBS
from tests.integration.ensemble import ensemble_members
from tests.running import Worker
from tests.slow import Pipe, eventually, reaches

SWEPT = re.compile(r"sweep_analyses\[\S+ succeeded")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers started after this look every second what was lost."""
    monkeypatch.setenv("ANALYSIS_SWEEP_SECONDS", "1")


@pytest.fixture
def two_workers(tmp_path: Path, transactional_db: None) -> Iterator[tuple[Worker, Worker]]:
    """As the launcher starts them: one for analyses, and one for short jobs."""
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    workers = Worker(tmp_path / "analyses", OF_ANALYSES), Worker(tmp_path / "short", OF_SHORT_JOBS)
    try:
        for worker in workers:
            worker.start()
        yield workers
    finally:
        for worker in workers:
            worker.stop()


@pytest.fixture
def second_worker(tmp_path: Path, transactional_db: None) -> Iterator[Worker]:
    """Not started yet."""
    second = Worker(tmp_path / "second")
    yield second
    second.stop()


def children(worker: Worker) -> list[psutil.Process]:
    return psutil.Process(worker.pid).children(recursive=True)


def hold(scan: Scan) -> tuple[Pipe, Analysis]:
    """A new analysis of `scan`, whose worker waits in the middle of it."""
    reaches(scan.analyses.get(), S.SUCCEEDED)
    pipe = Pipe(scan)
    analysis = rerun_analysis(by=scan.uploaded_by, study=scan.study)
    reaches(analysis, S.RUNNING)
    return pipe, analysis


def let_lease_end(analysis: Analysis) -> None:
    """Now, and not in some seconds: a short lease would end, on a busy machine, while its worker lives."""
    Analysis.objects.filter(pk=analysis.pk).update(lease_expires_at=timezone.now())


def lose_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a broker does that loses its disk; workers started after this notice soon."""
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    monkeypatch.setenv("ANALYSIS_RESEND_SECONDS", "1")


def released(analysis: Analysis) -> int:
    return analysis.transitions.filter(source="running", target="queued", by="sweep").count()


def swept(worker: Worker) -> bool:
    return bool(SWEPT.search(worker.log.read_text()))


def test_the_job_of_a_killed_worker_is_finished_by_another(
    impatient: None, worker: Worker, second_worker: Worker, upload: Callable[..., Scan]
) -> None:
    pipe, analysis = hold(upload())
    second_worker.start()
    worker.kill()
    let_lease_end(analysis)
    pipe.restore()
    reaches(analysis, S.SUCCEEDED)
    assert (analysis.attempts, analysis.predictions.count(), released(analysis)) == (2, ensemble_members(), 1)
    log = worker.log.read_text() + second_worker.log.read_text()
    # The year alone is in the digits of some seconds, or in the key of some job.
    assert re.findall("Berg|Alma|MRN-0001|1958-?03-?14", log) == []


def test_nothing_of_a_killed_worker_stays(worker: Worker) -> None:
    left = children(worker)
    assert len(left) >= 2  # its pool and its beat
    assert worker.pid
    os.kill(worker.pid, signal.SIGKILL)
    eventually(lambda: not any(alive(process) for process in left), "pool and beat end with their worker")


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two questions
        return False


def test_a_child_killed_for_memory_is_replaced_and_the_job_finished(
    impatient: None, worker: Worker, upload: Callable[..., Scan]
) -> None:
    pipe, analysis = hold(upload())
    (busy,) = [child for child in children(worker) if libraries(child.pid, "openvino")]
    busy.kill()
    let_lease_end(analysis)
    pipe.restore()
    reaches(analysis, S.SUCCEEDED)
    assert worker.running
    assert analysis.predictions.count() == ensemble_members()


def test_short_jobs_do_not_wait_for_an_analysis(
    impatient: None, two_workers: tuple[Worker, Worker], upload: Callable[..., Scan]
) -> None:
    of_analyses, of_short_jobs = two_workers
    pipe, analysis = hold(upload())
    before = len(of_short_jobs.log.read_text())
    eventually(lambda: len(SWEPT.findall(of_short_jobs.log.read_text()[before:])) > 1, "others sweep meanwhile")
    assert Analysis.objects.get(pk=analysis.pk).status == S.RUNNING
    pipe.send()
    reaches(analysis, S.SUCCEEDED)
    assert "run_analysis[" not in of_short_jobs.log.read_text()
    assert not SWEPT.findall(of_analyses.log.read_text())
    # Their memory is that of the classifiers.
    assert not any(libraries(child.pid, "openvino") for child in children(of_short_jobs))
    assert any(libraries(child.pid, "openvino") for child in children(of_analyses))


def test_a_message_goes_to_one_queue(worker: Worker) -> None:
    worker.stop()
    broker = redis.Redis.from_url(settings.REDIS_URL)
    broker.delete(queues.SHORT, queues.ANALYSES)  # what its beat sent last, or what it gave back
    tasks.sweep_analyses.delay()
    tasks.draw_attention.delay("00000000-0000-0000-0000-000000000000")
    assert (broker.llen(queues.SHORT), broker.llen(queues.ANALYSES)) == (1, 1)


def test_a_long_line_is_not_filled_with_copies(upload: Callable[..., Scan]) -> None:
    """Sweeps overtake analyses, which have a worker of their own: they do not know what has left the line."""
    broker = redis.Redis.from_url(settings.REDIS_URL)
    broker.flushdb()
    analyses = [upload(seed).analyses.get() for seed in (1, 2)]

    def in_line() -> list[str]:
        messages = map(json.loads, broker.lrange(queues.ANALYSES, 0, -1))
        return [one["headers"]["task"].rpartition(".")[2] for one in reversed(list(messages))]

    assert in_line() == ["run_analysis"] * 2
    tasks.sweep_analyses()
    assert in_line() == ["run_analysis"] * 2
    Analysis.objects.update(enqueued_at=timezone.now() - settings.ANALYSIS_RESEND_AFTER)
    tasks.sweep_analyses()
    assert in_line() == ["run_analysis", "run_analysis", "send_again"]
    # Where its turn comes, what is queued still has been lost.
    broker.delete(queues.ANALYSES)
    tasks.send_again()
    assert in_line() == ["run_analysis"] * 2
    analyses[0].refresh_from_db()
    assert analyses[0].enqueued_at
    assert timezone.now() - analyses[0].enqueued_at < settings.ANALYSIS_RESEND_AFTER


def test_a_worker_that_is_stopped_politely_leaves_its_job_to_the_next(
    impatient: None, worker: Worker, upload: Callable[..., Scan]
) -> None:
    pipe, analysis = hold(upload())
    worker.stop()
    let_lease_end(analysis)
    pipe.restore()
    worker.start()
    reaches(analysis, S.SUCCEEDED)
    assert analysis.predictions.count() == ensemble_members()


def test_a_frozen_worker_that_wakes_up_late_overwrites_nothing(
    impatient: None, worker: Worker, second_worker: Worker, upload: Callable[..., Scan]
) -> None:
    pipe, analysis = hold(upload())
    assert worker.pid
    os.killpg(worker.pid, signal.SIGSTOP)
    try:
        # The stop has interrupted the worker's open of the pipe; once awake it opens what is there by then.
        pipe.restore()
        let_lease_end(analysis)
        second_worker.start()
        reaches(analysis, S.SUCCEEDED)
        kept = list(analysis.predictions.all())
    finally:
        os.killpg(worker.pid, signal.SIGCONT)
    eventually(lambda: "was taken away while it ran" in worker.log.read_text(), "the late result is dropped")
    analysis.refresh_from_db()
    assert (analysis.status, analysis.attempts, list(analysis.predictions.all())) == (S.SUCCEEDED, 2, kept)


def test_a_job_that_takes_too_long_fails_with_a_sentence(
    impatient: None, monkeypatch: pytest.MonkeyPatch, second_worker: Worker, upload: Callable[..., Scan]
) -> None:
    monkeypatch.setenv("ANALYSIS_SECONDS", "13")  # politely after 3
    scan = upload()
    analysis = scan.analyses.get()
    pipe = Pipe(scan)
    lose_messages(monkeypatch)  # a message carries the limits of its sender, here the worker's sweep
    second_worker.start()
    reaches(analysis, S.FAILED)
    assert (analysis.failure_code, analysis.failure_retryable) == ("too_slow", True)
    assert second_worker.running
    pipe.restore()


def test_messages_that_the_broker_lost_are_sent_again(
    impatient: None, monkeypatch: pytest.MonkeyPatch, second_worker: Worker, upload: Callable[..., Scan]
) -> None:
    analysis = upload().analyses.get()
    assert analysis.enqueued_at
    lose_messages(monkeypatch)
    second_worker.start()
    reaches(analysis, S.SUCCEEDED)
    assert analysis.predictions.count() == ensemble_members()


def test_a_message_that_a_killed_worker_took_along_is_soon_sent_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, second_worker: Worker, upload: Callable[..., Scan]
) -> None:
    broker = redis.Redis.from_url(settings.REDIS_URL)
    broker.flushdb()
    with monkeypatch.context() as patch:
        patch.setenv("ANALYSIS_SWEEP_SECONDS", "3600")  # its own sweeps would be taken along too
        first = Worker(tmp_path / "first")
        first.start()
    try:
        for child in psutil.Process(first.pid).children():  # its pool and its beat
            child.suspend()
        analysis = upload().analyses.get()
        eventually(lambda: broker.hlen("unacked") == 1 and broker.llen("celery") == 0, "the first worker has it")
    finally:
        first.kill()
    second_worker.start()
    # Its pool loads the classifiers first, which takes a while on a busy machine.
    eventually(lambda: swept(second_worker), "the second worker works")
    idle_since = timezone.now()
    reaches(analysis, S.SUCCEEDED)
    assert analysis.enqueued_at
    # The settings promise 20 seconds, a busy machine takes a little longer; the broker alone takes four minutes.
    assert settings.ANALYSIS_RESEND_AFTER.total_seconds() + settings.ANALYSIS_SWEEP_SECONDS <= 20
    assert (analysis.enqueued_at - idle_since).total_seconds() < 60
    assert (analysis.attempts, analysis.predictions.count()) == (1, ensemble_members())


def test_an_upload_comes_back_with_a_result_and_tensorflow_is_in_no_process(
    worker: Worker, upload: Callable[..., Scan]
) -> None:
    analysis = upload().analyses.get()
    reaches(analysis, S.SUCCEEDED)
    assert (analysis.attempts, analysis.predictions.count()) == (1, ensemble_members())
    assert worker.pid
    assert not libraries(worker.pid, "openvino", "tensorflow", "keras")
    working = [child.pid for child in children(worker) if libraries(child.pid, "openvino")]
    assert working
    assert not any(libraries(pid, "tensorflow", "keras") for pid in working)


def libraries(pid: int, *names: str) -> set[str]:
    """Which of `names` the process has mapped into its memory; none where it has ended."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return set()
    return {name for name in names if f"/site-packages/{name}/" in maps}


def test_a_stop_ends_what_runs_and_what_waits_and_nothing_is_lost(
    worker: Worker, upload: Callable[..., Scan], administrator: User
) -> None:
    """No restart, no message to the worker: it asks the database."""

    def decide(state: ClassifierState) -> None:
        decide_on_classifier(
            by=administrator, clinic=scan.clinic, subject="panel-cxr", state=state, reason="Wrong labels."
        )

    scan = upload()
    pipe, analysis = hold(scan)
    shown = Prediction.objects.count()
    decide(ClassifierState.STOPPED)
    stopped_at = time.monotonic()
    pipe.send()
    reaches(analysis, S.FAILED)
    waiting = upload(2).analyses.get()
    reaches(waiting, S.FAILED)
    # At once, and not after some lease or cache; how long a busy machine takes for two jobs is not the question.
    assert time.monotonic() - stopped_at < 60
    assert {analysis.failure_code, waiting.failure_code} == {"classifiers_stopped"}
    assert "Wrong labels." in analysis.failure_reason
    assert Prediction.objects.count() == shown
    pipe.restore()
    decide(ClassifierState.ACTIVE)
    for study in (analysis.study, waiting.study):
        reaches(study.analyses.get(number=study.analyses.count()), S.SUCCEEDED)
