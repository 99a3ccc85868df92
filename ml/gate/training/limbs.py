"""Drawn X-rays of limbs, shoulders and the abdomen: hardly any real ones are free to fit on.

A bone is drawn as what a beam crosses of a tube: its wall shines at both edges. Flesh around it is a wider rod.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from ml.gate.training.corruptions import GreyImage, Random

Values = npt.NDArray[np.float64]
Point = tuple[float, float]
SIDE = 192
# How strongly flesh and bone weaken the beam, along one side of the picture.
FLESH, BONE = 1.6, 9.0


class _Sheet:
    """Sums what the beam crosses. Places and radii are shares of the picture's side."""

    def __init__(self) -> None:
        self.crossed: Values = np.zeros((SIDE, SIDE))
        self._y, self._x = np.mgrid[0:SIDE, 0:SIDE] / SIDE

    def rod(
        self, start: Point, end: Point, radius: float, strength: float, *, wall: float = 1.0, flare: float = 0.0
    ) -> None:
        """A rod from `start` to `end`, hollow but for `wall` of its radius, and wider at its ends by `flare`."""
        along = np.subtract(end, start)
        length = max(1e-6, float(np.hypot(*along)))
        dx, dy = self._x - start[0], self._y - start[1]
        place = np.clip((dx * along[0] + dy * along[1]) / length**2, 0, 1)
        away = np.hypot(dx - place * along[0], dy - place * along[1])
        outer = radius * (1 + flare * np.abs(2 * place - 1) ** 5)
        crossed = _chord(outer, away) - 0.65 * _chord(outer * (1 - wall), away)
        self.crossed += strength * crossed

    def bone(self, start: Point, end: Point, radius: float, random: Random) -> None:
        self.rod(start, end, radius, BONE, wall=random.uniform(0.2, 0.4), flare=random.uniform(0.3, 0.8))


def _chord(radius: Values | float, away: Values) -> Values:
    return 2 * np.sqrt(np.maximum(0.0, np.asarray(radius) ** 2 - away**2))


def limb(random: Random) -> GreyImage:
    """A long bone or two, a joint, a hand or foot, a shoulder, or an abdomen; in any direction but the last two."""
    kinds: tuple[Callable[[_Sheet, Random], None], ...] = (_shaft, _joint, _hand, _shoulder, _abdomen)
    chosen = kinds[random.choice(5, p=(0.15, 0.2, 0.25, 0.25, 0.15))]
    sheet = _Sheet()
    chosen(sheet, random)
    grey = 1 - np.exp(-sheet.crossed * random.uniform(0.7, 1.6))
    grey = grey + random.normal(0, random.uniform(0.003, 0.02), grey.shape)
    grey = (grey - grey.min()) / np.ptp(grey) * random.uniform(0.75, 1.0)
    picture = Image.fromarray((np.clip(grey, 0, 1) * 255).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.2)))
    if chosen in (_shoulder, _abdomen):
        return picture
    return picture.rotate(random.uniform(0, 360) if random.random() < 0.4 else random.normal(0, 15), fillcolor=0)


def _shaft(sheet: _Sheet, random: Random) -> None:
    """Upper or lower arm or leg."""
    middle, radius = random.uniform(0.35, 0.65), random.uniform(0.12, 0.3)
    sheet.rod((middle, -0.2), (middle + random.normal(0, 0.05), 1.2), radius, FLESH)
    count = int(random.integers(1, 3))
    for number in range(count):
        x = middle + (number - (count - 1) / 2) * radius * 0.8
        ends = random.uniform(-0.1, 0.12), random.uniform(0.88, 1.1)
        sheet.bone((x, ends[0]), (x + random.normal(0, 0.03), ends[1]), radius * random.uniform(0.16, 0.3), random)


def _joint(sheet: _Sheet, random: Random) -> None:
    """Knee, elbow or ankle, bent or straight."""
    middle, bend = (random.uniform(0.4, 0.6), random.uniform(0.4, 0.6)), random.normal(0, 0.25)
    radius = random.uniform(0.16, 0.3)
    ends = ((middle[0], -0.2), (middle[0] + bend, 1.2))
    for end in ends:
        sheet.rod(middle, end, radius, FLESH)
    for end, count in zip(ends, (1, int(random.integers(1, 3))), strict=True):
        start = middle[0] * 0.93 + end[0] * 0.07, middle[1] * 0.93 + end[1] * 0.07
        for number in range(count):
            aside = (number - (count - 1) / 2) * radius * 0.8
            sheet.bone(
                (start[0] + aside, start[1]), (end[0] + aside, end[1]), radius * random.uniform(0.25, 0.42), random
            )


def _hand(sheet: _Sheet, random: Random) -> None:
    """Five rays of three or four bones from a wrist or ankle."""
    base = random.uniform(0.4, 0.6), random.uniform(0.8, 0.95)
    sheet.rod(base, (base[0], base[1] - 0.3), random.uniform(0.14, 0.2), FLESH)
    for number in range(5):
        angle = (number - 2) * random.uniform(0.14, 0.24) + random.normal(0, 0.04)
        length = random.uniform(0.6, 0.8) * (0.75 if number in (0, 4) else 1)
        towards = np.array([np.sin(angle), -np.cos(angle)])
        foot = np.array(base) + (number - 2) * np.array([0.035, 0]) - [0, 0.08]
        sheet.rod(tuple(foot), tuple(foot + towards * length), 0.035, FLESH * 1.5)
        at = 0.0
        for share in (0.4, 0.27, 0.2, 0.13):
            start, end = foot + towards * length * (at + 0.02), foot + towards * length * (at + share - 0.02)
            sheet.bone(tuple(start), tuple(end), random.uniform(0.014, 0.022), random)
            at += share
    for _ in range(8):
        place = np.array(base) + random.normal(0, (0.05, 0.025))
        sheet.rod(tuple(place), tuple(place + 0.01), random.uniform(0.02, 0.035), BONE * 0.6, wall=0.6)
    for aside in (-0.04, 0.04):
        sheet.bone((base[0] + aside, base[1] + 0.06), (base[0] + aside, 1.3), random.uniform(0.025, 0.04), random)


def _shoulder(sheet: _Sheet, random: Random) -> None:
    """The head of the upper arm below collar bone and blade, with or without ribs beside them."""
    mirrored = random.random() < 0.5

    def at(x: float, y: float) -> Point:
        return (1 - x if mirrored else x), y

    head = at(random.uniform(0.3, 0.5), random.uniform(0.3, 0.5))
    arm = at(random.uniform(0.05, 0.4), 1.3)
    sheet.rod(head, arm, random.uniform(0.2, 0.3), FLESH)
    sheet.rod(at(0.6, 0.1), at(1.2, 0.9), random.uniform(0.35, 0.55), FLESH * 0.6)
    sheet.rod(head, (head[0] + 0.02, head[1] + 0.03), random.uniform(0.11, 0.16), BONE * 0.4)
    sheet.bone(head, arm, random.uniform(0.06, 0.09), random)
    beside = 0.14 if not mirrored else -0.14
    sheet.rod((head[0] + beside, head[1] - 0.06), (head[0] + beside, head[1] + 0.12), 0.05, BONE * 0.5, wall=0.5)
    sheet.rod((head[0] + beside, head[1]), at(0.75, 0.85), 0.06, BONE * 0.25, wall=0.5)
    sheet.bone((head[0] + beside / 3, head[1] - 0.2), at(1.1, head[1] - random.uniform(0.05, 0.2)), 0.035, random)
    for number in range(random.integers(0, 6)):
        y = 0.25 + number * 0.13
        sheet.rod(at(0.75, y + 0.1), at(1.2, y - 0.05), 0.02, BONE * 0.5, wall=0.4)


def _abdomen(sheet: _Sheet, random: Random) -> None:
    """A spine over clouds of gas, with the wings of the pelvis below."""
    sheet.rod((0.5, -0.3), (0.5, 1.3), random.uniform(0.42, 0.6), FLESH * random.uniform(0.8, 1.4))
    x = 0.5 + random.normal(0, 0.03)
    for y in np.arange(-0.05, random.uniform(0.6, 1.0), 0.12):
        sheet.rod((x - 0.03, y), (x + 0.03, y), 0.05, BONE * 0.35, wall=0.4)
    if random.random() < 0.7:
        hip = random.uniform(0.65, 0.85)
        for side in (-1, 1):
            sheet.rod((0.5 + side * 0.12, hip + 0.08), (0.5 + side * 0.33, hip - 0.08), 0.11, BONE * 0.25, wall=0.3)
            sheet.bone((0.5 + side * 0.3, hip + 0.22), (0.5 + side * 0.38, 1.3), 0.06, random)
    clouds = random.random((7, 7)).astype(np.float32)
    gas = np.asarray(Image.fromarray(clouds).resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.float64)
    sheet.crossed *= 1 - 0.5 * np.clip(gas - 0.55, 0, 1)
