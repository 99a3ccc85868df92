"""The table of deprecated addresses in docs/manual/api.md, from the one that the answers' headers come from."""

from diagnosis.api.deprecations import table
from tools.generated import ROOT, Part

PART = Part(
    ROOT / "docs" / "manual" / "api.md",
    "<!-- deprecated: written by make docs -->",
    "<!-- end of deprecated -->",
    table,
)
