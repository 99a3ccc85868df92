"""A valid spec to vary in tests."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from ml.abnormality import AbnormalityPoint
from ml.spec import ClassifierSpec, Estimate, Modality, OperatingPoint

POINT = OperatingPoint(
    positive_label="covid",
    threshold=0.3,
    positive_from=0.6,
    chosen_for="sensitivity of at least 0.95 on the validation part",
    sensitivity=Estimate(0.94, 0.90, 0.97),
    specificity=Estimate(0.81, 0.78, 0.85),
    measured_on="the test part",
)
ABNORMALITY = AbnormalityPoint(
    labels=("covid", "pneumonia"),
    slope=2.0,
    intercept=-1.0,
    threshold=0.2,
    abnormal_from=0.6,
    chosen_for="sensitivity of at least 0.95 on the validation part",
    sensitivity=Estimate(0.94, 0.91, 0.96),
    specificity=Estimate(0.61, 0.57, 0.65),
    sources={"a": {"sensitivity": None, "specificity": asdict(Estimate(0.6, 0.5, 0.7)), "abnormal": 0, "normal": 90}},
    measured_on="the test part",
)
SPEC = ClassifierSpec(
    name="tiny-cxr",
    version="1.0.0",
    architecture="tiny",
    modality=Modality.CXR,
    labels=("covid", "pneumonia", "normal"),
    input_size=(32, 32),
    preprocessing="cxr-1",
    temperature=1.2,
    operating_point=POINT,
    weights_sha256="a" * 64,
    trained_on=("somewhere: 10 covid images",),
    intended_use="Tests.",
    must_not_use="Anything else.",
    licence="None.",
    parameters=1000,
    metrics={"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}},
)


def spec(**changes: Any) -> ClassifierSpec:
    """The valid spec with some fields changed."""
    return replace(SPEC, **changes)
