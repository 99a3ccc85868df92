import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ml.imaging import Fact, ImageRefused, Limits, decode, render_png
from ml.imaging.facts import not_classified
from ml.imaging.phantom import chest_xray
from tests.unit.ml.imaging.samples import SIDE, chunk, grey_jpeg, grey_png, ramp, refusal, saved, with_chunk

PNG_START = b"\x89PNG\r\n\x1a\n"
GREY = ramp() / np.float32(255)


def rgb_of(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def layered(alpha: np.ndarray) -> Image.Image:
    return Image.fromarray(np.dstack([rgb_of(ramp()), alpha.astype(np.uint8)]))


SAME_PIXELS = {
    "grey": Image.fromarray(ramp()),
    "rgb": Image.fromarray(rgb_of(ramp())),
    "palette": Image.fromarray(ramp()).convert("P"),
    "opaque rgba": layered(np.full((SIDE, SIDE), 255)),
    "grey with alpha": Image.merge("LA", [Image.fromarray(ramp()), Image.new("L", (SIDE, SIDE), 255)]),
}


@pytest.mark.parametrize("name", SAME_PIXELS)
def test_png_pixels_are_exact(name: str) -> None:
    image = decode(saved(SAME_PIXELS[name]))
    np.testing.assert_array_equal(image.pixels, GREY)
    assert (image.format, image.bits, image.header) == ("png", 8, None)
    assert image.pixels.dtype == np.float32


def test_jpeg_pixels_are_those_of_the_picture() -> None:
    image = decode(grey_jpeg())
    assert image.format == "jpeg"
    assert np.abs(image.pixels - GREY).mean() < 0.01


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_16_bit_png_is_scaled_by_its_real_depth(bits: int) -> None:
    stored = ramp(bits)
    image = decode(saved(Image.fromarray(stored)))
    assert image.bits == bits
    np.testing.assert_allclose(image.pixels, stored / ((1 << bits) - 1), atol=1e-6)


def colour_png_16(stored: np.ndarray, alpha: np.ndarray | None = None) -> bytes:
    """Three or four channels of 16 bits, which Pillow cannot write."""
    channels = [stored] * 3 if alpha is None else [stored, stored, stored, alpha]
    rows = np.dstack(channels).astype(">u2")
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", stored.shape[1], stored.shape[0], 16, 2 if alpha is None else 6, 0, 0, 0)
    return PNG_START + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [10, 12, 14, 15])
@pytest.mark.parametrize("layered", [False, True])
def test_a_16_bit_colour_png_of_fewer_bits_is_the_grey_picture_in_it(bits: int, layered: bool) -> None:
    stored = ramp(bits)
    data = colour_png_16(stored, np.full_like(stored, 65_535) if layered else None)
    np.testing.assert_array_equal(decode(data).pixels, decode(saved(Image.fromarray(stored))).pixels)


def test_a_16_bit_colour_png_of_16_bits_is_read_from_its_upper_bytes() -> None:
    np.testing.assert_array_equal(decode(colour_png_16(ramp(16))).pixels, (ramp(16) >> 8) / np.float32(255))


DARK = {
    "8 bits": Image.fromarray(ramp(8) // 12),
    "the darkest third": Image.fromarray(ramp(8) // 3),
    "16 bits and a bright pixel": Image.fromarray(np.where(ramp(16) == 65_535, 65_535, ramp(12)).astype(np.uint16)),
    "colour": Image.fromarray(rgb_of(ramp(8) // 12)),
    "bright": Image.fromarray(235 + ramp(8) // 13),
}


@pytest.mark.parametrize("picture", DARK.values(), ids=DARK)
def test_greys_that_use_a_small_part_of_their_range_are_spread_and_it_is_said(picture: Image.Image) -> None:
    image = decode(saved(picture))
    assert image.facts == (Fact("own_range", {"variant": "picture"}),)
    low, high = np.percentile(image.pixels, (2, 98))
    assert high - low > 0.9
    assert np.corrcoef(image.pixels.ravel(), GREY.ravel())[0, 1] > 0.99


def test_ordinary_pictures_are_as_they_are_without_a_word() -> None:
    assert decode(grey_png()).facts == ()
    assert decode(saved(Image.fromarray(90 + ramp(8) // 4))).facts == ()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_exif_orientation_is_undone(orientation: int, kind: str) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = Image.fromarray(ramp()[:, :150])
    lying = upright.transpose(turns[orientation]) if orientation in turns else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode(saved(lying, kind, exif=exif))
    assert image.pixels.shape == (SIDE, 150)
    assert np.abs(image.pixels - GREY[:, :150]).mean() < 0.02


EXPOSURE, F_NUMBER, TAKEN_AT = 0x829A, 0x829D, 0x9003


def drawn_chest() -> Image.Image:
    return Image.open(BytesIO(render_png(chest_xray(SIDE, SIDE, seed=0)))).convert("L")


def exif_with(tag: int, value: object) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[tag] = value
    return exif


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("tag", [EXPOSURE, F_NUMBER])
def test_what_a_camera_took_is_kept_and_not_classified(kind: str, tag: int) -> None:
    image = decode(saved(drawn_chest(), kind, exif=exif_with(tag, 0.01)))
    assert image.not_classified == not_classified("photograph")
    assert np.abs(image.pixels * 255 - np.asarray(drawn_chest())).mean() < 5


@pytest.mark.parametrize("exif", [Image.Exif(), exif_with(TAKEN_AT, "2026:01:02 03:04:05")])
def test_exif_without_a_lens_is_no_camera(exif: Image.Exif) -> None:
    assert decode(saved(drawn_chest(), "JPEG", exif=exif)).not_classified is None


@pytest.mark.parametrize(("blue", "share", "is_photograph"), [(12, 0.3, True), (12, 0.1, False), (7, 0.3, False)])
def test_a_tint_tells_a_photograph_and_a_mark_or_the_noise_of_jpeg_does_not(
    blue: int, share: float, is_photograph: bool
) -> None:
    tinted = rgb_of(np.asarray(drawn_chest()) // 2)
    tinted[: int(share * SIDE), :, 2] += np.uint8(blue)
    image = decode(saved(Image.fromarray(tinted)))
    assert (image.not_classified is not None) is is_photograph


def test_a_colour_photograph_is_told_how_to_take_it() -> None:
    coloured = rgb_of(ramp() // 2)
    coloured[:, :, 2] += 100
    with pytest.raises(ImageRefused, match="straight from the front") as refused:
        decode(saved(Image.fromarray(coloured), exif=exif_with(EXPOSURE, 0.01)))
    assert refused.value.code == refusal(saved(Image.fromarray(coloured))) == "colour"


def test_see_through_corners_are_black() -> None:
    alpha = np.full((SIDE, SIDE), 255)
    alpha[-8:, -8:] = 0
    pixels = decode(saved(layered(alpha))).pixels
    assert not pixels[-8:, -8:].any()
    np.testing.assert_array_equal(pixels[:-8], GREY[:-8])


def test_a_picture_that_hides_itself_is_refused() -> None:
    alpha = np.full((SIDE, SIDE), 255)
    alpha[: SIDE // 2] = 0
    assert refusal(saved(layered(alpha))) == "transparent"


def test_coloured_arrows_are_accepted_and_colour_pictures_refused() -> None:
    arrow = rgb_of(ramp())
    arrow[20:30, 20:60] = (255, 0, 0)
    assert refusal(saved(Image.fromarray(arrow))) == ""
    tinted = rgb_of(ramp())
    tinted[..., 2] //= 3
    assert refusal(saved(Image.fromarray(tinted))) == "colour"
    assert refusal(saved(Image.fromarray(tinted).convert("P", palette=Image.Palette.ADAPTIVE))) == "colour"


def animated() -> bytes:
    frames = [Image.fromarray(ramp()), Image.fromarray(255 - ramp())]
    return saved(frames[0], save_all=True, append_images=frames[1:])


REFUSED = {
    "cmyk": saved(Image.fromarray(rgb_of(ramp())).convert("CMYK"), "JPEG"),
    "black-and-white": saved(Image.fromarray(ramp()).convert("1")),
    "animated": animated(),
    "no-greys": saved(Image.fromarray(np.where(ramp(8) == 255, 255, 0).astype(np.uint8))),
    "blank": saved(Image.new("L", (SIDE, SIDE), 7)),
    "too-small": grey_png(128),
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_cannot_be_read_rightly_is_refused(code: str) -> None:
    assert refusal(REFUSED[code]) == code


@pytest.mark.parametrize("kept", [9, 40, 200, -30, -1])
def test_a_cut_png_is_refused(kept: int) -> None:
    assert refusal(grey_png()[:kept]) == "truncated"


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_cut_jpeg_is_refused(share: float) -> None:
    data = grey_jpeg()
    assert refusal(data[: int(len(data) * share)]) in {"damaged", "truncated"}


def test_a_flipped_byte_in_a_png_is_noticed() -> None:
    data = bytearray(grey_png())
    data[len(data) // 2] ^= 0x10
    assert refusal(bytes(data)) == "truncated"


def gigantic_png() -> bytes:
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return PNG_START + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_size_is_refused_before_anything_is_decoded() -> None:
    assert refusal(gigantic_png()) == "too-many-pixels"
    jpeg = bytearray(grey_jpeg())
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 20_000, 20_000)
    assert refusal(bytes(jpeg)) == "too-many-pixels"


def test_limits_are_the_callers() -> None:
    assert refusal(grey_png(), Limits(max_pixels=SIDE * SIDE - 1)) == "too-many-pixels"
    assert refusal(grey_png(), Limits(min_side=SIDE + 1)) == "too-small"
    assert refusal(grey_png(), Limits(max_bytes=100)) == "too-many-bytes"
    exact = Limits(max_bytes=len(grey_png()), max_pixels=SIDE * SIDE, min_side=SIDE)
    assert refusal(grey_png(), exact) == ""


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP", b"iTXt", b"eXIf"])
def test_compressed_notes_never_unfold(name: bytes) -> None:
    bomb = zlib.compress(bytes(200_000_000), 9)
    body = {b"iTXt": b"a\0\1\0\0\0", b"eXIf": b""}.get(name, b"a\0\0") + bomb
    np.testing.assert_array_equal(decode(with_chunk(grey_png(), name, body)).pixels, GREY)


def test_a_multi_picture_jpeg_shows_its_first_picture() -> None:
    first, second = Image.fromarray(ramp()), Image.fromarray(255 - ramp())
    out = BytesIO()
    first.save(out, "MPO", save_all=True, append_images=[second], quality=95)
    assert np.abs(decode(out.getvalue()).pixels - GREY).mean() < 0.01
