"""Soft shapes on a grid, the parts of which phantoms are made."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Field = npt.NDArray[np.floating]

LABEL = "SYNTHETIC"
_DRAWING_SIDE = 512


@dataclass(frozen=True, slots=True)
class Grid:
    """`x` runs from -1 (image left) to 1, `y` from -1 (top) to 1; both (height, width)."""

    x: Field
    y: Field

    @classmethod
    def of(cls, height: int, width: int) -> "Grid":
        y, x = np.meshgrid(
            np.linspace(-1, 1, height, dtype=np.float32),
            np.linspace(-1, 1, width, dtype=np.float32),
            indexing="ij",
        )
        return cls(x, y)

    @classmethod
    def drawing(cls, height: int, width: int) -> "Grid":
        """The same shape with a longer side of at most 512: drawn there, then enlarged."""
        scale = min(1.0, _DRAWING_SIDE / max(height, width))
        return cls.of(round(height * scale), round(width * scale))

    @property
    def shape(self) -> tuple[int, int]:
        return self.x.shape[0], self.x.shape[1]

    def turned(self, cx: float, cy: float, degrees: float) -> tuple[Field, Field]:
        """Coordinates around (cx, cy), turned by `degrees`."""
        angle = np.float32(np.deg2rad(degrees))
        dx, dy = self.x - np.float32(cx), self.y - np.float32(cy)
        return dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)

    def ellipse_radius(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        degrees: float = 0,
        power: float = 2,
    ) -> Field:
        """Distance from the centre: 1 on the outline, whatever its size."""
        u, v = self.turned(*centre, degrees)
        outline = np.abs(u / radii[0]) ** power + np.abs(v / radii[1]) ** power
        return np.asarray(outline ** (1 / power), np.float32)


def soft(distance: Field, blur: float) -> Field:
    """1 where `distance` is well below 0, 0 well above, a smooth edge `blur` wide between."""
    return np.asarray(1 / (1 + np.exp(np.clip(distance / blur, -30, 30))), np.float32)


def inside(radius: Field, blur: float = 0.03) -> Field:
    return soft(radius - 1, blur)


def band(distance: Field, half_width: float, blur: float) -> Field:
    return soft(np.abs(distance) - half_width, blur)


def thickness(radius: Field) -> Field:
    """How much of a ball-like body a ray crosses: 1 in the middle, 0 outside."""
    return np.sqrt(np.clip(1 - radius**2, 0, 1))


def enlarged(field: Field, height: int, width: int) -> npt.NDArray[np.float32]:
    picture = Image.fromarray(field.astype(np.float32))
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    return np.array(picture, np.float32)


def clouds(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> Field:
    """Smooth noise in about [-1, 1] with `cells` bumps along a side."""
    coarse = rng.normal(0, 0.5, (cells, cells)).astype(np.float32)
    picture = Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BICUBIC)
    return np.asarray(picture, np.float32)


def label_mask(height: int, width: int) -> npt.NDArray[np.bool_]:
    """Where the label is written, at the lower left."""
    picture = Image.new("L", (width, height), 0)
    size = max(10, min(height, width) // 24)
    font = ImageFont.load_default(size)
    ImageDraw.Draw(picture).text((size // 2, height - size * 2), LABEL, fill=255, font=font)
    return np.asarray(picture) > 127
