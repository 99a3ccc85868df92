"""What a program does with the portal, one method for each."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from client import multipart
from client.answers import ENDED, Analysis, Patient, Report, Study, Uploaded
from client.transport import PortalError, Transport

ROOT = "/api/v1"


class Portal:
    """`base`: the portal's address, with its path where it has one: https://portal.example.org. A token acts in one
    clinic.
    """

    def __init__(self, base: str, token: str, *, tries: int = 5, timeout: float = 60.0) -> None:
        self.transport = Transport(base, token, tries=tries, timeout=timeout)

    def patient(self, medical_record_number: str) -> Patient:
        """Raises PortalError where no record in use has exactly that number."""
        found = list(self._pages("/patients/", medical_record_number=medical_record_number))
        if not found:
            raise PortalError("No patient of the clinic has this record number.")
        return cast(Patient, found[0])

    def upload(
        self, path: Path, *, patient: str, modality: str = "", urgent: bool = False, key: str | None = None
    ) -> Uploaded:
        """Send one file for the patient with the key `patient`; the same bytes again are a duplicate, and no error.

        `modality`, cxr or ct, may be left out for DICOM. `key` names the upload: whoever sends it again with the same
        one, after a crash for example, gets the same answer.
        """
        fields = {"patient": patient, "urgent": "true" if urgent else "false"}
        fields |= {"modality": modality} if modality else {}
        answer = self.transport.request(
            "POST", f"{ROOT}/scans/", multipart.form(fields, path), Idempotency_Key=key or str(uuid.uuid4())
        )
        return cast(Uploaded, answer.json())

    def wait(self, study: str, *, longest: float = 600.0) -> Study:
        """The study with this key once its newest analysis has ended. Raises TimeoutError after `longest` seconds."""
        until = time.monotonic() + longest
        while True:
            found = self.study(study)
            pending = found["analysis"]
            if pending is None or self._has_ended(pending["links"]["self"], until):
                return self.study(study)
            if time.monotonic() > until:
                raise TimeoutError(f"The analysis has not ended after {longest:.0f} seconds.")

    def _has_ended(self, address: str, until: float) -> bool:
        """Asks until it has; whatever has not changed is not sent again."""
        known: dict[str, str] = {}
        while True:
            answer = self.transport.request("GET", address, None, **known)
            if answer.status == 200:
                known = {"If_None_Match": answer.headers.get("etag", "")}
                if cast(Analysis, answer.json())["status"] in ENDED:
                    return True
            if time.monotonic() > until:
                return False
            self.transport.sleep(answer.retry_after or 1.0)

    def study(self, pk: str) -> Study:
        return cast(Study, self._get(f"/studies/{pk}/"))

    def studies(self, **asked: str) -> Iterator[Study]:
        """Newest first, page by page: patient, modality, study_instance_uid and accession_number narrow it."""
        return cast("Iterator[Study]", self._pages("/studies/", **asked))

    def analysis(self, pk: str) -> Analysis:
        return cast(Analysis, self._get(f"/analyses/{pk}/"))

    def report(self, pk: str) -> Report:
        return cast(Report, self._get(f"/reports/{pk}/"))

    def reports(self, **asked: str) -> Iterator[Report]:
        return cast("Iterator[Report]", self._pages("/reports/", **asked))

    def report_pdf(self, pk: str) -> bytes:
        return self.transport.request("GET", f"{ROOT}/reports/{pk}/report.pdf", None, Accept="*/*").content

    def _get(self, path: str) -> Any:
        return self.transport.request("GET", ROOT + path).json()

    def _pages(self, path: str, **asked: str) -> Iterator[Any]:
        address: str | None = f"{ROOT}{path}" + (f"?{urlencode(asked)}" if asked else "")
        while address:
            page = self.transport.request("GET", address).json()
            yield from page["results"]
            address = page["next"]
