"""Pack an evaluated run into a bundle that serves."""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml.ensemble import ensembles
from ml.serving.bundle import NETWORK, SPEC, WEIGHTS, digest, read_bundle
from ml.spec import NAME, VERSION, ClassifierSpec, Precision, version_order
from ml.training.data.manifest import Row
from ml.training.data.split import Part
from ml.training.fit.finished_run import FinishedRun
from ml.training.fit.teaching import teaching_of
from ml.training.measure.evaluation import PAPERS, SERVED
from ml.training.measure.report import REPORT, headline, operating_point
from ml.training.modalities import WORDS
from ml.training.publish.card import write_card
from ml.training.publish.earlier import taught_through
from ml.training.publish.staging import staged

INTENDED_USE = (
    "Research, teaching and demonstration: a second opinion on {subject}, read by a qualified person who decides. "
    "Decision support, not a diagnosis."
)
MUST_NOT_USE = (
    "Not for diagnosis, screening or triage of patients, and never alone. Not for children, nor for anything but "
    "{subject}. It has not been tested in any clinic, and images from places that it was not trained on may be "
    "judged wrongly."
)
LICENCE = (
    "For research use only; the sources of the training images do not allow more. "
    "No training image is contained in the weights' folder."
)


def export(
    folder: Path,
    data: Path,
    root: Path,
    *,
    version: str,
    name: str | None = None,
    licence: str = LICENCE,
    after: Path | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Write the bundle <root>/<name>/<version> of an evaluated run and return its path.

    `name` is that of the run, such as vgg16-cxr, unless another is given. `licence` holds the terms. `after` is the
    bundle whose weights the run started from, if it did: its sources and their terms count here too.
    `notes` are sentences for the card about what was seen to go wrong.
    Raises FileNotFoundError when the run has not been evaluated, FileExistsError when the version is taken, and
    ValueError when `root` holds a newer version, when `after` is missing or too much, or when the run grew from a trunk
    whose terms nobody states.
    """
    trained = FinishedRun.read(folder)
    if not all((folder / paper).is_file() for paper in PAPERS):
        raise FileNotFoundError(f"{folder} has not been evaluated. Run python -m ml evaluate first.")
    bundle = root / (name or trained.name) / version
    _require_newest(bundle)
    if trained.starts_from_another != (after is not None):
        raise ValueError("Name with --after the bundle whose weights the run started from, and only then.")
    origin = trained.origin
    if origin and not origin.may_ship:
        raise ValueError(f"It may be measured, and not given away: {origin.sentence()}")
    sources = _sources(data, trained) + ((origin.sentence(),) if origin else ())
    sources += taught_through(read_bundle(after).spec) if after else ()
    spec = _spec(trained, json.loads((folder / REPORT).read_text()), sources, bundle, licence)
    _write(bundle, folder, spec, notes)
    return bundle


def silenced_by(bundle: Path) -> str:
    """A sentence where the newest ensemble beside a bundle was measured with another version of it; else empty."""
    name, root = bundle.parent.name, bundle.parents[1]
    for ensemble in ensembles(root):
        other = next((member for member in ensemble.members if member.startswith(f"{name}/")), None)
        if other not in {None, f"{name}/{bundle.name}"}:
            return (
                f"{ensemble.identity} was measured with {other}, and is silent where {bundle.name} lies. To let it go "
                f"on, export under another --name and take this version away; or measure a new one with python -m ml "
                f"combine --modality {ensemble.modality.value} --root {root}."
            )
    return ""


def _require_newest(bundle: Path) -> None:
    """Raises FileExistsError where the version is taken, ValueError for a bad one and where a newer one would win."""
    name, version = bundle.parent.name, bundle.name
    if not NAME.fullmatch(name) or not VERSION.fullmatch(version):
        raise ValueError(f"{name}/{version} is no name and version such as clinic-vgg16-cxr/1.0.0. Choose others.")
    if bundle.exists():
        raise FileExistsError(f"{bundle} exists, and a released version never changes. Choose a new version.")
    others = [path.parent.name for path in bundle.parent.glob(f"*/{SPEC}")]
    newest = max(others, key=version_order, default=version)
    if version_order(newest) > version_order(version):
        raise ValueError(
            f"The newest version of a name answers, and {name}/{newest} is newer than {version}. Give --name, such as "
            f"clinic-{name}, to stand beside it, or a higher --version to replace it."
        )


def _write(bundle: Path, folder: Path, spec: ClassifierSpec, notes: Sequence[str]) -> None:
    """The bundle is read back as a server would before it counts as exported."""
    with staged(bundle) as staging:
        for name in (f"{SERVED}/{NETWORK}", f"{SERVED}/{WEIGHTS}", *PAPERS):
            shutil.copy(folder / name, staging)
        network, weights = (staging / NETWORK).read_bytes(), (staging / WEIGHTS).read_bytes()
        spec = replace(spec, weights_sha256=digest(network, weights))
        (staging / SPEC).write_text(spec.to_json())
        write_card(staging, spec, json.loads((staging / REPORT).read_text()), notes)
        read_bundle(staging).verified_weights()


def _spec(
    trained: FinishedRun, report: dict[str, Any], sources: tuple[str, ...], bundle: Path, licence: str
) -> ClassifierSpec:
    subject = WORDS[trained.plan.modality].subject
    return ClassifierSpec(
        name=bundle.parent.name,
        version=bundle.name,
        architecture=trained.plan.architecture,
        modality=trained.plan.modality,
        labels=trained.labels,
        input_size=trained.size,
        preprocessing=trained.plan.recipe,
        temperature=report["temperature"],
        operating_point=operating_point(report),
        weights_sha256="0" * 64,
        trained_on=sources,
        intended_use=INTENDED_USE.format(subject=subject),
        must_not_use=MUST_NOT_USE.format(subject=subject),
        licence=licence,
        parameters=trained.model().count_params(),
        precision=Precision(report["agreement_with_keras"]["precision"]),
        width=trained.plan.width,
        metrics=headline(report),
    )


def _sources(data: Path, trained: FinishedRun) -> tuple[str, ...]:
    """The sources of the training part, with their counts and terms."""
    rows: tuple[Row, ...] = teaching_of(trained.plan).split(data)[Part.TRAIN]
    counts = Counter((row.source, row.label, row.licence) for row in rows)
    return tuple(
        f"{source}: {count} {label} images ({licence})" for (source, label, licence), count in sorted(counts.items())
    )
