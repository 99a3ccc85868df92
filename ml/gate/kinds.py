"""The kinds of images that the gate tells apart."""

from enum import StrEnum

from ml.spec import Modality


class Kind(StrEnum):
    """What an image shows, as far as the gate's network knows."""

    CXR = "cxr"
    CT = "ct"
    CXR_TURNED = "cxr-turned"
    CT_TURNED = "ct-turned"
    CXR_TILTED = "cxr-tilted"
    CT_TILTED = "ct-tilted"
    CXR_INVERTED = "cxr-inverted"
    CT_INVERTED = "ct-inverted"
    CXR_LATERAL = "cxr-lateral"
    CT_REFORMATTED = "ct-reformatted"
    CT_WITHOUT_LUNGS = "ct-without-lungs"
    SEVERAL = "several"
    PART = "part"
    BLURRED = "blurred"
    SCREEN = "screen"
    PHOTOGRAPHED = "photographed"
    OTHER_PART = "other-part"
    OTHER = "other"


READABLE = {Modality.CXR: Kind.CXR, Modality.CT: Kind.CT}
OF_MODALITY = {
    Modality.CXR: frozenset({Kind.CXR, Kind.CXR_TURNED, Kind.CXR_TILTED, Kind.CXR_INVERTED, Kind.CXR_LATERAL}),
    Modality.CT: frozenset(
        {Kind.CT, Kind.CT_TURNED, Kind.CT_TILTED, Kind.CT_INVERTED, Kind.CT_REFORMATTED, Kind.CT_WITHOUT_LUNGS}
    ),
}
