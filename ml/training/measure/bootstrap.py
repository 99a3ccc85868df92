"""95 % intervals that respect groups: images of one patient are no independent witnesses."""

from collections.abc import Callable
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from ml.spec import Estimate
from ml.training.metrics import Measures

TAIL = 0.025
RESAMPLES = 1000
INTERVAL = (2.5, 97.5)


class Grouped(Protocol):
    """Whatever has images that belong to groups, such as ScoredImages."""

    @property
    def groups(self) -> NDArray[np.str_]: ...

    def take(self, which: NDArray[Any]) -> Self:
        """Some of the images, by index."""


AnyGrouped = TypeVar("AnyGrouped", bound=Grouped)


def estimates(
    scored: AnyGrouped, measure: Callable[[AnyGrouped], Measures], *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Estimate]:
    """Measure, and give each number its percentile interval over resamples of whole groups.

    Numbers that cannot be measured on the data at all (NaN) are left out.
    """
    random = np.random.default_rng(seed)
    members = _members(scored.groups)
    draws = [measure(scored.take(_resample(members, random))) for _ in range(resamples)]
    return {
        name: _estimate(value, [draw.get(name, np.nan) for draw in draws])
        for name, value in measure(scored).items()
        if np.isfinite(value)
    }


def with_exact_bounds(estimate: Estimate, groups: int) -> Estimate:
    """Widen the interval of a share that is exactly 0 or 1, where resampling knows no doubt.

    The bound of Clopper and Pearson (Biometrika, 1934) for `groups` independent witnesses.
    """
    bound = round(TAIL ** (1.0 / groups), 4)
    if estimate.value == 1.0:
        return Estimate(1.0, min(estimate.low, bound), 1.0)
    if estimate.value == 0.0:
        return Estimate(0.0, 0.0, max(estimate.high, round(1.0 - bound, 4)))
    return estimate


def _members(groups: NDArray[np.str_]) -> list[NDArray[np.intp]]:
    _, which = np.unique(groups, return_inverse=True)
    order = np.argsort(which, kind="stable")
    return np.split(order, np.cumsum(np.bincount(which))[:-1])


def _resample(members: list[NDArray[np.intp]], random: np.random.Generator) -> NDArray[np.intp]:
    chosen = random.integers(0, len(members), len(members))
    return np.concatenate([members[index] for index in chosen])


def _estimate(value: float, draws: list[float]) -> Estimate:
    low, high = np.nanpercentile(draws, INTERVAL)
    return Estimate(round(value, 4), round(float(low), 4), round(float(high), 4))
