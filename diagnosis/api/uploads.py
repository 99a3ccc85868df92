"""Reads an uploaded file out of a request: multipart, or base64 in JSON; never more than is accepted."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_noop
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request

from diagnosis.errors import Refusal
from diagnosis.scans import archives, intake

# What stands around the file in a body: boundaries, headers, the other fields.
ENVELOPE_BYTES = 64 * 1024
DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)


class BadEncoding(Refusal):
    """The text is not base64."""


class EncodedFileParser(BaseParser):
    """JSON with a file in it. A request gives REST framework's own parser no more than a form may bring."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises ParseError. `refuse_oversized` has seen to the length."""
        return JSONParser().parse(stream, media_type, parser_context)


def refuse_oversized(request: Request, *, encoded: bool | None = None) -> None:
    """Raise FileTooLarge by the stated length alone, before a byte of the body is read.

    The length cannot lie: the server reads no further than it says. `encoded`: whether the file comes as base64, where
    the type of the body does not tell.
    """
    stated = int(request.META.get("CONTENT_LENGTH") or 0)
    if encoded is None:
        encoded = (request.content_type or "").startswith("application/json")
    largest = settings.UPLOAD_MAX_BYTES * 4 // 3 if encoded else settings.UPLOAD_MAX_BYTES
    if stated > largest + ENVELOPE_BYTES:
        intake.check_size(stated)


def refuse_oversized_archive(request: Request) -> None:
    """Raise ArchiveTooLarge by the stated length alone, before a byte of the body is read."""
    stated = int(request.META.get("CONTENT_LENGTH") or 0)
    archives.require_size(max(0, stated - ENVELOPE_BYTES))


def read_file(file: UploadedFile[bytes]) -> bytes:
    intake.check_size(file.size or 0)
    data: bytes = file.read()
    return data


def decode_base64(text: str) -> bytes:
    """The bytes of plain base64 or of a data: URL. Its media type is not believed; the content decides."""
    prefix = DATA_URL.match(text)
    encoded = "".join(text[prefix.end() if prefix else 0 :].split())
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadEncoding(
            "not_base64",
            gettext_noop(
                "The image is not valid base64. Encode the whole file in base64 and send it alone or as a data: URL."
            ),
        ) from error
    intake.check_size(len(data))
    return data
