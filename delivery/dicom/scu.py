"""Our side of C-STORE and C-ECHO with a destination: one association, and every answer looked at."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import pydicom
from django.conf import settings
from django.utils.translation import gettext_noop
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.status import code_to_category

from delivery.dicom.objects import Built
from delivery.models import Destination
from delivery.senders import Refused, TryAgain, Unreachable
from network import encryption

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


STORED = gettext_noop("Every object was stored.")
WITH_WARNINGS = gettext_noop("Every object was stored, some with a warning.")
SOME_REFUSED = gettext_noop("Some objects were refused.")
BUSY_NOW = gettext_noop("The receiver has no room for it at the moment.")
CUT_OFF = gettext_noop("The receiver ended the association in the middle.")


@dataclass(frozen=True)
class Answer:
    """What a receiver said to one object; `words` are its own, and `status` is None where it said nothing."""

    object: Built
    status: int | None
    words: str = ""

    @property
    def category(self) -> str:
        return "" if self.status is None else code_to_category(self.status)

    @property
    def is_taken(self) -> bool:
        return self.category in ("Success", "Warning")

    @property
    def ends_the_try(self) -> bool:
        """Whether the next object would fare no better now."""
        return self.status is None or self.status in BUSY

    def __str__(self) -> str:
        """For the log of the delivery, which is kept for good: a code and identifiers of ours."""
        said = "–" if self.status is None else f"0x{self.status:04X}"
        return f"{said} {pydicom.uid.UID(self.object.sop_class).name} {self.object.sop_instance}"


def store(
    destination: Destination,
    objects: list[Built],
    *,
    before: Callable[[], None],
    taken: Callable[[Answer], None],
) -> str:
    """Give `objects` to the destination, the next one also where one is refused.

    `before` is called when the receiver is there and has got nothing yet, `taken` after each object that it took; what
    they raise ends the try. Returns the receiver's answers; raises Refused, TryAgain or Unreachable with them.
    """
    answers: list[Answer] = []
    with _association(destination, sorted({one.sop_class for one in objects})) as link:
        _require_all(link, {one.sop_class for one in objects})
        before()
        for one in objects:
            answer = _send(link, one)
            answers.append(answer)
            if answer.is_taken:
                taken(answer)
            if answer.ends_the_try:
                break
    return _told(answers)


def _told(answers: list[Answer]) -> str:
    """A sentence, and below it a line for each object about which there is something to say."""
    failed = [one for one in answers if not one.is_taken]
    if not failed:
        warned = [str(one) for one in answers if one.status]
        return "\n".join([WITH_WARNINGS, *warned]) if warned else STORED
    lines = [str(one) for one in answers]
    words = " ".join(filter(None, (one.words for one in failed)))
    if answers[-1].status is None:
        raise Unreachable("\n".join([CUT_OFF, *lines]), words=words)
    if answers[-1].ends_the_try:
        raise TryAgain("\n".join([BUSY_NOW, *lines]), words=words)
    raise Refused("\n".join([SOME_REFUSED, *lines]), words=words)


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
        raise Refused(gettext_noop("The destination has no AE titles or no port."))
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
    if not destination.tls:
        return None
    return encryption.context(), destination.host


def _why_not(link: Association) -> str:
    if link.is_rejected and (answer := link.acceptor.primitive):
        return f"The association was rejected: {answer.reason_str}."
    if link.is_aborted and link.acceptor.primitive:
        return gettext_noop("The receiver accepts none of the kinds of objects, or ended the association.")
    return gettext_noop("Nobody answers there.")


def _require_all(link: Association, classes: set[str]) -> None:
    """Raise Refused before anything is sent: pictures without the report that they belong to would mislead."""
    for one in sorted(classes - {str(context.abstract_syntax) for context in link.accepted_contexts}):
        raise Refused(f"The receiver does not accept {pydicom.uid.UID(one).name}.")


def _send(link: Association, one: Built) -> Answer:
    if not link.is_established:
        return Answer(one, None)
    said = link.send_c_store(pydicom.dcmread(BytesIO(one.data)))
    if "Status" not in said:
        return Answer(one, None)
    return Answer(one, int(said.Status), str(said.get("ErrorComment", "")))
