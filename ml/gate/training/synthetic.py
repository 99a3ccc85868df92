"""Training examples, drawn anew for every epoch: kinds in fixed shares, each picture varied as uploads vary."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ml.gate.gate import prepare
from ml.gate.kinds import Kind
from ml.gate.training import corruptions, screens
from ml.gate.training.corruptions import GreyImage, Random
from ml.gate.training.grey_images import one_of, pixels_of, square
from ml.preprocessing import Pixels
from ml.spec import Modality

SHARES: Mapping[Kind, float] = {
    Kind.CXR: 0.14,
    Kind.CT: 0.14,
    Kind.CXR_TURNED: 0.05,
    Kind.CT_TURNED: 0.05,
    Kind.CXR_TILTED: 0.06,
    Kind.CT_TILTED: 0.05,
    Kind.CXR_INVERTED: 0.03,
    Kind.CT_INVERTED: 0.03,
    Kind.CXR_LATERAL: 0.03,
    Kind.CT_REFORMATTED: 0.03,
    Kind.CT_WITHOUT_LUNGS: 0.06,
    Kind.SEVERAL: 0.04,
    Kind.PART: 0.05,
    Kind.BLURRED: 0.04,
    Kind.SCREEN: 0.04,
    Kind.PHOTOGRAPHED: 0.04,
    Kind.OTHER_PART: 0.05,
    Kind.OTHER: 0.07,
}
SOURCE_POWER = 0.5
MARKERS = ("L", "R", "A", "B", "AP", "PA", "SUPINE", "1", "H-9", "12:30")
# Air in a lung window is dark grey, not black.
AIR = (0, 0, 0, 60, 70)


@dataclass(frozen=True)
class Material:
    """Pictures to draw from. `chests` by modality and source; `others` by source; the rest by what they show."""

    chests: Mapping[Modality, Mapping[str, list[GreyImage]]]
    without_lungs: list[GreyImage]
    laterals: list[GreyImage]
    reformats: list[GreyImage]
    photographs: list[GreyImage]
    parts: list[GreyImage]
    others: Mapping[str, list[GreyImage]]


class Synthesiser:
    """Draws examples from material."""

    def __init__(self, material: Material, side: int) -> None:
        self._material, self._side = material, side
        self._draw: dict[Kind, Callable[[Random], GreyImage]] = {
            Kind.CXR: lambda random: self._chest(Modality.CXR, random),
            Kind.CT: lambda random: self._chest(Modality.CT, random),
            Kind.CXR_TURNED: lambda random: corruptions.turned(self._chest(Modality.CXR, random), random),
            Kind.CT_TURNED: lambda random: corruptions.turned(self._chest(Modality.CT, random), random),
            Kind.CXR_TILTED: lambda random: corruptions.tilted(
                self._chest(Modality.CXR, random, upright=False), random
            ),
            Kind.CT_TILTED: lambda random: corruptions.tilted(self._chest(Modality.CT, random, upright=False), random),
            Kind.CXR_INVERTED: lambda random: corruptions.inverted(self._chest(Modality.CXR, random), random),
            Kind.CT_INVERTED: lambda random: corruptions.inverted(self._chest(Modality.CT, random), random),
            Kind.CXR_LATERAL: lambda random: varied(one_of(material.laterals, random), random),
            Kind.CT_REFORMATTED: lambda random: varied(one_of(material.reformats, random), random),
            Kind.CT_WITHOUT_LUNGS: lambda random: self._framed(one_of(material.without_lungs, random), random),
            Kind.SEVERAL: self._several,
            Kind.PART: lambda random: corruptions.part(self._any_chest(random), random),
            Kind.BLURRED: self._blurred,
            Kind.SCREEN: self._screen,
            Kind.PHOTOGRAPHED: lambda random: varied(one_of(material.photographs, random), random),
            Kind.OTHER_PART: self._other_part,
            Kind.OTHER: self._other,
        }

    def examples(self, count: int, random: Random) -> tuple[Pixels, NDArray[np.int64]]:
        """`count` network inputs float32 (n, side, side, 1), and their kinds int64 (n,) as indices of SHARES."""
        kinds = list(SHARES)
        labels = random.choice(len(kinds), count, p=list(SHARES.values()))
        inputs = [prepare(pixels_of(self._draw[kinds[label]](random)), self._side) for label in labels]
        return np.stack(inputs), labels.astype(np.int64)

    def _chest(self, modality: Modality, random: Random, *, upright: bool = True) -> GreyImage:
        picture = _by_source(self._material.chests[modality], random)
        framed = self._framed if modality.is_tomographic else varied
        return framed(picture, random, upright=upright)

    def _any_chest(self, random: Random) -> GreyImage:
        return self._chest(_any_modality(random), random)

    def _framed(self, picture: GreyImage, random: Random, *, upright: bool = True) -> GreyImage:
        """Varied, and often with shoulders, or with the table and the wide field of a scanner around the body."""
        if random.random() < 0.2:
            picture = with_shoulders(picture, random)
        if random.random() < 0.4:
            picture = in_scanner(picture, random)
        return varied(picture, random, upright=upright)

    def _blurred(self, random: Random) -> GreyImage:
        picture = self._any_chest(random)
        if random.random() < 0.6:
            return corruptions.blurred(picture, random)
        resample = one_of((Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC), random)
        return corruptions.enlarged(picture, int(random.integers(24, 49)), resample)

    def _screen(self, random: Random) -> GreyImage:
        sources = self._material.chests[_any_modality(random)]
        return screens.workstation([_by_source(sources, random) for _ in range(random.integers(1, 5))], random)

    def _other_part(self, random: Random) -> GreyImage:
        if random.random() < 0.4:
            return corruptions.shoulder(self._chest(Modality.CXR, random), random)
        return varied(one_of(self._material.parts, random), random)

    def _several(self, random: Random) -> GreyImage:
        if random.random() < 0.6:
            sources = self._material.chests[_any_modality(random)]
            return corruptions.grid([_by_source(sources, random) for _ in range(random.integers(2, 6))], random)
        page = _by_source(self._material.others, random) if random.random() < 0.6 else _blank(random)
        return corruptions.in_page(self._any_chest(random), page, random)

    def _other(self, random: Random) -> GreyImage:
        if random.random() < 0.12:
            return corruptions.drowned(self._any_chest(random), random)
        picture = varied(_by_source(self._material.others, random), random)
        if random.random() < 0.15:
            picture = corruptions.turned(picture, random)
        return corruptions.inverted(picture, random) if random.random() < 0.2 else picture


def varied(picture: GreyImage, random: Random, *, upright: bool = True) -> GreyImage:
    """The picture as another device or clinic might have made it; slightly tilted, where it is to stay upright."""
    if random.random() < 0.3:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if upright and random.random() < 0.6:
        picture = corruptions.tilted(picture, random, random.uniform(-corruptions.SLIGHT, corruptions.SLIGHT))
    picture = _cut(picture, random)
    if random.random() < 0.25:
        picture = _padded(picture, random)
    if random.random() < 0.3:
        _mark(picture, random)
    if random.random() < 0.2:
        picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.2)))
    return _toned(picture, random)


def with_shoulders(picture: GreyImage, random: Random) -> GreyImage:
    """Small lungs in a wide body, as at the apex."""
    width, height = round(picture.width * random.uniform(0.3, 0.7)), round(picture.height * random.uniform(0.4, 0.8))
    sheet = Image.new("L", picture.size, int(random.choice(AIR)))
    tissue = int(random.integers(190, 250))
    top = round((picture.height - height) * random.uniform(0.3, 0.7))
    ImageDraw.Draw(sheet).ellipse((0, top - height // 8, picture.width - 1, top + height * 9 // 8), fill=tissue)
    body = Image.new("L", (width, height))
    ImageDraw.Draw(body).ellipse((0, 0, width - 1, height - 1), fill=255)
    body = body.filter(ImageFilter.GaussianBlur(2))
    sheet.paste(picture.resize((width, height)), ((picture.width - width) // 2, top), body)
    return sheet


def in_scanner(picture: GreyImage, random: Random) -> GreyImage:
    """The body small in a field of air, above the bright curves of a table."""
    air = int(random.choice(AIR))
    sheet = Image.new("L", picture.size, air)
    body = Image.new("L", picture.size)
    ImageDraw.Draw(body).ellipse((0, 0, picture.width - 1, picture.height - 1), fill=255)
    width, height = round(picture.width * random.uniform(0.7, 1)), round(picture.height * random.uniform(0.5, 0.85))
    left, top = (picture.width - width) // 2, round((picture.height - height) * random.uniform(0.2, 0.7))
    sheet.paste(picture.resize((width, height)), (left, top), body.resize((width, height)))
    draw = ImageDraw.Draw(sheet)
    for _ in range(random.integers(0, 3)):
        y = top + height * random.uniform(0.7, 1.05)
        box = (-0.2 * picture.width, y - picture.height * random.uniform(0.2, 0.6), 1.2 * picture.width, y)
        draw.arc(box, 30, 150, fill=int(random.integers(100, 230)), width=int(random.integers(1, 4)))
    return sheet


def _cut(picture: GreyImage, random: Random) -> GreyImage:
    """Up to a tenth less at each edge."""
    near, far = random.uniform(0, 0.1, 2), 1 - random.uniform(0, 0.1, 2)
    box = (near[0] * picture.width, near[1] * picture.height, far[0] * picture.width, far[1] * picture.height)
    return picture.resize(picture.size, Image.Resampling.BILINEAR, box)


def _padded(picture: GreyImage, random: Random) -> GreyImage:
    """With bars at the sides or all around, as of films and screens."""
    frame = int(random.choice((0, 0, 0, 255, 30)))
    sheet = Image.new("L", picture.size, frame)
    # A narrow field on a large detector leaves wide black bars, a page wide white ones: those count as a page.
    bars = random.uniform(0, 0.28 if frame < 128 else 0.15, 4) * (random.random(4) < 0.6)
    width, height = picture.width * (1 - bars[0] - bars[1]), picture.height * (1 - bars[2] - bars[3])
    corner = (round(picture.width * bars[0]), round(picture.height * bars[2]))
    sheet.paste(picture.resize((round(width), round(height))), corner)
    return sheet


def _mark(picture: GreyImage, random: Random) -> None:
    font = _font(int(random.integers(8, 22)))
    place = (random.uniform(0, 0.85) * picture.width, random.choice((0.02, 0.06, 0.85)) * picture.height)
    ImageDraw.Draw(picture).text(place, str(random.choice(MARKERS)), fill=int(random.choice((255, 0))), font=font)


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _toned(picture: GreyImage, random: Random) -> GreyImage:
    gamma, gain, shift = random.uniform(0.6, 1.6), random.uniform(0.7, 1.3), random.uniform(-0.1, 0.1)
    curve = np.clip((np.linspace(0, 1, 256) ** gamma) * gain + shift, 0, 1) * 255
    pixels = np.rint(curve).astype(np.uint8)[np.asarray(picture)]
    if random.random() < 0.3:
        noise = random.normal(0, random.uniform(1, 10), pixels.shape)
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)


def _any_modality(random: Random) -> Modality:
    return Modality.CXR if random.random() < 0.5 else Modality.CT


def _blank(random: Random) -> GreyImage:
    return square(Image.new("L", (8, 8), int(random.choice((255, 240, 200)))))


def _by_source(pictures: Mapping[str, list[GreyImage]], random: Random) -> GreyImage:
    """One picture; a source with four times the pictures comes twice as often."""
    weights = np.array([len(each) for each in pictures.values()], dtype=np.float64) ** SOURCE_POWER
    chosen = list(pictures)[int(random.choice(len(weights), p=weights / weights.sum()))]
    return one_of(pictures[chosen], random)
