"""`python -m ml gate train` and `evaluate`."""

import argparse
import sys
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to those of `python -m ml`."""
    parser = commands.add_parser("gate", help="fit the input gate, or measure it and write a version that serves")
    steps = parser.add_subparsers(required=True, metavar="STEP")
    fitting = steps.add_parser("train", help="fit the network and choose its thresholds")
    _add_folders(fitting)
    fitting.add_argument("--out", type=Path, required=True, help="folder for the fitted network")
    fitting.add_argument("--seed", type=int, default=1)
    fitting.set_defaults(run=_train)
    measuring = steps.add_parser("evaluate", help="look at the test part once and write a version")
    _add_folders(measuring)
    measuring.add_argument("--run", type=Path, required=True, dest="folder", help="folder of the fitted network")
    measuring.add_argument("--root", type=Path, default=Path(__file__).parents[1] / "weights", help="of all weights")
    measuring.add_argument("--version", required=True, help="such as 1.0.0")
    measuring.set_defaults(run=_evaluate)


def _add_folders(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv and the chest images")
    parser.add_argument("--negatives", type=Path, required=True, help="folder with manifest.csv and other images")


def _train(options: argparse.Namespace) -> None:
    from ml.gate.training.trainer import train

    for modality, threshold in train(options.data, options.negatives, options.out, seed=options.seed).items():
        sys.stdout.write(f"{modality}: passes from a probability of {threshold}\n")


def _evaluate(options: argparse.Namespace) -> None:
    from ml.gate.training.release import release

    report = release(options.folder, options.data, options.negatives, options.root, options.version)
    for part in ("right_refused", "wrong_accepted"):
        for modality, kinds in report[part].items():
            for kind, entry in kinds.items():
                share = entry["share"]
                found = f"{share['value']:6.1%}  ({share['low']:.1%} to {share['high']:.1%})"
                sys.stdout.write(f"{part}  {modality:3}  {kind:22}  {found}\n")
