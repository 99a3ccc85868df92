"""The servers that somebody else runs: do they answer?"""

import redis
from django.conf import settings
from django.db import OperationalError, connection

from portal.embedded.errors import CannotStart


def check_broker() -> None:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=3, socket_timeout=3)
    try:
        client.ping()
    except redis.RedisError as error:
        raise CannotStart(
            f"The broker at REDIS_URL does not answer ({error}): start it or correct REDIS_URL."
        ) from error
    finally:
        client.close()


def check_database() -> None:
    try:
        connection.ensure_connection()
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise CannotStart(f"The database does not answer ({reason}): start it or correct DATABASE_URL.") from error
