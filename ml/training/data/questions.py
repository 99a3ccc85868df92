"""What each training image can teach: a difference between lungs, where its place shows lungs of both kinds.

A network that sees disease from one hospital and healthy lungs from another learns to tell the hospitals. So an image
is only ever asked the question that its own domain can answer. Of X-rays: is this lung abnormal, or is an abnormal one
COVID-19? The three labels follow from both answers. Of slices of CT: does this one show COVID-19? Every source of them
shows both, and no answer of one source is held against another's.
"""

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.spec import Modality
from ml.training.data import manifest
from ml.training.data.domains import VARIABLE, read_answerers
from ml.training.data.manifest import Row, read_rows
from ml.training.data.split import Part, Parts, split
from ml.training.modalities import LABELS

MANIFEST = "manifest_v2.csv"
LEAST_PROBABILITY = 1e-7
COVID, OTHER, NORMAL, NON_COVID = "covid", "pneumonia", "normal", "non-covid"
# The three labels have one place for all disease that is not COVID-19.
OTHER_DISEASE = ("tuberculosis",)


@dataclass(frozen=True)
class Question:
    """Whether the label of an image is one of `positive`, asked only of labels `among` which these are."""

    name: str
    positive: tuple[str, ...]
    among: tuple[str, ...]

    def allows(self, positive: bool) -> tuple[str, ...]:
        """The labels that an image of that side may have."""
        return self.positive if positive else tuple(label for label in self.among if label not in self.positive)


ABNORMAL = Question("abnormal", positive=(COVID, OTHER), among=(COVID, OTHER, NORMAL))
COVID_AMONG_ABNORMAL = Question("covid_among_abnormal", positive=(COVID,), among=(COVID, OTHER))
COVID_IN_SLICE = Question("covid_in_slice", positive=(COVID,), among=(COVID, NON_COVID))
QUESTIONS = (ABNORMAL, COVID_AMONG_ABNORMAL, COVID_IN_SLICE)


@dataclass(frozen=True)
class Domain:
    """Sources of one institution and one processing, and the question that their images can answer."""

    name: str
    sources: tuple[str, ...]
    question: Question


@dataclass(frozen=True)
class Side:
    """One side of a domain's question: what its images may be called, among which labels."""

    domain: Domain
    positive: bool

    @property
    def allowed(self) -> tuple[str, ...]:
        return self.domain.question.allows(self.positive)


def known_domains() -> tuple[Domain, ...]:
    """Every domain, as ml.training.data.domains reads them; what no file names teaches nothing and is measured on.

    rsna and rsna-opacity are one: images of the NIH whose greys differ until they are equalised (ADR 0216). medseg9
    shows slices with lesions and without any, of the same people and scanners. covid-cxnet shows COVID-19 alone, and is
    in no file. Raises FileNotFoundError or ValueError where the file of one's own cannot be used.
    """
    return _known_domains(os.environ.get(VARIABLE))


def known_sides() -> tuple[Side, ...]:
    """Both sides of every domain. A side's place here is the target of its images; the positive one comes first."""
    return _known_sides(os.environ.get(VARIABLE))


@lru_cache
def _known_domains(own: str | None) -> tuple[Domain, ...]:
    """`own` is part of the key: what is known depends on that file."""
    questions = {question.name: question for question in QUESTIONS}
    sources: dict[tuple[str, str], list[str]] = {}
    for each in read_answerers():
        if each.question not in questions:
            raise ValueError(
                f"{own} asks {each.source} {each.question!r}, which is no question. Choose {', '.join(questions)}."
            )
        sources.setdefault((each.domain, each.question), []).append(each.source)
    return tuple(Domain(name, tuple(of), questions[asked]) for (name, asked), of in sources.items())


@lru_cache
def _known_sides(own: str | None) -> tuple[Side, ...]:
    return tuple(Side(domain, positive) for domain in _known_domains(own) for positive in (True, False))


def domain_of(source: str) -> Domain | None:
    """The domain of a source, or None where it can answer no question."""
    return next((domain for domain in known_domains() if source in domain.sources), None)


def domain_of_row(row: Row) -> Domain:
    """The domain of a row. Raises ValueError where its source can answer no question."""
    domain = domain_of(row.source)
    if domain is None:
        raise ValueError(f"{row.source} can answer no question.")
    return domain


def domains_of(question: Question) -> tuple[str, ...]:
    """The names of the domains whose images can answer a question."""
    return tuple(domain.name for domain in known_domains() if domain.question is question)


def domains_among(question: Question, sources: Sequence[str]) -> tuple[str, ...]:
    """The names of those of them that some of these sources belong to."""
    found = {domain.name for source in sources if (domain := domain_of(source))}
    return tuple(name for name in domains_of(question) if name in found)


def questions_of(labels: Sequence[str]) -> tuple[Question, ...]:
    """The questions that can be asked of images with these labels."""
    return tuple(question for question in QUESTIONS if set(question.among) <= set(labels))


def are_of(sources: Sequence[str], domains: Sequence[str]) -> NDArray[np.bool_]:
    """Which sources are of one of the domains, bool (n,). Raises ValueError for a domain that no file names."""
    unknown = sorted(set(domains) - {domain.name for domain in known_domains()})
    if unknown:
        raise ValueError(
            f"Nothing says which sources {', '.join(unknown)} means. Name with {VARIABLE} the file that does."
        )
    known = {source for domain in known_domains() if domain.name in domains for source in domain.sources}
    return np.array([source in known for source in sources], dtype=np.bool_)


def side_targets(rows: Sequence[Row]) -> NDArray[np.int64]:
    """Each row's side as its index in `known_sides`, int64 (n,). Raises ValueError for one that can answer none."""
    return np.array([side_index(row.source, row.label) for row in rows], dtype=np.int64)


def side_index(source: str, label: str) -> int:
    """The side of an image as its index in `known_sides`.

    Raises ValueError where its source cannot answer with that label.
    """
    domain = domain_of(source)
    if domain is None or label not in domain.question.among:
        raise ValueError(
            f"An image of {source} that shows {label} can answer no question. Leave it out of the manifest, or correct "
            f"the file that {VARIABLE} names."
        )
    return known_sides().index(Side(domain, label in domain.question.positive))


def label_masks(labels: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For each side which labels are allowed, and among which: two float32 arrays (sides, labels) of 0 and 1."""
    allowed = [[float(label in side.allowed) for label in labels] for side in known_sides()]
    among = [[float(label in side.domain.question.among) for label in labels] for side in known_sides()]
    return np.array(allowed, dtype=np.float32), np.array(among, dtype=np.float32)


def likelihoods(
    probabilities: NDArray[np.float64], targets: NDArray[np.int64], labels: Sequence[str]
) -> NDArray[np.float64]:
    """The probability of each image's own side as a share of what its question is asked among, float64 (n,).

    `probabilities` (n, labels); `targets` (n,) are indices of `known_sides`.
    """
    allowed, among = label_masks(labels)
    whole = (probabilities * among[targets]).sum(axis=1)
    return np.asarray((probabilities * allowed[targets]).sum(axis=1) / np.maximum(whole, LEAST_PROBABILITY))


def split_for_questions(
    data: Path, modality: Modality = Modality.CXR, *, left_out: str | None = None, goes_on: bool = False
) -> Parts:
    """The images of `read_question_rows` by part; a group of manifest.csv stays in the part that it was in.

    Training and validation hold what can answer a question; the test part holds every source. `left_out` names a source
    or domain none of whose images train or choose: all of them are in the test part. A network that `goes_on` from one
    that learnt labels has seen what that one was fitted or chosen on: such images are in no test part.
    """
    before = split(read_rows(data, modality))
    rows = read_question_rows(data, modality)
    places = {row.group: part for part, members in before.items() for row in members}
    later = split([row for row in rows if row.group not in places], seed="questions")
    places |= {row.group: part for part, members in later.items() for row in members}
    # A person whom an unseen place shows too is nobody's training image
    places |= {row.group: Part.TEST for row in rows if _is_unseen(row, left_out)}
    parts: dict[Part, list[Row]] = {part: [] for part in Part}
    seen = {row.group for part in (Part.TRAIN, Part.VALIDATION) for row in before[part]} if goes_on else set()
    for row in sorted(rows, key=lambda row: row.path):
        if places[row.group] is not Part.TEST or row.group not in seen:
            parts[places[row.group]].append(row)
    return {part: tuple(members) for part, members in parts.items()}


def require_both_sides(parts: Parts, modality: Modality) -> None:
    """Raises ValueError where a question has not both sides to learn from and to choose by, or a domain teaches one.

    What a domain of one kind teaches is what its images look like.
    """
    for question in questions_of(LABELS[modality]):
        for part in (Part.TRAIN, Part.VALIDATION):
            shown = _sides_shown(parts[part], question)
            lopsided = sorted(name for name, sides in shown.items() if len(sides) == 1)
            if part is Part.TRAIN and lopsided:
                raise ValueError(
                    f"{', '.join(lopsided)}: all images of the training part are on one side of {question.name}, which "
                    f"would teach what they look like. Give it images of the other side, or take it out of {VARIABLE}."
                )
            if len(set().union(*shown.values())) < 2:
                raise ValueError(
                    f"The {part.value} part has no images of both sides of {question.name}. Add images, or name with "
                    f"{VARIABLE} a file that says which sources show both; of one place alone learn --objective labels."
                )


def _sides_shown(rows: Sequence[Row], question: Question) -> dict[str, set[bool]]:
    """Which sides of a question rows show, by domain."""
    shown: dict[str, set[bool]] = {}
    for row in rows:
        domain = domain_of(row.source)
        if domain is not None and domain.question is question:
            shown.setdefault(domain.name, set()).add(row.label in question.positive)
    return shown


def read_question_rows(data: Path, modality: Modality = Modality.CXR) -> tuple[Row, ...]:
    """The images meant for training, other diseases under the label that stands for them.

    They are those of MANIFEST, which has come to those of manifest.csv, and of manifest.csv where `data` has no other.
    Raises FileNotFoundError or ValueError as `read_rows` does.
    """
    known = (*LABELS[modality], *(OTHER_DISEASE if modality is Modality.CXR else ()))
    listed = MANIFEST if (data / MANIFEST).is_file() else manifest.MANIFEST
    rows = read_rows(data, modality, labels=known, manifest=listed)
    return tuple(dataclasses.replace(row, label=OTHER) if row.label in OTHER_DISEASE else row for row in rows)


def _is_unseen(row: Row, left_out: str | None) -> bool:
    """Whether its source can answer no question, or is to be left out."""
    domain = domain_of(row.source)
    return domain is None or left_out in {row.source, domain.name}
