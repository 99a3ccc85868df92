"""Which of the formats that a client accepts an answer has (PS3.18 8.7); 406 where it has none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message

from pydicom import uid
from rest_framework.exceptions import NotAcceptable
from rest_framework.request import Request

RELATED = "multipart/related"
DICOM = "application/dicom"
BYTES = "application/octet-stream"
JSON_TYPES = ("application/dicom+json", "application/json")
PICTURES = ("image/jpeg", "image/png")
ANY = "*"
# What a client gets that names no transfer syntax: bytes that it can read without a decoder.
NATIVE: frozenset[str] = frozenset(
    {uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, ""}
)
# PS3.18 table 8.7.3-5, of the transfer syntaxes that are taken in.
ENCODED: dict[str, str] = {
    **dict.fromkeys((uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit), "image/jpeg"),
    **dict.fromkeys((uid.JPEGLossless, uid.JPEGLosslessSV1), "image/jpeg"),
    **dict.fromkeys((uid.JPEGLSLossless, uid.JPEGLSNearLossless), "image/jls"),
    **dict.fromkeys((uid.JPEG2000Lossless, uid.JPEG2000), "image/jp2"),
    uid.RLELossless: "image/dicom-rle",
}


@dataclass(frozen=True)
class MediaRange:
    """One of the things that a client accepts; `params` without the quality."""

    name: str
    params: Mapping[str, str]
    quality: float

    @property
    def syntax(self) -> str:
        return self.params.get("transfer-syntax", "")

    @property
    def part(self) -> str:
        """What the parts of a multipart may be."""
        return self.params.get("type", "*/*") if self.name in (RELATED, "multipart/*") else ""

    def matches(self, name: str) -> bool:
        return _fits(self.name, name)


def ranges(request: Request) -> list[MediaRange]:
    """The best ones first. The parameter `accept` of the address takes the header's place (8.3.3.1)."""
    stated = request.query_params.get("accept") or request.headers.get("Accept") or "*/*"
    found = [_read(text) for text in _divided(stated)]
    return sorted((one for one in found if one.quality > 0), key=lambda one: -one.quality)


def json_type(request: Request) -> str:
    return _first(request, JSON_TYPES)


def picture_type(request: Request) -> str:
    return _first(request, PICTURES)


def takes_instances(request: Request) -> Sequence[MediaRange]:
    """The ranges under which whole instances may be sent, in parts. Raises NotAcceptable where there is none."""
    found = [one for one in ranges(request) if one.name == "*/*" or _fits(one.part, DICOM)]
    if not found:
        raise NotAcceptable
    return found


def takes_syntax(found: Sequence[MediaRange], syntax: str) -> bool:
    """Whether an instance that is stored so may be sent as it is."""
    return any(one.name == "*/*" or _admits(one, syntax) for one in found)


def frame_type(request: Request, syntax: str) -> str:
    """The type of a part with a frame that is stored so. Raises NotAcceptable."""
    for one in ranges(request):
        if one.name == "*/*":
            return ENCODED.get(syntax, BYTES)
        if _fits(one.part, BYTES) and _admits(one, syntax):
            return ENCODED.get(syntax, BYTES) if one.part.startswith("*") else BYTES
        encoded = ENCODED.get(syntax, "")
        # An image's type names its default transfer syntax, but a client that can read one can read its relatives.
        if encoded and _fits(one.part, encoded) and one.syntax in ("", ANY, syntax):
            return encoded
    raise NotAcceptable


def _admits(one: MediaRange, syntax: str) -> bool:
    if not one.syntax:
        return syntax in NATIVE
    return one.syntax in (ANY, syntax)


def _first(request: Request, names: Sequence[str]) -> str:
    for one in ranges(request):
        for name in names:
            if one.matches(name):
                return name
    raise NotAcceptable


def _fits(pattern: str, name: str) -> bool:
    kind = name.partition("/")[0]
    return pattern in ("*/*", f"{kind}/*", name)


def _divided(stated: str) -> list[str]:
    """At the commas that stand in no quotation marks."""
    parts, quoted = [""], False
    for letter in stated[:4000]:
        quoted ^= letter == '"'
        if letter == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _read(text: str) -> MediaRange:
    message = Message()
    message["Content-Type"] = text.replace("\r", " ").replace("\n", " ")
    name, *params = message.get_params(failobj=[("*/*", "")])
    told = {key.lower(): value for key, value in params if isinstance(value, str)}
    return MediaRange(name[0].lower(), told, _quality(told.pop("q", "1")))


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 1.0
