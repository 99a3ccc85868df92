"""Loads all that decoding may need, because a process that is shut in can open no file, not even a module.

What was forgotten here is noticed by `missed`.
"""

import codecs
import importlib
import sys
from contextlib import suppress

import gdcm  # noqa: F401
import openjpeg  # noqa: F401
import pydicom.pixels  # noqa: F401
from PIL import Image
from pydicom.charset import encode_string, python_encoding

# Imported by functions of pydicom, Pillow and numpy when they are first called.
_LATE = (
    "openjpeg.utils",
    "pydicom.filereader",
    "pydicom.filewriter",
    "pydicom.hooks",
    "pydicom.overlays",
    "pydicom.sequence",
    "pydicom.pixels.decoders.gdcm",
    "pydicom.pixels.decoders.pillow",
    "pydicom.pixels.decoders.pylibjpeg",
    "pydicom.pixels.decoders.rle",
    "PIL.ImageCms",
    "PIL.ImageOps",
    "PIL.PngImagePlugin",
    "PIL.JpegImagePlugin",
    "PIL.MpoImagePlugin",
    "PIL.TiffImagePlugin",
    "PIL.TiffTags",
    "numpy.lib.stride_tricks",
    "numpy.ma",
    "unicodedata",
    "zoneinfo",
    "_strptime",
    "traceback",
    "linecache",
    "warnings",
)
_CODECS = ("ascii", "latin-1", "utf-8", "utf-16", "utf-32", "idna", "unicode_escape", "surrogateescape", "cp1252")
_missed: list[str] = []


def preload() -> None:
    Image.init()
    for name in _LATE:
        with suppress(ImportError):  # of a version that has no such part
            importlib.import_module(name)
    for name in {*_CODECS, *(one for value in python_encoding.values() for one in _names(value))}:
        with suppress(LookupError):
            codecs.lookup(name)
    encode_string("x", ["ascii"])
    sys.addaudithook(_notice)


def missed() -> list[str]:
    """The modules that were asked for since; at most ten, for whoever writes `_LATE`."""
    return _missed[:10]


def _names(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _notice(event: str, arguments: tuple[object, ...]) -> None:
    if event == "import" and arguments[1] is None:
        _missed.append(str(arguments[0])[:60])
