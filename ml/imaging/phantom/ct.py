"""A schematic axial chest CT slice in Hounsfield units."""

import numpy as np
import numpy.typing as npt

from ml.imaging.phantom.shapes import Field, Grid, band, clouds, enlarged, inside, label_mask

_AIR, _FAT, _MUSCLE, _BLOOD, _BONE, _LUNG = -1000.0, -95.0, 45.0, 55.0, 420.0, -860.0
_CHEST_WALL_RIBS = 14


def _paint(slice_: Field, mask: Field, hounsfield: float | Field) -> None:
    """Replace what lies under `mask`, softly at its edge."""
    slice_ += mask * (hounsfield - slice_)


def _lungs(grid: Grid) -> Field:
    right = inside(grid.ellipse_radius((-0.41, 0.0), (0.30, 0.46), degrees=8, power=2.3), 0.015)
    left = inside(grid.ellipse_radius((0.42, 0.03), (0.28, 0.44), degrees=-8, power=2.3), 0.015)
    return np.maximum(right, left)


def _body(slice_: Field, grid: Grid) -> None:
    _paint(slice_, inside(grid.ellipse_radius((0, 0), (0.92, 0.70), power=2.5), 0.008), _FAT)
    _paint(slice_, inside(grid.ellipse_radius((0, 0), (0.86, 0.635), power=2.5), 0.01), _MUSCLE)


def _chest_wall(slice_: Field, grid: Grid) -> None:
    for angle in np.linspace(0.14, 2 * np.pi - 0.14, _CHEST_WALL_RIBS) + np.pi / 2:
        cx, cy = 0.785 * np.cos(angle), 0.555 * np.sin(angle)
        turn = float(np.rad2deg(np.arctan2(0.555 * np.cos(angle), -0.785 * np.sin(angle))))
        rib = grid.ellipse_radius((float(cx), float(cy)), (0.095, 0.026), turn)
        _paint(slice_, inside(rib, 0.06), _BONE)
        _paint(slice_, inside(rib * 1.8, 0.1), 180.0)
    _paint(slice_, inside(grid.ellipse_radius((0, -0.575), (0.11, 0.032)), 0.05), _BONE)


def _spine(slice_: Field, grid: Grid) -> None:
    for side in (-1, 1):
        process = grid.ellipse_radius((side * 0.13, 0.47), (0.10, 0.03), side * 25)
        _paint(slice_, inside(process, 0.06), _BONE)
    body = grid.ellipse_radius((0, 0.35), (0.125, 0.105))
    _paint(slice_, inside(body, 0.04), _BONE)
    _paint(slice_, inside(body * 1.18, 0.06), 210.0)
    _paint(slice_, inside(grid.ellipse_radius((0, 0.49), (0.055, 0.05)), 0.06), 30.0)
    _paint(slice_, inside(grid.ellipse_radius((0, 0.58), (0.022, 0.07)), 0.06), _BONE)


def _heart(grid: Grid) -> Field:
    return inside(grid.ellipse_radius((0.07, -0.19), (0.27, 0.24), 28), 0.02)


def _middle(slice_: Field, grid: Grid) -> None:
    """Heart, great vessels and airways."""
    _paint(slice_, _heart(grid), _BLOOD)
    _paint(slice_, inside(grid.ellipse_radius((0, 0.08), (0.15, 0.2)), 0.03), 20.0)
    _paint(slice_, inside(grid.ellipse_radius((0.13, 0.24), (0.075, 0.07)), 0.03), _BLOOD)
    for side in (-1, 1):
        bronchus = grid.ellipse_radius((side * 0.085, 0.06), (0.045, 0.04))
        _paint(slice_, inside(bronchus * 0.8, 0.05), _MUSCLE)
        _paint(slice_, inside(bronchus, 0.06), _AIR)


def _vessels(grid: Grid, rng: np.random.Generator) -> Field:
    """Cut vessels: streaks that leave the hila and dots between them, in [0, 1]."""
    total = np.zeros_like(grid.x)
    for side in (-1, 1):
        for degrees in np.linspace(-70, 70, 9) + rng.normal(0, 6, 9):
            u, v = grid.turned(side * 0.18, 0.03, side * float(degrees))
            along = side * u
            bent = v - float(rng.normal(0, 0.2)) * along**2
            half = np.clip(0.014 - 0.025 * along, 0.001, None)
            fade = np.clip(1 - along / 0.45, 0, 1) * (along > 0)
            total = np.maximum(total, band(bent / half, 1, 0.3) * fade)
    for _ in range(70):
        cx, cy = rng.choice((-1, 1)) * rng.uniform(0.2, 0.66), rng.uniform(-0.38, 0.4)
        size = rng.uniform(0.004, 0.012)
        total = np.maximum(total, inside(grid.ellipse_radius((cx, cy), (size, size)), 0.2))
    return total


def _ground_glass(grid: Grid, rng: np.random.Generator, count: int) -> Field:
    """Hazy patches along the outer and rear rim of the lungs, in [0, 1]."""
    total = np.zeros_like(grid.x)
    texture = 0.8 + 0.6 * clouds(rng, grid.shape, 40)
    for index in range(count):
        side = -1 if index % 2 == 0 else 1
        angle = rng.uniform(-0.4, 1.2)
        cx = side * (0.41 + 0.22 * float(np.cos(angle)))
        cy = 0.36 * float(np.sin(angle))
        radius = grid.ellipse_radius((cx, cy), (rng.uniform(0.09, 0.17), rng.uniform(0.08, 0.14)))
        total = np.maximum(total, np.exp(-1.5 * radius**3) * texture)
    return np.clip(total, 0, 1)


def _table(slice_: Field, grid: Grid) -> None:
    curve = grid.y - 0.78 + 0.12 * grid.x**2
    _paint(slice_, band(curve, 0.012, 0.003) * (np.abs(grid.x) < 0.8), -250.0)


def chest_ct(height: int = 512, width: int = 512, *, seed: int = 0, opacities: int = 0) -> npt.NDArray[np.int16]:
    """Int16 (height, width), HU, with `opacities` ground-glass patches.

    The same seed and size give the same slice; SYNTHETIC is written into it.
    """
    rng = np.random.default_rng(seed)
    grid = Grid.drawing(height, width)
    slice_: Field = np.full(grid.shape, _AIR, np.float32)
    _table(slice_, grid)
    _body(slice_, grid)
    _chest_wall(slice_, grid)
    lungs = _lungs(grid)
    tissue = _LUNG + 25 * clouds(rng, grid.shape, 10) + 60 * grid.y
    _paint(slice_, lungs, tissue)
    _paint(slice_, lungs * 0.9 * _vessels(grid, rng), _BLOOD)
    slice_ += lungs * 480 * _ground_glass(grid, rng, opacities)
    _middle(slice_, grid)
    _spine(slice_, grid)
    slice_ = enlarged(slice_, height, width)
    slice_ += rng.normal(0, 18, slice_.shape)
    slice_[label_mask(height, width)] = 1000
    return np.clip(np.rint(slice_), -1024, 3071).astype(np.int16)


def chest_ct_lungs(height: int = 512, width: int = 512) -> npt.NDArray[np.bool_]:
    """Bool (height, width): where `chest_ct` draws lung, vessels and opacities included. Every seed has the same."""
    grid = Grid.drawing(height, width)
    return enlarged(_lungs(grid) * (1 - _heart(grid)), height, width) > 0.5
