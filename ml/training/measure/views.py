"""What an AUC within a source is worth among images of one view.

Whoever is too ill to stand is X-rayed from the front (AP), so the view tells disease wherever both views come together.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.spec import Estimate
from ml.training.data.questions import Question, domain_of
from ml.training.measure.bootstrap import estimates
from ml.training.measure.questions import ask
from ml.training.metrics import positive_area
from ml.training.scored_images import ScoredImages

# What each side needs for a number; decided on the counts, before any AUC within a view was known.
LEAST_IMAGES, LEAST_GROUPS = 10, 5


@dataclass(frozen=True)
class SideCount:
    """How many images of how many groups."""

    images: int
    groups: int

    @property
    def is_enough(self) -> bool:
        return self.images >= LEAST_IMAGES and self.groups >= LEAST_GROUPS


@dataclass(frozen=True)
class ViewArea:
    """The AUC among some images of a source with both sides; `area` is None where a side has too few."""

    positive: SideCount
    negative: SideCount
    area: Estimate | None


def areas_by_view(scored: ScoredImages, views: Mapping[str, str]) -> dict[str, dict[str, ViewArea]]:
    """By source and view the AUC of the positive label; of sources with images of known view on both sides alone.

    `views` by path, as `ml.training.data.views.read_views` gives them.
    """
    view = np.array([views.get(path, "") for path in scored.paths.tolist()], dtype=np.str_)
    found: dict[str, dict[str, ViewArea]] = {}
    for source in sorted(set(scored.sources[view != ""].tolist())):
        here = (scored.sources == source) & (view != "")
        if len(set(scored.positive[here].tolist())) == 2:
            names = sorted(set(view[here].tolist()))
            found[source] = {name: measure_area(scored.take(here & (view == name))) for name in names}
    return found


def measure_area(scored: ScoredImages) -> ViewArea:
    """The AUC of the positive label with its interval over groups, where both sides have enough images."""
    positive, negative = (_count(scored.take(side)) for side in (scored.positive, ~scored.positive))
    enough = positive.is_enough and negative.is_enough
    return ViewArea(positive, negative, estimates(scored, positive_area)["auc"] if enough else None)


def ask_source(scored: ScoredImages, source: str) -> tuple[Question, ScoredImages] | None:
    """The question that a source can answer, and its images with their answers to it; None where it can answer none."""
    domain = domain_of(source)
    if domain is None:
        return None
    return domain.question, ask(scored.take(scored.sources == source), domain.question)


def _count(scored: ScoredImages) -> SideCount:
    return SideCount(len(scored.labels), len(set(scored.groups.tolist())))
