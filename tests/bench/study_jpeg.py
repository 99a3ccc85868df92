"""JPEG Lossless, process 14, selection value 1: how many scanners send their slices. Written for files of benchmarks.

ITU-T T.81, annex H: each pixel is the difference to its left neighbour (in the first column to the one above, the very
first to half the range), as the number of bits of the difference in a Huffman code and then these bits.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

# Lengths of the codes, the most frequent category's first; the code of ones alone stays free, as the standard wants.
LENGTHS = (2, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
Integers = npt.NDArray[np.int64]


def encoded(pixels: npt.NDArray[np.integer], *, bits: int) -> bytes:
    """A JPEG of unsigned `pixels` (h, w) of `bits` bits, 2 to 16."""
    differences = _differences(pixels.astype(np.int64), bits)
    categories = _categories(differences)
    by_frequency = np.argsort(-np.bincount(categories, minlength=len(LENGTHS)), kind="stable")
    scan = _scan(differences, categories, by_frequency)
    return b"".join([b"\xff\xd8", _frame(pixels.shape, bits), _table(by_frequency), _start(), scan, b"\xff\xd9"])


def _differences(pixels: Integers, bits: int) -> Integers:
    found = pixels.copy()
    found[:, 1:] -= pixels[:, :-1]
    found[1:, 0] -= pixels[:-1, 0]
    found[0, 0] -= 1 << (bits - 1)
    return found.ravel()


def _categories(differences: Integers) -> Integers:
    """The number of bits of each absolute value."""
    return np.frexp(np.abs(differences).astype(np.float64))[1].astype(np.int64)


def _scan(differences: Integers, categories: Integers, by_frequency: Integers) -> bytes:
    codes, lengths = _codes(by_frequency)
    # A negative difference is written as the ones' complement of its absolute value.
    values = np.where(differences < 0, differences + (1 << categories) - 1, differences)
    words = codes[categories] << categories | values
    return _packed(words, lengths[categories] + categories).replace(b"\xff", b"\xff\x00")


def _codes(by_frequency: Integers) -> tuple[Integers, Integers]:
    """Code and length of each category, as the standard derives them from the lengths (annex C)."""
    codes, lengths = np.zeros(len(LENGTHS), np.int64), np.zeros(len(LENGTHS), np.int64)
    code = 0
    for place, length in enumerate(LENGTHS):
        code <<= length - (LENGTHS[place - 1] if place else length)
        codes[by_frequency[place]], lengths[by_frequency[place]] = code, length
        code += 1
    return codes, lengths


def _packed(words: Integers, lengths: Integers) -> bytes:
    """The bits of all words one after the other, filled up with ones."""
    ends = np.cumsum(lengths)
    places = ends.repeat(lengths) - 1 - np.arange(ends[-1])
    bits = (words.repeat(lengths) >> places & 1).astype(np.uint8)
    filled = np.concatenate([bits, np.ones(-len(bits) % 8, np.uint8)])
    return np.packbits(filled).tobytes()


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _frame(shape: tuple[int, ...], bits: int) -> bytes:
    height, width = shape
    return _segment(0xC3, struct.pack(">BHHB", bits, height, width, 1) + b"\x01\x11\x00")


def _table(by_frequency: Integers) -> bytes:
    counts = bytes(LENGTHS.count(length) for length in range(1, 17))
    return _segment(0xC4, b"\x00" + counts + bytes(by_frequency.tolist()))


def _start() -> bytes:
    return _segment(0xDA, b"\x01\x01\x00\x01\x00\x00")
