"""`python -m ml import-h5`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from ml.importing.options import MEASURED, add_options, requested

ABOUT = f"""\
Import a whole network that Keras 2 saved as .h5 into a bundle that serves. The file does not say what its inputs and
outputs mean: state it. {MEASURED}"""


def add_parser(commands: Any) -> None:
    """Add the command to those of `python -m ml`."""
    parser = commands.add_parser("import-h5", help="import a network that Keras 2 saved", description=ABOUT)
    parser.add_argument("file", type=Path, help="the .h5 file that model.save() wrote")
    add_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from ml.keras2.importer import import_file

    sys.stdout.write(f"{import_file(requested(options), options.root)}\n")
