"""The outbox: what is queued, tried, refused and given up by whom, whatever becomes of the workers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext

from accounts.models import Clinic, User
from audit.models import AuditEvent
from delivery import outbox, sending
from delivery.dicom import sending as dicom_sending
from delivery.models import Content, Delivery, DeliveryAttempt, Destination, Outcome
from delivery.senders import NotYet, Refused, TryAgain, Unreachable
from delivery.states import DeliveryStatus
from diagnosis.actions.critical_result import mark_critical
from diagnosis.actions.deletion import study_erased
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Deletion, Scan, Study

pytestmark = pytest.mark.django_db
Answers = list[Any]


def queue(destination: Destination, scan: Scan | None = None, key: str = "1") -> Delivery:
    study = scan.study if scan else None
    return outbox.enqueue(destination=destination, content=Content.EVENT, study=study, key=key, payload={"n": key})


def turn(row: Delivery | None = None, *, later: timedelta = timedelta()) -> None:
    """A worker's turn, `later` than now."""
    if later:
        Delivery.objects.update(next_attempt_at=timezone.now())
        Delivery.objects.filter(held_until__isnull=False).update(held_until=timezone.now() - timedelta(seconds=1))
        Destination.objects.update(paused_until=None)
    sending.deliver_some(seconds=10)
    if row:
        row.refresh_from_db()


def test_one_thing_is_queued_and_delivered_once(destination: Destination, scan: Scan, answers: Answers) -> None:
    answers += ["thanks"]
    row = queue(destination, scan)
    assert queue(destination, scan) == row
    turn(row)
    assert (row.status, row.attempts, row.answer) == ("delivered", 1, "thanks")
    assert row.delivered_at
    turn(later=timedelta(hours=1))
    assert [one.outcome for one in row.log.all()] == [Outcome.DELIVERED]


def test_what_is_rolled_back_was_never_queued(destination: Destination) -> None:
    with pytest.raises(ValueError, match="no"), transaction.atomic():
        queue(destination)
        raise ValueError("no")
    assert not Delivery.objects.exists()


def test_who_does_not_answer_is_left_alone_for_a_while(destination: Destination, answers: Answers) -> None:
    """Nothing else is tried there meanwhile; then all of it goes out."""
    first, second = queue(destination), queue(destination, key="2")
    answers += [Unreachable("nobody there")]
    turn(first)
    destination.refresh_from_db()
    assert (first.status, destination.failures) == ("waiting", 1)
    assert destination.paused_until
    assert second.attempts == 0
    answers += [Unreachable("still not")]
    turn(first, later=timedelta(minutes=1))
    assert Delivery.objects.get(pk=second.pk).attempts == 0
    destination.refresh_from_db()
    assert destination.failures == 2
    answers += ["ok", "ok"]
    turn(first, later=timedelta(minutes=1))
    assert list(Delivery.objects.values_list("status", flat=True)) == ["delivered"] * 2
    destination.refresh_from_db()
    assert (destination.failures, destination.paused_until) == (0, None)


def test_trouble_with_one_delivery_holds_up_no_other(
    destination: Destination, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    first = queue(destination)
    queue(destination, key="2")
    answers += [TryAgain("busy"), "ok", ZeroDivisionError()]
    turn(first)
    assert sorted(Delivery.objects.values_list("status", flat=True)) == ["delivered", "waiting"]
    turn(first, later=timedelta(minutes=1))
    assert (first.status, first.attempts, first.last_answer) == ("waiting", 2, sending.UNEXPECTED)
    assert "could not be sent" in caplog.text


def test_the_pause_grows_to_an_hour() -> None:
    pauses = [sending.back_off(tries).total_seconds() for tries in range(1, 30)]
    assert 7.5 <= pauses[0] <= 10
    assert all(2700 <= one <= 3600 for one in pauses[9:])
    assert len({sending.back_off(20) for _ in range(5)}) > 1


def test_what_is_refused_ends_until_a_person_sends_it_again(destination: Destination, answers: Answers) -> None:
    answers += [Refused("unknown patient")]
    row = queue(destination)
    turn(row)
    turn(row, later=timedelta(hours=2))
    assert (row.status, row.attempts) == ("refused", 1)
    with pytest.raises(NotAllowedNow):
        outbox.cancel(row)
    outbox.send_again(row)
    answers += ["ok"]
    turn(row)
    assert row.status == "delivered"
    assert [one.outcome for one in row.log.all()] == [Outcome.REFUSED, Outcome.DELIVERED]


def test_what_is_cancelled_does_not_go_out(destination: Destination, answers: Answers) -> None:
    row = queue(destination)
    outbox.cancel(row)
    turn(row)
    assert row.status == "cancelled"
    with pytest.raises(NotAllowedNow):
        outbox.send_again(Delivery(pk=row.pk, destination=destination, status=DeliveryStatus.REFUSED))


def test_what_may_not_leave_yet_waits_and_counts_no_try(destination: Destination, scan: Scan, answers: Answers) -> None:
    answers += [NotYet("not read yet"), "ok"]
    row = queue(destination, scan)
    turn(row)
    assert (row.status, row.attempts, row.last_answer) == ("waiting", 0, "not read yet")
    assert not row.log.exists()
    outbox.look_again(scan.study)
    turn(row)
    assert row.status == "delivered"


def test_a_worker_that_dies_leaves_it_to_the_next(destination: Destination, answers: Answers) -> None:
    row = queue(destination)

    def dies() -> str:
        raise KeyboardInterrupt

    answers += [dies]
    with pytest.raises(KeyboardInterrupt):
        turn()
    row.refresh_from_db()
    assert row.status == "sending"
    turn(row)  # its lease lasts
    assert row.status == "sending"
    answers += ["ok"]
    turn(row, later=timedelta(minutes=5))
    assert row.status == "delivered"
    assert [one.outcome for one in row.log.all()] == [Outcome.LOST, Outcome.DELIVERED]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_was_away_is_told_how_it_ended(destination: Destination, answers: Answers) -> None:
    """Else the row would be held for the rest of its lease, and count as one that ended its worker."""
    row = queue(destination)
    answers += [lambda: connection.cursor().execute("SELECT pg_terminate_backend(pg_backend_pid())")]
    turn(row)
    assert (row.status, row.log.get().outcome) == ("waiting", Outcome.AGAIN)


def test_what_ends_every_worker_is_refused(destination: Destination, answers: Answers) -> None:
    row = queue(destination)
    DeliveryAttempt.objects.bulk_create(DeliveryAttempt(delivery=row, outcome=Outcome.LOST) for _ in range(3))
    turn(row)
    assert (row.status, row.last_answer) == ("refused", sending.WORKERS_LOST)
    answers += ["ok"]
    outbox.send_again(row)
    turn(row)
    assert row.status == "delivered", "what was lost before does not count"


def test_a_worker_that_was_given_up_says_nothing(destination: Destination, answers: Answers) -> None:
    """Its lease ran out and another has the row: the other's word counts."""
    row = queue(destination)

    def slow() -> str:
        Delivery.objects.filter(pk=row.pk).update(held_until=timezone.now() + timedelta(hours=1))
        return "mine"

    answers += [slow]
    turn(row)
    assert (row.status, row.last_answer) == ("sending", "")
    assert not row.log.exists()


def test_a_correction_never_overtakes_what_it_corrects(destination: Destination, scan: Scan, answers: Answers) -> None:
    first, second = queue(destination, scan), queue(destination, scan, key="2")
    answers += [TryAgain("busy")]
    turn(first)
    second.refresh_from_db()
    assert (first.attempts, second.attempts) == (1, 0)
    answers += [Refused("no"), "ok"]
    turn(first, later=timedelta(minutes=1))
    turn(second)
    assert (first.status, second.status) == ("refused", "delivered")


def test_a_destination_that_is_off_gets_nothing(
    destination: Destination, answers: Answers, clinic: Clinic, django_capture_on_commit_callbacks: Any
) -> None:
    assert Destination.objects.wanting(Content.EVENT, clinic=clinic) == [destination]
    row = queue(destination)
    destination.is_active = False
    with django_capture_on_commit_callbacks(execute=True):
        destination.save()
    turn(row)
    assert row.status == "waiting"
    assert not Destination.objects.wanting(Content.EVENT, clinic=clinic)
    told = AuditEvent.objects.filter(object_type="delivery.destination").latest("pk")
    assert told.detail["state"] == "off"


def test_what_waits_for_long_is_overdue(destination: Destination) -> None:
    row = queue(destination)
    assert not row.is_overdue
    assert not Delivery.objects.overdue().exists()
    Delivery.objects.update(queued_at=timezone.now() - timedelta(hours=2))
    row.refresh_from_db()
    assert row.is_overdue
    assert Delivery.objects.overdue().get() == row


def test_with_a_deleted_study_goes_what_was_kept_of_it(destination: Destination, scan: Scan, answers: Answers) -> None:
    row = queue(destination, scan)
    study_erased.send(Deletion, study=scan.study)
    turn(row)
    assert (row.status, row.study, row.payload) == ("cancelled", None, {})


def test_with_a_deleted_study_goes_an_event_that_names_it_in_words_alone(
    destination: Destination, scan: Scan, radiologist: User, clinician: User, answers: Answers
) -> None:
    mark_critical(by=radiologist, study=scan.study, finding="Pneumothorax.", recipient=clinician)
    row = Delivery.objects.get()
    assert (row.study, row.payload["data"]["study"]) == (None, str(scan.study.pk))
    study_erased.send(Deletion, study=Study(pk=uuid4()))
    row.refresh_from_db()
    assert row.payload
    study_erased.send(Deletion, study=scan.study)
    turn(row)
    assert (row.status, row.payload, row.last_answer) == ("cancelled", {}, "")


def test_a_study_that_is_deleted_while_it_is_sent_leaves_nothing(destination: Destination, scan: Scan) -> None:
    row = queue(destination, scan)
    Delivery.objects.update(status=DeliveryStatus.SENDING, held_until=timezone.now() + timedelta(minutes=5))
    row.refresh_from_db()
    study_erased.send(Deletion, study=scan.study)
    with pytest.raises(Refused, match="while it was being prepared"):
        dicom_sending._frozen(row, scan.study, scan, said=[])
    kept = Delivery.objects.get()
    assert (kept.status, kept.payload, kept.last_answer) == ("cancelled", {}, "")


def test_the_receivers_words_go_with_the_study(destination: Destination, scan: Scan, answers: Answers) -> None:
    """A try is on record for good, without what a stranger wrote. PostgreSQL keeps no NUL."""
    row = queue(destination, scan)
    answers += [Refused("0xC000", words="MEIER^ANNA\0 is unknown")]
    turn(row)
    assert row.last_answer == "0xC000\nMEIER^ANNA is unknown"
    assert [one.answer for one in row.log.all()] == ["0xC000"]


def test_sentences_are_kept_in_one_language_and_shown_in_anothers(
    destination: Destination, scan: Scan, answers: Answers
) -> None:
    """Whatever language the thread happens to have that sends."""
    row = queue(destination, scan)
    spoken: list[str | None] = []

    def answer() -> str:
        spoken.append(translation.get_language())
        return gettext("Language") + "\n0xB000"

    answers += [answer]
    with translation.override("de"):
        turn(row)
    assert (spoken, row.last_answer) == (["en-gb"], "Language\n0xB000")
    with translation.override("de"):
        first, second = row.answer.splitlines()
        assert (first, second) == (gettext("Language"), "0xB000")
    assert first != "Language"


def test_an_old_version_never_follows_a_newer_one(destination: Destination, scan: Scan, answers: Answers) -> None:
    old, new = queue(destination, scan), queue(destination, scan, key="2")
    answers += ["ok", "ok"]
    turn(old)
    turn(new)
    with pytest.raises(NotAllowedNow, match="newer"):
        outbox.send_again(old)
    outbox.send_again(new)


def test_what_a_lost_worker_held_is_cancelled(destination: Destination) -> None:
    row = queue(destination)
    Delivery.objects.update(status=DeliveryStatus.SENDING, held_until=timezone.now() + timedelta(minutes=5))
    with pytest.raises(NotAllowedNow):
        outbox.cancel(row)
    Delivery.objects.update(held_until=timezone.now() - timedelta(minutes=5))
    outbox.cancel(row)
    assert Delivery.objects.get().status == "cancelled"


def test_a_try_stays_on_record(destination: Destination) -> None:
    DeliveryAttempt.objects.create(delivery=queue(destination), outcome=Outcome.LOST)
    for statement in ("UPDATE delivery_deliveryattempt SET outcome = 'again'", "DELETE FROM delivery_deliveryattempt"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_a_secret_is_kept_encrypted(destination: Destination) -> None:
    destination.secret = "open sesame"
    destination.save()
    stored = Destination.objects.get()
    assert "sesame" not in stored.encrypted_secret
    assert stored.secret == "open sesame"


def test_who_sees_a_delivery(destination: Destination, scan: Scan, stranger: User, radiographer: User) -> None:
    row = queue(destination, scan)
    assert Delivery.objects.visible_to(radiographer).get() == row
    assert Destination.objects.visible_to(radiographer).get() == destination
    assert not Delivery.objects.visible_to(stranger).exists()
    assert not Destination.objects.visible_to(stranger).exists()
