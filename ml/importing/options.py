"""What every import asks a person for on the command line."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ml.spec import Modality

if TYPE_CHECKING:
    from ml.importing.importer import Request

MEASURED = """\
Nothing in the file is executed. The network is compared with the file's on the reference images, and measured on the
labelled ones: half of them, split by group, choose its operating point, the others give its sensitivity and
specificity. Without these numbers it is refused.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what a request is made of, save what a format asks for beside it."""
    _add_bundle(parser)
    _add_meaning(parser)
    _add_images(parser)


def requested(options: argparse.Namespace) -> "Request":
    """The request that the options make."""
    # The training side takes seconds to load, and `--help` should not wait for it
    from ml.importing.importer import Request, Seen
    from ml.importing.statements import Resampling

    return Request(
        file=options.file,
        name=options.name,
        version=options.version,
        modality=options.modality,
        labels=options.labels,
        positive=options.positive,
        one_means=options.one_means,
        scaling=options.scaling,
        resampling=Resampling(options.resampling),
        size=options.size,
        references=tuple(options.reference),
        answers=options.answers,
        measure_on=options.measure_on,
        seen=Seen(options.seen),
        trained_on=tuple(options.trained_on),
        licence=options.licence,
    )


def _add_bundle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, required=True, help="folder of bundles: the portal's ML_WEIGHTS_ROOT")
    parser.add_argument("--name", required=True, help="name of the classifier, such as clinic-vgg16-cxr")
    parser.add_argument("--version", required=True, help="such as 1.0.0")
    parser.add_argument("--trained-on", action="append", required=True, help="what it was trained on; may be repeated")
    parser.add_argument("--licence", required=True, help="the terms of these weights")


def _add_meaning(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--modality", type=Modality, choices=list(Modality), required=True)
    parser.add_argument(
        "--labels",
        type=_words,
        required=True,
        help="in the order of the outputs, such as covid,normal: of cxr covid, pneumonia and normal, of ct covid and "
        "non-covid, because the portal orders cases by these names",
    )
    parser.add_argument(
        "--positive",
        required=True,
        help="the label that the operating point is for: a finding, never normal or non-covid",
    )
    parser.add_argument("--one-means", metavar="LABEL", help="which label the 1 of a sigmoid stands for")
    parser.add_argument(
        "--scaling",
        choices=["unit", "byte", "tf", "torch", "caffe"],
        required=True,
        help="grey values in training: unit is pixel / 255, byte 0 to 255, the others those of keras.applications "
        "(torch is also that of torchvision)",
    )
    parser.add_argument(
        "--resampling",
        choices=["linear", "nearest"],
        required=True,
        help="how images were resized in training: linear as OpenCV does, nearest as Keras' generators do",
    )
    parser.add_argument("--size", type=_size, metavar="HxW", help="input in pixels, where the file leaves it open")


def _add_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reference", type=Path, nargs="+", required=True, help="images, or folders of them, to compare networks on"
    )
    parser.add_argument(
        "--answers", type=Path, metavar="CSV", help="path and a probability for each label: what the old program said"
    )
    parser.add_argument(
        "--measure-on",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="labelled images with manifest.csv: path, modality, label, source, group, protocol (train), licence",
    )
    parser.add_argument(
        "--seen", choices=["no", "yes", "unknown"], required=True, help="whether it was trained on --measure-on"
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _size(text: str) -> tuple[int, int]:
    height, width = (int(side) for side in text.split("x"))
    if min(height, width) < 1:
        raise ValueError
    return height, width
