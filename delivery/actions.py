"""What people do with destinations and with what waits for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, User
from accounts.permissions import Permission, require
from audit.notes import note_detail, note_event
from audit.vocabulary import Action, Event
from delivery import outbox
from delivery.models import Delivery, Destination, Kind
from delivery.senders import Refused, TryAgain
from diagnosis.errors import NotAllowedNow

if TYPE_CHECKING:
    from delivery.forms import DestinationForm


def keep_destination(*, by: User, clinic: Clinic, form: DestinationForm) -> Destination:
    """Save what a valid form says. Receivers of the table tell the audit trail."""
    require(by, Permission.MANAGE_DELIVERY, clinic)
    form.instance.clinic = clinic
    return form.save()


def test_destination(*, by: User, destination: Destination) -> str:
    """C-ECHO. Returns the answer; raises NotAllowedNow with it where it was none."""
    require(by, Permission.MANAGE_DELIVERY, destination.clinic)
    if destination.kind != Kind.DICOM:
        raise NotAllowedNow("no_echo", _("Only a DICOM destination answers to C-ECHO."))
    from delivery.dicom import scu  # noqa: PLC0415  what nothing else in a web process needs

    try:
        return scu.echo(destination)
    except (Refused, TryAgain, OSError) as error:
        raise NotAllowedNow("no_answer", str(error)) from error


def send_again(*, by: User, delivery: Delivery) -> None:
    """Raises NotAllowedNow where it is being sent, or somebody was faster."""
    _may(by, delivery)
    outbox.send_again(delivery)
    note_event(Event.EXPORT, Action.EXECUTE)


def cancel(*, by: User, delivery: Delivery) -> None:
    """Raises NotAllowedNow where it does not wait any more."""
    _may(by, delivery)
    outbox.cancel(delivery)
    note_event(Event.EXPORT, Action.DELETE)


def _may(by: User, delivery: Delivery) -> None:
    require(by, Permission.MANAGE_DELIVERY, delivery.destination.clinic)
    note_detail(destination=str(delivery.destination_id), content=delivery.content)
