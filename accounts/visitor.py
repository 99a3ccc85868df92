"""Who counts as one visitor."""

from __future__ import annotations

import ipaddress

from allauth.account.adapter import get_adapter
from django.http import HttpRequest


def visitor(request: HttpRequest) -> str:
    """An IPv4 address, or the /64 network of an IPv6 one.

    The address is the one that sign-in uses: REMOTE_ADDR, or behind proxies what ALLAUTH_TRUSTED_PROXY_COUNT says of
    X-Forwarded-For. Behind a proxy that is not declared so, all visitors are one.
    """
    address = ipaddress.ip_address(get_adapter().get_client_ip(request))
    # Of a socket that takes both kinds: ::ffff:192.0.2.1 is 192.0.2.1.
    address = getattr(address, "ipv4_mapped", None) or address
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
