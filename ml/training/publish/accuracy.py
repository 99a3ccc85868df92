"""Write docs/accuracy.md, and a short table into README.md, from the stored predictions alone."""

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ml.abnormality import AbnormalityPoint
from ml.ensemble import EnsembleSpec, ensembles, versions_before
from ml.serving.catalogue import catalogue
from ml.spec import ClassifierSpec, Estimate, Modality
from ml.training.data.questions import (
    ABNORMAL,
    COVID_AMONG_ABNORMAL,
    COVID_IN_SLICE,
    Question,
    domain_of,
    domains_of,
    questions_of,
)
from ml.training.measure import abnormality
from ml.training.measure.bootstrap import estimates
from ml.training.measure.calibration import Line
from ml.training.measure.curves import EVALUATION
from ml.training.measure.outside import SHARES
from ml.training.measure.predictions import BORDER_PIXELS, LUNGS_BLACKED_OUT, PREDICTIONS, read_predictions
from ml.training.measure.questions import ask, at_home
from ml.training.measure.report import REPORT, all_estimates, at_domains, operating_estimates, zone_estimates
from ml.training.measure.sources import Rates, mean_by_source
from ml.training.measure.views import ViewArea, areas_by_view
from ml.training.metrics import classification_measures, within_source_measures
from ml.training.modalities import WORDS, ModalityWords
from ml.training.publish.aims import Aim, tell_aims
from ml.training.publish.card import DISAGREEMENTS
from ml.training.publish.combine import TEST, VALIDATION, WEIGHTS_ROOT, disagreement, read_members
from ml.training.publish.earlier import earlier_versions
from ml.training.publish.left_out import tell_left_out
from ml.training.publish.markdown import architecture_title, render
from ml.training.publish.outside import tell_attention
from ml.training.publish.places import describe_sources, read_controls, read_unseen, tell_above
from ml.training.publish.protocols import PROTOCOLS, RESULTS, Protocol, Table, read_folds, read_story
from ml.training.publish.steady import tell_steadiness
from ml.training.publish.views import LIMITS, stored_views, tell_area, tell_views
from ml.training.scored_images import ScoredImages, joined

PROJECT = Path(__file__).parents[3]
# A folder that is not there: of classifiers of one's own nothing else was asked
NOTHING_STORED = ".nothing-stored"
DOCUMENT, README = "docs/accuracy.md", "README.md"
BEGIN, END = "<!-- accuracy -->", "<!-- /accuracy -->"
WITHIN = "auc_within/"
TOGETHER = "All together, as an ensemble"
# Reported on other images than ours, so they are no comparison: they say what such numbers are worth.
ELSEWHERE = (
    ("COVID-Net CXR-3", "internal", "sensitivity 97.5 %, accuracy 98.3 %"),
    ("SARS-CoV-2-CT, random splits", "internal", "F1 0.973 to 0.994"),
    ("SARS-CoV-2-CT, subject-wise splits", "internal", "accuracy at most 93.9 %, binary"),
    ("qXR, 11,479 X-rays", "external", "AUC 0.90"),
    ("X-ray classifiers at other hospitals", "external", "AUC 0.77 to 0.83"),
    ("CT classifiers on unseen countries", "external", "AUC about 0.5"),
)
CONTROL_TITLES = {
    "border_pixels": "border pixels, greys as they are",
    "border_pixels_equalised": "border pixels, equalised",
    "thumbnail": "thumbnail of 32 x 32, equalised",
    "view": "view alone, PA or AP",
    "untrained_network": "network of random weights with a linear head",
}
# The control that README.md sets beside what ships, and what its columns are headed by
UNTRAINED = "untrained_network"
HEADINGS = {
    ABNORMAL: "abnormal",
    COVID_AMONG_ABNORMAL: "COVID-19 among abnormal",
    COVID_IN_SLICE: "COVID-19 in a slice",
}
SLICE_CONTROL_TITLES = {
    "border_pixels": "border pixels",
    "thumbnail": "thumbnail of 32 x 32",
    "untrained_network": CONTROL_TITLES["untrained_network"],
}
MEASURES = {
    "accuracy": "accuracy",
    "f1/covid": "F1, covid",
    "auc/covid": "AUC, covid",
}


@dataclass(frozen=True)
class Subject:
    """A classifier or an ensemble with what it said of the test part; `views` by path, where they are known."""

    folder: Path
    spec: ClassifierSpec | EnsembleSpec
    views: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def said(self) -> dict[str, ScoredImages]:
        """What was said, by part."""
        return read_predictions(self.folder / PREDICTIONS)

    @property
    def scored(self) -> ScoredImages:
        return self.said[TEST]

    @cached_property
    def home(self) -> ScoredImages:
        """The images that measure the operating point: those of its domains, or all."""
        return at_domains(self.scored, self.spec.operating_point.domains)

    @cached_property
    def measured(self) -> dict[str, Estimate]:
        """Everything is measured on all images but the two rates of the threshold, which are of `home`."""
        point = self.spec.operating_point
        return all_estimates(self.scored) | operating_estimates(self.home, point.threshold)

    @cached_property
    def zones(self) -> dict[str, Estimate]:
        """What the zones do, on `home`."""
        point = self.spec.operating_point
        return zone_estimates(self.home, point.threshold, point.positive_from)

    @cached_property
    def rates(self) -> dict[str, Rates]:
        """What both bounds do by source."""
        point = self.spec.operating_point
        return abnormality.sources(self.scored, point.threshold, point.positive_from, sides=("positive", "negative"))

    @cached_property
    def abnormality(self) -> dict[str, Any] | None:
        """What was measured of the question whether the lung is abnormal; None where it is not asked."""
        if not isinstance(self.spec, EnsembleSpec) or self.spec.abnormality is None:
            return None
        controls = abnormality.abnormality_controls(self.folder, TEST, self.spec.abnormality.domains)
        return {**abnormality.measure_abnormality(self.scored, self.spec.abnormality), "controls": controls}

    @cached_property
    def means(self) -> dict[str, dict[str, tuple[float, float]]]:
        """By source and true label the mean probability of an abnormal lung, calibrated, and of the positive label."""
        point = self.spec.abnormality if isinstance(self.spec, EnsembleSpec) else None
        if point is None:
            return {}
        asked = abnormality.as_abnormal(self.scored, Line(point.slope, point.intercept))
        abnormal = mean_by_source(self.scored.saying(asked.score[:, np.newaxis]))
        return {
            source: {name: (abnormal[source][name], mean) for name, mean in means.items()}
            for source, means in mean_by_source(self.scored).items()
        }

    @property
    def never_abnormal_at_home(self) -> list[str]:
        """The labels of an abnormal lung that no image shows of the domains that chose and measured its bounds."""
        point = self.spec.abnormality if isinstance(self.spec, EnsembleSpec) else None
        if point is None or not point.domains:
            return []
        shown = abnormality.home(self.said[VALIDATION], self.scored, point.domains)["support"]
        return [label for label in point.labels if not any(each[label] for each in shown.values())]

    @cached_property
    def by_view(self) -> dict[str, dict[str, ViewArea]]:
        """The AUC of the positive label by source and view."""
        return areas_by_view(self.scored, self.views)

    @cached_property
    def among_abnormal_by_view(self) -> dict[str, dict[str, ViewArea]]:
        """The same among images of an abnormal lung."""
        return areas_by_view(abnormality.among_abnormal(self.scored), self.views)

    def within(self, source: str, view: str = "") -> str:
        """The AUC within a source, or within one view of it, in words."""
        if view:
            found = self.by_view.get(source, {}).get(view)
            return tell_area(found) if found else "-"
        return str(self.measured.get(f"{WITHIN}{source}", "-"))

    def answers_within(self, question: Question) -> dict[str, Estimate]:
        """The AUC of the answer to a question within each place that can answer it, by the name of its domain."""
        if question not in questions_of(self.spec.labels):
            return {}
        measured = estimates(at_home(ask(self.scored, question), question), within_source_measures)
        return {name.removeprefix(WITHIN): area for name, area in measured.items()}

    @cached_property
    def blind(self) -> dict[str, ScoredImages]:
        """What was said without any lung to see, by what was left of the images."""
        files = {"border pixels alone": BORDER_PIXELS, "lungs blacked out": LUNGS_BLACKED_OUT}
        stored = {title: self.folder / name for title, name in files.items() if (self.folder / name).is_file()}
        return {title: read_predictions(path)[TEST] for title, path in stored.items()}

    @cached_property
    def controls(self) -> dict[str, Any]:
        """Measured with the images at hand, and stored with the weights."""
        return dict(json.loads((self.folder / REPORT).read_text())["controls"])

    @property
    def positive(self) -> str:
        return self.spec.operating_point.positive_label

    @property
    def width(self) -> int:
        """By what the channels of every layer are divided; 1 for an ensemble."""
        return self.spec.width if isinstance(self.spec, ClassifierSpec) else 1

    @property
    def title(self) -> str:
        """What classifiers of one architecture share across modalities; the whole name where it says something else."""
        if isinstance(self.spec, EnsembleSpec):
            return TOGETHER
        usual = f"{self.spec.architecture}-{self.spec.modality.value}"
        return architecture_title(self.spec.architecture, 1) if self.spec.name == usual else self.spec.name


@dataclass(frozen=True)
class Section:
    """The classifiers of a modality, then their ensemble. `disagreements` by the name of the ensemble."""

    modality: Modality
    subjects: Sequence[Subject]
    disagreements: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return WORDS[self.modality].title

    @property
    def positive(self) -> str:
        return self.subjects[0].positive

    @property
    def sizes(self) -> str:
        """How many images and groups were measured."""
        return " or ".join(sorted({subject.scored.size for subject in self.subjects}))

    @property
    def support(self) -> dict[str, int]:
        """The number of images of each label."""
        scored = self.subjects[0].scored
        return dict(zip(scored.names, np.bincount(scored.labels, minlength=len(scored.names)).tolist(), strict=True))

    @property
    def drawn(self) -> list[Subject]:
        """Those that keep their drawn curves."""
        return [subject for subject in self.subjects if (subject.folder / EVALUATION).is_file()]

    @property
    def words(self) -> ModalityWords:
        return WORDS[self.modality]

    @property
    def caution(self) -> str:
        """What the places that the images came from do to every number."""
        sources = {source for subject in self.subjects for source in subject.scored.sources.tolist()}
        return self.words.cautions(sources, asked=any(each.spec.operating_point.domains for each in self.ensembles))

    @property
    def homes(self) -> dict[str, list[str]]:
        """What measured the operating points that only some places measured, in words and size, with their names."""
        found: dict[str, list[str]] = {}
        for each in self.subjects:
            if each.spec.operating_point.domains:
                where = f"{each.spec.operating_point.measured_on} ({each.home.size})"
                found.setdefault(where, []).append(each.spec.name)
        return found

    @property
    def ensembles(self) -> list[Subject]:
        return [subject for subject in self.subjects if isinstance(subject.spec, EnsembleSpec)]

    @property
    def sources(self) -> list[str]:
        """The sources within which an AUC can be measured."""
        names = {name for subject in self.subjects for name in subject.measured if name.startswith(WITHIN)}
        return [name.removeprefix(WITHIN) for name in sorted(names)]

    @property
    def columns(self) -> dict[str, tuple[str, str]]:
        """Those sources and the known views of each, by what a column is called."""
        views = self.subjects[0].by_view
        pairs = [(source, view) for source in self.sources for view in ("", *views.get(source, {}))]
        return {", ".join(filter(None, pair)): pair for pair in pairs}

    @cached_property
    def views(self) -> list[dict[str, Any]]:
        """The answers to the question of each source, within each view; those without any lung of the ensemble too."""
        said = {subject.spec.name: subject.scored for subject in self.subjects}
        for each in self.ensembles:
            said |= {f"{each.spec.name}, {title}": scored for title, scored in each.blind.items()}
        return tell_views(said, self.subjects[0].views)


@dataclass(frozen=True)
class Column:
    """A place, or one view of it, in the table of README.md.

    `cells` and `areas` are what each subject reaches there, in words and as far as it is a number, by its name;
    `control` what the untrained network does.
    """

    title: str
    cells: Mapping[str, str]
    areas: Mapping[str, Estimate]
    control: Mapping[str, float] | None

    def is_above_control(self, name: str) -> bool:
        """Whether the AUC of a subject is; also where one of them is not known."""
        return self.control is None or name not in self.areas or self.areas[name].value > self.control["value"]


@dataclass(frozen=True)
class Comparison:
    """A protocol with what our networks reach under it. `rows` are cells of its table."""

    protocol: Protocol
    folds: Sequence[str]
    images: int
    training: Mapping[str, Any]
    rows: Sequence[Sequence[str]]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml accuracy`."""
    parser = commands.add_parser("accuracy", help=f"write {DOCUMENT} and the table in {README}")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when they are not up to date")
    parser.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="folder of all bundles and ensembles")
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"of another --root, instead of {DOCUMENT}")
    parser.add_argument(
        "--results", type=Path, help="folder of the stored answers to other questions (default: that of what ships)"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    ships = options.root.resolve() == WEIGHTS_ROOT.resolve()
    if ships is not (options.out is None):
        raise ValueError(f"{DOCUMENT} and {README} tell of what ships: name with --out the file for another --root.")
    if ships:
        write(WEIGHTS_ROOT, PROJECT, results=options.results or RESULTS, check=options.check)
    else:
        write_apart(options.root, options.out, results=options.results, check=options.check)


def write(root: Path, project: Path, *, results: Path, check: bool = False) -> None:
    """Bring the document and the block in README.md up to date; with `check`, raise ValueError when they are not."""
    sections = read_sections(root, results)
    readme = (project / README).read_text(encoding="utf-8")
    pages = {DOCUMENT: document(sections, results), README: with_block(readme, block(sections, results))}
    for name, text in pages.items():
        path = project / name
        if check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            raise ValueError(f"{name} does not agree with the stored predictions. Run make accuracy.")
        if not check:
            path.write_text(text, encoding="utf-8")


def write_apart(root: Path, path: Path, *, results: Path | None = None, check: bool = False) -> None:
    """Write into a file of its own what the document says of classifiers that do not ship; `check` as for `write`.

    Without `results` nothing is told that was asked of what ships alone.
    """
    stored = results or root / NOTHING_STORED
    text = document(read_sections(root, stored), stored)
    for link, target in (("../ml/weights/", root), ("adr/", PROJECT / "docs" / "adr")):
        text = text.replace(f"]({link}", f"]({os.path.relpath(target, path.parent)}/")
    if check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
        raise ValueError(f"{path} does not agree with the stored predictions. Leave out --check to write it.")
    if not check:
        path.write_text(text, encoding="utf-8")


def read_sections(root: Path, results: Path) -> list[Section]:
    """Every modality that has a classifier, with the newest version of each, then the newest ensemble.

    `results` is the folder that tells of the views.
    """
    specs: list[ClassifierSpec | EnsembleSpec] = [*catalogue(root), *ensembles(root)]
    views = stored_views(results)
    subjects = [Subject(root / spec.identity, spec, views) for spec in specs]
    found = {modality: [each for each in subjects if each.spec.modality is modality] for modality in Modality}
    return [Section(modality, group, _disagreements(group, root)) for modality, group in found.items() if group]


def document(sections: Sequence[Section], results: Path) -> str:
    """The text of docs/accuracy.md."""
    return render(
        "accuracy.md.j2",
        sections=sections,
        disagreement_titles=DISAGREEMENTS,
        left_out=tell_left_out(results, CONTROL_TITLES),
        slices_left_out=tell_left_out(results, SLICE_CONTROL_TITLES, Modality.CT),
        unseen=_unseen(sections, results),
        controls=read_controls(results),
        slice_controls=read_controls(results, Modality.CT),
        slice_control_titles=SLICE_CONTROL_TITLES,
        steadiness=_steadiness(sections, results),
        aims=_aims(sections, results),
        attention=tell_attention(results),
        alarms=SHARES,
        control_titles=CONTROL_TITLES,
        least=LIMITS,
        tell_area=tell_area,
        tell_above=tell_above,
        **_successions(sections),
        protocols=[_compare(protocol, results) for protocol in PROTOCOLS.values()],
        elsewhere=ELSEWHERE,
    )


def _aims(sections: Sequence[Section], results: Path) -> list[Aim]:
    """What was aimed at, where an X-ray ensemble is told of."""
    folders = [each.folder for section in sections for each in section.ensembles if section.modality is Modality.CXR]
    return tell_aims(folders[0].parents[1], results) if folders else []


def _successions(sections: Sequence[Section]) -> dict[str, Sequence[str]]:
    """`earlier`: the released versions that classifiers go on from, by identity; `succeeding`: the names of these."""
    specs = [each.spec for section in sections for each in section.subjects if isinstance(each.spec, ClassifierSpec)]
    return {
        "earlier": earlier_versions(specs),
        "succeeding": [spec.name for spec in specs if earlier_versions([spec])],
    }


def _unseen(sections: Sequence[Section], results: Path) -> dict[str, Any] | None:
    """What the X-ray ensemble says of a lung, abnormal or not, at sources that taught it nothing.

    Where every source has taught it something, that is told of the version before that was asked.
    """
    for newest, folder in [(each.spec, each.folder) for section in sections for each in section.ensembles]:
        if not isinstance(newest, EnsembleSpec) or newest.abnormality is None:
            continue
        for spec in versions_before(folder.parents[1], newest):
            scored = read_unseen(results, spec.identity)
            if scored is not None and spec.abnormality is not None:
                later = "" if spec == newest else newest.version
                return _told_of_unseen(spec.name, spec.version, later, spec.abnormality, scored)
    return None


def _steadiness(sections: Sequence[Section], results: Path) -> Mapping[str, Any] | None:
    """How steady the X-ray ensemble answers whether a lung is abnormal, beside versions before it."""
    for newest, folder in [(each.spec, each.folder) for section in sections for each in section.ensembles]:
        if isinstance(newest, EnsembleSpec) and newest.abnormality is not None:
            versions = versions_before(folder.parents[1], newest)
            return tell_steadiness(results, [spec.identity for spec in versions])
    return None


def _told_of_unseen(
    name: str, version: str, later: str, point: AbnormalityPoint, scored: ScoredImages
) -> dict[str, Any]:
    # Other places than those that chose the bounds: all of them are measured
    measured = abnormality.measure_abnormality(scored, replace(point, domains=()))
    said = abnormality.as_abnormal(scored, Line(point.slope, point.intercept))
    means = mean_by_source(said)
    asked = {"ensemble": name, "version": version, "later": later}
    return {**asked, "size": scored.size, "about": describe_sources(list(means)), "means": means, **measured}


def block(sections: Sequence[Section], results: Path) -> str:
    """What README.md shows: places that were left out first, then a row for each architecture, the ensembles first."""
    rows: dict[str, dict[Modality, Subject]] = {TOGETHER: {}}
    for section in sections:
        for subject in section.subjects:
            rows.setdefault(subject.title, {})[section.modality] = subject
    shown = {title: subjects for title, subjects in rows.items() if subjects}
    columns = [column for section in sections for column in _columns(section, results)]
    return render(
        "readme.md.j2",
        left_out=[told for section in sections if (told := _left_out_in_short(section, results))],
        columns=columns,
        rows=[_row(title, list(subjects.values()), columns) for title, subjects in shown.items()],
        not_above=_not_above(sections, columns),
        untrained=CONTROL_TITLES[UNTRAINED],
    )


def _row(title: str, subjects: Sequence[Subject], columns: Sequence[Column]) -> dict[str, Any]:
    found = [[each.cells[one.spec.name] for one in subjects if one.spec.name in each.cells] for each in columns]
    return {"title": title, "subjects": subjects, "cells": [next(iter(cells), "-") for cells in found]}


def _not_above(sections: Sequence[Section], columns: Sequence[Column]) -> dict[str, list[str]]:
    """In which columns an ensemble is not above the untrained network, by the name of the ensemble."""
    names = [each.spec.name for section in sections for each in section.ensembles]
    found = {name: [each.title for each in columns if not each.is_above_control(name)] for name in names}
    return {name: titles for name, titles in found.items() if titles}


def _columns(section: Section, results: Path) -> list[Column]:
    """Whether a lung is abnormal comes before whether it is COVID-19."""
    controls = read_controls(results, section.modality).get(UNTRAINED, {})

    def column(title: str, areas: Mapping[str, Estimate], place: str, cells: Mapping[str, str] | None = None) -> Column:
        told = {name: str(area) for name, area in areas.items()} if cells is None else cells
        return Column(title, told, areas, controls.get(place, {}).get("within"))

    answered = {each.spec.name: each.answers_within(ABNORMAL) for each in section.subjects}
    places = [place for place in domains_of(ABNORMAL) if any(place in each for each in answered.values())]
    first = [
        column(
            f"{HEADINGS[ABNORMAL]}: {place}",
            {name: each[place] for name, each in answered.items() if place in each},
            place,
        )
        for place in places
    ]
    second = []
    for title, (source, view) in section.columns.items():
        measured = {each.spec.name: each.measured.get(f"{WITHIN}{source}") for each in section.subjects}
        areas = {} if view else {name: area for name, area in measured.items() if area}
        cells = {each.spec.name: each.within(source, view) for each in section.subjects}
        second.append(column(f"{_heading(source, section.positive)}: {title}", areas, "" if view else source, cells))
    return first + second


def _heading(source: str, positive: str) -> str:
    domain = domain_of(source)
    return HEADINGS[domain.question] if domain else positive


def _left_out_in_short(section: Section, results: Path) -> dict[str, Any] | None:
    """Of a modality what ensemble, members together and the untrained network do at places that were left out."""
    told = tell_left_out(results, CONTROL_TITLES, section.modality)
    if told is None:
        return None
    members = {each.spec.identity for each in section.subjects}
    others = {f"control: {title}" for name, title in CONTROL_TITLES.items() if name != UNTRAINED}
    rows = [row for row in told["rows"] if row["title"] not in members | others]
    as_it_ships = told["as_it_ships"].get("lower", {})
    return {
        "words": section.words,
        "places": told["places"],
        "ensemble": told["ensemble"],
        "as_it_ships": as_it_ships,
        "rows": rows,
    }


def with_block(readme: str, table: str) -> str:
    """The text of README.md with the table between its marks. Raises ValueError when the marks are missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{README} needs the lines {BEGIN} and {END}, between which the table goes.")
    return f"{before}{BEGIN}\n{table}{END}{after}"


def _disagreements(subjects: Sequence[Subject], root: Path) -> dict[str, dict[str, Any]]:
    """How often the members of each ensemble disagree, worked out again from their stored predictions."""
    return {
        subject.spec.name: _disagreement(subject, subject.spec, root)
        for subject in subjects
        if isinstance(subject.spec, EnsembleSpec)
    }


def _disagreement(subject: Subject, ensemble: EnsembleSpec, root: Path) -> dict[str, Any]:
    specs = {spec.identity: spec for spec in catalogue(root)}
    missing = sorted(set(ensemble.members) - set(specs))
    if missing:
        raise ValueError(f"{ensemble.identity} was measured with {', '.join(missing)}. Combine the ensemble again.")
    members = read_members(root, [specs[name] for name in ensemble.members])
    return disagreement(subject.scored, ensemble.operating_point.threshold, members)


def _compare(protocol: Protocol, results: Path) -> Comparison:
    stored = read_folds(protocol, results)
    folds = list(stored.values())
    return Comparison(
        protocol,
        folds=list(stored),
        images=sum(len(fold.labels) for fold in folds),
        training=read_story(protocol, results) if folds else {},
        rows=[row for table in protocol.tables for row in _comparison(table, folds)],
    )


def _comparison(table: Table, said: Sequence[ScoredImages]) -> Iterator[list[str]]:
    measured = estimates(joined(said, table.among), classification_measures) if said else {}
    for name, published in table.published.items():
        ours = str(measured[name]) if measured else "not run"
        yield [table.title, table.source, MEASURES[name], f"{published:.4g}", ours]
