"""The model card of a classifier, an ensemble or an imported network, written from its measured numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml.ensemble import EnsembleSpec
from ml.spec import ClassifierSpec, Precision
from ml.training.modalities import WORDS, are_public
from ml.training.publish.earlier import earlier_versions
from ml.training.publish.left_out import tell_new_places
from ml.training.publish.markdown import architecture_title, render

CARD = "CARD.md"
DISAGREEMENTS = {
    "disagreement": "Share of the images on which they disagree",
    "error/agreed": "The ensemble's likeliest label is wrong where they agree",
    "error/divided": "The ensemble's likeliest label is wrong where they disagree",
    "wrong_side/agreed": "The ensemble is on the wrong side of its operating point where they agree",
    "wrong_side/divided": "The ensemble is on the wrong side of its operating point where they disagree",
}
PRECISIONS = {
    Precision.FLOAT32: "weights and values in float32",
    Precision.FLOAT16: "weights in float16",
    Precision.INT8_WEIGHTS: "weights in 8-bit integers",
    Precision.INT8: "weights and values in 8-bit integers",
}
BLIND = {
    "border_pixels": "From border pixels alone (logistic regression, no lung to see)",
    "lungs_blacked_out": "From images whose lungs are blacked out",
}
NO_NOTES = ("None were looked for beyond the numbers above.",)


def write_card(folder: Path, spec: ClassifierSpec, report: Mapping[str, Any], notes: Sequence[str] = ()) -> None:
    """Write CARD.md into the bundle; `notes` are sentences about what was seen to go wrong."""
    _write(
        folder,
        "classifier.md.j2",
        report,
        **_facts(spec),
        agreement=report["agreement_with_keras"],
        notes=notes or NO_NOTES,
    )


def write_imported_card(folder: Path, spec: ClassifierSpec, report: Mapping[str, Any]) -> None:
    """Write CARD.md into the bundle of a network that was trained elsewhere."""
    _write(folder, "imported.md.j2", report, **_facts(spec), agreement=report["agreement_with_file"])


def write_ensemble_card(
    folder: Path,
    ensemble: EnsembleSpec,
    report: Mapping[str, Any],
    members: Sequence[ClassifierSpec],
    notes: Sequence[str] = (),
) -> None:
    """Write CARD.md into the folder of an ensemble; use, sources and licence are those of its members.

    `notes` are sentences about what was seen to go wrong.
    """
    _write(
        folder,
        "ensemble.md.j2",
        report,
        spec=ensemble,
        words=WORDS[ensemble.modality],
        caution=WORDS[ensemble.modality].cautions(ensemble.sources, asked=bool(ensemble.operating_point.domains)),
        first=members[0],
        sources=sorted({source for spec in members for source in spec.trained_on}),
        notes=notes,
        public=all(are_public(spec.trained_on) for spec in members),
        disagreements=DISAGREEMENTS,
        earlier=earlier_versions(members),
        new=tell_new_places(ensemble.abnormality.new_places) if ensemble.abnormality else {},
    )


def _facts(spec: ClassifierSpec) -> dict[str, Any]:
    return {
        "spec": spec,
        "title": architecture_title(spec.architecture, spec.width),
        "modality": WORDS[spec.modality].plural,
        "precision": PRECISIONS[spec.precision],
        "public": are_public(spec.trained_on),
        "earlier": earlier_versions([spec]),
    }


def _write(folder: Path, template: str, report: Mapping[str, Any], **context: Any) -> None:
    (folder / CARD).write_text(render(template, report=report, blind=BLIND, **context), encoding="utf-8")
