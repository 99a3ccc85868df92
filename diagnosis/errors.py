"""The errors that people may read. Anything else is "unexpected" on screen and a traceback in the log."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from diagnosis import messages
from ml.messages import Params

if TYPE_CHECKING:
    from uuid import UUID

    from diagnosis.models import Deletion, Patient, Scan


class Refusal(Exception):
    """Something was refused. `sentence` says what happened and what to do; `code` is for programs.

    `message` is marked for translation and may have named places, which `params` fill. `retryable` says whether the
    same request may succeed later without a change.
    """

    http_status = 400
    retryable = False

    def __init__(self, code: str, message: str | Promise, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.params = params

    @property
    def sentence(self) -> str:
        """In the language that is active now."""
        text = gettext(self.message) if isinstance(self.message, str) else str(self.message)
        return text % self.params if self.params else text

    def __str__(self) -> str:
        return self.sentence

    @property
    def details(self) -> dict[str, Any]:
        """More for the machine-readable answer."""
        return {}


class StoredRefusal(Refusal):
    """One whose sentence stands in `diagnosis.messages`, so that code and parameters say it again later."""

    def __init__(self, code: str, params: Params | None = None) -> None:
        # ml.imaging writes kebab-case; programs see one spelling.
        self.stored = messages.Message(code.replace("-", "_"), params or {})
        super().__init__(self.stored.code, "")

    @property
    def sentence(self) -> str:
        return str(self.stored)


class FileRefused(StoredRefusal):
    """The file is not one that can be shown and classified."""

    http_status = 422


class FileTooLarge(FileRefused):
    """The file has more bytes than are accepted."""

    http_status = 413


class StoredFileUnreadable(Refusal):
    """A file that was kept cannot be read any more."""

    http_status = 500


class IntakeUnavailable(Refusal):
    """The server cannot look into files at the moment; the file itself is not to blame."""

    http_status = 503
    retryable = True


class DiskFull(Refusal):
    """There is no room to keep what was sent; nothing of it was kept."""

    http_status = 507
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "disk_full",
            _("The server's disk is full, so nothing was stored. Tell your administrator, and upload again later."),
        )


class ModalityNeeded(Refusal):
    """The file does not say of which modality it is, and neither did the person."""

    http_status = 422


class NotAllowedNow(Refusal):
    """The thing is in a state that forbids the action."""

    http_status = 409


class Deleted(Http404):
    """What the address names was deleted for good. Told to those who could see it; to others it was never there."""

    def __init__(self, deletion: Deletion) -> None:
        super().__init__("deleted")
        self.deletion = deletion

    @property
    def sentence(self) -> str:
        made = self.deletion
        assert made.confirmed_at  # only then it was deleted
        return gettext("This study was deleted on %(day)s by %(confirmed_by)s, at the request of %(requested_by)s.") % {
            "day": date_format(localtime(made.confirmed_at), "DATE_FORMAT"),
            "confirmed_by": made.confirmed_by,
            "requested_by": made.requested_by,
        }


class TooManyTries(Refusal):
    """Something was tried too often in too short a time."""

    http_status = 429
    retryable = True


class IdentityMismatch(Refusal):
    """The file names another person than the record; a person must confirm before it is attached."""

    http_status = 409

    def __init__(self, differences: list[Difference]) -> None:
        super().__init__(
            "identity_mismatch",
            _(
                "The file and the patient's record disagree (%(fields)s). "
                "Compare them, then attach or choose another patient."
            ),
            fields=", ".join(str(difference.label) for difference in differences),
        )
        self.differences = differences

    @property
    def comparison(self) -> str:
        """SHA-256 of the differences, as hexadecimal digits: the same for every file that differs in the same way.

        Whoever brings it back has compared exactly these.
        """
        compared = [[one.field, one.in_file, one.in_record] for one in self.differences]
        return hashlib.sha256(json.dumps(compared).encode()).hexdigest()

    @property
    def details(self) -> dict[str, Any]:
        return {
            "differences": [difference.as_json() for difference in self.differences],
            "comparison": self.comparison,
        }


class Difference:
    """One field in which a file's header and the record disagree; both as text. `field` is a key of LABELS."""

    LABELS: ClassVar[dict[str, Promise]] = {
        "name": _("name"),
        "record number": _("record number"),
        "birth date": _("birth date"),
        "image": _("image's identifier"),
    }

    def __init__(self, field: str, in_file: str, in_record: str) -> None:
        self.field = field
        self.in_file = in_file
        self.in_record = in_record

    @property
    def label(self) -> Promise:
        return self.LABELS[self.field]

    @property
    def stored(self) -> messages.Message:
        """For the scan, where a person has compared the two and attached the file all the same."""
        params = {"variant": self.field.replace(" ", "_"), "in_file": self.in_file}
        # The record of the other image may be another patient's, and may be closed one day: its name is not kept here.
        return messages.Message(
            "identity_differs", params if self.field == "image" else params | {"in_record": self.in_record}
        )

    def as_json(self) -> dict[str, str]:
        return {
            "field": self.field,
            "label": str(self.label),
            "in_file": self.in_file,
            "in_record": self.in_record,
        }


CONFIDENTIAL = gettext_noop(
    "This record is confidential, and you are not among the people named for it. Ask one of them or your clinic’s "
    "administrator, or open it on its page if it is an emergency."
)


class ConfidentialRecord(PermissionDenied):
    """There is a record under this key in the person's clinic, and it is closed to them. Names nobody."""

    def __init__(self, patient: UUID) -> None:
        super().__init__(gettext(CONFIDENTIAL))
        self.patient = patient


IN_CONFIDENTIAL = gettext_noop(
    "This very file already belongs to a confidential record that is not open to you. Check that you chose the right "
    "patient; if you did, tell your clinic’s administrator."
)


class AttachedElsewhere(Refusal):
    """The same bytes already belong to another patient of this clinic; which one is not said where it is `hidden`."""

    http_status = 409

    def __init__(self, scan: Scan, *, hidden: bool = False) -> None:
        if hidden:
            super().__init__("attached_elsewhere", IN_CONFIDENTIAL)
        else:
            super().__init__(
                "attached_elsewhere",
                _("This very file already belongs to %(patient)s. Open that scan and check which patient it shows."),
                patient=scan.patient,
            )
        self.scan = scan
        self.hidden = hidden

    @property
    def details(self) -> dict[str, Any]:
        return {} if self.hidden else {"scan": str(self.scan.pk)}


ALIKE = gettext_noop("This person may be registered already, so nothing was saved. Compare the records first.")


class PossibleDuplicates(Refusal):
    """The person may be registered already; somebody must compare the records before there is another one."""

    http_status = 409

    def __init__(self, patients: list[Patient]) -> None:
        super().__init__("possible_duplicates", ALIKE)
        self.patients = patients

    @property
    def details(self) -> dict[str, Any]:
        return {"possible_duplicates": [_identity(patient) for patient in self.patients]}


def _identity(patient: Patient) -> dict[str, str | None]:
    """As the API writes a patient."""
    return {
        "id": str(patient.pk),
        "medical_record_number": patient.medical_record_number,
        "family_name": patient.family_name,
        "given_name": patient.given_name,
        "birth_date": patient.birth_date.isoformat() if patient.birth_date else None,
        "sex": patient.sex,
    }


class AnalysisFailed(StoredRefusal):
    """An analysis could not be finished, for a reason that a person can read."""

    def __init__(self, code: str, params: Params | None = None, *, retryable: bool) -> None:
        super().__init__(code, params)
        self.retryable = retryable
