"""How often one visitor may do something, counted in the shared cache."""

from __future__ import annotations

import ipaddress
import logging
from datetime import timedelta

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def visitor(request: HttpRequest) -> str:
    """Who counts as one visitor: an IPv4 address, or the /64 network of an IPv6 one.

    The address is the one that sign-in uses: REMOTE_ADDR, or behind proxies what ALLAUTH_TRUSTED_PROXY_COUNT says of
    X-Forwarded-For. Behind a proxy that is not declared so, all visitors are one.
    """
    address = ipaddress.ip_address(get_adapter().get_client_ip(request))
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


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
