from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ml.imaging import decode, render_png
from ml.imaging.phantom import chest_xray
from tests.unit.ml.imaging.samples import grey_png, ramp


def opened(data: bytes) -> Image.Image:
    picture = Image.open(BytesIO(data))
    assert (picture.format, picture.mode) == ("PNG", "L")
    return picture


def test_a_rendered_picture_decodes_to_the_same_pixels() -> None:
    np.testing.assert_array_equal(np.asarray(opened(render_png(decode(grey_png()).pixels))), ramp())


@pytest.mark.parametrize(("shape", "size"), [((300, 200), (67, 100)), ((200, 300), (100, 67)), ((80, 60), (60, 80))])
def test_pictures_are_shrunk_in_shape_and_never_enlarged(shape: tuple[int, int], size: tuple[int, int]) -> None:
    assert opened(render_png(chest_xray(*shape), max_side=100)).size == size


def test_shrinking_keeps_the_brightness() -> None:
    pixels = chest_xray(400, 400)
    small = np.asarray(opened(render_png(pixels, max_side=100))) / 255
    np.testing.assert_allclose(small, pixels.reshape(100, 4, 100, 4).mean((1, 3)), atol=0.008)


def test_values_outside_the_range_are_clipped() -> None:
    pixels = np.array([[-1, 0, 0.5], [1, 7, np.nan]], np.float32)
    assert np.asarray(opened(render_png(pixels))).tolist() == [[0, 0, 128], [255, 255, 0]]
