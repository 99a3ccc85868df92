"""The parts of a mask that hang together, found over runs: the stretches of True in a row.

There are far fewer of them than pixels, and numpy finds them all at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Numbers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """The runs of a mask: `starts` and `ends` (n,) count in `flat`, the mask with one empty column at its right.

    `parts` (n,) names the part that each belongs to after the first run of that part; parts hang together over edges.
    """

    flat: Mask
    stride: int
    starts: Numbers
    ends: Numbers
    parts: Numbers

    def boxes(self) -> Numbers:
        """Of each part (k, 5): top, left, bottom, right (both behind the last pixel), and how many pixels it has."""
        names, which = np.unique(self.parts, return_inverse=True)
        rows, lefts = np.divmod(self.starts, self.stride)
        found = np.zeros((len(names), 5), dtype=np.intp)
        found[:, 0] = found[:, 1] = self.flat.size
        np.minimum.at(found[:, 0], which, rows)
        np.minimum.at(found[:, 1], which, lefts)
        np.maximum.at(found[:, 2], which, rows + 1)
        np.maximum.at(found[:, 3], which, self.ends % self.stride)
        np.add.at(found[:, 4], which, self.ends - self.starts)
        return found


def find_runs(mask: Mask) -> Runs:
    """Of a bool (h, w) mask."""
    # One empty column ends every row, so that runs of the flattened mask are runs of rows.
    flat, stride = np.pad(mask, ((0, 0), (0, 1))).ravel(), mask.shape[1] + 1
    starts, ends = np.flatnonzero(np.diff(flat, prepend=False, append=False)).reshape(-1, 2).T
    return Runs(flat, stride, starts, ends, _joined(starts, ends, stride))


def _joined(starts: Numbers, ends: Numbers, stride: int) -> Numbers:
    """The part of each run (n,), named after the first of its runs; `stride` is from one row to the next."""
    parts = list(range(len(starts)))

    def first(run: int) -> int:
        while parts[run] != run:
            parts[run] = parts[parts[run]]
            run = parts[run]
        return run

    # The runs below a run that share a column with it
    lows = np.searchsorted(ends, starts + stride, side="right")
    highs = np.searchsorted(starts, ends + stride, side="left")
    for run, (low, high) in enumerate(zip(lows.tolist(), highs.tolist(), strict=True)):
        for below in range(low, high):
            one, other = sorted((first(run), first(below)))
            parts[other] = one
    return np.array([first(run) for run in range(len(parts))], dtype=np.intp)
