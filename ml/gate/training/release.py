"""Measure a fitted gate once, and write it as a version that serves."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ml.gate.gate import SPEC, Gate
from ml.gate.kinds import Kind
from ml.gate.spec import GateSpec
from ml.gate.training.card import CARD, write_card
from ml.gate.training.measurement import measure
from ml.gate.training.negatives import Role, read_negatives
from ml.gate.training.trainer import DRAFT, REFUSED_SHARE, SIDE
from ml.serving.bundle import NETWORK, WEIGHTS, digest
from ml.spec import Modality
from ml.training.data.manifest import read_rows
from ml.training.data.split import Part, split

METRICS = "metrics.json"
LICENCE = "For research use only; the sources of the chest images do not allow more."


def release(run: Path, data: Path, negatives: Path, root: Path, version: str) -> dict[str, Any]:
    """Write `root`/gate/`version` with its measured numbers and card; returns the report.

    Raises FileExistsError for a version that is there, FileNotFoundError for a run that was not fitted.
    """
    folder = root / "gate" / version
    if folder.exists():
        raise FileExistsError(f"{folder} is there already. Give another version.")
    draft = json.loads((run / DRAFT).read_text())
    spec = GateSpec(
        version=version,
        kinds=tuple(Kind(name) for name in draft["kinds"]),
        side=SIDE,
        thresholds={Modality(name): value for name, value in draft["thresholds"].items()},
        weights_sha256=digest((run / NETWORK).read_bytes(), (run / WEIGHTS).read_bytes()),
        trained_on=tuple(_sources(data, negatives)),
        licence=LICENCE,
    )
    folder.mkdir(parents=True)
    for name in (NETWORK, WEIGHTS):
        shutil.copyfile(run / name, folder / name)
    (folder / SPEC).write_text(spec.to_json())
    known = {"refused_share": REFUSED_SHARE, "measured_on": list(_measured_sources(negatives))}
    fitted = {name: draft[name] for name in ("exact", "fast", "parameters", "epochs", "examples", "seed")}
    report = measure(Gate.from_folder(folder), data, negatives) | fitted | known
    (folder / METRICS).write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    (folder / CARD).write_text(write_card(spec, report))
    return report


def _sources(data: Path, negatives: Path) -> Iterable[str]:
    chests = [row for modality in Modality for row in split(read_rows(data, modality))[Part.TRAIN]]
    yield from _counted((row.source, "chest images", row.licence) for row in chests)
    yield from _counted((row.source, row.kind, row.licence) for row in read_negatives(negatives, Role.FIT))


def _measured_sources(negatives: Path) -> Iterable[str]:
    return _counted((row.source, row.kind, row.licence) for row in read_negatives(negatives, Role.MEASURE))


def _counted(names: Iterable[tuple[str, str, str]]) -> Iterable[str]:
    several = list(names)
    for source, kind, licence in sorted(set(several)):
        yield f"{source}: {several.count((source, kind, licence))} {kind} ({licence})"
