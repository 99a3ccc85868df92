"""Whereto a webhook may go. An administrator types the address, so it must not lead into the portal's own network.

The name is looked up once, and exactly the address that was looked at is connected to: a name that answers otherwise
a moment later leads nowhere else.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext_noop

from delivery.senders import Refused, Unreachable

Address = IPv4Address | IPv6Address
NAT64 = ip_network("64:ff9b::/96")

NOT_HTTPS = gettext_noop("The address does not begin with https://. Correct it under Destinations.")
NOT_AN_ADDRESS = gettext_noop("The address cannot be read. Correct it under Destinations.")
INSIDE = gettext_noop(
    "The address leads into a network that is not public. Whoever runs the portal can allow it (WEBHOOK_NETWORKS)."
)
UNKNOWN_NAME = gettext_noop("The name of the receiver cannot be looked up.")


@dataclass(frozen=True)
class Target:
    """Where exactly something is sent: `address` is connected to, `host` is whom the certificate must name."""

    host: str
    address: str
    port: int
    path: str
    is_encrypted: bool


def target(url: str, *, within: float) -> Target:
    """Raises Refused where nothing may be sent to `url`, Unreachable where its name is not known `within` seconds."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Refused(NOT_AN_ADDRESS) from error
    if not parts.hostname or parts.username is not None:
        raise Refused(NOT_AN_ADDRESS)
    found = _looked_up(parts.hostname, port, within)
    if not all(_is_allowed(one) for one in found):
        raise Refused(INSIDE)
    encrypted = parts.scheme == "https"
    if not encrypted and not (parts.scheme == "http" and found[0].is_loopback):
        raise Refused(NOT_HTTPS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.hostname, str(found[0]), port, path, encrypted)


def _looked_up(host: str, port: int, within: float) -> list[Address]:
    """In a thread: the system's resolver knows no limit, and whoever answers for a name could hold the worker."""
    found: list[Any] = []
    asking = Thread(target=partial(_look_up, host, port, found), daemon=True)
    asking.start()
    asking.join(within)
    if not found:
        raise Unreachable(UNKNOWN_NAME)
    return [ip_address(str(one[4][0]).partition("%")[0]) for one in found]


def _look_up(host: str, port: int, found: list[Any]) -> None:
    with suppress(OSError, UnicodeError):
        found += socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _is_allowed(address: Address) -> bool:
    """Public, or in a network that whoever runs the portal has named; every address that stands inside it as well."""
    inner = _embedded(address)
    if any(inner in network for network in _named_networks() if network.version == inner.version):
        return True
    is_of_a_site = isinstance(inner, IPv6Address) and inner.is_site_local
    return inner.is_global and not (inner.is_multicast or inner.is_reserved or is_of_a_site)


def _embedded(address: Address) -> Address:
    """An IPv4 address that is written as, or reached through, an IPv6 one."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address


def _named_networks() -> list[IPv4Network | IPv6Network]:
    loopback = ["127.0.0.0/8", "::1/128"] if settings.DEBUG else []
    return [ip_network(one, strict=False) for one in (*settings.WEBHOOK_NETWORKS, *loopback)]
