"""The model card of a bundle, written from its measured numbers."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml.spec import ClassifierSpec

CARD = "CARD.md"
TEMPLATE = """\
# {name} {version}

{article} {architecture} ({parameters} million parameters) that reads {modality} and gives the
probabilities of {labels}.
**Decision support, not a diagnosis.** It has never been tested in a clinic.

## Use

{intended_use}

**Must not be used:** {must_not_use}

## Data

Started from {started_from} and trained for {epochs}
on these public research images; none of them is part of this folder:

{sources}

Images were split by group (patients, duplicates, crops and neighbouring slices stay together): {images}.
Weights and epoch, temperature and threshold were chosen on the validation part.

## Measured on {measured_on}

95 % intervals by bootstrap over groups.

{headline}

| label | precision | recall | F1 | AUC against the rest | images |
|---|---|---|---|---|---|
{per_label}

Confusion (rows: truth, columns: said):

{confusion}

**Operating point:** positive when P({positive}) is at least {threshold}; chosen for a {chosen_for}.
There: sensitivity {sensitivity}, specificity {specificity}.

## What the number is worth

{controls}

If the AUC within one source is well below the AUC over all sources, part of the result comes from
recognising where an image was made. The same is true when border pixels alone, or images whose lungs are
blacked out, are told apart. Expect less than these numbers on images from any other place.

## Known failures

{notes}

## Technical

Input {height} x {width}, grey, preprocessing `{preprocessing}`, temperature {temperature}, weights in float16.
Served probabilities differ from Keras by at most {exact:.0e} in float32 and {fast:.0e} as shipped ({checked} images).
SHA-256 of network and weights: `{sha256}`.

## Licence

{licence}
"""
MODALITIES = {"cxr": "frontal chest X-rays", "ct": "axial slices of chest CT"}
TITLES = {
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "resnet50": "ResNet50",
    "inceptionv3": "InceptionV3",
    "xception": "Xception",
    "densenet121": "DenseNet121",
}
HEADLINES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "calibration_error": "Expected calibration error",
}


def write_card(folder: Path, spec: ClassifierSpec, report: Mapping[str, Any], notes: Sequence[str] = ()) -> None:
    """Write CARD.md into the bundle; `notes` are sentences about what was seen to go wrong."""
    seen = _bullets(notes or ["None were looked for beyond the numbers above."])
    card = TEMPLATE.format(**_facts(spec), **_numbers(spec, report), notes=seen)
    (folder / CARD).write_text(card, encoding="utf-8")


def _facts(spec: ClassifierSpec) -> dict[str, Any]:
    point, title = spec.operating_point, TITLES.get(spec.architecture, spec.architecture)
    return {
        "name": spec.name,
        "version": spec.version,
        "article": "An" if title[0] in "IX" else "A",
        "architecture": title,
        "parameters": f"{spec.parameters / 1e6:.1f}",
        "modality": MODALITIES[spec.modality],
        "labels": ", ".join(spec.labels),
        "intended_use": spec.intended_use,
        "must_not_use": spec.must_not_use,
        "sources": _bullets(spec.trained_on),
        "positive": point.positive_label,
        "threshold": point.threshold,
        "chosen_for": point.chosen_for,
        "sensitivity": point.sensitivity,
        "specificity": point.specificity,
        "height": spec.input_size[0],
        "width": spec.input_size[1],
        "preprocessing": spec.preprocessing,
        "temperature": spec.temperature,
        "sha256": spec.weights_sha256,
        "licence": spec.licence,
    }


def _numbers(spec: ClassifierSpec, report: Mapping[str, Any]) -> dict[str, Any]:
    measured, agreement = report["estimates"], report["agreement_with_keras"]
    images, groups = report["images"], report["groups"]
    return {
        "measured_on": report["measured_on"],
        "started_from": report["training"]["started_from"],
        "epochs": _epochs(report["training"]["epochs"]),
        "images": ", ".join(f"{part} {images[part]} images in {groups[part]} groups" for part in images),
        "headline": _bullets(f"{title}: {interval(measured[name])}" for name, title in HEADLINES.items()),
        "per_label": "\n".join(_label_row(name, report) for name in spec.labels),
        "confusion": _confusion(spec.labels, report["confusion"]),
        "controls": _bullets(_controls(spec.operating_point.positive_label, report)),
        "exact": agreement["exact"],
        "fast": agreement["fast"],
        "checked": agreement["images"],
    }


def _epochs(sizes: list[list[int]]) -> str:
    (side, epochs), *later = sizes
    return ", ".join([f"{epochs} epochs at {side} px", *(f"{more} at {larger} px" for larger, more in later)])


def interval(estimate: Mapping[str, float]) -> str:
    """A number with its interval, such as 0.912 (0.880 to 0.934)."""
    return f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f})"


def _controls(positive: str, report: Mapping[str, Any]) -> Iterable[str]:
    measured, controls = report["estimates"], report["controls"]
    yield f"AUC of {positive} against the rest, all sources: {interval(measured[f'auc/{positive}'])}"
    for name in measured:
        if name.startswith("auc_within/"):
            yield f"The same within the source {name.removeprefix('auc_within/')}: {interval(measured[name])}"
    border = controls["border_pixels"][f"auc/{positive}"]
    yield f"From border pixels alone (logistic regression, no lung to see): {interval(border)}"
    blind = controls["lungs_blacked_out"][f"auc/{positive}"]
    yield f"From images whose lungs are blacked out: {interval(blind)}"


def _label_row(name: str, report: Mapping[str, Any]) -> str:
    measured = report["estimates"]
    cells = [interval(measured[f"{measure}/{name}"]) for measure in ("precision", "recall", "f1", "auc")]
    return f"| {' | '.join([name, *cells, str(report['support'][name])])} |"


def _confusion(labels: tuple[str, ...], table: list[list[int]]) -> str:
    head = [f"| | {' | '.join(labels)} |", f"|---|{'---|' * len(labels)}"]
    rows = [f"| **{name}** | {' | '.join(map(str, counts))} |" for name, counts in zip(labels, table, strict=True)]
    return "\n".join(head + rows)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
