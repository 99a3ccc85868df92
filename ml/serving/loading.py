"""Load the classifiers of a modality once in a process."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from threading import Lock

from ml.serving.catalogue import bundles
from ml.serving.classifier import Classifier
from ml.spec import Modality

_locks = {modality: Lock() for modality in Modality}


def load(root: Path, modality: Modality) -> tuple[Classifier, ...]:
    """The newest version of every classifier of a modality under `root`, by name, checked and compiled.

    The first call in a process takes a second or so, later ones nothing. Raises BundleRefused.
    """
    with _locks[modality]:
        return _load(root.resolve(), modality, os.getpid())


@lru_cache(maxsize=8)
def _load(root: Path, modality: Modality, process: int) -> tuple[Classifier, ...]:
    """`process` is part of the key: a forked child must not use its parent's networks, whose threads are gone."""
    wanted = [bundle for bundle in bundles(root) if bundle.spec.modality is modality]
    # To compile a network takes one core
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return tuple(pool.map(Classifier.from_bundle, wanted))
