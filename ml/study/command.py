"""`python -m ml study`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

PARTS = ("validation", "test")


def add_parser(commands: Any) -> None:
    """Add the command to those of `python -m ml`."""
    parser = commands.add_parser("study", help="measure how images are combined to a result of a study")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv, the images and dicom/")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1] / "weights", help="of all weights")
    parser.add_argument("--part", choices=PARTS, default="validation", help="what to measure on (default: validation)")
    parser.add_argument("--out", type=Path, required=True, help="file for the numbers, as JSON")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from ml.study.training.measurement import measure
    from ml.study.training.tables import tables

    report = measure(options.root, options.data, options.part)
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    sys.stdout.write(tables(report))
