"""What holds for every system outside that sends something: its account, and the addresses from which it sends."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Clinic
from network.models import RemoteEntity
from network.models.addresses import read_address
from network.models.sending_system import SendingSystem
from orders.models import OrderSource

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[(RemoteEntity, "title"), (OrderSource, "name")], ids=lambda one: one[0].__name__)
def kind(request: pytest.FixtureRequest) -> tuple[type[Any], str]:
    return request.param


def new(kind: tuple[type[Any], str], clinic: Clinic, name: str, networks: str) -> Any:
    model, field = kind
    return model(clinic=clinic, networks=networks, **{field: name})


def test_its_account_is_called_like_it_and_never_signs_in(kind: tuple[type[Any], str], clinic: Clinic) -> None:
    system = new(kind, clinic, "RIS", "192.0.2.17")
    system.save()
    account = system.account
    assert (account.full_name, account.is_active, account.has_usable_password()) == (system.account_name, False, False)
    assert account.email == f"{system.pk.hex}@{system.account_domain}"
    setattr(system, kind[1], "PACS")
    system.save()
    assert kind[0].objects.get().account == account
    account.refresh_from_db()
    assert account.full_name == system.account_name
    assert account.full_name.startswith("PACS")


def test_it_sends_from_its_addresses_alone(kind: tuple[type[Any], str], clinic: Clinic) -> None:
    system: SendingSystem = new(kind, clinic, "RIS", "192.0.2.0/24, 2001:db8::/64")
    for address, expected in {
        "192.0.2.17": True,
        "::ffff:192.0.2.17": True,
        "2001:db8::1": True,
        "198.51.100.1": False,
        "2001:db8:1::1": False,
    }.items():
        assert system.sends_from(read_address(address)) == expected, address


def test_no_address_is_two_systems(kind: tuple[type[Any], str], clinic: Clinic, other_clinic: Clinic) -> None:
    one = new(kind, clinic, "RIS", "192.0.2.0/24, 2001:db8::/64")
    one.save()
    one.full_clean(exclude=["account"])  # its own are not another's
    other = new(kind, other_clinic, "RIS", "198.51.100.4, 192.0.2.128/25")
    with pytest.raises(ValidationError, match="from these addresses"):
        other.full_clean(exclude=["account"])
    other.networks = "198.51.100.4"
    other.full_clean(exclude=["account"])
    other.networks = "somewhere"
    with pytest.raises(ValidationError, match="no address"):
        other.full_clean(exclude=["account"])


def test_one_that_is_off_or_whose_clinic_is_closed_is_not_active(kind: tuple[type[Any], str], clinic: Clinic) -> None:
    system = new(kind, clinic, "RIS", "192.0.2.17")
    system.save()
    found = kind[0].objects.active()
    assert list(found.all()) == [system]
    kind[0].objects.update(is_active=False)
    assert not found.all()
    kind[0].objects.update(is_active=True)
    Clinic.objects.update(is_active=False)
    assert not found.all()
