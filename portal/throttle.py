"""How often one visitor may do something, counted in the shared cache."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.core.cache import cache
from redis.exceptions import RedisError

from accounts.visitor import visitor

__all__ = ["admits", "visitor"]

logger = logging.getLogger(__name__)


def admits(name: str, who: str, *, times: int, within: timedelta) -> bool:
    """Count one more `name` by `who`; whether it is within `times` of the window that its first one opened.

    Without the cache everybody is admitted: the caller has a second limit that does not need it.
    """
    key = f"throttle:{name}:{who}"
    try:
        cache.add(key, 0, timeout=int(within.total_seconds()))
        return int(cache.incr(key)) <= times
    except RedisError:
        logger.exception("The cache cannot be reached; “%s” is not counted per visitor", name)
        return True
    except ValueError:  # the window ended between the two calls: this one opens the next
        return True
