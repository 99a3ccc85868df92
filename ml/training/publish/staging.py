"""A released folder appears whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Deeper than the folders of versions lie, so that nothing that looks for these finds it.
STAGING = ".unfinished"


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """An empty folder to write <root>/<name>/<version> into; it takes that place when the block ends without an error.

    What an interrupted call left is thrown away by the next one.
    """
    staging = folder.parents[1] / STAGING / folder.parent.name / folder.name
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    yield staging
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging.rename(folder)
    shutil.rmtree(folder.parents[1] / STAGING)
