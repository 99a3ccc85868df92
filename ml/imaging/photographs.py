"""Whether a picture was photographed off a light box or a monitor, told from its greys.

A photograph of a film shows what lies around it, and the film's edges are straight and not quite along the picture's,
because nobody holds a camera exactly. An exported image ends where the picture ends; what is black around the field of
an X-ray is mostly cut along the picture's sides. A photograph of a monitor has waves, which two grids make that lie
over one another. See docs/adr/0222.
"""

from dataclasses import dataclass

import numpy as np
from numpy.fft import fft2, fftshift  # now: the decoder that is shut in can import nothing later
from PIL import Image

from ml.imaging.image import Pixels

Values = Pixels

SIDE = 320
# An edge: by this many greys (of 1) within this many pixels, the first one that a ray meets on its way inwards, which
# goes up to this share of the picture. What is nearer to the side than the margin is the side of the picture itself.
STEP, WITHIN, REACH, MARGIN = 0.06, 3, 0.45, 0.012
# A straight one: so many of the rays end within so many pixels of one line.
STRAIGHT, NEAR = 0.5, 1.5
# Off the picture's sides by more than 0.7 degrees. Steeper than 20 degrees nobody photographs.
TILTED, STEEPEST = 0.012, 0.36
# Of 400 X-rays of the training part 0.7 % have as many, of 150 slices none.
EDGES, TILTED_EDGES = 3, 2
# The probe of a strip, twenty times as long as wide, has no room for rays.
NARROWEST = 16
# A wave: its spectrum over that around it, in natural logarithms; between so many waves across the picture. Of those
# X-rays one in 400 has as much, of the slices none has more than 1.7.
WAVES_SIDE, FEWEST_WAVES, MOST_WAVES, WAVE, AROUND = 256, 14, 120, 2.5, 8


@dataclass(frozen=True, slots=True)
class Edge:
    """A straight edge seen from one side: `depth` and `slope` along it, in pixels of the probe; `share` of the rays."""

    share: float
    slope: float
    depth: float


def looks_photographed(pixels: Pixels) -> bool:
    """`pixels` float32 (h, w) in [0, 1]."""
    return has_tilted_edges(pixels) or strongest_wave(pixels) > WAVE


def has_tilted_edges(pixels: Pixels) -> bool:
    straight = [edge for edge in edges(pixels) if edge.share > STRAIGHT]
    return len(straight) >= EDGES and sum(abs(edge.slope) > TILTED for edge in straight) >= TILTED_EDGES


def edges(pixels: Pixels) -> list[Edge]:
    """The straightest edge on the way in from each side that has one."""
    probe = _probe(pixels)
    if min(probe.shape) < NARROWEST:
        return []
    found = [_edge(np.rot90(probe, turns)) for turns in range(4)]
    return [edge for edge in found if edge]


def _probe(pixels: Pixels) -> Values:
    scale = SIDE / max(pixels.shape)
    height, width = (max(1, round(side * scale)) for side in pixels.shape)
    return _resize(pixels, (height, width))


def _resize(values: Values, size: tuple[int, int]) -> Values:
    drawn = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(drawn.resize(size[::-1], Image.Resampling.BILINEAR), dtype=np.float32)


def _edge(probe: Values) -> Edge | None:
    """From above. Rays near the corners meet the edges of the neighbours first, so they are left out."""
    height, width = probe.shape
    reach, corner = int(REACH * height), int(0.06 * width)
    steps = np.abs(probe[WITHIN:reach] - probe[: reach - WITHIN])[:, corner : width - corner]
    met = (steps > STEP).any(axis=0)
    across = np.flatnonzero(met)
    if len(across) <= STRAIGHT * len(met):
        return None
    depths = _steepest(steps[:, met]) + WITHIN / 2
    slope, depth, near = _line(across.astype(np.float32), depths)
    edge = Edge(near / len(met), slope, depth + slope * len(met) / 2)
    return edge if edge.depth > MARGIN * height else None


def _steepest(steps: Values) -> Values:
    """Of each ray, the place of the largest step among the first one and the three behind it."""
    first = (steps > STEP).argmax(axis=0)
    behind = np.minimum(first + np.arange(4)[:, np.newaxis], len(steps) - 1)
    return (first + np.take_along_axis(steps, behind, axis=0).argmax(axis=0)).astype(np.float32)


def _line(across: Values, depths: Values) -> tuple[float, float, int]:
    """Slope, depth at 0 and number of points of the line that most points are near to."""
    best = (0.0, 0.0, 0)
    for slope in np.arange(-STEEPEST, STEEPEST, 0.008):
        offsets = np.sort(depths - slope * across)
        counts = np.searchsorted(offsets, offsets + 2 * NEAR, side="right") - np.arange(len(offsets))
        if counts.max() > best[2]:
            best = float(slope), float(offsets[counts.argmax()] + NEAR), int(counts.max())
    near = np.abs(depths - best[0] * across - best[1]) <= NEAR
    slope, depth = np.polyfit(across[near], depths[near], 1)
    return float(slope), float(depth), int(near.sum())


def strongest_wave(pixels: Pixels) -> float:
    """How far the spectrum of the middle square rises above what is around, at its strongest place."""
    height, width = pixels.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = _resize(pixels[top : top + side, left : left + side], (WAVES_SIDE, WAVES_SIDE))
    taper = np.hanning(WAVES_SIDE)
    spectrum = fftshift(fft2((square - square.mean()) * taper * taper[:, np.newaxis]))
    logarithm = np.log(np.abs(spectrum) + 1e-3).astype(np.float32)
    blocks = WAVES_SIDE // AROUND
    around = _resize(_resize(logarithm, (blocks, blocks)), logarithm.shape)
    place = np.arange(WAVES_SIDE) - WAVES_SIDE // 2
    waves = np.hypot(place, place[:, np.newaxis])
    return float((logarithm - around)[(waves > FEWEST_WAVES) & (waves < MOST_WAVES)].max())
