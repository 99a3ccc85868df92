"""The index of the decision records, docs/adr/README.md, and what every record must have."""

import re
from dataclasses import dataclass
from pathlib import Path

from tools.generated import ROOT, Part

FOLDER = ROOT / "docs" / "adr"
SECTIONS = ("Context", "Decision", "Alternatives considered", "Consequences")
HEAD = re.compile(
    r"# (?P<number>\d{4}) (?P<title>\S.*)\n\n"
    r"- Date: (?P<date>\d{4}-\d\d-\d\d)\n"
    r"- Status: (?P<status>(?:proposed|accepted|superseded by).*)\n"
)


class RecordMalformed(Exception):
    """A record lacks its head or a section; the message names the file and what it lacks."""


@dataclass(frozen=True)
class Record:
    """One decision record, as its head states it."""

    path: Path
    number: str
    title: str
    date: str
    status: str


def records() -> list[Record]:
    return [read(path) for path in sorted(FOLDER.glob("[0-9]*.md"))]


def read(path: Path) -> Record:
    """Raises RecordMalformed."""
    text = path.read_text()
    head = HEAD.match(text)
    if not head or not path.name.startswith(f"{head['number']}-"):
        raise RecordMalformed(f"{path.name} must begin with “# NNNN Title”, “- Date: …” and “- Status: …”.")
    found = tuple(re.findall(r"^## (.+)$", text, re.MULTILINE))
    if found != SECTIONS:
        raise RecordMalformed(f"{path.name} has the sections {found}, not {SECTIONS}.")
    return Record(path=path, **head.groupdict())


def draw() -> str:
    rows = [f"| [{r.number}]({r.path.name}) | {r.title} | {r.date} | {r.status} |" for r in records()]
    return "\n".join(["| Number | Decision | Date | Status |", "| --- | --- | --- | --- |", *rows])


PART = Part(FOLDER / "README.md", "<!-- index: written by make docs -->", "<!-- end of index -->", draw)
