"""What an application entity is called, and the addresses from which a system calls."""

from __future__ import annotations

import ipaddress
import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# PS3.5 6.2: sixteen characters, without backslash and control characters; blanks at the ends do not count.
TITLE = re.compile(r"[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def validate_title(text: str) -> None:
    if not TITLE.fullmatch(text):
        raise ValidationError(_("An AE title has 1 to 16 letters, digits or signs, no backslash."))


def read_networks(text: str) -> list[Network]:
    """Addresses and networks, one a line or divided by commas. Raises ValueError for anything else."""
    return [ipaddress.ip_network(word) for word in re.split(r"[\s,;]+", text.strip()) if word]


def validate_networks(text: str) -> None:
    try:
        found = read_networks(text)
    except ValueError as error:
        raise ValidationError(
            _("This is no address and no network: %(what)s. Write for example 192.0.2.17 or 192.0.2.0/24."),
            params={"what": str(error).split(" ")[0]},
        ) from error
    if not found:
        raise ValidationError(_("Name at least one address."))


def read_address(text: str) -> Address:
    """IPv4 as IPv4, also where a socket for both writes ::ffff:192.0.2.17. Raises ValueError."""
    found = ipaddress.ip_address(text.partition("%")[0])
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)
