"""Looks between the images of a running analysis whether its classifiers may still answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from diagnosis.analyses.aggregation import ImageSource
from diagnosis.models.scan import Modality
from diagnosis.rules.classifiers import require_still_answering
from ml.preprocessing import Pixels

# A stop has to work within ten: this, a batch that is being answered, and the key image.
SECONDS = 2.0


@dataclass
class Watch:
    """Of one analysis, which asks the classifiers `names`."""

    clinic: UUID
    modality: Modality
    names: Sequence[str]
    _looked: float = field(default_factory=time.monotonic)

    def over(self, source: ImageSource) -> ImageSource:
        """The same image, whose pixels are only had while nobody stopped a classifier that is asked about it."""

        def pixels() -> Pixels:
            self.look()
            return source.pixels()

        return replace(source, pixels=pixels)

    def look(self) -> None:
        """As `require_still_answering`; asks the database every SECONDS at most."""
        if time.monotonic() - self._looked < SECONDS:
            return
        require_still_answering(self.clinic, self.modality, self.names)
        self._looked = time.monotonic()
