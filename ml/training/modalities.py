"""What the training side says of each modality: one row for each, in the words of cards and tables."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ml.spec import Modality


@dataclass(frozen=True)
class ModalityWords:
    """`title` heads a table, `noun` is one image, `plural` says which images, `subject` which one, for whom.

    `caution` says what the places that the images came from do to every number, `caution_of_questions` the same of
    networks that were taught questions (docs/adr/0219), which learnt from more places; `research_only` why an ensemble
    is no more than a subject of research, empty where it may be more.
    """

    title: str
    noun: str
    plural: str
    subject: str
    caution: str = ""
    caution_of_questions: str = ""
    research_only: str = ""

    def cautions(self, sources: Iterable[str], *, asked: bool) -> str:
        """Of networks that were `asked` questions, or of others, where images of `sources` measured them.

        What is known of the public sources is not said where another one is among them.
        """
        own = sorted(set(sources) - PUBLIC)
        if own and self.caution:
            return CAUTION_OF_OTHERS.format(", ".join(own))
        return self.caution_of_questions if asked else self.caution


# Of whose places the cautions below tell, or that ship with a classifier for slices
PUBLIC = frozenset(
    ("rsna", "rsna-opacity", "darkcovidnet", "shenzhen", "ieee8023", "covid-cxnet", "ucsd", "saopaulo", "medseg9")
)
SOURCE = re.compile(r"^(?:through \S+: )*([^:]+):.*$", flags=re.DOTALL)
CAUTION_OF_OTHERS = (
    "Nothing is written down here of how the images of {} were chosen. A difference between sources may be "
    "one between places, or ways of choosing patients, and not between lungs: what was measured within one source "
    "says most."
)
DARKCOVIDNET = (
    "Labels of darkcovidnet were taken from reports by a program: of its 500 pneumonia images radiologists of the RSNA "
    "called 58 normal."
)
WORDS = {
    Modality.CXR: ModalityWords(
        "Chest X-rays",
        "chest X-ray",
        "frontal chest X-rays",
        "a frontal chest X-ray of an adult",
        caution="Every normal image here, in training as in the test, comes from one institution, the NIH "
        "(darkcovidnet and rsna). No source has COVID-19 and normal images together, and ieee8023 and covid-cxnet have "
        "no normal one. So specificity was measured at the NIH alone, and a difference between sources may be a "
        f"difference between places and not between lungs. {DARKCOVIDNET}",
        caution_of_questions="Every normal image here, in training as in the test, comes from one of two institutions: "
        "the NIH (darkcovidnet, rsna and rsna-opacity) and a hospital in Shenzhen, whose disease is tuberculosis. No "
        "source has COVID-19 and normal images together, and ieee8023 and covid-cxnet have no normal one. So the "
        "specificity of the first question was measured at these two alone, that of the second at ieee8023 alone and "
        "among abnormal lungs, and a difference between sources may be a difference between places and not between "
        f"lungs. {DARKCOVIDNET}",
    ),
    Modality.CT: ModalityWords(
        "CT slices",
        "CT slice",
        "axial slices of chest CT",
        "one axial slice of a chest CT",
        research_only="On whole examinations it sees the look of a slice and not the lesion: of the two DICOM series "
        "at hand the normal one scores higher than the one with COVID-19, and inside three of four patients with both "
        "kinds of slices those with lesions score lower than those without (docs/accuracy/study-validation.json). What "
        "was measured on single published slices does not carry over.",
    ),
}
# What the training images of each are labelled with, in the order of the networks' outputs.
LABELS: dict[Modality, tuple[str, ...]] = {
    Modality.CXR: ("covid", "pneumonia", "normal"),
    Modality.CT: ("covid", "non-covid"),
}


def are_public(trained_on: Iterable[str]) -> bool:
    """Whether those are public sources alone that a spec names: as `source: count and terms`, some through a bundle."""
    return {SOURCE.sub(r"\1", each) for each in trained_on} - {"pretrained"} <= PUBLIC
