"""The list of images that show something else than a chest: photographs, documents, other parts of the body."""

import csv
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MANIFEST = "manifest.csv"


class Role(StrEnum):
    """A source is fitted on or measured on, never both."""

    FIT = "fit"
    MEASURE = "measure"


@dataclass(frozen=True)
class Negative:
    """One image: `path` relative to the folder, `kind` such as photograph.

    Images of one `group` (slices of one head, say) are no independent witnesses.
    """

    path: str
    kind: str
    source: str
    group: str
    licence: str


def read_negatives(folder: Path, role: Role) -> tuple[Negative, ...]:
    """Read the rows of a role. Raises FileNotFoundError without a manifest, ValueError for a source in both roles."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise FileNotFoundError(f"{manifest} is missing. Give --negatives the folder that holds it.")
    with manifest.open(newline="", encoding="utf-8") as lines:
        records = list(csv.DictReader(lines))
    sources = {part: {record["source"] for record in records if record["part"] == part} for part in Role}
    if both := sources[Role.FIT] & sources[Role.MEASURE]:
        raise ValueError(f"{manifest} both fits and measures on {', '.join(sorted(both))}.")
    names = ("path", "kind", "source", "group", "licence")
    return tuple(Negative(**{name: record[name] for name in names}) for record in records if record["part"] == role)
