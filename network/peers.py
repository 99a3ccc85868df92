"""Who is calling, and may they?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from network.models import RemoteEntity
from network.models.remote_entity import Address


class Refused(Enum):
    """Why an association is rejected: result, source and reason of PS3.8 9.3.4, and a word for log and audit trail."""

    CALLED = (0x01, 0x01, 0x07), "called AE title not recognised"
    CALLING = (0x01, 0x01, 0x03), "calling AE title not recognised at this address"
    UNAVAILABLE = (0x02, 0x03, 0x01), "temporary congestion"
    TOO_MANY = (0x02, 0x03, 0x02), "local limit exceeded"

    @property
    def reason(self) -> tuple[int, int, int]:
        return self.value[0]

    @property
    def words(self) -> str:
        return self.value[1]


@dataclass(frozen=True)
class Call:
    """What an association request says of itself, and where it comes from."""

    called: str
    calling: str
    address: Address


def find(call: Call, *, own_title: str) -> RemoteEntity | Refused:
    """The entity that calls, if one of this title may call from that address. Two would be a guess, and are refused."""
    if call.called != own_title:
        return Refused.CALLED
    known = RemoteEntity.objects.active().select_related("clinic", "account").filter(title=call.calling)
    found = [entity for entity in known if entity.calls_from(call.address)]
    return found[0] if len(found) == 1 else Refused.CALLING


def knows(address: Address) -> bool:
    """Whether anybody at all may call from there."""
    return any(entity.calls_from(address) for entity in RemoteEntity.objects.active())
