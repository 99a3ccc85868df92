"""The gate's card, written from its measured numbers."""

from collections.abc import Mapping
from typing import Any

from ml.gate.spec import GateSpec
from ml.spec import Modality

CARD = "CARD.md"
TEMPLATE = """\
# gate {version}

A network of {parameters} numbers and three plain rules that look at an image before any classifier does, and refuse
what is not an upright, whole, frontal chest X-ray or axial chest CT slice. A refused image gets no probability; the
reason is said in a sentence. **It knows shapes, not diseases:** an image that passes may be unfit for a diagnosis.

## Data

Fitted on the training part of these chest images (split by group as the classifiers are), spoilt in known ways, on
synthetic chests drawn by `ml.imaging.phantom` (so that demonstrations pass), and on images of other things:

{sources}

None of those images is part of this folder or of the project.

## Measured

On the test part of the chest images, and on these sources of other images, none of which was fitted on:

{measured_on}

95 % intervals by bootstrap over groups; images of one patient, head or volume are one group. With few groups they say
little, and with one nothing.

Right images that were refused:

| said to be | source | refused | images | groups | reasons |
|---|---|---|---|---|---|
{right}

Wrong images that were accepted:

| said to be | shows | accepted | images | groups | answers |
|---|---|---|---|---|---|
{wrong}

"turned" is by 90, 180 or 270 degrees or head down; "part" a quarter to half of each side; "blurred" over 2.5 to 8 % of
the shorter side; "several" a grid of 2 to 12 images; all four made of right images of the test part.

Files as users upload them, from other places than the fitted ones; slices of a series in their order from head to foot:

{uploads}

## Known limits

{limits}

## Technical

Input {side} x {side}, grey, the whole image stretched; weights in float16. An image passes when the probability of its
kind is at least {cxr} (X-ray) or {ct} (CT): the highest value that refuses no more than {refused_share:.1%} of the
validation part, within 0.2 and 0.5. Served probabilities differ from Keras by at most {exact:.0e} in float32 and
{fast:.0e} as shipped. SHA-256 of network and weights: `{sha256}`.

## Licence

{licence}
"""
NAMES = {Modality.CXR: "chest X-ray", Modality.CT: "CT slice"}
LIMITS = """\
- **Lateral chest X-rays and reformatted CT** were fitted on projections and cuts computed from slices of one patient
  and measured on those of one other: real ones may pass. DICOM headers that name the view are checked before.
- **X-rays of other parts of the body** were fitted on computed projections of one head and measured on the few real
  files above: too few to promise anything.
- **Abdomen and neck in CT** were fitted on chest slices whose lungs were painted over.
- Slices at the apex or the base with hardly any lung are refused; a patient who lies prone counts as upside down.
- A chest image mirrored left to right passes: nothing in its shape tells it from a heart on the right side.
- The test part and the kept-out sources were looked at more than once: a first version refused slices near the apex of
  an uploaded series, so examples with shoulders and narrow fields were added, and thresholds were capped at one half.
- A slice in a mediastinal window, a child's chest, and a chest with one lung were not measured."""


def write_card(spec: GateSpec, report: Mapping[str, Any]) -> str:
    """The card's text, from the spec and the report of ml.gate.training.measurement."""
    return TEMPLATE.format(
        version=spec.version,
        parameters=f"{report['parameters']:,}",
        sources="\n".join(f"- {source}" for source in spec.trained_on),
        measured_on="\n".join(f"- {source}" for source in report["measured_on"]),
        right=_rows(report["right_refused"]),
        wrong=_rows(report["wrong_accepted"]),
        uploads="\n".join(f"- {folder}: {_upload(found)}" for folder, found in report["uploads"].items()),
        limits=LIMITS,
        side=spec.side,
        cxr=spec.thresholds[Modality.CXR],
        ct=spec.thresholds[Modality.CT],
        refused_share=report["refused_share"],
        exact=report["exact"],
        fast=report["fast"],
        sha256=spec.weights_sha256,
        licence=spec.licence,
    )


def _rows(report: Mapping[str, Any]) -> str:
    return "\n".join(
        _row(NAMES[modality], name, entry) for modality in Modality for name, entry in report[modality].items()
    )


def _row(modality: str, name: str, entry: Mapping[str, Any]) -> str:
    share, codes = entry["share"], ", ".join(f"{count} {code}" for code, count in entry["codes"].items())
    shown = f"{share['value']:.1%} ({share['low']:.1%} to {share['high']:.1%})"
    return f"| {modality} | {name} | {shown} | {entry['images']} | {entry['groups']} | {codes} |"


def _upload(found: Mapping[str, Any]) -> str:
    return f"{found['files']} files: {', '.join(found['in_order'])}"
