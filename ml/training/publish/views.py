"""Which X-rays were taken from the front and which from behind, and what is told of an AUC within each view."""

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml.training.data.questions import ABNORMAL, COVID_AMONG_ABNORMAL
from ml.training.data.views import read_views
from ml.training.measure.views import LEAST_GROUPS, LEAST_IMAGES, ViewArea, areas_by_view, ask_source, measure_area
from ml.training.publish.protocols import RESULTS
from ml.training.scored_images import ScoredImages

VIEWS = "views-cxr.csv"
COLUMNS = ("path", "view")
TOO_FEW, LIMITS = "too few", {"images": LEAST_IMAGES, "groups": LEAST_GROUPS}
ASKED = {ABNORMAL.name: "is this lung abnormal?", COVID_AMONG_ABNORMAL.name: "is an abnormal lung COVID-19?"}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml views`."""
    parser = commands.add_parser("views", help="store which X-rays were taken from the front, and which from behind")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest_v2.csv")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the stored answers")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    path = options.results / VIEWS
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(sorted(read_views(options.data).items()))
    sys.stdout.write(f"{path}\n")


def stored_views(results: Path) -> dict[str, str]:
    """The view of each image by path, PA or AP, as `python -m ml views` stored it; empty where nothing is stored."""
    path = results / VIEWS
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as lines:
        return {record["path"]: record["view"] for record in csv.DictReader(lines)}


def tell_area(found: ViewArea) -> str:
    """The AUC with its interval, or that a side has too few images."""
    return str(found.area) if found.area else TOO_FEW


def tell_views(said: Mapping[str, ScoredImages], views: Mapping[str, str]) -> list[dict[str, Any]]:
    """By source the AUC of its question's answers, among all its images and within each view, as the document tells it.

    `said` holds what each subject said of the same images, by title.
    """
    first = next(iter(said.values()))
    return [told for source in sorted(set(first.sources.tolist())) if (told := _tell_source(source, said, views))]


def _tell_source(source: str, said: Mapping[str, ScoredImages], views: Mapping[str, str]) -> dict[str, Any] | None:
    rows, asked, columns = [], "", {}
    for title, scored in said.items():
        answered = ask_source(scored, source)
        by_view = areas_by_view(answered[1], views).get(source, {}) if answered else {}
        if answered is None or not by_view:
            return None
        asked, columns = answered[0].name, {"all views": measure_area(answered[1]), **by_view}
        rows.append({"title": title, "areas": [tell_area(each) for each in columns.values()]})
    return {
        "source": source,
        "asked": ASKED[asked],
        "columns": list(columns),
        "counts": _tell_counts(list(columns.values())),
        "rows": rows,
    }


def _tell_counts(columns: Sequence[ViewArea]) -> dict[str, list[str]]:
    yes, no = [each.positive for each in columns], [each.negative for each in columns]
    sides = {"images, answer yes": yes, "images, answer no": no}
    return {name: [f"{each.images} in {each.groups} groups" for each in counts] for name, counts in sides.items()}
