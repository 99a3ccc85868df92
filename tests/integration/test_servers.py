"""The tests run on real servers; these say so when that stops being true."""

import os

import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connection


@pytest.mark.skipif(os.environ.get("TEST_DATABASE_URL", "").startswith("sqlite"), reason="SQLite was asked for")
@pytest.mark.django_db
def test_database_is_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version()")
        assert cursor.fetchone()[0].startswith("PostgreSQL")


def test_broker_keeps_messages_on_disk() -> None:
    assert redis.Redis.from_url(settings.REDIS_URL).info("persistence")["aof_enabled"] == 1


def test_cache_lies_beside_the_queue() -> None:
    """Clearing the cache must leave the queue alone."""
    queue = redis.Redis.from_url(settings.REDIS_URL)
    queue.rpush("left-alone", "message")
    cache.set("gone", 1)
    cache.clear()
    assert cache.get("gone") is None
    assert queue.llen("left-alone") == 1
    queue.delete("left-alone")
