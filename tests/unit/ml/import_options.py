"""The command line of an import."""

from __future__ import annotations

from pathlib import Path

NAME = "exported-cxr"


def import_options(network: Path, data: Path, root: Path, **changes: str) -> list[str]:
    """The words after `python -m ml` that import a network whose sigmoid tells covid (0) from normal (1)."""
    shown = {"name": NAME, "output": "sigmoid", "reference": str(data / "covid" / "0.jpg")}
    return ["import-onnx", str(network), *stated(data, root, **shown | changes)]


def stated(data: Path, root: Path, **changes: str) -> list[str]:
    """What every import is told of such a network, with `changes`, as options."""
    options = {
        "root": str(root),
        "version": "1.0.0",
        "modality": "cxr",
        "labels": "covid,normal",
        "positive": "covid",
        "one-means": "normal",
        "scaling": "unit",
        "resampling": "linear",
        "measure-on": str(data),
        "seen": "no",
        "trained-on": "made up: 40 covid images",
        "licence": "None.",
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    return [word for name, value in options.items() for word in (f"--{name}", value)]
