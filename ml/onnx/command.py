"""`python -m ml import-onnx`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from ml.importing.options import MEASURED, add_options, requested

ABOUT = f"""\
Import a network that was exported as one ONNX file, by PyTorch or another program, into a bundle that serves. The file
does not say what its inputs and outputs mean: state it. {MEASURED}"""


def add_parser(commands: Any) -> None:
    """Add the command to those of `python -m ml`."""
    parser = commands.add_parser("import-onnx", help="import a network from an ONNX file", description=ABOUT)
    parser.add_argument("file", type=Path, help="the .onnx file, with its weights in it")
    add_options(parser)
    parser.add_argument(
        "--output",
        choices=["softmax", "sigmoid", "logits"],
        required=True,
        help="what its answers are: probabilities of a softmax or of one sigmoid, or logits that one of these still "
        "has to be applied to (a sigmoid to one logit, a softmax to several)",
    )
    parser.add_argument(
        "--layout", choices=["nchw", "nhwc"], help="whether colours come first or last, where the file leaves it open"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from ml.onnx.importer import Output, import_file
    from ml.onnx.network import Layout

    layout = Layout(options.layout) if options.layout else None
    sys.stdout.write(f"{import_file(requested(options), options.root, Output(options.output), layout)}\n")
