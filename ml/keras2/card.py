"""The model card of an imported network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.spec import ClassifierSpec
from ml.training.publish.card import CARD, bullets, facts, measured_facts

TEMPLATE = """\
# {name} {version}

A network trained elsewhere ({architecture}, {parameters} million parameters) and imported from a Keras 2 file. It reads
{modality} and gives the probabilities of {labels}.
**Decision support, not a diagnosis.** It has never been tested in a clinic.

## Use

{intended_use}

**Must not be used:** {must_not_use}

## Data

What it was trained on, as the person says who imported it; none of it could be checked:

{sources}

## What the file does not say

The importing person stated this too; the numbers below would be poor if it were wrong:

{statements}

## Measured on {measured_on}

Half of those images, split by group, chose temperature, threshold and zones (the validation part); every number here is
of the other half (the test part): {images}. 95 % intervals by bootstrap over groups.

{headline}

| label | precision | recall | F1 | AUC against the rest | images |
|---|---|---|---|---|---|
{per_label}

Confusion (rows: truth, columns: said):

{confusion}

{operating_point}

## What the number is worth

{worth}

## Technical

Input {height} x {width}, grey, preprocessing `{preprocessing}`, temperature {temperature}, {precision}.
Served probabilities differ from the file's network, rebuilt in Keras 3, by at most {difference:.0e} ({checked}
reference images). {answers}
The map of where it looked shows each place's share of the logit; with hidden dense layers, for the units that this
image switched on.
SHA-256 of the imported file: `{file_sha256}`. SHA-256 of network and weights: `{sha256}`.

## Licence

{licence}
"""
ANSWERS = "They differ from the answers of the program that it was trained for by at most {difference:.0e}."
NO_ANSWERS = "The answers of the program that it was trained for were not given, so they were not compared."


def write_card(folder: Path, spec: ClassifierSpec, report: Mapping[str, Any]) -> None:
    """Write CARD.md into the bundle."""
    card = TEMPLATE.format(
        **facts(spec),
        **measured_facts(report, spec.operating_point),
        images=", ".join(
            f"{part} {count} images in {report['groups'][part]} groups" for part, count in report["images"].items()
        ),
        **_imported(report["imported"], report["agreement_with_keras"]),
    )
    (folder / CARD).write_text(card, encoding="utf-8")


def _imported(imported: Mapping[str, Any], agreement: Mapping[str, Any]) -> dict[str, Any]:
    from_answers = agreement["answers"]
    return {
        "statements": bullets(imported["statements"]),
        "difference": agreement["difference"],
        "checked": agreement["images"],
        "answers": NO_ANSWERS if from_answers is None else ANSWERS.format(difference=from_answers),
        "file_sha256": imported["file_sha256"],
    }
