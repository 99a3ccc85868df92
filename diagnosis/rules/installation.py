"""What is installed here: the specs of classifiers and ensembles, parsed again only where a file of them is another.

A page asks for them several times. A version never changes once it ships; whatever is installed, restored or removed
while a process runs changes the files that lie here, and is seen at the next question.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from ml import ensemble, serving
from ml.ensemble import ENSEMBLE, EnsembleSpec
from ml.serving.bundle import SPEC
from ml.spec import ClassifierSpec

# Of each file: where it lies, when it was written (ns) and its size (bytes).
Files = frozenset[tuple[Path, int, int]]


def specs() -> tuple[ClassifierSpec, ...]:
    """As `ml.serving.catalogue`. Loads no weights."""
    return _specs(settings.ML_WEIGHTS_ROOT, _files(SPEC))


def ensembles() -> tuple[EnsembleSpec, ...]:
    """As `ml.ensemble.ensembles`. Loads no weights."""
    return _ensembles(settings.ML_WEIGHTS_ROOT, _files(ENSEMBLE))


def _files(name: str) -> Files:
    found = ((path, path.stat()) for path in settings.ML_WEIGHTS_ROOT.glob(f"*/*/{name}"))
    return frozenset((path, stat.st_mtime_ns, stat.st_size) for path, stat in found)


# The last answer of each alone: a process has one root.
@lru_cache(maxsize=1)
def _specs(root: Path, files: Files) -> tuple[ClassifierSpec, ...]:
    return serving.catalogue(root)


@lru_cache(maxsize=1)
def _ensembles(root: Path, files: Files) -> tuple[EnsembleSpec, ...]:
    return ensemble.ensembles(root)
