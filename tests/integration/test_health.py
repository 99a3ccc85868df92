import pytest
from django.db import connection
from django.test import Client


def test_up_needs_neither_sign_in_nor_database(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready_when_all_is_in_order(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "broker": "ok", "migrations": "ok", "disk": "ok"}
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.django_db
def test_not_ready_without_broker(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal.celery import app

    # In this order: without a value of its own the second reads as the first, and that would be put back afterwards.
    for name in ("broker_write_url", "broker_url"):
        monkeypatch.setattr(app.conf, name, "redis+socket:///nowhere/broker.sock?virtual_host=0")
    # Celery keeps the connections that it makes now, for the tests to come too.
    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "ok", "broker": "failed", "migrations": "ok", "disk": "ok"}


@pytest.mark.django_db
def test_not_ready_before_migrations(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'diagnosis'")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "failed"


@pytest.mark.django_db
def test_not_ready_when_the_disk_has_no_room_left(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.health.ROOM_BYTES", 2**60)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["disk"] == "failed"
