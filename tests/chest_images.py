"""Where the real chest images lie, on machines that have them."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def chest_folder() -> Path:
    """CHEST_DATA, else shared/data beside the project."""
    return Path(os.environ.get("CHEST_DATA", ROOT.parent / "shared" / "data"))
