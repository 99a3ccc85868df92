"""Write docs/accuracy.md, and its first tables into README.md, from the stored predictions alone."""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ml.ensemble import EnsembleSpec, ensembles
from ml.serving.catalogue import catalogue
from ml.spec import ClassifierSpec, Estimate, Modality
from ml.training.measure.bootstrap import estimates
from ml.training.measure.curves import EVALUATION
from ml.training.measure.metrics import classification_measures
from ml.training.measure.predictions import PREDICTIONS, read_predictions
from ml.training.measure.report import REPORT, all_estimates, operating_estimates, zone_estimates
from ml.training.measure.scored_images import ScoredImages
from ml.training.publish.card import DISAGREEMENTS, training_story
from ml.training.publish.combine import TEST, WEIGHTS_ROOT, disagreement, read_members
from ml.training.publish.protocols import PROTOCOLS, RESULTS, Protocol, Table, read_folds, read_story

DOCUMENT, README = "docs/accuracy.md", "README.md"
# As the document sees it
WEIGHTS = "../ml/weights"
BEGIN, END = "<!-- accuracy -->", "<!-- /accuracy -->"
TITLES = {Modality.CXR: "Chest X-rays", Modality.CT: "CT slices"}
HEAD = """\
# Accuracy

Written by `make accuracy` from stored predictions; none of our numbers is typed by hand. Each stands with its 95 %
interval by bootstrap over groups: patients, duplicates, crops and neighbouring slices stay together, in the parts as in
the resamples. Temperature, threshold and zones were chosen on the validation part; the test part was looked at once.

**Decision support, not a diagnosis.** None of this was measured in a clinic. Expect less on images from anywhere else.
"""
PROTOCOLS_HEAD = """\
## Protocols of published tables

The same images, divided as said here, beside the published number. These networks were trained for their table and
do not ship. Random folds put images of one patient on both sides; folds by group do not, and are the harder test.
"""
# Reported on other images than ours, so they are no comparison: they say what such numbers are worth.
ELSEWHERE = (
    ("COVID-Net CXR-3", "internal", "sensitivity 97.5 %, accuracy 98.3 %"),
    ("SARS-CoV-2-CT, random splits", "internal", "F1 0.973 to 0.994"),
    ("SARS-CoV-2-CT, subject-wise splits", "internal", "accuracy at most 93.9 %, binary"),
    ("qXR, 11,479 X-rays", "external", "AUC 0.90"),
    ("X-ray classifiers at other hospitals", "external", "AUC 0.77 to 0.83"),
    ("CT classifiers on unseen countries", "external", "AUC about 0.5"),
)
MEASURES = {
    "accuracy": "accuracy",
    "f1/covid": "F1, covid",
    "auc/covid": "AUC, covid",
}


@dataclass(frozen=True)
class Subject:
    """A classifier or an ensemble with what it said of the test part."""

    folder: Path
    spec: ClassifierSpec | EnsembleSpec

    @cached_property
    def scored(self) -> ScoredImages:
        return read_predictions(self.folder / PREDICTIONS)[TEST]

    @cached_property
    def measured(self) -> dict[str, Estimate]:
        point = self.spec.operating_point
        return all_estimates(self.scored) | operating_estimates(self.scored, point.threshold)

    @cached_property
    def zones(self) -> dict[str, Estimate]:
        point = self.spec.operating_point
        return zone_estimates(self.scored, point.threshold, point.positive_from)

    @cached_property
    def controls(self) -> dict[str, Any]:
        """Measured with the images at hand, and stored with the weights."""
        return dict(json.loads((self.folder / REPORT).read_text())["controls"])

    @property
    def positive(self) -> str:
        return self.spec.operating_point.positive_label


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml accuracy`."""
    parser = commands.add_parser("accuracy", help=f"write {DOCUMENT} and the tables in {README}")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when they are not up to date")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    write(WEIGHTS_ROOT, Path(__file__).parents[3], results=RESULTS, check=options.check)


def write(root: Path, project: Path, *, results: Path, check: bool = False) -> None:
    """Bring the document and the block in README.md up to date; with `check`, raise ValueError when they are not."""
    subjects = read_subjects(root)
    readme = (project / README).read_text(encoding="utf-8")
    pages = {DOCUMENT: document(subjects, root, results), README: with_block(readme, block(subjects))}
    for name, text in pages.items():
        path = project / name
        if check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            raise ValueError(f"{name} does not agree with the stored predictions. Run make accuracy.")
        if not check:
            path.write_text(text, encoding="utf-8")


def read_subjects(root: Path) -> tuple[Subject, ...]:
    """The newest version of every classifier, then of every ensemble."""
    specs: list[ClassifierSpec | EnsembleSpec] = [*catalogue(root), *ensembles(root)]
    return tuple(Subject(root / spec.name / spec.version, spec) for spec in specs)


def document(subjects: Sequence[Subject], root: Path, results: Path) -> str:
    """The text of docs/accuracy.md."""
    sections = [HEAD]
    for modality in Modality:
        members = _of(subjects, modality)
        if members:
            sections.append(_modality(modality, members, root))
    sections += [PROTOCOLS_HEAD, *(_protocol(protocol, results) for protocol in PROTOCOLS.values()), _elsewhere()]
    return "\n".join(sections)


def block(subjects: Sequence[Subject]) -> str:
    """The tables that README.md shows."""
    tables = [
        f"{TITLES[modality]}, {_test_part(members)}:\n\n{_overview(members, 'ml/weights')}\n{_worth(members)}"
        for modality in Modality
        if (members := _of(subjects, modality))
    ]
    return "\n".join(tables)


def with_block(readme: str, tables: str) -> str:
    """The text of README.md with the tables between their marks. Raises ValueError when the marks are missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{README} needs the lines {BEGIN} and {END}, between which the tables go.")
    return f"{before}{BEGIN}\n{tables}{END}{after}"


def _of(subjects: Sequence[Subject], modality: Modality) -> list[Subject]:
    return [subject for subject in subjects if subject.spec.modality is modality]


def _modality(modality: Modality, members: Sequence[Subject], root: Path) -> str:
    classes = ", ".join(f"{count} {name}" for name, count in _support(members[0]).items())
    parts = [
        f"## {TITLES[modality]}\n\nMeasured on {_test_part(members)}: {classes}.\n",
        _overview(members, WEIGHTS),
        _curves(members),
        "### Zones\n",
        "Below the threshold an answer is negative, from the second bound on positive, between them indeterminate.\n",
        _zones(members),
        "### Each label\n",
        _labels(members),
        "### What the numbers are worth\n",
        "AUC of covid within one source, where the source cannot give it away; and told without any lung to see.\n",
        _worth(members),
        *(_disagreement(subject, root) for subject in members if isinstance(subject.spec, EnsembleSpec)),
    ]
    return "\n".join(parts)


def _test_part(members: Sequence[Subject]) -> str:
    sizes = sorted({subject.scored.size for subject in members})
    return f"the test part ({' or '.join(sizes)})"


def _support(subject: Subject) -> dict[str, int]:
    counts = np.bincount(subject.scored.labels, minlength=len(subject.scored.names)).tolist()
    return dict(zip(subject.scored.names, counts, strict=True))


def _overview(members: Sequence[Subject], weights: str) -> str:
    positive = members[0].positive
    columns = {
        "accuracy": "accuracy",
        f"AUC, {positive}": f"auc/{positive}",
        "sensitivity at the threshold": "sensitivity",
        "specificity at the threshold": "specificity",
        f"F1, {positive}": f"f1/{positive}",
        "calibration error": "calibration_error",
    }
    return _table(
        ["", *columns],
        ([_link(subject, weights), *(str(subject.measured[name]) for name in columns.values())] for subject in members),
    )


def _curves(members: Sequence[Subject]) -> str:
    """Links to the drawn curves of those that keep them."""
    drawn = [subject.spec for subject in members if (subject.folder / EVALUATION).is_file()]
    links = ", ".join(f"[{spec.name}]({WEIGHTS}/{spec.identity}/{EVALUATION})" for spec in drawn)
    return f"ROC curves, reliability and confusion, drawn: {links}.\n" if links else ""


def _zones(members: Sequence[Subject]) -> str:
    columns = {
        "indeterminate": "indeterminate",
        "positive zone: sensitivity": "sensitivity/positive_zone",
        "positive zone: specificity": "specificity/positive_zone",
        "outer zones: sensitivity": "sensitivity/outer_zones",
        "outer zones: specificity": "specificity/outer_zones",
    }
    return _table(
        ["", "threshold", "positive from", *columns],
        (
            [
                subject.spec.name,
                f"{subject.spec.operating_point.threshold:.4f}",
                f"{subject.spec.operating_point.positive_from:.4f}",
                *_cells(subject.zones, columns.values()),
            ]
            for subject in members
        ),
    )


def _labels(members: Sequence[Subject]) -> str:
    measures = ("precision", "recall", "f1", "auc")
    return _table(
        ["", "label", "precision", "recall", "F1", "AUC against the rest"],
        (
            [subject.spec.name, label, *_cells(subject.measured, (f"{measure}/{label}" for measure in measures))]
            for subject in members
            for label in subject.spec.labels
        ),
    )


def _worth(members: Sequence[Subject]) -> str:
    positive = f"auc/{members[0].positive}"
    within = sorted({name for subject in members for name in subject.measured if name.startswith("auc_within/")})
    return _table(
        ["", f"AUC, {members[0].positive}", *map(_within, within), "border pixels alone", "lungs blacked out"],
        (
            [
                subject.spec.name,
                *_cells(subject.measured, (positive, *within)),
                *(_control(subject, name, positive) for name in ("border_pixels", "lungs_blacked_out")),
            ]
            for subject in members
        ),
    )


def _within(name: str) -> str:
    return f"within {name.removeprefix('auc_within/')}"


def _control(subject: Subject, name: str, measure: str) -> str:
    return str(Estimate(**subject.controls[name][measure])) if name in subject.controls else "not measured"


def _disagreement(subject: Subject, root: Path) -> str:
    """How often the members of an ensemble disagree, worked out again from what they said."""
    specs = {spec.identity: spec for spec in catalogue(root)}
    ensemble = subject.spec
    assert isinstance(ensemble, EnsembleSpec)
    missing = sorted(set(ensemble.members) - set(specs))
    if missing:
        raise ValueError(f"{ensemble.identity} was measured with {', '.join(missing)}. Combine the ensemble again.")
    members = read_members(root, [specs[name] for name in ensemble.members])
    rates = disagreement(subject.scored, ensemble.operating_point.threshold, members)
    rows = ([title, str(Estimate(**rates[name])) if name in rates else "-"] for name, title in DISAGREEMENTS.items())
    return f"### When the members of {ensemble.name} disagree\n\n{_table(['', 'share'], rows)}"


def _protocol(protocol: Protocol, results: Path) -> str:
    stored = read_folds(protocol, results)
    said = list(stored.values())
    head = f"### {protocol.name}: {protocol.images}\n\nOurs: {protocol.ours}. Theirs: {protocol.theirs}.\n"
    told = f"{_story(protocol, stored, results)}\n" if said else "Not run.\n"
    rows = [row for table in protocol.tables for row in _comparison(table, said)]
    return "\n".join([head, told, _table(["result", "published by", "measure", "published", "ours"], rows)])


def _story(protocol: Protocol, stored: Mapping[str, ScoredImages], results: Path) -> str:
    images = sum(len(each.labels) for each in stored.values())
    story = training_story(read_story(protocol, results))
    return f"{story}. Measured on {', '.join(stored)}, pooled: {images} images."


def _comparison(table: Table, said: Sequence[ScoredImages]) -> Iterator[list[str]]:
    measured = estimates(joined(said, table.among), classification_measures) if said else {}
    for name, published in table.published.items():
        ours = str(measured[name]) if measured else "not run"
        yield [table.title, table.source, MEASURES[name], f"{published:.4g}", ours]


def joined(said: Sequence[ScoredImages], among: Sequence[str]) -> ScoredImages:
    """The folds as one, among some of the labels: other images are left out, probabilities scaled to sum to 1."""
    names = said[0].names
    columns = [names.index(name) for name in among]
    labels = np.concatenate([each.labels for each in said])
    kept = np.isin(labels, columns)
    chances = np.concatenate([each.probabilities for each in said])[kept][:, columns]
    return ScoredImages(
        tuple(among),
        # A certain answer for a label that was left out leaves nothing to scale
        chances / np.maximum(chances.sum(axis=1, keepdims=True), np.finfo(float).tiny),
        np.array([columns.index(label) for label in labels[kept]]),
        **{
            name: np.concatenate([getattr(each, name) for each in said])[kept]
            for name in ("sources", "groups", "paths")
        },
    )


def _elsewhere() -> str:
    table = _table(["", "test", "reported"], (list(row) for row in ELSEWHERE))
    return f"## Reported elsewhere, on other images\n\n{table}"


def _link(subject: Subject, weights: str) -> str:
    spec = subject.spec
    card = next((path.name for path in sorted(subject.folder.glob("*.md"))), "")
    narrow = f", 1/{spec.width} of the channels" if isinstance(spec, ClassifierSpec) and spec.width > 1 else ""
    return f"[{spec.name}]({weights}/{spec.identity}/{card}){narrow}"


def _cells(measured: Mapping[str, Estimate], names: Iterable[str]) -> list[str]:
    return [str(measured[name]) if name in measured else "-" for name in names]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
