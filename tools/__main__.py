"""Writes every generated part of the documentation; with `--check`, names those that are stale and exits with 1."""

import argparse
import sys

from tools import conformance, decisions, deprecations, notice, rooms
from tools.generated import ROOT

PARTS = (notice.PART, decisions.PART, rooms.PART, deprecations.PART, *conformance.PARTS)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    stale = [part for part in PARTS if part.is_stale()]
    if not parser.parse_args(argv).check:
        for part in stale:
            part.write()
        return 0
    for part in stale:
        sys.stderr.write(f"{part.path.relative_to(ROOT)} is stale: run make docs.\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
