"""What leaves is told to the audit trail before it does, and whereto."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from django.db import Error
from django.utils.translation import gettext_noop

from audit.record import record_before
from audit.vocabulary import Action, Event
from delivery.models import Delivery, Destination, Kind
from delivery.senders import TryAgain
from diagnosis.models import Study

log = logging.getLogger(__name__)
UNAUDITED = gettext_noop("The audit trail could not be written, so nothing was sent.")


def record_departure(delivery: Delivery, study: Study, *, encrypted: bool) -> None:
    """One entry before each try at which something of a patient leaves: each sender calls this once it has the
    receiver, and before the first byte. Raises TryAgain where it cannot be stored: then nothing may be sent.

    How the try ended stands in the log of the delivery, which can only be added to.
    """
    told = {
        "to": str(delivery.destination_id),
        "address": _receiver(delivery.destination),
        "tls": "yes" if encrypted else "no",
        "content": delivery.content,
        "delivery": str(delivery.pk),
    }
    try:
        record_before(
            Event.EXPORT,
            Action.EXECUTE,
            route=f"delivery {delivery.destination.kind}",
            object_type="diagnosis.study",
            object_id=str(study.pk),
            patient=study.patient_id,
            detail=told,
        )
    except Error as error:
        log.exception("delivery %s could not be told to the audit trail", delivery.pk)
        raise TryAgain(UNAUDITED) from error


def _receiver(destination: Destination) -> str:
    """With the AE title by which it is called, where it has one."""
    title = f"{destination.called_title}@" if destination.kind == Kind.DICOM else ""
    return f"{title}{address_of(destination)}"


def address_of(destination: Destination) -> str:
    """Of a webhook without path and query, in which many receivers carry a secret: the trail is never erased."""
    if not destination.url:
        return f"{destination.host}:{destination.port}"
    parts = urlsplit(destination.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
