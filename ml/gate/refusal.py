"""Why an image gets no probability, in words for the staff of a clinic."""

from dataclasses import dataclass, field

from ml.gate.kinds import OF_MODALITY, READABLE, Kind
from ml.messages import Params, fill
from ml.messages import gettext_noop as _
from ml.spec import Modality

SENTENCES = {
    "too_small": _(
        "This image is only %(width)d x %(height)d pixels; its shorter side must have at least %(side)d, "
        "so upload the original instead of a thumbnail."
    ),
    "shape": _(
        "This image is %(width)d x %(height)d pixels, a shape that no chest image has; "
        "upload one whole image, neither a strip nor several in a row."
    ),
    "blank/nearly": _("This image is one nearly even shade; check the file and export it again."),
    "turned/cxr": _(
        "This chest X-ray lies on its side or upside down, and the classifiers know upright images only; "
        "turn it upright and upload it again."
    ),
    "turned/ct": _(
        "This CT slice lies on its side or upside down, and the classifiers know upright images only; "
        "turn it upright and upload it again."
    ),
    "tilted/cxr": _(
        "This chest X-ray is tilted by about ten degrees or more, and the classifiers know upright images only; "
        "straighten it and upload it again."
    ),
    "tilted/ct": _(
        "This CT slice is tilted by about fifteen degrees or more, and the classifiers know upright images only; "
        "straighten it and upload it again."
    ),
    "inverted/cxr": _(
        "The greys of this chest X-ray are inverted, with air bright and bone dark; "
        "export it with air dark and upload it again."
    ),
    "inverted/ct": _(
        "The greys of this CT slice are inverted, with air bright and bone dark; "
        "export it with air dark and upload it again."
    ),
    "lateral": _(
        "This looks like a lateral or oblique X-ray, and the classifiers know frontal views only; "
        "upload the PA or AP view."
    ),
    "reformatted": _(
        "This looks like a coronal or sagittal CT image, and the classifiers know axial slices only; "
        "upload axial slices."
    ),
    "without_lungs": _(
        "Hardly any lung can be seen in this CT slice, as at the neck or in the abdomen; "
        "upload a slice through the lungs."
    ),
    "without_lungs/cxr": _(
        "Hardly any lung was found in this chest X-ray, and the classifiers answer from the lungs alone; "
        "check the file, and have it read without the classifiers if it is right."
    ),
    "window": _(
        "Lung is black in this CT slice, as in a mediastinal or bone window, so nothing in it can be seen; "
        "export the slice in a lung window, or upload the DICOM file."
    ),
    "several": _("This picture shows several images, or an image within a page; upload one image a file."),
    "part": _("This picture shows only a part of the chest; upload the whole image."),
    "blurred": _("This image is too blurred to read; upload the original instead of a preview or a photograph."),
    "enlarged": _(
        "This image was enlarged from a thumbnail, so that its fine detail is missing; "
        "upload the original instead of a preview."
    ),
    "screen": _(
        "This is a picture of a screen, with parts of a program around the image; "
        "export the image itself, or upload the DICOM file."
    ),
    "photographed": _(
        "This looks like a photograph of a film or of a monitor; export the image itself, or upload the DICOM file."
    ),
    "other_part": _(
        "This looks like another part of the body than the chest, such as a shoulder, a limb or the abdomen; "
        "check that the right file was chosen."
    ),
    "not_chest/cxr": _("This does not look like a frontal chest X-ray; check that the right file was chosen."),
    "not_chest/ct": _("This does not look like an axial slice of a chest CT; check that the right file was chosen."),
    "unclear/cxr": _(
        "It is not clear that this is a frontal chest X-ray, upright and whole; "
        "check the file, and have it read without the classifiers if it is right."
    ),
    "unclear/ct": _(
        "It is not clear that this is an axial slice of a chest CT, upright and whole; "
        "check the file, and have it read without the classifiers if it is right."
    ),
    "wrong_modality/cxr": _("This was said to be a chest X-ray but looks like a CT slice; upload it again as CT."),
    "wrong_modality/ct": _("This was said to be a CT slice but looks like an X-ray; upload it again as chest X-ray."),
}
# Of one slice among others that were answered: nobody uploads it again, and the result goes without it.
OF_A_SLICE = {
    "too_small": _(
        "Not part of the result: this slice is only %(width)d x %(height)d pixels; "
        "its shorter side must have at least %(side)d."
    ),
    "shape": _("Not part of the result: this slice is %(width)d x %(height)d pixels, a shape that no slice has."),
    "blank": _("Not part of the result: this slice is one nearly even shade."),
    "turned": _(
        "Not part of the result: this slice lies on its side or upside down, and the classifiers know upright images "
        "only."
    ),
    "tilted": _(
        "Not part of the result: this slice is tilted by about fifteen degrees or more, and the classifiers know "
        "upright images only."
    ),
    "inverted": _("Not part of the result: the greys of this slice are inverted, with air bright and bone dark."),
    "reformatted": _(
        "Not part of the result: this looks like a coronal or sagittal image, and the classifiers know axial slices "
        "only."
    ),
    "without_lungs": _(
        "Not part of the result: hardly any lung can be seen in this slice, as at the neck or in the abdomen."
    ),
    "window": _(
        "Not part of the result: lung is black in this slice, as in a mediastinal or bone window, so nothing in it can "
        "be seen."
    ),
    "several": _("Not part of the result: this picture shows several images, or an image within a page."),
    "part": _("Not part of the result: this slice shows only a part of the chest."),
    "blurred": _("Not part of the result: this slice is too blurred to read."),
    "enlarged": _(
        "Not part of the result: this slice was enlarged from a thumbnail, so that its fine detail is missing."
    ),
    "screen": _("Not part of the result: this is a picture of a screen, with parts of a program around the image."),
    "photographed": _("Not part of the result: this looks like a photograph of a film or of a monitor."),
    "other_part": _("Not part of the result: this looks like another part of the body than the chest."),
    "not_chest": _("Not part of the result: this does not look like an axial slice of a chest CT."),
    "unclear": _(
        "Not part of the result: it is not clear that this is an axial slice of a chest CT, upright and whole."
    ),
    "wrong_modality": _("Not part of the result: this looks like an X-ray and not like a CT slice."),
}
# Of a series of which every slice was refused: what is wrong with most of them, and what to do about the series.
OF_A_SERIES = {
    "too_small": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: the shorter side has fewer "
        "than %(side)d pixels; upload the original images instead of thumbnails."
    ),
    "shape": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: the image has a shape that "
        "no slice has; upload whole images, neither strips nor several in a row."
    ),
    "blank": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: the image is one nearly "
        "even shade; check the files and export them again."
    ),
    "turned": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: the slice lies on its side "
        "or upside down, and the classifiers know upright images only; turn the images upright and upload them "
        "again."
    ),
    "tilted": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: the slice is tilted by "
        "about fifteen degrees or more, and the classifiers know upright images only; straighten the images and "
        "upload them again."
    ),
    "inverted": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: the greys are inverted, "
        "with air bright and bone dark; export the images with air dark and upload them again."
    ),
    "reformatted": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: this looks like coronal or "
        "sagittal images, and the classifiers know axial slices only; upload the axial series."
    ),
    "without_lungs": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: hardly any lung can be "
        "seen, as at the neck or in the abdomen; upload a series through the lungs."
    ),
    "window": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: lung is black, as in a "
        "mediastinal or bone window, so nothing in it can be seen; export the slices in a lung window, or upload "
        "the DICOM files."
    ),
    "several": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: the picture shows several "
        "images, or an image within a page; upload one image a file."
    ),
    "part": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: the picture shows only a "
        "part of the chest; upload whole images."
    ),
    "blurred": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: the image is too blurred "
        "to read; upload the original images instead of previews or photographs."
    ),
    "enlarged": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: the image was enlarged "
        "from a thumbnail, so that its fine detail is missing; upload the original images instead of previews."
    ),
    "screen": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: this is a picture of a "
        "screen, with parts of a program around the image; export the images themselves, or upload the DICOM files."
    ),
    "photographed": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: this looks like a "
        "photograph of a film or of a monitor; export the images themselves, or upload the DICOM files."
    ),
    "other_part": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: this looks like another "
        "part of the body than the chest; check that the right files were chosen."
    ),
    "not_chest": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: this does not look like an "
        "axial slice of a chest CT; check that the right files were chosen."
    ),
    "unclear": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: it is not clear that this "
        "is an axial slice of a chest CT, upright and whole; check the files, and have the study read without the "
        "classifiers if they are right."
    ),
    "wrong_modality": _(
        "No slice of this study was classified. The reason for %(count)d of %(slices)d: this looks like an X-ray "
        "and not like a CT slice; check that the right files were chosen."
    ),
}
SENTENCES |= {f"{code}/slice": sentence for code, sentence in OF_A_SLICE.items()}
SENTENCES |= {f"{code}/series": sentence for code, sentence in OF_A_SERIES.items()}
_CODES = {
    Kind.CXR_TURNED: "turned",
    Kind.CT_TURNED: "turned",
    Kind.CXR_TILTED: "tilted",
    Kind.CT_TILTED: "tilted",
    Kind.CXR_INVERTED: "inverted",
    Kind.CT_INVERTED: "inverted",
    Kind.CXR_LATERAL: "lateral",
    Kind.CT_REFORMATTED: "reformatted",
    Kind.CT_WITHOUT_LUNGS: "without_lungs",
    Kind.SEVERAL: "several",
    Kind.PART: "part",
    Kind.BLURRED: "blurred",
    Kind.SCREEN: "screen",
    Kind.PHOTOGRAPHED: "photographed",
    Kind.OTHER_PART: "other_part",
    Kind.OTHER: "not_chest",
}


@dataclass(frozen=True)
class GateRefusal:
    """`code` is a stable snake_case word for tests, logs and counters, a key of SENTENCES; `params` fill its template.

    Their `variant` chooses where a code has several sentences: for each modality, for one slice among others, and for a
    whole series.
    """

    code: str
    params: Params = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """In English: what is wrong with the image, and what to do."""
        return fill(SENTENCES, self.code, self.params)


def explain(kind: Kind, modality: Modality) -> GateRefusal:
    """The refusal of an image that was said to be of `modality` and looks like `kind`."""
    if kind is READABLE[modality]:
        return _of_modality("unclear", modality)
    if any(kind in kinds for other, kinds in OF_MODALITY.items() if other is not modality):
        return _of_modality("wrong_modality", modality)
    return _of_modality(_CODES[kind], modality)


def refuse_without_lungs(modality: Modality) -> GateRefusal:
    """The refusal of an image in which lungs are to be read and none were found."""
    return _of_modality("without_lungs", modality)


def params_of_a_slice(code: str, params: Params) -> Params:
    """With the sentence for one slice among others in place of that for an image which somebody uploaded.

    Another code than those of OF_A_SLICE keeps its own.
    """
    return {**params, "variant": "slice"} if code in OF_A_SLICE else params


def params_of_a_series(code: str, params: Params, *, count: int, slices: int) -> Params:
    """With the sentence for a series of which all `slices` were refused, `count` of them for this code.

    Another code than those of OF_A_SERIES keeps its own.
    """
    if code not in OF_A_SERIES:
        return params
    return {**params, "variant": "series", "count": count, "slices": slices}


def _of_modality(code: str, modality: Modality) -> GateRefusal:
    """With the sentence for this modality where there is one, else the one that all share."""
    variant: Params = {"variant": modality.value} if f"{code}/{modality}" in SENTENCES else {}
    return GateRefusal(code, variant)
