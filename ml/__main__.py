"""The road from images to a classifier that serves: train, evaluate, export."""

import argparse
import os
import sys
from pathlib import Path

from ml.gate import command as gate
from ml.keras2 import command as import_h5
from ml.onnx import command as import_onnx
from ml.segmentation import command as lungs
from ml.spec import Modality
from ml.study import command as study
from ml.training.publish import (
    accuracy,
    combine,
    compare,
    failures,
    left_out,
    outside,
    places,
    protocols,
    recipes,
    steady,
    views,
)
from ml.trunks import command as weights

DEFAULT_SIZES = "96:16,128:12,160:8"
LISTS = "manifest.csv; questions read manifest_v2.csv where it is there"
WEIGHTS_ROOT = Path(__file__).parent / "weights"
# What a person can put right; anything else is a fault of ours and keeps its traceback.
EXPECTED_ERRORS = (FileNotFoundError, FileExistsError, ValueError)
# As argparse ends for wrong options; a traceback ends with 1.
REFUSED = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    # TensorFlow reports its start in a dozen lines that hide the progress bar.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except EXPECTED_ERRORS as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m ml`."""
    root = argparse.ArgumentParser(prog="python -m ml", description=__doc__)
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands.add_parser("train", help="train a classifier, or go on with an interrupted run"))
    _add_evaluate(commands.add_parser("evaluate", help="calibrate and measure a trained run"))
    _add_export(commands.add_parser("export", help="pack an evaluated run into a bundle that serves"))
    for command in (
        compare,
        combine,
        recipes,
        protocols,
        places,
        left_out,
        steady,
        failures,
        views,
        outside,
        accuracy,
        import_h5,
        import_onnx,
        gate,
        lungs,
        study,
        weights,
    ):
        command.add_parser(commands)
    return root


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--modality", type=Modality, choices=list(Modality), required=True)
    parser.add_argument("--architecture", required=True, help="vgg16, vgg19, resnet50, inceptionv3, xception, ...")
    _add_folders(parser, "folder for everything that the run writes; the same folder again resumes it", "--out")
    parser.add_argument("--sizes", default=DEFAULT_SIZES, help="SIDE:EPOCHS,... (default: %(default)s)")
    parser.add_argument(
        "--weights", metavar="imagenet|FILE", help="start from these (python -m ml weights); without it, from scratch"
    )
    parser.add_argument("--width", type=int, default=1, help="divide the channels of every layer (default: 1)")
    parser.add_argument("--grown-from", metavar="RUN", help="start as the widened network of a finished narrow run")
    parser.add_argument("--frozen-epochs", type=int, default=0, help="epochs with a frozen backbone first")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument(
        "--objective",
        default="labels",
        choices=["labels", "questions"],
        help="learn each label against the rest, or what each source can answer, as what ships (default: %(default)s)",
    )
    parser.add_argument(
        "--last-layer",
        action="store_true",
        help="with --objective questions and --weights: teach the last layer alone, as of what ships (--sizes 224:0)",
    )
    parser.add_argument("--left-out", metavar="SOURCE", help="with --objective questions: train without this source")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--precision", help="Keras dtype policy (default: mixed_bfloat16; float32 where the last layer alone is taught)"
    )
    parser.set_defaults(run=_train)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    _add_folders(parser, "folder of the run", "--run", target="folder")
    parser.add_argument("--part", default="test", choices=["validation", "test"], help="part to measure on")
    parser.set_defaults(run=_evaluate)


def _add_export(parser: argparse.ArgumentParser) -> None:
    _add_folders(parser, "folder of the run", "--run", target="folder")
    parser.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="folder of all bundles")
    parser.add_argument("--version", required=True, help="such as 1.0.0")
    parser.add_argument(
        "--name",
        help="such as clinic-vgg16-cxr, to stand beside what ships (default: ARCHITECTURE-MODALITY, to replace it)",
    )
    parser.add_argument("--licence", help="the terms of these weights (default: research use only)")
    parser.add_argument("--after", type=Path, metavar="BUNDLE", help="folder of the bundle that the run started from")
    parser.add_argument("--note", action="append", default=[], help="a known failure for the card; may be repeated")
    parser.set_defaults(run=_export)


def _add_folders(parser: argparse.ArgumentParser, about: str, name: str, *, target: str = "out") -> None:
    parser.add_argument("--data", type=Path, required=True, help=f"folder with the images and {LISTS}")
    parser.add_argument(name, type=Path, required=True, dest=target, help=about)


# Each command imports its own part: Keras takes seconds to start, and `--help` should not wait for it.


def _train(options: argparse.Namespace) -> None:
    from ml import architectures
    from ml.training.fit.plan import CLASSIFIER_WEIGHTS, Objective, Plan, parse_phases
    from ml.training.fit.trainer import train

    from_trunk = options.last_layer and not str(options.weights).endswith(CLASSIFIER_WEIGHTS)
    plan = Plan(
        modality=options.modality,
        architecture=options.architecture,
        phases=parse_phases(options.sizes, frozen_epochs=options.frozen_epochs),
        weights=options.weights,
        width=options.width,
        grown_from=options.grown_from,
        batch=options.batch,
        seed=options.seed,
        precision=options.precision or ("float32" if options.last_layer else "mixed_bfloat16"),
        objective=Objective(options.objective),
        left_out=options.left_out,
        last_layer=options.last_layer,
        # As the recipe of what ships has it
        two_levels=from_trunk and bool(architectures.find(options.architecture).earlier),
    )
    train(plan, options.data, options.out)


def _evaluate(options: argparse.Namespace) -> None:
    from ml.training.data.split import Part
    from ml.training.measure.evaluation import evaluate

    report = evaluate(options.folder, options.data, part=Part(options.part))
    for name, estimate in report["estimates"].items():
        sys.stdout.write(f"{name:28} {estimate['value']:.3f}  ({estimate['low']:.3f} to {estimate['high']:.3f})\n")


def _export(options: argparse.Namespace) -> None:
    from ml.training.publish.export import LICENCE, export, silenced_by

    bundle = export(
        options.folder,
        options.data,
        options.root,
        version=options.version,
        name=options.name,
        licence=options.licence or LICENCE,
        after=options.after,
        notes=options.note,
    )
    sys.stdout.write(f"{bundle}\n")
    if sentence := silenced_by(bundle):
        sys.stderr.write(f"{sentence}\n")


if __name__ == "__main__":
    sys.exit(main())
