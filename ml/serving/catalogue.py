"""Which trained classifiers there are. Reads specs only, so that a web process can ask."""

from pathlib import Path

from ml.serving.bundle import SPEC, Bundle, read_bundle
from ml.spec import ClassifierSpec, version_order


def catalogue(root: Path) -> tuple[ClassifierSpec, ...]:
    """The specs of the newest version of every classifier under `root`, by name.

    `root` holds <name>/<version>/spec.json. Raises BundleRefused when a spec cannot be used.
    """
    return tuple(bundle.spec for bundle in bundles(root))


def bundles(root: Path) -> tuple[Bundle, ...]:
    """The newest bundle of every classifier under `root`, by name."""
    found = (read_bundle(path.parent) for path in root.glob(f"*/*/{SPEC}"))
    newest = {bundle.spec.name: bundle for bundle in sorted(found, key=_version)}
    return tuple(newest[name] for name in sorted(newest))


def _version(bundle: Bundle) -> tuple[int, ...]:
    return version_order(bundle.spec.version)
