"""`python -m ml lungs train` and `evaluate`."""

import argparse
import sys
from pathlib import Path
from typing import Any

WEIGHTS_ROOT = Path(__file__).parents[1] / "weights"
EPOCHS = 24


def add_parser(commands: Any) -> None:
    """Add the command to those of `python -m ml`."""
    parser = commands.add_parser("lungs", help="fit the network that finds lungs, or measure it and write a version")
    steps = parser.add_subparsers(required=True, metavar="STEP")
    fitting = steps.add_parser("train", help="fit the network; the validation part chooses the epoch")
    _add_data(fitting)
    fitting.add_argument("--out", type=Path, required=True, help="folder for the fitted network")
    fitting.add_argument("--epochs", type=int, default=EPOCHS, help="default: %(default)s")
    fitting.add_argument("--seed", type=int, default=1)
    fitting.add_argument("--left-out", metavar="SOURCE", help="teach nothing from this source, and measure on it")
    fitting.set_defaults(run=_train)
    measuring = steps.add_parser("evaluate", help="look at the test part once and write a version that serves")
    _add_data(measuring)
    measuring.add_argument("--run", type=Path, required=True, dest="folder", help="folder of the fitted network")
    measuring.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="of all weights")
    measuring.add_argument("--version", required=True, help="such as 1.0.0")
    measuring.set_defaults(run=_evaluate)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest_v2.csv, masks.csv and images")


def _train(options: argparse.Namespace) -> None:
    from ml.segmentation.training.trainer import Plan, train

    plan = Plan(epochs=options.epochs, seed=options.seed, left_out=options.left_out)
    best = train(plan, options.data, options.out)["best"]
    sys.stdout.write(f"Best epoch {best['epoch']}: validation Dice {best['mean']}\n")


def _evaluate(options: argparse.Namespace) -> None:
    from ml.segmentation.training.release import release

    report = release(options.folder, options.data, options.root, options.version)
    for source, entry in report["test"].items():
        found = entry["dice"]
        sys.stdout.write(f"{source:10}  Dice {found['value']:.3f}  ({found['low']:.3f} to {found['high']:.3f})\n")
