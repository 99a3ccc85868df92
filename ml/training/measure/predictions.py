"""What a classifier said about every held-out image, so that any number can be worked out again."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml.training.scored_images import ScoredImages

PREDICTIONS = "predictions.csv"
BORDER_PIXELS, LUNGS_BLACKED_OUT = "border-pixels.csv", "lungs-blacked-out.csv"
COLUMNS = ("part", "path", "label", "source", "group")


def write_predictions(path: Path, scored: Mapping[str, ScoredImages]) -> None:
    """Write a row per image: part, path, label, source, group and the probability of each label, to five digits.

    Nothing about the person.
    """
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow([*COLUMNS, *next(iter(scored.values())).names])
        for part, said in scored.items():
            writer.writerows(_lines(part, said))


def read_predictions(path: Path) -> dict[str, ScoredImages]:
    """Read what `write_predictions` wrote, by part.

    Raises FileNotFoundError when there is no such file and ValueError when it holds something else.
    """
    with path.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        header = tuple(reader.fieldnames or ())
        if header[: len(COLUMNS)] != COLUMNS:
            raise ValueError(f"{path} lacks one of the columns {', '.join(COLUMNS)}. Evaluate again to write it anew.")
        records: dict[str, list[dict[str, str]]] = {}
        for record in reader:
            records.setdefault(record["part"], []).append(record)
    return {part: _scored(members, header[len(COLUMNS) :]) for part, members in records.items()}


def _lines(part: str, said: ScoredImages) -> Iterator[list[Any]]:
    truths = (said.names[label] for label in said.labels)
    columns = (said.paths, truths, said.sources, said.groups, said.probabilities)
    for path, truth, source, group, probabilities in zip(*columns, strict=True):
        yield [str(part), path, truth, source, group, *(f"{value:.5g}" for value in probabilities)]


def _scored(records: list[dict[str, str]], names: tuple[str, ...]) -> ScoredImages:
    return ScoredImages(
        names,
        np.array([[float(record[name]) for name in names] for record in records]),
        np.array([names.index(record["label"]) for record in records], dtype=np.int64),
        **{f"{name}s": np.array([record[name] for record in records]) for name in ("source", "group", "path")},
    )
