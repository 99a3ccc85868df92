"""Import one network as a bundle that serves: read, prove, measure, pack."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ml.importing.head import Head
from ml.importing.measurement import Bench, labelled_parts, measure_on, write_report
from ml.importing.proof import Agreement, compare_answers, compare_with_file, probabilities, written
from ml.importing.refusal import ImportRefused, require
from ml.importing.statements import (
    Labels,
    Resampling,
    Scaling,
    find_scaling,
    read_labels,
    stored_probabilities,
)
from ml.preprocessing import Pixels, prepare
from ml.serving.bundle import NETWORK, SPEC, WEIGHTS, digest, read_bundle
from ml.spec import NAME, VERSION, ClassifierSpec, Modality, Precision
from ml.training.data.datasets import read_pixels
from ml.training.measure.report import headline, operating_point
from ml.training.modalities import LABELS, WORDS
from ml.training.publish.card import write_imported_card
from ml.training.publish.export import INTENDED_USE, MUST_NOT_USE

IMAGES = (".png", ".jpg", ".jpeg")
KNOWS_ONLY = "It knows {labels} only and gives one of these to everything else too."


class Seen(StrEnum):
    """Whether the network was trained on images that it is to be measured on."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Request:
    """What a person asks for, and states because no file can say it.

    `labels` in the order of the network's outputs; `positive` the one that the operating point is for; `one_means`
    the label of a sigmoid's 1; `scaling` a key of SCALINGS; `size` (h, w) where the file leaves it open; `references`
    files or folders of images; `answers` a CSV with what the program of old said about them; `measure_on` a folder
    with manifest.csv; `seen` whether training saw its images.
    """

    file: Path
    name: str
    version: str
    modality: Modality
    labels: tuple[str, ...]
    positive: str
    one_means: str | None
    scaling: str
    resampling: Resampling
    size: tuple[int, int] | None
    references: tuple[Path, ...]
    answers: Path | None
    measure_on: Path
    seen: Seen
    trained_on: tuple[str, ...]
    licence: str


class Source(Protocol):
    """A network as its file has it. `size` (h, w) of its input; `statements` are what was said about this format.

    `are_logits`: whether the ending of the head is not in the file. `came_as` and `compared_with` go into the card.
    """

    came_as: str
    compared_with: str
    architecture: str
    parameters: int
    size: tuple[int, int]
    channels: int
    head: Head
    are_logits: bool
    statements: Sequence[str]

    def answers(self, colours: Pixels) -> NDArray[np.float32]:
        """What the file's own network says, (n, outputs), about float32 (n, h, w, channels)."""

    def write(self, folder: Path, labels: Labels, scaling: Scaling) -> None:
        """Write model.xml and model.bin, in float32.

        Grey float32 (batch, h, w, 1) in [0, 1] goes in, `logits` and `maps` of the served labels come out.
        """


@dataclass(frozen=True)
class Understood:
    """A file's network, with everything that was said about it."""

    source: Source
    labels: Labels
    scaling: Scaling


def import_network(request: Request, root: Path, read: Callable[[Request], Source]) -> Path:
    """Write the bundle <root>/<name>/<version> and return its path. A refusal leaves nothing behind.

    `read` reads the file of the request. Raises FileNotFoundError for a missing file, FileExistsError when the version
    is taken, and ImportRefused, a ValueError, when the file or what was said about it cannot be used.
    """
    if not (NAME.fullmatch(request.name) and VERSION.fullmatch(request.version)):
        raise ImportRefused("Give a --name of small letters, digits and hyphens, and a --version such as 1.0.0.")
    bundle = root / request.name / request.version
    if bundle.exists():
        raise FileExistsError(f"{bundle} exists, and a released version never changes. Choose a new version.")
    if request.seen is Seen.YES:
        raise ImportRefused("Numbers from images that the network was trained on are worth nothing. Give others.")
    _require_known_labels(request)
    source = read(request)
    head = source.head
    labels = read_labels(head.ending, head.outputs, request.labels, request.positive, request.one_means)
    understood = Understood(source, labels, find_scaling(request.scaling, source.channels))
    with TemporaryDirectory() as folder:
        _fill(Path(folder), request, understood)
        shutil.copytree(folder, bundle)
    read_bundle(bundle).verified_weights()
    return bundle


def _require_known_labels(request: Request) -> None:
    """The portal orders, words and compares cases by the names of labels: any other one counts as a finding there."""
    known = LABELS[request.modality]
    for label in request.labels:
        require(
            label in known,
            f"{label!r} is no label of {request.modality.value}; its labels are {', '.join(known)}. Give each class "
            "the one that means the same. A network with a class that none of them names cannot be imported.",
        )


def _fill(folder: Path, request: Request, understood: Understood) -> None:
    """Write everything that a bundle holds."""
    parts = labelled_parts(request.measure_on, request.modality, understood.labels.served)
    agreement = _prove(folder, request, understood)
    bench = Bench(
        network=written(folder),
        labels=understood.labels.served,
        size=understood.source.size,
        recipe=request.resampling.recipe,
        data=request.measure_on,
        parts=parts,
    )
    report = measure_on(bench, folder, maybe_seen=request.seen is Seen.UNKNOWN) | {
        "agreement_with_file": asdict(agreement),
        "imported": _imported(request, understood.source),
    }
    write_report(folder, report)
    spec = _spec(request, understood, report)
    spec = replace(spec, weights_sha256=digest((folder / NETWORK).read_bytes(), (folder / WEIGHTS).read_bytes()))
    (folder / SPEC).write_text(spec.to_json())
    write_imported_card(folder, spec, report)


def _prove(folder: Path, request: Request, understood: Understood) -> Agreement:
    """Write the network, and compare it with the file's own on the reference images."""
    source, labels, scaling = understood.source, understood.labels, understood.scaling
    images = _images(request.references)
    values = _values(images, source.size, request.resampling.recipe)
    answers = source.answers(scaling.apply(values, source.channels))
    expected = stored_probabilities(source.head.ending, answers, are_logits=source.are_logits)[:, labels.order]
    source.write(folder, labels, scaling)
    network = written(folder)
    agreement = compare_with_file(network, values, expected)
    if request.answers is None:
        return agreement
    said = probabilities(network, values)
    return replace(agreement, answers=compare_answers(request.answers, images, labels.served, said))


def _images(references: Sequence[Path]) -> list[Path]:
    """The reference images, with those of each folder."""
    images: list[Path] = []
    for path in references:
        if path.is_dir():
            images += sorted(each for each in path.iterdir() if each.suffix.lower() in IMAGES)
        elif path.is_file():
            images.append(path)
        else:
            raise FileNotFoundError(f"{path} is no file or folder. Name reference images with --reference.")
    if not images:
        raise ImportRefused("There is no PNG or JPEG among the reference images.")
    return images


def _values(images: Sequence[Path], size: tuple[int, int], recipe: str) -> Pixels:
    try:
        return np.stack([prepare(read_pixels(image), size, recipe).values for image in images])
    except OSError as error:
        raise ImportRefused(f"A reference image cannot be read: {error}.") from error


def _imported(request: Request, source: Source) -> dict[str, Any]:
    """What the file was, and what was said about it."""
    sigmoid = [f"The 1 of its sigmoid means {request.one_means}."] if request.one_means else []
    return {
        "came_as": source.came_as,
        "compared_with": source.compared_with,
        "file_sha256": hashlib.sha256(request.file.read_bytes()).hexdigest(),
        "statements": [
            f"Its labels are {', '.join(request.labels)}; the operating point is for {request.positive}.",
            *sigmoid,
            *source.statements,
            f"Grey values are scaled as `{request.scaling}`, images resized by `{request.resampling}`.",
            f"Whether it was trained on images that it was measured on: {request.seen}.",
        ],
    }


def _spec(request: Request, understood: Understood, report: dict[str, Any]) -> ClassifierSpec:
    subject, labels = WORDS[request.modality].subject, understood.labels.served
    return ClassifierSpec(
        name=request.name,
        version=request.version,
        architecture=understood.source.architecture,
        modality=request.modality,
        labels=labels,
        input_size=understood.source.size,
        preprocessing=request.resampling.recipe,
        temperature=report["temperature"],
        operating_point=operating_point(report),
        weights_sha256="0" * 64,
        trained_on=request.trained_on,
        intended_use=INTENDED_USE.format(subject=subject),
        must_not_use=f"{MUST_NOT_USE.format(subject=subject)} {KNOWS_ONLY.format(labels=', '.join(labels))}",
        licence=request.licence,
        parameters=understood.source.parameters,
        precision=Precision.FLOAT32,
        metrics=headline(report),
    )
