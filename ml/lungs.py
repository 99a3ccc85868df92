"""A rough lung field by thresholds and connected parts: good enough to ask whether attention lies on the lungs.

In a slice the field is both lungs; in an X-ray it is what they span, the heart between them included. Dense disease at
the rim of a lung is dark in neither; the convex outline of what is dark takes most of it back in. No diagnosis may rest
on it.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ml.preprocessing import Pixels, Size, resize
from ml.regions import Mask, find_runs
from ml.spec import Modality

SIDE = 128
SMALLEST_LUNG = 0.008
LEAST_DEVIATION = 0.02
# Air around the body runs along the edge of the image, a lung that a tight crop cuts only touches it:
# pixels on the edge in units of the square root of the part's area.
LONGEST_CONTACT = 1.1
# A lung in an X-ray is darker than what is around it, at a scale of a quarter of the image.
XRAY_NEIGHBOURHOOD = SIDE // 4
XRAY_QUANTILES = (0.50, 0.45, 0.40, 0.35, 0.30, 0.25)
XRAY_MARGIN = SIDE // 25
XRAY_SMALLEST_LUNG, XRAY_LEAST_BALANCE = 0.04, 0.35


def lung_mask(pixels: Pixels, modality: Modality, shape: Size | None = None) -> Mask | None:
    """Where the lungs are, bool (h, w), or None when they were not found with confidence.

    `pixels` float32 (h, w) in [0, 1], 0 is air; `shape` is that of the mask where it is not theirs. Raises ValueError
    for pixels that have not two dimensions.
    """
    if pixels.ndim != 2:
        raise ValueError(f"Pixels must have two dimensions, not {pixels.ndim}.")
    probe = resize(pixels, (SIDE, SIDE))
    if probe.std() < LEAST_DEVIATION:
        return None
    field = _slice_field(probe) if modality.is_tomographic else _xray_field(probe)
    if field is None:
        return None
    height, width = shape or pixels.shape
    return np.asarray(resize(field.astype(np.float32), (height, width)) >= 0.5)


def lung_share(pixels: Pixels, modality: Modality) -> float | None:
    """The share of the image that the lungs cover, in (0, 1], or None when they were not found with confidence.

    `pixels` as in `lung_mask`, at whose own resolution of 128 x 128 it is counted: to a few parts in a thousand.
    """
    mask = lung_mask(pixels, modality, (SIDE, SIDE))
    return None if mask is None else float(mask.mean())


def _slice_field(probe: Pixels) -> Mask | None:
    """Both lungs in a slice."""
    return _believed(_slice_lungs(probe), smallest=0.02, largest=0.75, solid=0.4)


def _xray_field(probe: Pixels) -> Mask | None:
    """What both lungs span in a projection."""
    outlined = _believed(_xray_lungs(probe), smallest=0.12, largest=0.70, solid=0.66)
    return None if outlined is None else _with_what_is_behind(outlined)


def _believed(dark: Mask, *, smallest: float, largest: float, solid: float) -> Mask | None:
    """The outline of the dark parts, if it may be that of two lungs.

    `smallest` and `largest` are shares of the image that it covers. `solid` is the least share of it that the dark
    parts fill; those of noise fill less.
    """
    if not dark.any():
        return None
    outlined = _outlined(dark)
    plausible = smallest <= outlined.mean() <= largest and dark.sum() >= solid * outlined.sum()
    return outlined if plausible else None


def _slice_lungs(probe: Pixels) -> Mask:
    """Air inside the body."""
    return enclosed(probe < otsu_threshold(probe))


def enclosed(dark: Mask) -> Mask:
    """The parts of what is dark in a slice, bool (SIDE, SIDE), that a lung could be: not small, not the air around."""
    opened = _opened(dark)
    parts = [part for part in components(opened) if part.mean() >= SMALLEST_LUNG and _contact(part) <= LONGEST_CONTACT]
    return np.logical_or.reduce(parts) if parts else np.zeros_like(opened)


def _xray_lungs(probe: Pixels) -> Mask:
    """The largest pair of dark parts left and right of the middle that could be two lungs."""
    smooth = _blurred(probe, SIDE / 64)
    relief = smooth - _blurred(probe, XRAY_NEIGHBOURHOOD)
    for quantile in XRAY_QUANTILES:
        dark = _opened(relief < np.quantile(relief, quantile))
        dark[:, SIDE // 2 - 1 : SIDE // 2 + 1] = False
        one, other = (_largest_inside(dark & half) for half in _halves())
        if one is not None and other is not None and _balance(one, other) >= XRAY_LEAST_BALANCE:
            return one | other
    return np.zeros_like(probe, dtype=bool)


def otsu_threshold(values: Pixels) -> float:
    """The grey that parts the values into two classes with the most variance between them.

    Otsu, A Threshold Selection Method from Gray-Level Histograms, IEEE Trans. SMC 9, 1979.
    """
    counts, edges = np.histogram(values, bins=64)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    sums = np.cumsum(counts * middles)
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    return float(edges[1:-1][np.nanargmax(apart)])


def components(mask: Mask) -> list[Mask]:
    """The parts of a bool (h, w) mask that hang together over edges, the largest first.

    Works on runs, the stretches of True in a row, of which there are far fewer than pixels.
    """
    height, width = mask.shape
    runs = find_runs(mask)
    labels = np.zeros(height * (width + 1), dtype=np.intp)
    labels[runs.flat] = np.repeat(runs.parts + 1, runs.ends - runs.starts)
    labels = labels.reshape(height, width + 1)[:, :width]
    names, sizes = np.unique(labels[mask], return_counts=True)
    return [np.asarray(labels == name) for name in names[np.argsort(-sizes, kind="stable")]]


def _outlined(dark: Mask) -> Mask:
    """One filled convex outline around all that is left of the middle, and one around what is right of it."""
    picture = Image.new("1", (SIDE, SIDE))
    for side in (dark & half for half in _halves()):
        if side.any():
            ImageDraw.Draw(picture).polygon(convex_outline(side), fill=1)
    return np.asarray(picture)


def _with_what_is_behind(outlined: Mask) -> Mask:
    """The field of an X-ray: in projection, lung lies behind the heart too, and beyond the edge of what is dark."""
    picture = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(picture).polygon(convex_outline(outlined), fill=255)
    return np.asarray(picture.filter(ImageFilter.MaxFilter(2 * XRAY_MARGIN + 1))) > 127


def convex_outline(mask: Mask) -> list[tuple[int, int]]:
    """The corners (x, y) of the smallest convex shape around a mask that is not empty.

    Andrew's monotone chain, Information Processing Letters 9, 1979.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    lefts, rights = mask[rows].argmax(axis=1), mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    points = sorted(
        {*zip(lefts.tolist(), rows.tolist(), strict=True), *zip(rights.tolist(), rows.tolist(), strict=True)}
    )
    chain = _half_outline(points)[:-1] + _half_outline(points[::-1])[:-1]
    return chain if len(chain) > 1 else points * 2


def _half_outline(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    chain: list[tuple[int, int]] = []
    for point in points:
        while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    return chain


def _turn(first: tuple[int, int], second: tuple[int, int], third: tuple[int, int]) -> int:
    return (second[0] - first[0]) * (third[1] - first[1]) - (second[1] - first[1]) * (third[0] - first[0])


def _contact(part: Mask) -> float:
    edge = part[0].sum() + part[-1].sum() + part[:, 0].sum() + part[:, -1].sum()
    return float(edge / np.sqrt(part.sum()))


def _largest_inside(mask: Mask) -> Mask | None:
    """The largest part that is large enough for a lung and does not run along the edge of the image."""
    parts = components(mask)[:3]
    fitting = (p for p in parts if p.mean() >= XRAY_SMALLEST_LUNG and _contact(p) <= LONGEST_CONTACT)
    return next(fitting, None)


def _balance(one: Mask, other: Mask) -> float:
    """The smaller area as a share of the larger."""
    areas = sorted((int(one.sum()), int(other.sum())))
    return areas[0] / areas[1]


def _halves() -> tuple[Mask, Mask]:
    left = np.zeros((SIDE, SIDE), dtype=bool)
    left[:, : SIDE // 2] = True
    return left, ~left


def _opened(mask: Mask) -> Mask:
    """Without bridges and specks that are thinner than three pixels."""
    return _spread(_spread(mask, np.logical_and), np.logical_or)


def _spread(mask: Mask, join: np.ufunc) -> Mask:
    """Each pixel joined with its eight neighbours; the edge counts as its own neighbour outside."""
    for padding, along in ((((1, 1), (0, 0)), 0), (((0, 0), (1, 1)), 1)):
        padded = np.pad(mask, padding, mode="edge")
        length = mask.shape[along]
        mask = join.reduce([np.take(padded, range(step, step + length), axis=along) for step in range(3)])
    return mask


def _blurred(probe: Pixels, radius: float) -> Pixels:
    """A Gaussian blur, by way of bytes: Pillow's filters know no floats."""
    picture = Image.fromarray(np.rint(np.clip(probe, 0.0, 1.0) * 255.0).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32) / np.float32(255)
