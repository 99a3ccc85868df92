"""What stands for a patient, a study or an image in an export without names.

A keyed hash (HMAC-SHA256, RFC 2104) of the purpose and our own key, which tells nothing of the person: the same in
every export for one purpose, and not to be joined with that of another purpose. Nothing of it is stored.
"""

from __future__ import annotations

import hmac

from django.conf import settings

from diagnosis.models import Scan
from ml.imaging.deidentification import Pseudonym

# 64 bits: among a million, two are alike with a chance of 1 in 36 million.
DIGITS = 16


def stand_in(purpose: str, kind: str, key: object) -> str:
    """Such as `P-0123456789ABCDEF`; `kind` is one letter."""
    return f"{kind}-{_secret(purpose, kind, key)[:DIGITS].upper()}"


def pseudonym_of(image: Scan, purpose: str) -> Pseudonym:
    """What a decoder may know: a secret of this patient and purpose, of which the key of the site cannot be told."""
    seed = _secret(purpose, "seed", image.patient_id)
    places = {
        "StudyInstanceUID": str(image.study_id),
        "SeriesInstanceUID": str(image.series_id),
        "SOPInstanceUID": str(image.pk),
    }
    return Pseudonym(stand_in(purpose, "P", image.patient_id), seed, places)


def _secret(purpose: str, kind: str, key: object) -> str:
    content = "\0".join((purpose, kind, str(key)))
    return hmac.digest(settings.PSEUDONYM_KEY.encode(), content.encode(), "sha256").hex()
