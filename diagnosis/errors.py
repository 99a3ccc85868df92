"""The errors that people may read. Anything else is "unexpected" on screen and a traceback in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diagnosis.models import Scan


class Refusal(Exception):
    """Something was refused. `sentence` says what happened and what to do; `code` is for programs.

    `retryable` says whether the same request may succeed later without a change.
    """

    http_status = 400
    retryable = False

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        # ml.imaging writes kebab-case; programs see one spelling.
        self.code = code.replace("-", "_")
        self.sentence = sentence

    @property
    def details(self) -> dict[str, Any]:
        """More for the machine-readable answer."""
        return {}


class FileRefused(Refusal):
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


class ModalityNeeded(Refusal):
    """The file does not say whether it is an X-ray or a CT slice, and neither did the person."""

    http_status = 422


class NotAllowedNow(Refusal):
    """The thing is in a state that forbids the action."""

    http_status = 409


class TooManyTries(Refusal):
    """Something was tried too often in too short a time."""

    http_status = 429
    retryable = True


class IdentityMismatch(Refusal):
    """The file names another person than the record; a person must confirm before it is attached."""

    http_status = 409

    def __init__(self, differences: list[Difference]) -> None:
        fields = ", ".join(difference.field for difference in differences)
        super().__init__(
            "identity_mismatch",
            f"The file and the patient's record disagree on the {fields}. "
            "Compare them, then attach or choose another patient.",
        )
        self.differences = differences

    @property
    def details(self) -> dict[str, Any]:
        return {"differences": [vars(difference) for difference in self.differences]}


class Difference:
    """One field in which a file's header and the record disagree; both as text."""

    def __init__(self, field: str, in_file: str, in_record: str) -> None:
        self.field = field
        self.in_file = in_file
        self.in_record = in_record


class AttachedElsewhere(Refusal):
    """The same bytes already belong to another patient of this clinic."""

    http_status = 409

    def __init__(self, scan: Scan) -> None:
        super().__init__(
            "attached_elsewhere",
            f"This very file already belongs to {scan.patient}. Open that scan and check which patient it shows.",
        )
        self.scan = scan

    @property
    def details(self) -> dict[str, Any]:
        return {"scan": str(self.scan.pk)}


class AnalysisFailed(Refusal):
    """An analysis could not be finished, for a reason that a person can read."""

    def __init__(self, code: str, sentence: str, *, retryable: bool) -> None:
        super().__init__(code, sentence)
        self.retryable = retryable
