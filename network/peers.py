"""Who is calling, and may they?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from network.models import RemoteEntity
from network.models.addresses import Address, read_address, read_networks


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
    found = [entity for entity in known if entity.sends_from(call.address)]
    return found[0] if len(found) == 1 else Refused.CALLING


def may_still_send(entity: RemoteEntity, address: Address) -> bool:
    """Asked again for each instance: an association may be open for hours after somebody switched its entity off."""
    now = RemoteEntity.objects.active().filter(pk=entity.pk, clinic=entity.clinic_id, title=entity.title).first()
    return now is not None and now.sends_from(address)


class Known:
    """From where anybody at all may call, read once."""

    def __init__(self) -> None:
        texts = RemoteEntity.objects.active().values_list("networks", flat=True)
        self._networks = {network for text in texts for network in read_networks(text)}

    def includes(self, address: str) -> bool:
        found = read_address(address)
        return any(found.version == network.version and found in network for network in self._networks)
