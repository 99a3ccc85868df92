"""The tables of docs/dicom_conformance.md: what the DICOM listener accepts, from the code that accepts it."""

from network import classes
from tools.generated import ROOT, Part


def draw() -> str:
    shown = [_row(uid, "shown, and classified where a classifier knows it") for uid in _named(classes.SHOWN)]
    kept = [_row(uid, "kept with the study") for uid in _named(classes.KEPT)]
    head = ["| SOP class | UID | What becomes of it |", "| --- | --- | --- |"]
    verification = _row(classes.VERIFICATION, "answered (C-ECHO)")
    syntaxes = [f"| {classes.name_of(uid)} | `{uid}` |" for uid in classes.TRANSFER_SYNTAXES]
    return "\n".join(
        [*head, verification, *shown, *kept, "", "| Transfer syntax | UID |", "| --- | --- |", *syntaxes],
    )


def _named(uids: frozenset[str]) -> list[str]:
    return sorted(uids, key=classes.name_of)


def _row(uid: str, what: str) -> str:
    return f"| {classes.name_of(uid)} | `{uid}` | {what} |"


PART = Part(
    ROOT / "docs" / "dicom_conformance.md", "<!-- accepted: written by make docs -->", "<!-- end of accepted -->", draw
)
