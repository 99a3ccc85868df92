"""The model card of a bundle or an ensemble, written from its measured numbers."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml.ensemble import EnsembleSpec
from ml.spec import ClassifierSpec, OperatingPoint, Precision

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

{story}
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

{operating_point}

## What the number is worth

{worth}

## Known failures

{notes}

## Technical

Input {height} x {width}, grey, preprocessing `{preprocessing}`, temperature {temperature}, {precision}.
Served probabilities differ from Keras by at most {exact:.0e} in float32 and {fast:.0e} as shipped{auc_lost}
({checked} images of the validation part).
SHA-256 of network and weights: `{sha256}`.

## Licence

{licence}
"""
OPERATING_POINT = """\
**Operating point:** positive when P({positive}) is at least {threshold}; chosen for a {chosen_for}.
Measured at that point: sensitivity {sensitivity}, specificity {specificity}.

**Zones:** P({positive}) below {threshold} is negative, from {positive_from} on positive, between them indeterminate.

- Share of the images in the indeterminate zone: {indeterminate}
- The positive zone alone as a call: sensitivity {sensitivity/positive_zone}, specificity {specificity/positive_zone}
- Without the indeterminate images: sensitivity {sensitivity/outer_zones}, specificity {specificity/outer_zones}"""
WORTH = """\
{controls}

If the AUC within one source is well below the AUC over all sources, part of the result comes from
recognising where an image was made. The same is true when border pixels alone, or images whose lungs are
blacked out, are told apart. Expect less than these numbers on images from any other place."""
ENSEMBLE_TEMPLATE = """\
# {name} {version}

The answers of {count} classifiers to {modality} as one: the mean of their log-probabilities of
{labels}, divided by a temperature of {temperature}, made probabilities again.
**Decision support, not a diagnosis.** It has never been tested in a clinic.

It speaks only for exactly these members; with one missing, or of another version, it says nothing:

{members}

## Use

{intended_use}

**Must not be used:** {must_not_use}

## Data

The members were trained on these public research images; none of them is part of this folder:

{sources}

Temperature, threshold and zones were chosen on what the members said of the validation part, on which their own epochs
were chosen too; the test part was looked at once.

## Measured on {measured_on}

95 % intervals by bootstrap over groups.

{headline}

| label | precision | recall | F1 | AUC against the rest | images |
|---|---|---|---|---|---|
{per_label}

Confusion (rows: truth, columns: said):

{confusion}

{operating_point}

## When the members disagree

Members disagree when one is in its positive zone and another in its negative one. Such a scan is marked for review.

{disagreement}

## What the number is worth

{worth}

## Licence

{licence}
"""
DISAGREEMENTS = {
    "disagreement": "Share of the images on which they disagree",
    "error/agreed": "The panel's likeliest label is wrong where they agree",
    "error/divided": "The panel's likeliest label is wrong where they disagree",
    "wrong_side/agreed": "The panel is on the wrong side of its operating point where they agree",
    "wrong_side/divided": "The panel is on the wrong side of its operating point where they disagree",
}
MODALITIES = {"cxr": "frontal chest X-rays", "ct": "axial slices of chest CT"}
PRECISIONS = {
    Precision.FLOAT32: "weights and values in float32",
    Precision.FLOAT16: "weights in float16",
    Precision.INT8_WEIGHTS: "weights in 8-bit integers",
    Precision.INT8: "weights and values in 8-bit integers",
}
TITLES = {
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "resnet50": "ResNet50",
    "inceptionv3": "InceptionV3",
    "xception": "Xception",
    "densenet121": "DenseNet121",
}
BLIND = {
    "border_pixels": "From border pixels alone (logistic regression, no lung to see)",
    "lungs_blacked_out": "From images whose lungs are blacked out",
}
HEADLINES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "calibration_error": "Expected calibration error",
}


def write_card(folder: Path, spec: ClassifierSpec, report: Mapping[str, Any], notes: Sequence[str] = ()) -> None:
    """Write CARD.md into the bundle; `notes` are sentences about what was seen to go wrong."""
    seen = bullets(notes or ["None were looked for beyond the numbers above."])
    card = TEMPLATE.format(**facts(spec), **_numbers(spec, report), notes=seen)
    (folder / CARD).write_text(card, encoding="utf-8")


def write_ensemble_card(
    folder: Path, ensemble: EnsembleSpec, report: Mapping[str, Any], members: Sequence[ClassifierSpec]
) -> None:
    """Write CARD.md into the folder of an ensemble; use, sources and licence are those of its members."""
    one = members[0]
    sources = sorted({source for spec in members for source in spec.trained_on})
    card = ENSEMBLE_TEMPLATE.format(
        name=ensemble.name,
        version=ensemble.version,
        count=len(ensemble.members),
        modality=MODALITIES[ensemble.modality],
        labels=", ".join(ensemble.labels),
        temperature=ensemble.temperature,
        members=bullets(ensemble.members),
        intended_use=one.intended_use,
        must_not_use=one.must_not_use,
        licence=one.licence,
        sources=bullets(sources),
        disagreement=bullets(_disagreement(report["disagreement"])),
        **measured_facts(report, ensemble.operating_point),
    )
    (folder / CARD).write_text(card, encoding="utf-8")


def _disagreement(measured: Mapping[str, Any]) -> Iterable[str]:
    for name, title in DISAGREEMENTS.items():
        yield f"{title}: {interval(measured[name]) if name in measured else 'no such image'}"


def facts(spec: ClassifierSpec) -> dict[str, Any]:
    """What a spec gives to a card's template."""
    title = architecture_title(spec.architecture, spec.width)
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
        "sources": bullets(spec.trained_on),
        "height": spec.input_size[0],
        "width": spec.input_size[1],
        "preprocessing": spec.preprocessing,
        "temperature": spec.temperature,
        "precision": PRECISIONS[spec.precision],
        "sha256": spec.weights_sha256,
        "licence": spec.licence,
    }


def _auc_lost(agreement: Mapping[str, Any]) -> str:
    """Networks of early bundles, in float16, were not asked for it."""
    if "quantisation" not in agreement:
        return ""
    return f",\nand the AUC of no label is lower by more than {max(0.0, agreement['quantisation'][-1]['auc_lost']):.4f}"


def _numbers(spec: ClassifierSpec, report: Mapping[str, Any]) -> dict[str, Any]:
    agreement, images, groups = report["agreement_with_keras"], report["images"], report["groups"]
    return {
        "story": training_story(report["training"]),
        "images": ", ".join(f"{part} {images[part]} images in {groups[part]} groups" for part in images),
        "exact": agreement["exact"],
        "auc_lost": _auc_lost(agreement),
        "fast": agreement["fast"],
        "checked": agreement["images"],
        **measured_facts(report, spec.operating_point),
    }


def measured_facts(report: Mapping[str, Any], point: OperatingPoint) -> dict[str, Any]:
    """What a report gives to a card's template."""
    measured, labels = report["estimates"], report["labels"]
    controls = bullets(_controls(point.positive_label, report))
    return {
        "measured_on": report["measured_on"],
        "headline": bullets(f"{title}: {interval(measured[name])}" for name, title in HEADLINES.items()),
        "per_label": "\n".join(_label_row(name, report) for name in labels),
        "confusion": _confusion(labels, report["confusion"]),
        "operating_point": _operating_point(point, report["zones"]),
        "worth": WORTH.format(controls=controls),
    }


def _operating_point(point: OperatingPoint, zones: Mapping[str, Any]) -> str:
    return OPERATING_POINT.format(
        positive=point.positive_label,
        threshold=point.threshold,
        positive_from=point.positive_from,
        chosen_for=point.chosen_for,
        sensitivity=point.sensitivity,
        specificity=point.specificity,
        **{name: interval(estimate) for name, estimate in zones.items()},
    )


def training_story(training: Mapping[str, Any]) -> str:
    """How the weights came about, the run that they grew from first."""
    network = architecture_title(training["architecture"], training["width"])
    epochs, before = _epochs(training["epochs"]), training.get("before")
    if before:
        return f"{training_story(before)},\nthen grown into {network} with the same answers and trained for {epochs}"
    return f"Started from {training['started_from']} as {network} and trained for {epochs}"


def architecture_title(architecture: str, width: int) -> str:
    """An architecture in words, such as VGG16 with 1/4 of its channels."""
    title = TITLES.get(architecture, architecture)
    return f"{title} with 1/{width} of its channels" if width > 1 else title


def _epochs(sizes: list[list[int]]) -> str:
    (side, epochs), *later = sizes
    return ", ".join(
        [f"{epochs} epoch{'s' * (epochs > 1)} at {side} px", *(f"{more} at {larger} px" for larger, more in later)]
    )


def interval(estimate: Mapping[str, float]) -> str:
    """A number with its interval, such as 0.912 (0.880 to 0.934)."""
    return f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f})"


def _controls(positive: str, report: Mapping[str, Any]) -> Iterable[str]:
    measured, controls = report["estimates"], report["controls"]
    yield f"AUC of {positive} against the rest, all sources: {interval(measured[f'auc/{positive}'])}"
    for name in measured:
        if name.startswith("auc_within/"):
            yield f"The same within the source {name.removeprefix('auc_within/')}: {interval(measured[name])}"
    for name, title in BLIND.items():
        told = interval(controls[name][f"auc/{positive}"]) if name in controls else "not measured"
        yield f"{title}: {told}"


def _label_row(name: str, report: Mapping[str, Any]) -> str:
    measured = report["estimates"]
    cells = [interval(measured[f"{measure}/{name}"]) for measure in ("precision", "recall", "f1", "auc")]
    return f"| {' | '.join([name, *cells, str(report['support'][name])])} |"


def _confusion(labels: Sequence[str], table: list[list[int]]) -> str:
    head = [f"| | {' | '.join(labels)} |", f"|---|{'---|' * len(labels)}"]
    rows = [f"| **{name}** | {' | '.join(map(str, counts))} |" for name, counts in zip(labels, table, strict=True)]
    return "\n".join(head + rows)


def bullets(lines: Iterable[str]) -> str:
    """A list in Markdown."""
    return "\n".join(f"- {line}" for line in lines)
