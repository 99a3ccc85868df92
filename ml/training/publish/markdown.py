"""Render the Markdown of cards and accuracy pages from templates/*.md.j2."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from textwrap import fill
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"
WIDTH = 126
TITLES = {
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "resnet50": "ResNet50",
    "inceptionv3": "InceptionV3",
    "xception": "Xception",
    "densenet121": "DenseNet121",
}


def render(template: str, **context: Any) -> str:
    """The text of a template; a name that is missing from `context` raises jinja2.UndefinedError."""
    return _environment().get_template(template).render(context)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  Markdown, read as text: the portal escapes it when it shows it
    )
    environment.filters |= {
        "bullets": bullets,
        "filled": filled,
        "interval": interval,
        "millions": lambda count: f"{count / 1e6:.1f}",
        "percent": lambda share: f"{share:.1%}",
        "story": training_story,
    }
    return environment


def bullets(lines: Iterable[str]) -> str:
    """A list in Markdown."""
    return "\n".join(f"- {line}" for line in lines)


def filled(paragraph: str) -> str:
    """A paragraph in lines that one can read; no word is broken."""
    return fill(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)


def interval(estimate: Mapping[str, float]) -> str:
    """A number with its interval, such as 0.912 (0.880 to 0.934)."""
    return f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f})"


def training_story(training: Mapping[str, Any]) -> str:
    """How the weights came about, the run that they grew from first."""
    network = architecture_title(training["architecture"], training["width"])
    if "last_layer" in training:
        lesson = training["last_layer"]
        taught = ", which reads the last two blocks, was taught" if training.get("two_levels") else " was taught again"
        kept = training.get("kept")
        steady = ",\nand that is charged for what a mirror image moves" if "moves_cost" in lesson else ""
        cheaper = f" Its convolutions were made cheaper, and keep {kept:.0%} of what they tell apart." if kept else ""
        return (
            f"Started from {training['started_from']} as {network}.{cheaper} Its last layer alone{taught},\n"
            f"by a regression whose penalty ({lesson['penalty']:g}) was chosen on groups left out of the training part"
            f"{steady},"
        )
    epochs, before = _epochs(training["epochs"]), training.get("before")
    if before:
        return f"{training_story(before)},\nthen grown into {network} with the same answers and trained for {epochs}"
    return f"Started from {training['started_from']} as {network} and trained for {epochs}"


def architecture_title(architecture: str, width: int) -> str:
    """An architecture in words, such as VGG16 with 1/4 of its channels."""
    title = TITLES.get(architecture, architecture)
    return f"{title} with 1/{width} of its channels" if width > 1 else title


def _epochs(sizes: list[list[int]]) -> str:
    (side, epochs), *later = sizes
    return ", ".join(
        [f"{epochs} epoch{'s' * (epochs > 1)} at {side} px", *(f"{more} at {larger} px" for larger, more in later)]
    )
