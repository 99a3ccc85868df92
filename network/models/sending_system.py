from __future__ import annotations

from typing import Any, ClassVar, Self, TypeVar

from django.db import models, transaction

from accounts.models import User
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from network.models.addresses import Address, overlap, read_networks

S = TypeVar("S", bound="SendingSystem")


class SendingSystemQuerySet(ClinicalQuerySet[S]):
    def active(self) -> Self:
        return self.filter(is_active=True, clinic__is_active=True)


class SendingSystem(ClinicalModel):
    """A system outside that sends something to one clinic, known by the addresses from which it does.

    A subclass has the fields `clinic`, `is_active`, `networks` (addresses as `read_networks` takes them) and `account`:
    the user in whose name what it sends is kept. It can never sign in, and belongs to no clinic.
    """

    # Ends the address of each account; no mail ever goes there (RFC 2606).
    account_domain: ClassVar[str]
    networks: Any
    account: Any
    account_id: Any

    class Meta:
        abstract = True

    @property
    def account_name(self) -> str:
        """By which people see who has sent something."""
        return str(self)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """The account comes with the system, and is called like it."""
        name = self.account_name
        with transaction.atomic():
            if self._state.adding:
                address = f"{self.pk.hex}@{self.account_domain}"
                self.account = User.objects.create_user(address, None, full_name=name, is_active=False)
            else:
                User.objects.filter(pk=self.account_id).exclude(full_name=name).update(full_name=name)
            super().save(*args, **kwargs)

    def sends_from(self, address: Address) -> bool:
        return any(address.version == one.version and address in one for one in read_networks(self.networks))

    def shares_addresses(self, others: models.QuerySet[Self]) -> bool:
        """Whether another one of `others` sends from an address of this one; not where this one's cannot be read."""
        try:
            ours = read_networks(self.networks)
        except ValueError:
            return False  # said at the field
        theirs = (network for other in others.exclude(pk=self.pk) for network in read_networks(other.networks))
        return any(overlap(one, another) for another in theirs for one in ours)
