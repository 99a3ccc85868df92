"""Which released networks a classifier started from: their training images are part of it too."""

import re
from collections.abc import Iterable

from ml.spec import ClassifierSpec

THROUGH = re.compile(r"through ([a-z0-9-]+/[0-9.]+): ")


def taught_through(earlier: ClassifierSpec) -> tuple[str, ...]:
    """The sources of a network, as the network that starts from it names them in `trained_on`."""
    return tuple(f"through {earlier.identity}: {source}" for source in earlier.trained_on)


def reads_a_trunk(spec: ClassifierSpec) -> bool:
    """Whether all layers but the last are those of a network that learnt from other pictures; its origin says so."""
    return any(source.startswith("pretrained: ") for source in spec.trained_on)


def earlier_versions(specs: Iterable[ClassifierSpec]) -> tuple[str, ...]:
    """The released versions of the same classifiers that these started from, by identity.

    They were measured before, and the parts are those of then. Networks of the other modality were measured on other
    images, and do not count.
    """
    found = {(spec.name, identity) for spec in specs for each in spec.trained_on for identity in THROUGH.findall(each)}
    return tuple(sorted(identity for name, identity in found if identity.startswith(f"{name}/")))
