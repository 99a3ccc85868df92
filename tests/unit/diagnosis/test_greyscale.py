from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from diagnosis.scans.greyscale import packed
from ml.imaging.facts import Fact
from ml.imaging.greyscale import Greyscale
from ml.imaging.tone import Tone
from tests.greyscale import unpacked

RNG = np.random.default_rng(7)
FACTS = (Fact("own_range", {"variant": "unusable"}),)
KINDS = {"8 bit": np.uint8, "16 bit": np.uint16, "signed": np.int16}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_was_packed_comes_back_whole(kind: type) -> None:
    """Noise over the whole range: every difference that can occur, the widest ones too."""
    ends = np.iinfo(kind)
    raw = RNG.integers(ends.min, ends.max, (37, 53), kind, endpoint=True)
    header, back = unpacked(packed(Greyscale(raw, 8 * raw.itemsize, Tone(0, 1))))
    assert np.array_equal(back, raw)
    assert (header["width"], header["height"], header["signed"]) == (53, 37, kind is np.int16)
    assert (header["low"], header["high"]) == (raw.min(), raw.max())


def test_smooth_images_shrink() -> None:
    y, x = np.mgrid[0:400, 0:400]
    raw = (1000 + 3 * x + 2 * y).astype(np.uint16)
    assert len(packed(Greyscale(raw, 16, Tone(0, 1)))) < raw.nbytes / 20


def test_the_header_is_plain_and_holds_all_that_the_viewer_needs() -> None:
    raw = np.arange(6, dtype=np.uint8).reshape(2, 3)
    found = Greyscale(raw, 8, Tone(2.5, 5), 2.0, -7.0, "HU", (0.5, 0.25), spacing_at_detector=True, facts=FACTS)
    body = gzip.decompress(packed(found))
    length = int.from_bytes(body[4:8], "little")
    assert json.loads(body[8 : 8 + length]) == {
        "width": 3,
        "height": 2,
        "bytes": 1,
        "signed": False,
        "bits": 8,
        "low": 0,
        "high": 5,
        "slope": 2.0,
        "intercept": -7.0,
        "unit": "HU",
        "tone": {"centre": 2.5, "width": 5, "curve": [], "span": 1.0},
        "spacing": {"row": 0.5, "column": 0.25, "at_detector": True},
        "facts": [{"code": "own_range", "params": {"variant": "unusable"}}],
    }
