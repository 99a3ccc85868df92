"""The command line of an import."""

from __future__ import annotations

from pathlib import Path

NAME = "imported-cxr"


def import_options(network: Path, data: Path, root: Path, **changes: str) -> list[str]:
    """The words after `python -m ml` that import a network whose sigmoid tells covid (0) from normal (1).

    The ending of its file, .h5 or .onnx, says by which command.
    """
    options = {
        "root": str(root),
        "name": NAME,
        "version": "1.0.0",
        "modality": "cxr",
        "labels": "covid,normal",
        "positive": "covid",
        "one-means": "normal",
        "scaling": "unit",
        "resampling": "linear",
        "reference": str(data / "covid" / "0.jpg"),
        "measure-on": str(data),
        "seen": "no",
        "trained-on": "made up: 40 covid images",
        "licence": "None.",
        **({"output": "sigmoid"} if network.suffix == ".onnx" else {}),
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [f"import-{network.suffix[1:]}", str(network), *words]
