"""What each training image can teach: a difference between lungs, where its place shows lungs of both kinds.

A network that sees disease from one hospital and healthy lungs from another learns to tell the hospitals. So an image
is only ever asked the question that its own domain can answer. Of X-rays: is this lung abnormal, or is an abnormal one
COVID-19? The three labels follow from both answers. Of slices of CT: does this one show COVID-19? Every source of them
shows both, and no answer of one source is held against another's.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.spec import Modality
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


# rsna and rsna-opacity are images of the NIH whose greys differ until they are equalised (ADR 0216). covid-cxnet shows
# COVID-19 alone: it teaches nothing and is left for measuring.
DOMAINS = (
    Domain("rsna", ("rsna", "rsna-opacity"), ABNORMAL),
    Domain("darkcovidnet", ("darkcovidnet",), ABNORMAL),
    Domain("shenzhen", ("shenzhen",), ABNORMAL),
    Domain("ieee8023", ("ieee8023",), COVID_AMONG_ABNORMAL),
    Domain("ucsd", ("ucsd",), COVID_IN_SLICE),
    Domain("saopaulo", ("saopaulo",), COVID_IN_SLICE),
    # Slices with lesions and without any, of the same people and scanners
    Domain("medseg9", ("medseg9",), COVID_IN_SLICE),
)


@dataclass(frozen=True)
class Side:
    """One side of a domain's question: what its images may be called, among which labels."""

    domain: Domain
    positive: bool

    @property
    def allowed(self) -> tuple[str, ...]:
        return self.domain.question.allows(self.positive)


# A side's place in this list is the target of its images; the sides of a domain follow one another, positive first.
SIDES = tuple(Side(domain, positive) for domain in DOMAINS for positive in (True, False))


def domain_of(source: str) -> Domain | None:
    """The domain of a source, or None where it can answer no question."""
    return next((domain for domain in DOMAINS if source in domain.sources), None)


def domain_of_row(row: Row) -> Domain:
    """The domain of a row. Raises ValueError where its source can answer no question."""
    domain = domain_of(row.source)
    if domain is None:
        raise ValueError(f"{row.source} can answer no question.")
    return domain


def domains_of(question: Question) -> tuple[str, ...]:
    """The names of the domains whose images can answer a question."""
    return tuple(domain.name for domain in DOMAINS if domain.question is question)


def questions_of(labels: Sequence[str]) -> tuple[Question, ...]:
    """The questions that can be asked of images with these labels."""
    return tuple(question for question in QUESTIONS if set(question.among) <= set(labels))


def are_of(sources: Sequence[str], domains: Sequence[str]) -> NDArray[np.bool_]:
    """Which sources are of one of the domains, bool (n,)."""
    known = {source for domain in DOMAINS if domain.name in domains for source in domain.sources}
    return np.array([source in known for source in sources], dtype=np.bool_)


def side_targets(rows: Sequence[Row]) -> NDArray[np.int64]:
    """Each row's side as its index in SIDES, int64 (n,). Raises ValueError for a row that can answer no question."""
    return np.array([side_index(row.source, row.label) for row in rows], dtype=np.int64)


def side_index(source: str, label: str) -> int:
    """The side of an image as its index in SIDES. Raises ValueError where its source cannot answer with that label."""
    domain = domain_of(source)
    if domain is None or label not in domain.question.among:
        raise ValueError(f"An image of {source} that shows {label} can answer no question.")
    return SIDES.index(Side(domain, label in domain.question.positive))


def label_masks(labels: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For each side which labels are allowed, and among which: two float32 arrays (sides, labels) of 0 and 1."""
    allowed = [[float(label in side.allowed) for label in labels] for side in SIDES]
    among = [[float(label in side.domain.question.among) for label in labels] for side in SIDES]
    return np.array(allowed, dtype=np.float32), np.array(among, dtype=np.float32)


def likelihoods(
    probabilities: NDArray[np.float64], targets: NDArray[np.int64], labels: Sequence[str]
) -> NDArray[np.float64]:
    """The probability of each image's own side as a share of what its question is asked among, float64 (n,).

    `probabilities` (n, labels); `targets` (n,) are indices of SIDES.
    """
    allowed, among = label_masks(labels)
    whole = (probabilities * among[targets]).sum(axis=1)
    return np.asarray((probabilities * allowed[targets]).sum(axis=1) / np.maximum(whole, LEAST_PROBABILITY))


def split_for_questions(
    data: Path, modality: Modality = Modality.CXR, *, left_out: str | None = None, goes_on: bool = False
) -> Parts:
    """The images of MANIFEST by part; a group of manifest.csv stays in the part that it was in.

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


def read_question_rows(data: Path, modality: Modality = Modality.CXR) -> tuple[Row, ...]:
    """The images of MANIFEST meant for training, other diseases under the label that stands for them.

    Raises FileNotFoundError or ValueError as `read_rows` does.
    """
    known = (*LABELS[modality], *(OTHER_DISEASE if modality is Modality.CXR else ()))
    rows = read_rows(data, modality, labels=known, manifest=MANIFEST)
    return tuple(dataclasses.replace(row, label=OTHER) if row.label in OTHER_DISEASE else row for row in rows)


def _is_unseen(row: Row, left_out: str | None) -> bool:
    """Whether its source can answer no question, or is to be left out."""
    domain = domain_of(row.source)
    return domain is None or left_out in {row.source, domain.name}
