"""What the training side says of each modality: one row for each, in the words of cards and tables."""

from dataclasses import dataclass

from ml.spec import Modality


@dataclass(frozen=True)
class ModalityWords:
    """`title` heads a table, `noun` is one image, `plural` says which images, `subject` which one, for whom."""

    title: str
    noun: str
    plural: str
    subject: str


WORDS = {
    Modality.CXR: ModalityWords(
        "Chest X-rays", "chest X-ray", "frontal chest X-rays", "a frontal chest X-ray of an adult"
    ),
    Modality.CT: ModalityWords("CT slices", "CT slice", "axial slices of chest CT", "one axial slice of a chest CT"),
}
# What the training images of each are labelled with, in the order of the networks' outputs.
LABELS: dict[Modality, tuple[str, ...]] = {
    Modality.CXR: ("covid", "pneumonia", "normal"),
    Modality.CT: ("covid", "non-covid"),
}
