"""The numbers of a report as tables in Markdown, for a decision record."""

from collections.abc import Iterator, Sequence
from typing import Any

from ml.study.training.units import CHOSEN


def tables(report: dict[str, Any]) -> str:
    """Every table that the report has numbers for, with blank lines between them."""
    parts = [_areas(report["auc"]), _bounds(report["bounds"]), _flat("frontal X-rays", report["frontals"])]
    if "composed" in report:
        parts += [_composed(report["composed"]), _series(report["series"])]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _areas(measured: dict[str, Any]) -> Iterator[str]:
    names = [name for name, value in next(iter(measured.values())).items() if isinstance(value, dict)]
    heads = [f"{title} ({held['positive']} of {held['units']})" for title, held in measured.items()]
    yield from _head(["method", *heads])
    for name in names:
        yield _row([name, *(_estimate(held.get(name)) for held in measured.values())])


def _bounds(measured: dict[str, Any]) -> Iterator[str]:
    yield from _head(["at the bounds of slices", *measured])
    for name in next(iter(measured.values())):
        yield _row([name, *(_estimate(held.get(name)) for held in measured.values())])


def _flat(title: str, measured: dict[str, Any]) -> Iterator[str]:
    yield from _head([f"{title} ({measured['positive']} of {measured['groups']} groups)", "AUC"])
    for name, value in measured.items():
        if isinstance(value, dict):
            yield _row([name, _estimate(value)])


def _composed(measured: dict[str, Any]) -> Iterator[str]:
    names = [name for name in next(iter(measured.values())) if not name.startswith("lead/")]
    yield from _head(["AUC when this share of a positive block is its own", *measured])
    for name in names:
        yield _row([name, *(_estimate(held.get(name)) for held in measured.values())])


def _series(measured: dict[str, Any]) -> Iterator[str]:
    facts = ["slices", "asked", "refused", "little lung", "zone", "AUC of slices"]
    yield from _head(["series", *facts, CHOSEN, "highest", "mean"])
    for name, held in measured.items():
        facts = [held.get(key, "") for key in ("slices", "asked", "refused", "little_or_no_lung", "zone", "slice_auc")]
        scores = [held.get("scores", {}).get(way, "") for way in (CHOSEN, "highest", "mean")]
        yield _row([name, *("" if fact is None else str(fact) for fact in (*facts, *scores))])


def _head(names: Sequence[str]) -> Iterator[str]:
    yield _row(names)
    yield _row(["---"] * len(names))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _estimate(value: Any) -> str:
    return "" if value is None else f"{value['value']:.2f} ({value['low']:.2f} to {value['high']:.2f})"
