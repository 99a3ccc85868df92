"""How each image was taken, as far as its source says: from behind (PA), or from the front (AP), upright or lying."""

import csv
from pathlib import Path

from ml.training.data.questions import MANIFEST

POSTERIOR, ANTERIOR = "PA", "AP"
# The manifest's words, by what tells one film from another
VIEWS = {"PA": POSTERIOR, "AP": ANTERIOR, "AP Supine": ANTERIOR, "AP Erect": ANTERIOR}


def read_views(data: Path) -> dict[str, str]:
    """By path whether an image of MANIFEST was taken PA or AP; without those of which nobody says."""
    with (data / MANIFEST).open(newline="", encoding="utf-8") as lines:
        told = {record["path"]: record["view"] for record in csv.DictReader(lines)}
    return {path: VIEWS[view] for path, view in told.items() if view in VIEWS}
