"""The decision records: each has its head and its sections, and the index lists them all."""

import re
from pathlib import Path

import pytest

from tools import decisions

HEAD = "# 0001 A title\n\n- Date: 2026-11-21\n- Status: accepted\n"
SECTIONS = "".join(f"\n## {section}\n\nText.\n" for section in decisions.SECTIONS)


def written(folder: Path, text: str, name: str = "0001-a-title.md") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(decisions.FOLDER.glob("[0-9]*.md")), ids=lambda path: path.stem)
def test_every_record_has_its_form(path: Path) -> None:
    record = decisions.read(path)
    bodies = [part.split("\n", 1)[1] for part in path.read_text().split("\n## ")[1:]]
    assert all(body.strip() for body in bodies), f"{record.path.name} has an empty section"


def test_numbers_are_given_once() -> None:
    numbers = [record.number for record in decisions.records()]
    assert len(numbers) == len(set(numbers)) >= 39


@pytest.mark.parametrize("path", [*decisions.FOLDER.parent.rglob("*.md")], ids=lambda path: path.stem)
def test_a_decision_that_is_referred_to_exists(path: Path) -> None:
    numbers = {record.number for record in decisions.records()}
    named = re.findall(r"(?:ADR |\()(0\d{3})\b(?!,)", path.read_text())
    assert set(named) <= numbers


def test_the_index_is_what_the_records_say() -> None:
    assert not decisions.PART.is_stale(), "run make docs"


def test_reads_the_head(tmp_path: Path) -> None:
    record = decisions.read(written(tmp_path, HEAD + SECTIONS))
    assert (record.number, record.title, record.date, record.status) == ("0001", "A title", "2026-11-21", "accepted")


@pytest.mark.parametrize(
    "text",
    [
        HEAD.replace("- Date: 2026-11-21\n", "") + SECTIONS,
        HEAD.replace("accepted", "perhaps") + SECTIONS,
        HEAD.replace("0001", "0002") + SECTIONS,
        HEAD + SECTIONS.replace("## Consequences", "## Notes"),
    ],
    ids=["no date", "unknown status", "another number", "another section"],
)
def test_refuses_another_form(tmp_path: Path, text: str) -> None:
    with pytest.raises(decisions.RecordMalformed, match="0001-a-title"):
        decisions.read(written(tmp_path, text))
