"""Why an image gets no probability, in words for the staff of a clinic."""

from dataclasses import dataclass

from ml.gate.kinds import OF_MODALITY, READABLE, Kind
from ml.spec import Modality


@dataclass(frozen=True)
class GateRefusal:
    """`code` is a stable snake_case word for tests, logs and counters; `sentence` is shown as it is."""

    code: str
    sentence: str


_EXPECTED = {Modality.CXR: "a frontal chest X-ray", Modality.CT: "an axial slice of a chest CT"}
_SHORT = {Modality.CXR: "chest X-ray", Modality.CT: "CT slice"}
_SENTENCES = {
    "turned": "This {short} lies on its side or upside down, and the classifiers know upright images only; "
    "turn it upright and upload it again.",
    "inverted": "The greys of this {short} are inverted, with air bright and bone dark; "
    "export it with air dark and upload it again.",
    "lateral": "This looks like a lateral or oblique X-ray, and the classifiers know frontal views only; "
    "upload the PA or AP view.",
    "reformatted": "This looks like a coronal or sagittal CT image, and the classifiers know axial slices only; "
    "upload axial slices.",
    "without_lungs": "Hardly any lung can be seen in this CT slice, as at the neck or in the abdomen; "
    "upload a slice through the lungs.",
    "several": "This picture shows several images, or an image within a page; upload one image a file.",
    "part": "This picture shows only a part of the chest; upload the whole image.",
    "blurred": "This image is too blurred to read; upload the original instead of a preview or a photograph.",
    "not_chest": "This does not look like {expected}; check that the right file was chosen.",
    "unclear": "It is not clear that this is {expected}, upright and whole; "
    "check the file, and have it read without the classifiers if it is right.",
}
_CODES = {
    Kind.CXR_TURNED: "turned",
    Kind.CT_TURNED: "turned",
    Kind.CXR_INVERTED: "inverted",
    Kind.CT_INVERTED: "inverted",
    Kind.CXR_LATERAL: "lateral",
    Kind.CT_REFORMATTED: "reformatted",
    Kind.CT_WITHOUT_LUNGS: "without_lungs",
    Kind.SEVERAL: "several",
    Kind.PART: "part",
    Kind.BLURRED: "blurred",
    Kind.OTHER: "not_chest",
}
_WRONG_MODALITY = {
    Modality.CXR: "This was said to be a chest X-ray but looks like a CT slice; upload it again as CT.",
    Modality.CT: "This was said to be a CT slice but looks like an X-ray; upload it again as chest X-ray.",
}


def explain(kind: Kind, modality: Modality) -> GateRefusal:
    """The refusal of an image that was said to be of `modality` and looks like `kind`."""
    if kind is READABLE[modality]:
        return _worded("unclear", modality)
    if any(kind in kinds for other, kinds in OF_MODALITY.items() if other is not modality):
        return GateRefusal("wrong_modality", _WRONG_MODALITY[modality])
    return _worded(_CODES[kind], modality)


def _worded(code: str, modality: Modality) -> GateRefusal:
    return GateRefusal(code, _SENTENCES[code].format(short=_SHORT[modality], expected=_EXPECTED[modality]))
