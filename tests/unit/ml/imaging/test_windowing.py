from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing

from ml.imaging import Fact, decode
from ml.imaging.phantom import chest_ct, chest_xray, phantom_dicom
from ml.imaging.windowing import Window
from tests.unit.ml.imaging.samples import SIDE, dicom, ramp, refusal, xray_of

LINEAR_RAMP = ramp(12).astype(np.float32)


def table(entries: list[int], first: int, bits: int) -> list[Dataset]:
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = entries
    item["LUTData"].VR = "US"
    return [item]


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("centre", "width"), [(2048, 4096), (1000, 300.5), (50, 2)])
def test_window_functions_agree_with_pydicom(function: str, centre: float, width: float) -> None:
    dataset = Dataset()
    dataset.PhotometricInterpretation, dataset.BitsStored, dataset.PixelRepresentation = "MONOCHROME2", 12, 0
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = centre, width, function
    expected = apply_windowing(ramp(12), dataset) / 4095
    grey = Window(centre, width, function).apply(LINEAR_RAMP)
    assert grey.dtype == np.float32
    np.testing.assert_allclose(grey, expected, atol=1e-4)


def test_the_first_window_is_applied() -> None:
    data = xray_of(ramp(12), 12, WindowCenter=[1000, 3000], WindowWidth=[1001, 10])
    expected = np.clip((LINEAR_RAMP - 999.5) / 1000 + 0.5, 0, 1)
    np.testing.assert_allclose(decode(data).pixels, expected, atol=1e-5)


def test_monochrome1_shows_the_same_as_monochrome2() -> None:
    one, two = (decode(phantom_dicom("DX", side=SIDE, photometric=f"MONOCHROME{n}")).pixels for n in (1, 2))
    np.testing.assert_allclose(one, two, atol=2e-3)
    np.testing.assert_allclose(two, chest_xray(SIDE, SIDE), atol=2e-3)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "INVERSE", True),
    ],
)
def test_inversion_is_said_once_however_often_it_is_written(
    photometric: str, shape: str | None, inverted: bool
) -> None:
    extra = {"PresentationLUTShape": shape} if shape else {}
    pixels = decode(xray_of(ramp(12), 12, PhotometricInterpretation=photometric, **extra)).pixels
    plain = decode(xray_of(ramp(12), 12)).pixels
    np.testing.assert_allclose(pixels, 1 - plain if inverted else plain, atol=1e-6)


def test_rescale_comes_before_the_window() -> None:
    data = xray_of(ramp(12), 12, RescaleSlope=2, RescaleIntercept=-500, WindowCenter=3595.5, WindowWidth=8191)
    np.testing.assert_allclose(decode(data).pixels, LINEAR_RAMP / 4095, atol=1e-3)


def test_modality_table_is_applied() -> None:
    entries = [4095 - value for value in range(4096)]
    data = xray_of(ramp(12), 12, ModalityLUTSequence=table(entries, 0, 12))
    np.testing.assert_allclose(decode(data).pixels, (4095 - LINEAR_RAMP) / 4095, atol=1e-3)


def test_voi_table_goes_before_the_window_and_clamps_at_its_ends() -> None:
    entries = list(range(512))
    data = xray_of(ramp(12), 12, VOILUTSequence=table(entries, 1000, 9))
    expected = np.clip(LINEAR_RAMP - 1000, 0, 511) / 511
    np.testing.assert_allclose(decode(data).pixels, expected, atol=1e-6)


@pytest.mark.parametrize("declared", [8, 12, 16])
def test_the_entries_say_how_many_bits_a_table_holds(declared: int) -> None:
    """By the letter of the third value the picture would be nearly black, or nearly white."""
    plain = dicom(VOILUTSequence=table(list(range(4096)), 0, 12))
    told = decode(dicom(VOILUTSequence=table(list(range(4096)), 0, declared)))
    np.testing.assert_array_equal(told.pixels, decode(plain).pixels)
    np.testing.assert_allclose(told.pixels, chest_xray(SIDE, SIDE), atol=2e-3)
    assert told.facts == ()


UNUSABLE = {
    "far too wide": {"WindowCenter": 2048, "WindowWidth": 60_000},
    "far too narrow": {"WindowCenter": 1500, "WindowWidth": 40},
    "nearly black": {"WindowCenter": 16_000, "WindowWidth": 32_000},
    "elsewhere": {"WindowCenter": 60_000, "WindowWidth": 4096},
    "a flat table": {"VOILUTSequence": table([1000 + value // 64 for value in range(4096)], 0, 16)},
}


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("stated", UNUSABLE.values(), ids=UNUSABLE)
def test_a_window_that_shows_next_to_nothing_gives_way_to_the_own_range_and_it_is_said(
    stated: dict[str, object], photometric: str
) -> None:
    gone = dict.fromkeys(("WindowCenter", "WindowWidth"))
    image = decode(dicom(**{**gone, **stated, "PhotometricInterpretation": photometric}))
    unstated = decode(dicom(**gone, PhotometricInterpretation=photometric))
    np.testing.assert_array_equal(image.pixels, unstated.pixels)
    assert image.facts == (Fact("own_range", {"variant": "unusable"}),)
    assert unstated.facts == (Fact("own_range", {"variant": "unstated"}),)
    low, high = np.percentile(image.pixels, (2, 98))
    assert high - low > 0.6


@pytest.mark.parametrize(("photometric", "centre"), [("MONOCHROME2", 6000), ("MONOCHROME1", -2400)])
def test_a_window_that_shows_the_image_in_the_darkest_third_gives_way(photometric: str, centre: int) -> None:
    image = decode(dicom(PhotometricInterpretation=photometric, WindowCenter=centre, WindowWidth=12_000))
    assert image.facts == (Fact("own_range", {"variant": "unusable"}),)
    assert np.percentile(image.pixels, 98) > 0.9


def test_a_window_that_shows_the_image_is_followed_without_a_word() -> None:
    assert decode(dicom()).facts == ()
    assert decode(dicom(WindowCenter=2048, WindowWidth=8192)).facts == ()


@pytest.mark.parametrize("bright", [1, 26, 400], ids=["a pixel", "a thousandth", "a marker"])
def test_a_few_bright_pixels_do_not_make_the_rest_black(bright: int) -> None:
    """In 16 bits, with a window from the least to the greatest value, as exporters write it, or none."""
    stored = np.rint(chest_xray(SIDE, SIDE) * 4095).astype(np.uint16)
    stored.ravel()[:bright] = 65_535
    rest = np.s_[SIDE // 4 :]
    for window in ({"WindowCenter": 32_768, "WindowWidth": 65_536}, {"WindowCenter": None, "WindowWidth": None}):
        image = decode(xray_of(stored, 16, **window))
        low, high = np.percentile(image.pixels[rest], (2, 98))
        assert high - low > 0.6
        assert [fact.code for fact in image.facts] == ["own_range"]


def test_values_of_a_small_scale_are_spread_as_others_are() -> None:
    gone = dict.fromkeys(("WindowCenter", "WindowWidth"))
    scaled = decode(dicom(**gone, RescaleSlope=0.0001, RescaleIntercept=0))
    np.testing.assert_allclose(scaled.pixels, decode(dicom(**gone)).pixels, atol=1e-4)


def test_an_image_without_greys_is_refused_but_a_page_about_the_examination_is_kept() -> None:
    stored = np.zeros((SIDE, SIDE), np.uint16)
    stored[80:84, 40:120] = 4095
    assert refusal(xray_of(stored, 12)) == "no-greys"
    assert refusal(xray_of(stored, 12, WindowWidth=None)) == "no-greys"
    page = dicom("CT", ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"], PixelData=stored.tobytes())
    assert decode(page).pixels[82, 60] > 0.95
    assert decode(page).pixels[10, 60] == 0


@pytest.mark.parametrize(
    "broken",
    [
        {"WindowCenter": None, "WindowWidth": None},
        {"WindowWidth": 0},
        {"WindowCenter": 60_000},
        {"VOILUTFunction": "CUBIC"},
    ],
)
def test_without_a_usable_window_a_robust_range_is_shown(broken: dict[str, object]) -> None:
    values = ramp(12) // 8 + 300
    values[0, 0] = 4095
    pixels = decode(xray_of(values, 12, **broken)).pixels
    assert np.percentile(pixels, 2) < 0.1
    assert np.percentile(pixels, 98) > 0.9


def test_padding_is_black_whatever_the_polarity() -> None:
    values = ramp(12)
    values[:10] = 4000
    data = xray_of(values, 12, PixelPaddingValue=4000, PhotometricInterpretation="MONOCHROME1", WindowWidth=None)
    pixels = decode(data).pixels
    assert not pixels[:10].any()
    assert pixels[10:].max() > 0.95


def test_ct_is_shown_in_the_lung_window_whatever_its_header_says() -> None:
    hounsfield = chest_ct(SIDE, SIDE).astype(np.float32)
    for centre, width in ((40, 400), (-600, 1200)):
        pixels = decode(dicom("CT", WindowCenter=centre, WindowWidth=width)).pixels
        np.testing.assert_allclose(pixels, np.clip((hounsfield + 1350) / 1500, 0, 1), atol=1e-5)


@pytest.mark.parametrize(("vr", "value"), [("SS", -2000), ("US", 63536)])
def test_ct_padding_counts_as_air(vr: str, value: int) -> None:
    """Also where it is written without the sign of the pixels."""
    stored = pydicom.dcmread(BytesIO(dicom("CT"))).pixel_array.astype(np.int16)
    stored[:5] = -2000
    source = pydicom.dcmread(
        BytesIO(dicom("CT", PixelData=stored.tobytes(), BitsStored=16, HighBit=15, PixelRepresentation=1))
    )
    source.add_new("PixelPaddingValue", vr, value)
    data = BytesIO()
    source.save_as(data)
    np.testing.assert_allclose(decode(data.getvalue()).pixels[:5], (-1024 + 1350) / 1500, atol=1e-5)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("view", ["PA", "LL"])
def test_values_beyond_what_can_be_counted_show_nothing(view: str) -> None:
    """A lateral view is kept without being classified, and was kept as a picture of numbers that are none."""
    data = xray_of(ramp(12), 12, RescaleSlope="1e38", RescaleIntercept="0", ViewPosition=view)
    assert refusal(data) == "blank"
