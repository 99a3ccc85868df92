"""What is worth saying about an image that was accepted: why no classifier may see it, and how it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ml.messages import Params, fill
from ml.messages import gettext_noop as _

SENTENCES: Mapping[str, str] = {
    "not_classified/lateral": _(
        "Not classified: this is a lateral view, and the classifiers know frontal X-rays only."
    ),
    "not_classified/oblique": _(
        "Not classified: this is an oblique or decubitus view, and the classifiers know frontal X-rays only."
    ),
    "not_classified/scout": _(
        "Not classified: this is the scout view for planning, and the classifiers know axial slices only."
    ),
    "not_classified/reformat": _(
        "Not classified: this is a coronal, sagittal or oblique image, and the classifiers know axial slices only."
    ),
    "not_classified/derived": _(
        "Not classified: this is a projection, a rendering or a page about the examination, "
        "and the classifiers know axial slices only."
    ),
    "not_classified/capture": _(
        "Not classified: this is a secondary capture that has lost its Hounsfield units, "
        "and the classifiers know original axial slices only."
    ),
    "not_classified/values": _(
        "Not classified: the values in this CT image are no Hounsfield units of a chest slice "
        "(air and soft tissue are both expected)."
    ),
    "not_classified/photograph": _(
        "Not classified: this is a photograph of a film or of a screen, whose greys are the camera's; "
        "export the DICOM file from the machine or the archive instead. Where there is only the film, "
        "photograph it straight from the front, without flash, so that it fills the picture, and have it read "
        "without the classifiers."
    ),
    "own_range/unstated": _(
        "The file does not say how it is to be shown, so it is shown and read from its darkest to its brightest value."
    ),
    "own_range/unusable": _(
        "By the window or table in the file next to nothing could be seen, "
        "so the image is shown and read from its darkest to its brightest value."
    ),
    "mirrored": _(
        "By its header this picture is a mirror image of how it is usually hung. Compare it with the side marker."
    ),
    "own_range/picture": _(
        "This picture uses a small part of black to white, "
        "so it is shown and read stretched from its darkest to its brightest grey."
    ),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A code of SENTENCES and what fills its template; a `variant` chooses among several.

    Raises KeyError where the code is unknown or a value is missing.
    """

    code: str
    params: Params = field(default_factory=dict)

    def __post_init__(self) -> None:
        fill(SENTENCES, self.code, self.params)

    @property
    def sentence(self) -> str:
        """In English."""
        return fill(SENTENCES, self.code, self.params)


def not_classified(variant: str) -> Fact:
    """Why no classifier may see an image that is kept and shown."""
    return Fact("not_classified", {"variant": variant})
