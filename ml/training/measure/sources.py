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


def mean_by_source(scored: ScoredImages) -> dict[str, dict[str, float]]:
    """The mean probability of the positive label, by source and then by true label; what a source lacks is left out.

    Where the means of one label differ between sources, a threshold does not carry over.
    """
    return {
        source: {
            name: round(float(scored.score[which].mean()), 4)
            for label, name in enumerate(scored.names)
            for which in ((scored.sources == source) & (scored.labels == label),)
            if which.any()
        }
        for source in sorted(set(scored.sources.tolist()))
    }
