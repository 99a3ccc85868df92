"""From an uploaded file's bytes to pixels that may be shown and classified."""

from ml.imaging.decoding import decode
from ml.imaging.facts import Fact
from ml.imaging.header import DicomHeader
from ml.imaging.identity import DicomIdentity
from ml.imaging.image import DecodedImage
from ml.imaging.limits import DEFAULT_LIMITS, Limits
from ml.imaging.names import PersonName
from ml.imaging.refusal import ImageRefused
from ml.imaging.rendering import render_png
from ml.imaging.role import Role
from ml.imaging.sniffing import sniff

__all__ = [
    "DEFAULT_LIMITS",
    "DecodedImage",
    "DicomHeader",
    "DicomIdentity",
    "Fact",
    "ImageRefused",
    "Limits",
    "PersonName",
    "Role",
    "decode",
    "render_png",
    "sniff",
]
