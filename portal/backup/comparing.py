"""Whether what was restored is what was saved: rows, files, the audit trail, and the seals of signed reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from audit import anchor
from audit.verify import verify
from diagnosis.models import Acceptance, Report
from diagnosis.reports import seals
from diagnosis.rules import acceptance_seal
from diagnosis.states import ReportStatus
from portal.backup import places
from portal.backup.manifest import Manifest
from portal.backup.snapshot import Facts
from portal.backup.streams import sha256_of


@dataclass(frozen=True)
class Line:
    """One thing compared; `saved` and `restored` are as they are printed."""

    what: str
    saved: str
    restored: str
    difference: str = ""

    @property
    def is_equal(self) -> bool:
        return not self.difference


@dataclass(frozen=True)
class Comparison:
    """`is_proven`: the audit key was there, so that trail and seals could be checked."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    is_proven: bool = False

    @property
    def first_difference(self) -> str:
        return next((line.difference for line in self.lines if not line.is_equal), "")

    def with_proofs(self, lines: list[Line]) -> Comparison:
        return replace(self, lines=(*self.lines, *lines), is_proven=True)


def compare(manifest: Manifest, facts: Facts) -> Comparison:
    """Rows and files. Reads every file once more, from where it lies now."""
    tables = sorted({*manifest.header.rows, *facts.rows})
    rows = [_count(f"rows of {table}", manifest.header.rows.get(table), facts.rows.get(table)) for table in tables]
    hashes = _hashes_here()
    return Comparison((*rows, *_files(manifest, hashes), _named(manifest, facts, hashes)), tuple(_notes(manifest)))


def compare_proofs() -> list[Line]:
    """What the audit key proves, of a backup whose manifest it wrote."""
    return [Line("manifest written with the audit key", "yes", "yes"), _trail(), _seals(), _acceptances()]


def _count(what: str, saved: int | None, restored: int | None) -> Line:
    there, here = ("none" if number is None else str(number) for number in (saved, restored))
    return Line(what, there, here, "" if saved == restored else f"{what}: {there} were saved, {here} are here")


def _hashes_here() -> dict[str, str]:
    return {name: sha256_of(path) for place in places.roots() for name, path in places.files(place)}


def _files(manifest: Manifest, hashes: dict[str, str]) -> Iterator[Line]:
    saved = {entry.path: entry.stored.sha256 for entry in manifest.entries()}
    for place in places.roots():
        there, here = _of(place, saved), _of(place, hashes)
        wrong = sorted(path for path in {*there, *here} if there.get(path) != here.get(path))
        difference = f"{wrong[0]}: not the file that was saved" if wrong else ""
        yield Line(f"files of {place}, by SHA-256", str(len(there)), str(len(here) - len(wrong)), difference)


def _of(place: str, files: dict[str, str]) -> dict[str, str]:
    return {path: sha256 for path, sha256 in files.items() if path.startswith(f"{place}/")}


def _named(manifest: Manifest, facts: Facts, hashes: dict[str, str]) -> Line:
    """Every row has its file, and an image's is the one that came in."""
    known = manifest.header.unsound
    wrong = [path for path, sha256 in sorted(facts.files.items()) if not _is_right(hashes.get(path), sha256)]
    new = [path for path in wrong if path not in known]
    total = len(facts.files)
    difference = f"{new[0]}: a row names it, and it is missing or another file" if new else ""
    return Line("rows that have their file", str(total - len(known)), str(total - len(wrong)), difference)


def _is_right(found: str | None, sha256: str) -> bool:
    return found is not None and (not sha256 or found == sha256)


def _notes(manifest: Manifest) -> Iterator[str]:
    header = manifest.header
    told = {"missing": header.missing, "altered": header.altered, "deleted meanwhile": header.gone}
    for what, paths in told.items():
        if paths:
            yield f"{len(paths)} files were {what} when the backup was made, for example {paths[0]}."


def _trail() -> Line:
    try:
        found = verify()
    except anchor.AnchorsBroken as broken:
        return Line("audit trail", "whole", "broken", f"the anchors are broken: {broken}")
    if found.first:
        return Line("audit trail", "whole", "broken", f"the audit trail is broken: {found.first}")
    return Line("audit trail", "whole", f"whole: {found.entries} entries, {found.anchors} anchors")


def _seals() -> Line:
    reports = Report._base_manager.filter(status=ReportStatus.FINAL).order_by("pk")
    broken = [report for report in reports.iterator(chunk_size=500) if not seals.proof(report).holds]
    total = reports.count()
    difference = f"the seal of report {broken[0].verification_code} does not hold" if broken else ""
    return Line("signed reports whose seals hold", str(total), str(total - len(broken)), difference)


def _acceptances() -> Line:
    rows = list(Acceptance.objects.order_by("pk"))
    broken = [one for one in rows if not acceptance_seal.holds(one)]
    difference = f"the seal of acceptance set {broken[0].acceptance_set_id} does not hold" if broken else ""
    return Line("acceptance sets whose seals hold", str(len(rows)), str(len(rows) - len(broken)), difference)
