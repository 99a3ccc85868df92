"""From meaningful values to grey, in the few numbers that a viewer needs."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ml.imaging.windowing import LookUpTable, Values, Window

# Points of a curve; between them a straight line is drawn.
POINTS = 513
FULL = 65535
# A sigmoid reaches 99.8 % at 1.5 widths from its centre.
SIGMOID_SPAN = 3.0


@dataclass(frozen=True, slots=True)
class Tone:
    """Black at `centre - width / 2`, white at `centre + width / 2`, straight between.

    With a `curve` (POINTS greys, 0 to FULL, evenly over `span` widths around the centre) it bends as that does.
    """

    centre: float
    width: float
    curve: tuple[int, ...] = ()
    span: float = 1.0

    @classmethod
    def of(cls, shown_by: Window | LookUpTable) -> Self:
        if isinstance(shown_by, LookUpTable):
            return cls._of_table(shown_by)
        if shown_by.function == "SIGMOID":
            places = np.linspace(-SIGMOID_SPAN / 2, SIGMOID_SPAN / 2, POINTS, dtype=np.float32)
            greys = Window(0.0, 1.0, "SIGMOID").apply(places)
            return cls(shown_by.centre, shown_by.width, _whole(greys), SIGMOID_SPAN)
        exact = shown_by.function == "LINEAR_EXACT"
        return cls(float(shown_by.centre), shown_by.width) if exact else cls(shown_by.centre - 0.5, shown_by.width - 1)

    @classmethod
    def _of_table(cls, table: LookUpTable) -> Self:
        last = len(table.entries) - 1
        places = np.linspace(0, last, POINTS)
        greys = np.interp(places, np.arange(last + 1), table.entries) / ((1 << table.bits) - 1)
        return cls(table.first + last / 2, float(last), _whole(greys.astype(np.float32)))

    def turned(self, *, about: float) -> Self:
        """The same picture for values that were replaced by `about - value`, larger now brighter."""
        curve = tuple(FULL - grey for grey in reversed(self.curve))
        return type(self)(about - self.centre, self.width, curve, self.span)


def _whole(greys: Values) -> tuple[int, ...]:
    return tuple(int(grey) for grey in np.rint(np.clip(greys, 0, 1) * FULL))
