"""Our side of C-STORE and C-ECHO with a destination: one association, and every answer looked at."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import pydicom
from django.conf import settings
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.status import code_to_category

from delivery.dicom.objects import Built
from delivery.models import Destination
from delivery.senders import Refused, TryAgain, Unreachable

VERIFICATION = "1.2.840.10008.1.1"
# What goes out: Comprehensive SR, Enhanced SR, secondary capture, encapsulated PDF, key object selection.
STORAGE = (
    "1.2.840.10008.5.1.4.1.1.88.33",
    "1.2.840.10008.5.1.4.1.1.88.22",
    "1.2.840.10008.5.1.4.1.1.7",
    "1.2.840.10008.5.1.4.1.1.104.1",
    "1.2.840.10008.5.1.4.1.1.88.59",
)
TRANSFER_SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
# PS3.4 B.2.3: out of resources. Everything else that fails will fail again.
BUSY = range(0xA700, 0xA800)


def store(destination: Destination, objects: list[Built]) -> str:
    """Give all of `objects` to the destination. Returns its answer; raises Refused, TryAgain or Unreachable."""
    warned = []
    with _association(destination, sorted({one.sop_class for one in objects})) as link:
        _require_all(link, {one.sop_class for one in objects})
        for one in objects:
            status = _send(link, one)
            warned += [f"0x{status:04X}"] if status else []
    return f"{len(objects)} objects stored" + (f" (warnings: {', '.join(warned)})" if warned else "")


def echo(destination: Destination) -> str:
    """Ask whether anybody answers there by that name. Returns the answer; raises Refused or Unreachable."""
    with _association(destination, [VERIFICATION]) as link:
        answer = link.send_c_echo()
        if "Status" not in answer:
            raise Unreachable("No answer to C-ECHO.")
        if answer.Status:
            raise Refused(f"C-ECHO was answered with 0x{answer.Status:04X}.")
    return "C-ECHO was answered."


@contextmanager
def _association(destination: Destination, classes: list[str]) -> Iterator[Association]:
    if not (destination.calling_title and destination.called_title and destination.port):
        raise Refused("The destination has no AE titles or no port.")
    ae = AE(destination.calling_title)
    seconds = settings.DELIVERY_TIMEOUT_SECONDS
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = seconds
    for one in classes:
        ae.add_requested_context(one, TRANSFER_SYNTAXES)
    try:
        link = ae.associate(
            destination.host, destination.port, ae_title=destination.called_title, tls_args=_tls(destination)
        )
    except OSError as error:
        raise Unreachable(type(error).__name__) from error
    if not link.is_established:
        raise Unreachable(_why_not(link))
    try:
        yield link
    finally:
        if link.is_established:
            link.release()


def _tls(destination: Destination) -> tuple[ssl.SSLContext, str] | None:
    """Their certificate must be of an authority that this machine or DELIVERY_TLS_CA knows."""
    if not destination.tls:
        return None
    context = ssl.create_default_context(cafile=settings.DELIVERY_TLS_CA or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.DICOM_TLS_CERTIFICATE:
        context.load_cert_chain(settings.DICOM_TLS_CERTIFICATE, settings.DICOM_TLS_KEY or None)
    return context, destination.host


def _why_not(link: Association) -> str:
    if link.is_rejected and (answer := link.acceptor.primitive):
        return f"The association was rejected: {answer.reason_str}."
    if link.is_aborted and link.acceptor.primitive:
        return "The receiver accepts none of the kinds of objects, or ended the association."
    return "Nobody answers there."


def _require_all(link: Association, classes: set[str]) -> None:
    """Raise Refused before anything is sent: pictures without the report that they belong to would mislead."""
    for one in sorted(classes - {str(context.abstract_syntax) for context in link.accepted_contexts}):
        raise Refused(f"The receiver does not accept {pydicom.uid.UID(one).name}.")


def _send(link: Association, one: Built) -> int:
    """The status where it is a warning, else 0."""
    answer = link.send_c_store(pydicom.dcmread(BytesIO(one.data)))
    if "Status" not in answer:
        raise Unreachable("The receiver ended the association in the middle.")
    if code_to_category(answer.Status) == "Success":
        return 0
    if code_to_category(answer.Status) == "Warning":
        return int(answer.Status)
    said, words = f"C-STORE was answered with 0x{answer.Status:04X}.", str(answer.get("ErrorComment", ""))
    raise TryAgain(said, words=words) if answer.Status in BUSY else Refused(said, words=words)
