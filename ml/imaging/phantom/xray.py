"""A schematic frontal chest X-ray: attenuation of simple bodies added along each ray."""

import numpy as np
import numpy.typing as npt

from ml.imaging.image import Pixels
from ml.imaging.phantom.shapes import (
    Field,
    Grid,
    band,
    clouds,
    enlarged,
    inside,
    label_mask,
    soft,
    thickness,
)

_RIB_PAIRS = 9
# So much of the heart's thickness is a shadow to the eye.
_HIDING = 0.3
_RIGHT, _LEFT = -1, 1  # the patient's right lung is on the image's left


# Half the body's width at heights from neck to waist.
_HEIGHTS = (-1.0, -0.92, -0.80, -0.68, -0.5, -0.3, 0.0, 1.0)
_HALF_WIDTHS = (0.24, 0.27, 0.60, 0.94, 1.02, 0.98, 0.93, 0.95)


def _torso(grid: Grid) -> Field:
    half_width = np.interp(grid.y[:, :1], _HEIGHTS, _HALF_WIDTHS).astype(np.float32)
    return np.asarray(0.62 * thickness(grid.x / half_width) ** 0.7, np.float32)


def _lung(grid: Grid, side: int) -> Field:
    """Soft outline of one lung in [0, 1], cut by its diaphragm and the mediastinum."""
    body = grid.ellipse_radius((side * 0.42, 0.02), (0.35, 0.76), degrees=side * -8, power=2.3)
    dome_height = 0.42 if side == _RIGHT else 0.48
    dome = dome_height + 0.9 * (grid.x - side * 0.40) ** 2
    medial = soft(0.13 - side * grid.x, 0.02)
    return inside(body, 0.02) * soft(grid.y - dome, 0.012) * medial


def _heart(grid: Grid) -> Field:
    ventricle = thickness(grid.ellipse_radius((0.16, 0.24), (0.36, 0.27), degrees=32))
    atrium = thickness(grid.ellipse_radius((-0.06, 0.22), (0.17, 0.24)))
    arch = thickness(grid.ellipse_radius((0.10, -0.27), (0.08, 0.12)))
    heart = np.maximum(np.maximum(ventricle, atrium), 0.35 * arch) ** 0.5
    return np.asarray(heart * soft(grid.y - 0.46, 0.05), np.float32)


def _mediastinum(grid: Grid) -> Field:
    width = 0.12 + 0.05 * (grid.y + 0.2) ** 2
    return soft(np.abs(grid.x) - width, 0.02) * soft(-grid.y - 0.75, 0.1)


def _spine(grid: Grid) -> Field:
    column = band(grid.x, 0.075, 0.012)
    discs = 0.75 + 0.25 * np.tanh(4 * np.cos(grid.y * 2 * np.pi / 0.17))
    pedicles = band(np.abs(grid.x) - 0.05, 0.012, 0.006)
    return np.asarray(column * discs + 0.5 * pedicles * (discs > 0.75), np.float32)


def _trachea(grid: Grid) -> Field:
    return band(grid.x + 0.01, 0.045, 0.01) * soft(grid.y + 0.30, 0.03)


def _ribs(grid: Grid) -> Field:
    """Each rib is a tilted ring: its back half lies higher and is the denser one."""
    total = np.zeros_like(grid.x)
    for pair in range(_RIB_PAIRS):
        y, reach = -0.66 + 0.135 * pair, 0.27 + 0.105 * min(pair, 3) ** 0.6
        for side in (_RIGHT, _LEFT):
            cx = side * (0.10 + reach * 0.9)
            radius = grid.ellipse_radius((cx, y), (reach, 0.105), degrees=side * 17)
            ring = band((radius - 1) * 0.11, 0.017, 0.005)
            _, v = grid.turned(cx, y, side * 17)
            total += ring * (0.6 + 0.4 * soft(v, 0.03))
    return np.minimum(total, 1.6)


def _clavicles(grid: Grid) -> Field:
    total = np.zeros_like(grid.x)
    for side in (_RIGHT, _LEFT):
        u, v = grid.turned(side * 0.40, -0.66, side * -12)
        bent = v - 0.035 * np.sin(u * 7 * side)
        total += band(bent, 0.028, 0.006) * band(u, 0.34, 0.02)
    return total


def _vessels(grid: Grid, rng: np.random.Generator) -> Field:
    """Branches that fan out from each hilum and thin towards the rim."""
    total = np.zeros_like(grid.x)
    for side in (_RIGHT, _LEFT):
        total += 0.9 * thickness(grid.ellipse_radius((side * 0.21, -0.02), (0.08, 0.14)))
        for degrees in np.linspace(-75, 78, 15) + rng.normal(0, 4, 15):
            u, v = grid.turned(side * 0.17, -0.02, side * float(degrees))
            along = side * u
            bent = v - float(rng.normal(0, 0.3)) * along**2
            half = np.clip(0.018 - 0.022 * along, 0.002, None)
            fade = np.clip(1 - along / 0.62, 0, 1) * (along > 0)
            total += soft(np.abs(bent) - half, 0.006) * fade
    return np.minimum(total, 1.2)


def _patches(grid: Grid, rng: np.random.Generator, count: int) -> Field:
    """Hazy opacities in the outer lower lungs."""
    total = np.zeros_like(grid.x)
    texture = 0.75 + 0.5 * clouds(rng, grid.shape, 24)
    for index in range(count):
        side = _RIGHT if index % 2 == 0 else _LEFT
        cx, cy = side * rng.uniform(0.40, 0.62), rng.uniform(-0.1, 0.32)
        radii = rng.uniform(0.11, 0.2), rng.uniform(0.12, 0.2)
        radius = grid.ellipse_radius((cx, cy), radii)
        total += np.exp(-2 * radius**2.5) * texture
    return np.clip(total, 0, 1.3)


def _stomach(grid: Grid) -> Field:
    return thickness(grid.ellipse_radius((0.36, 0.66), (0.15, 0.09), degrees=10))


def _attenuation(grid: Grid, rng: np.random.Generator, opacities: int) -> Field:
    lungs = _lung(grid, _RIGHT) + _lung(grid, _LEFT)
    total = _torso(grid)
    total -= 0.36 * lungs * (0.9 + 0.1 * grid.y)
    total += 0.15 * _heart(grid) + 0.11 * _mediastinum(grid) + 0.10 * _spine(grid)
    total += 0.075 * _ribs(grid) * (0.35 + 0.65 * lungs) + 0.10 * _clavicles(grid)
    total += 0.07 * _vessels(grid, rng) * lungs
    total += 0.24 * _patches(grid, rng, opacities) * lungs
    total -= 0.07 * _trachea(grid) + 0.12 * _stomach(grid)
    total += 0.012 * clouds(rng, grid.shape, 40) * (total > 0.1)
    return total


def chest_xray(height: int = 1024, width: int = 1024, *, seed: int = 0, opacities: int = 0) -> Pixels:
    """Float32 (height, width) in [0, 1], air black, with `opacities` hazy patches.

    The same seed and size give the same picture; SYNTHETIC is written into it.
    """
    rng = np.random.default_rng(seed)
    grid = Grid.drawing(height, width)
    grey = enlarged(1.02 * _attenuation(grid, rng, opacities) + 0.03, height, width)
    grey += rng.normal(0, 0.008, grey.shape).astype(np.float32)
    grey[label_mask(height, width)] = 1
    return np.clip(grey, 0, 1).astype(np.float32)


def chest_xray_lungs(height: int = 1024, width: int = 1024) -> npt.NDArray[np.bool_]:
    """Bool (height, width): where `chest_xray` draws lung that the heart does not hide. Every seed has the same."""
    grid = Grid.drawing(height, width)
    lungs = _lung(grid, _RIGHT) + _lung(grid, _LEFT)
    return enlarged(lungs * (_heart(grid) < _HIDING), height, width) > 0.5
