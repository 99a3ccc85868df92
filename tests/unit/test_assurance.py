"""The pages that say what is safe: what they name as evidence exists, and each of their rows is whole."""

from __future__ import annotations

import re

import pytest

from tests.unit.test_documents import ROOT, definitions

DOCS = ROOT / "docs"
EVIDENCE = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.\w+(?:::\w+)?|NOTICE)`")
STATUSES = {"met", "partly", "not met", "not applicable"}


def rows(page: str) -> list[list[str]]:
    """The cells of the first table with a head of its own, without that head."""
    lines = [line for line in (DOCS / page).read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if "---" not in line][1:]


@pytest.mark.parametrize("page", ["hazards.md", "asvs.md"])
def test_every_test_and_file_that_is_named_exists(page: str) -> None:
    named = EVIDENCE.findall((DOCS / page).read_text())
    assert len(named) > 60
    assert [one for one in named if not _exists(one)] == []


def _exists(evidence: str) -> bool:
    path, _, name = evidence.partition("::")
    found = ROOT / path
    return found.exists() and (not name or name in definitions(found))


def test_every_hazard_has_its_test_and_what_remains() -> None:
    hazards = rows("hazards.md")
    assert [int(one[0]) for one in hazards] == [*range(1, len(hazards) + 1)]
    assert len(hazards) >= 25
    assert [one[0] for one in hazards if len(one) != 9 or not all(one) or "::test_" not in one[7]] == []


def test_every_requirement_has_a_status_and_a_word_of_evidence() -> None:
    requirements = rows("asvs.md")
    numbers = [one[0] for one in requirements]
    assert len(set(numbers)) == len(numbers) > 150
    assert [one[0] for one in requirements if len(one) != 4 or one[2] not in STATUSES or not one[3]] == []
