"""The list in NOTICE: each package in the container images, with the licence that its own metadata states."""

import re
from importlib import metadata

from packaging.markers import Marker

from tools.generated import ROOT, Part

LOCKS = ("web", "worker")
# What docker/Dockerfile builds on.
IMAGE = {"sys_platform": "linux", "python_version": "3.11", "python_full_version": "3.11.9", "platform_system": "Linux"}

# What the licence file in a package says, where its metadata does not.
READ = {"pyrage": "MIT"}


class LicenceMissing(Exception):
    """A package that the images ship states no licence, or is not installed here; the message names it."""


def shipped() -> list[str]:
    """Names of the packages in the images, in order."""
    return sorted({name for lock in LOCKS for name in _pinned((ROOT / f"requirements/{lock}.txt").read_text())})


def _pinned(lock: str) -> list[str]:
    pins = re.findall(r"^([a-z0-9._-]+)==\S+(?: ; ([^\\\n]+))?", lock, re.MULTILINE)
    return [name for name, marker in pins if not marker or Marker(marker).evaluate(IMAGE)]


def licence(name: str) -> str:
    """The licence of an installed package: its SPDX expression, else its classifiers, else its free text.

    Raises LicenceMissing.
    """
    try:
        stated = metadata.metadata(name)
    except metadata.PackageNotFoundError as missing:
        raise LicenceMissing(f"{name} is in the container images but not installed here: run make check.") from missing
    found = _field(stated, "License-Expression") or _classified(stated) or _field(stated, "License").split("\n")[0]
    found = found or READ.get(name, "")
    if not found:
        raise LicenceMissing(f"{name} states no licence. Read its source before you ship it.")
    return found


def _classified(stated: metadata.PackageMetadata) -> str:
    classifiers = stated.get_all("Classifier") or []
    return " or ".join(text.rsplit(" :: ", 1)[1] for text in classifiers if text.startswith("License :: "))


def _field(stated: metadata.PackageMetadata, name: str) -> str:
    return stated[name].strip() if name in stated else ""


def draw() -> str:
    names = shipped()
    width = max(map(len, names)) + 2
    return "\n".join(f"{name:{width}}{licence(name)}" for name in names)


PART = Part(ROOT / "NOTICE", "--- packages: written by make docs ---", "--- end of packages ---", draw)
