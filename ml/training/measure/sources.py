"""Sensitivity and specificity by source: pooled over sources, they are a mixture that no place has."""

from dataclasses import asdict
from typing import Any

from ml.spec import Estimate
from ml.training.measure.report import operating_estimates
from ml.training.scored_images import ScoredImages

Rates = dict[str, dict[str, Any]]


def rates_by_source(scored: ScoredImages, threshold: float, *, sides: tuple[str, str]) -> Rates:
    """For each source what a threshold does there, as plain values for JSON, and how many images each side has.

    `sides` names the images with and without the positive label. A rate is None where a source lacks that side.
    """
    sources = sorted(set(scored.sources.tolist()))
    return {source: _rates(scored.take(scored.sources == source), threshold, sides) for source in sources}


def _rates(scored: ScoredImages, threshold: float, sides: tuple[str, str]) -> dict[str, Any]:
    measured = operating_estimates(scored, threshold)
    positive = int(scored.positive.sum())
    counts = zip(sides, (positive, len(scored.labels) - positive), strict=True)
    return {name: _plain(measured.get(name)) for name in ("sensitivity", "specificity")} | dict(counts)


def _plain(estimate: Estimate | None) -> dict[str, float] | None:
    return asdict(estimate) if estimate else None
