"""How large a file may be, on disk and decoded."""

from dataclasses import dataclass

from ml.imaging.refusal import ImageRefused


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that hold before anything is decoded.

    max_bytes: size of the file. max_pixels: width x height. min_side: the shorter side
    in pixels; below it too little of the lungs is left to show or to classify
    (published CT figures are accepted from 144; a 128 x 128 thumbnail is not).
    """

    max_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 50_000_000
    min_side: int = 144

    def check_bytes(self, size: int) -> None:
        if size > self.max_bytes:
            raise ImageRefused("too-many-bytes", megabytes=round(self.max_bytes / 1024 / 1024))

    def check_size(self, width: int, height: int) -> None:
        """Width and height in pixels, as the file's header states them."""
        if width * height > self.max_pixels:
            millions = round(self.max_pixels / 1e6)
            raise ImageRefused("too-many-pixels", width=width, height=height, millions=millions)
        if min(width, height) < self.min_side:
            raise ImageRefused("too-small", width=width, height=height, side=self.min_side)


DEFAULT_LIMITS = Limits()
