"""Decode files from outside in a process that may hang, die or be taken over without harm."""

import logging
import os
import queue
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np

from ml.confinement import ALL, Layer, Report
from ml.confinement.wire import Message
from ml.imaging.deidentification import Deidentified, Pseudonym, Suspicion
from ml.imaging.facts import Fact
from ml.imaging.greyscale import Greyscale
from ml.imaging.header import DicomHeader
from ml.imaging.helper_process import HelperProcess, SandboxFailed
from ml.imaging.identity import DicomIdentity
from ml.imaging.image import DecodedImage
from ml.imaging.limits import DEFAULT_LIMITS, Limits
from ml.imaging.rendering import as_png
from ml.imaging.replies import described_by, elements_by, greys_by, syntax_by, unbelieving
from ml.imaging.stored import StoredFrame
from ml.imaging.wire import greyscale_from_note, identity_from_note

__all__ = ["Inspection", "Isolation", "Sandbox", "SandboxFailed"]

logger = logging.getLogger(__name__)


class Isolation(StrEnum):
    """REQUIRE: decode nothing where the host cannot contain an attacker; BEST: as well as the host can."""

    REQUIRE = "require"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an accepted file holds; `preview` is an 8-bit grey PNG when it was asked for.

    `header`, `pixel_sha256`, `not_classified`, `facts` and `taken_at` as in DecodedImage.
    """

    format: str
    width: int
    height: int
    bits: int
    header: DicomHeader | None
    pixel_sha256: str
    preview: bytes | None = None
    not_classified: Fact | None = None
    facts: tuple[Fact, ...] = ()
    taken_at: datetime | None = None


class Sandbox:
    """Decode in processes that helpers fork, never one for two owners; helpers are started when first needed and kept.

    `owner` names whose file it is, for example a patient: files of one owner may be decoded by the same process,
    which is faster. A file without owner has a process to itself.

    Safe to share between threads and to inherit through a fork. `helpers` is how many
    files may be decoded at the same time; further callers wait.
    """

    def __init__(
        self,
        limits: Limits = DEFAULT_LIMITS,
        *,
        seconds: float = 10,
        helpers: int = 1,
        isolation: Isolation = Isolation.BEST,
        layers: Collection[Layer] = ALL,
    ) -> None:
        self.limits = limits
        self.seconds = seconds
        self._isolation = isolation
        self._layers = layers
        self._count = helpers
        self._open()
        ours = weakref.WeakMethod(self._open)
        os.register_at_fork(after_in_child=lambda: _call(ours()))

    def _open(self) -> None:
        """Forget every helper; after a fork they are the parent's."""
        self._idle: queue.LifoQueue[HelperProcess | None] = queue.LifoQueue()
        for _ in range(self._count):
            self._idle.put(None)

    def _started(self) -> HelperProcess:
        helper = HelperProcess(self.limits, seconds=self.seconds, layers=self._layers)
        tell(helper.report)
        if self._isolation is Isolation.REQUIRE and not helper.report.contains_attackers:
            helper.stop()
            raise SandboxFailed("this host cannot contain a decoder, and is told not to decode without that")
        return helper

    @contextmanager
    def _lent(self) -> Iterator[HelperProcess]:
        idle = self._idle
        helper = idle.get()
        try:
            if helper is None or not helper.fit:
                if helper is not None:
                    helper.stop()
                helper = None  # should the start fail, the slot stays empty
                helper = self._started()
            yield helper
        finally:
            idle.put(helper)

    def start(self) -> Report:
        """Start a helper now, so that the first file does not wait for it. Raises SandboxFailed."""
        with self._lent() as helper:
            return helper.report

    def _ask(
        self,
        data: bytes,
        owner: str | None,
        *,
        preview_side: int | None = None,
        pixels: bool = False,
        wanted: str = "picture",
        deidentify: dict[str, Any] | None = None,
    ) -> Message:
        self.limits.check_bytes(len(data))
        note = {
            "limits": asdict(self.limits),
            "preview_side": preview_side,
            "pixels": pixels,
            "wanted": wanted,
            "deidentify": deidentify,
        }
        with self._lent() as helper:
            message = helper.ask(note, data, self.seconds, owner=owner)
        if missed := message[0].get("missed"):
            logger.warning("decoding asked for modules that are not loaded ahead: %.300r", missed)
        return message

    def inspect(self, data: bytes, *, preview_side: int | None = None, owner: str | None = None) -> Inspection:
        """Decode and describe; with `preview_side` also draw it, at most so many pixels long.

        Raises ImageRefused, also when the file takes too long or breaks the decoder, and
        SandboxFailed when no helper can be started.
        """
        note, preview, _ = self._ask(data, owner, preview_side=preview_side)
        with unbelieving(note):
            described = described_by(note, self.limits)
            drawn = greys_by(note, preview) if preview_side else None
            return Inspection(**described, preview=None if drawn is None else as_png(drawn))

    def decode(self, data: bytes, *, owner: str | None = None) -> DecodedImage:
        """The same as `ml.imaging.decode`, in the helper. Raises as `inspect` does."""
        note, _, raw = self._ask(data, owner, pixels=True)
        with unbelieving(note):
            described = described_by(note, self.limits)
            del described["pixel_sha256"]  # which the image tells of itself
            shape = described.pop("height"), described.pop("width")
            pixels = np.frombuffer(raw, np.float32).reshape(shape).copy()
            return DecodedImage(pixels=pixels, **described)

    def greyscale(self, data: bytes, *, owner: str | None = None) -> Greyscale:
        """The same as `ml.imaging.greyscale.greyscale`, in the helper. Raises as `inspect` does."""
        note, raw, _ = self._ask(data, owner, wanted="greyscale")
        with unbelieving(note):
            return greyscale_from_note(note, raw)

    def deidentify(self, data: bytes, pseudonym: Pseudonym | None, *, owner: str | None = None) -> Deidentified:
        """The same as `ml.imaging.deidentification.deidentify`, in the helper. Raises as `inspect` does."""
        asked = {"pseudonym": pseudonym.as_note() if pseudonym else None}
        note, raw, made = self._ask(data, owner, wanted="deidentified", deidentify=asked)
        with unbelieving(note):
            return Deidentified(greys_by(note, raw), made, tuple(Suspicion(one) for one in note["suspicions"]))

    def identify(self, data: bytes, *, owner: str | None = None) -> DicomIdentity:
        """The same as `ml.imaging.identity.identify`, in the helper. Raises as `inspect` does."""
        note, _, _ = self._ask(data, owner, wanted="identity")
        with unbelieving(note):
            return identity_from_note(note["identity"])

    def describe(self, data: bytes, *, owner: str | None = None) -> dict[str, Any]:
        """`ml.imaging.stored.describe`, in the helper, as a dictionary. Raises as `inspect` does."""
        note, raw, _ = self._ask(data, owner, wanted="description")
        with unbelieving(note):
            return elements_by(raw)

    def stored_frame(self, data: bytes, *, owner: str | None = None) -> StoredFrame:
        """The same as `ml.imaging.stored.stored_frame`, in the helper. Raises as `inspect` does."""
        note, raw, _ = self._ask(data, owner, wanted="frame")
        with unbelieving(note):
            return StoredFrame(raw, syntax_by(note))

    def close(self) -> None:
        """End the idle helpers; the sandbox can be used again."""
        for _ in range(self._count):
            helper = self._idle.get()
            if helper is not None:
                helper.stop()
            self._idle.put(None)


def _call(function: Callable[[], None] | None) -> None:
    if function is not None:
        function()


@cache
def _tell_once(lines: tuple[str, ...], *, contains: bool) -> None:
    logger.log(logging.INFO if contains else logging.ERROR, "files from outside are decoded with: %s", "; ".join(lines))


def tell(report: Report) -> None:
    """To the log, once in each process: an administrator must know what stands between a file and the portal."""
    _tell_once(tuple(report.lines()), contains=report.contains_attackers)
