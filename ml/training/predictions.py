"""What a classifier said about every held-out image, so that any number can be worked out again."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ml.training.manifest import Row
from ml.training.scored import Scored
from ml.training.split import Part


def write_predictions(path: Path, scored: Mapping[Part, Scored], rows: Mapping[Part, tuple[Row, ...]]) -> None:
    """Write a row per image: part, path, group and the probability of each label. Nothing about the person."""
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        names = next(iter(scored.values())).names
        writer.writerow(["part", "path", "group", *names])
        for part, said in scored.items():
            writer.writerows(_lines(part, said, rows[part]))


def _lines(part: Part, said: Scored, rows: tuple[Row, ...]) -> Iterator[list[Any]]:
    for row, probabilities in zip(rows, said.probabilities, strict=True):
        yield [part.value, row.path, row.group, *(f"{value:.5f}" for value in probabilities)]
