"""The list of training images, one row each."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.spec import Modality
from ml.training.modalities import LABELS

# Rows without this word are near duplicates or carry two labels: they serve one published protocol only.
TRAINING_PROTOCOL = "train"
MANIFEST = "manifest.csv"
COLUMNS = ("path", "modality", "label", "source", "group", "protocol", "licence")


@dataclass(frozen=True)
class Row:
    """One image: `path` relative to the data folder; `group` joins whatever must stay on one side of a split."""

    path: str
    label: str
    source: str
    group: str
    licence: str


def read_rows(
    data: Path,
    modality: Modality,
    protocol: str = TRAINING_PROTOCOL,
    labels: Sequence[str] | None = None,
    manifest: str = MANIFEST,
) -> tuple[Row, ...]:
    """Read the rows of a modality that are meant for a protocol: training, unless another is named.

    `labels` other than those of the modality are for networks that were trained elsewhere; `manifest` names the list.
    Raises FileNotFoundError when `data` has no such list and ValueError when it lacks a column or such an image.
    """
    path = data / manifest
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. Give --data the folder that holds {manifest}.")
    known = LABELS[modality] if labels is None else labels
    rows = tuple(_rows(read_records(path, COLUMNS), modality, protocol, known))
    if not rows:
        raise ValueError(f"{path} lists no {modality.value} image for the protocol {protocol!r}.")
    return rows


def read_records(path: Path, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """The lines of a CSV file by the names of its columns. Raises ValueError where it lacks one of `columns`."""
    with path.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path} lacks the columns {', '.join(missing)}.")
        yield from reader


def label_indices(rows: Sequence[Row], labels: Sequence[str]) -> NDArray[np.int64]:
    """The label of each row as its index in `labels`, int64 (n,)."""
    return np.array([labels.index(row.label) for row in rows], dtype=np.int64)


def _rows(records: Iterable[dict[str, str]], modality: Modality, protocol: str, labels: Sequence[str]) -> Iterable[Row]:
    for record in records:
        wanted = record["modality"] == modality and record["label"] in labels
        if wanted and protocol in record["protocol"].split(","):
            yield Row(**{name: record[name] for name in ("path", "label", "source", "group", "licence")})
