"""Which source of images can answer which question, as files say it: that of this project, and one of one's own."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ml.training.data.manifest import read_records

SHIPPED = Path(__file__).with_name("domains.csv")
# Names the file of one's own; its sources come after those of SHIPPED
VARIABLE = "ML_DOMAINS"
COLUMNS = ("source", "domain", "question")


@dataclass(frozen=True)
class Answerer:
    """A source, its institution and processing, and the name of the question that its images can answer."""

    source: str
    domain: str
    question: str


def read_answerers() -> tuple[Answerer, ...]:
    """What SHIPPED and the file that VARIABLE names say, in their order.

    Raises FileNotFoundError, and ValueError where a column lacks or a source or domain is said to be two things.
    """
    own = os.environ.get(VARIABLE)
    found: dict[str, Answerer] = {}
    asked: dict[str, str] = {}
    for path in (SHIPPED, *([Path(own)] if own else [])):
        for each in _read(path):
            if each.source in found:
                raise ValueError(f"{path}: {each.source} is there before. Give your source a name of its own.")
            if asked.setdefault(each.domain, each.question) != each.question:
                raise ValueError(
                    f"{path}: {each.domain} answers {asked[each.domain]}, and no other question. Give {each.source} a "
                    "domain of its own."
                )
            found[each.source] = each
    return tuple(found.values())


def _read(path: Path) -> Iterator[Answerer]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. Correct {VARIABLE}, or take it out of the environment.")
    for record in read_records(path, COLUMNS):
        yield Answerer(**{name: (record[name] or "").strip() for name in COLUMNS})
