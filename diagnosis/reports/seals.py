"""Seals on what is signed, and whether those of a report still hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils import timezone

from audit.key import same
from diagnosis import sealing
from diagnosis.models import Report, Seal
from diagnosis.models.seal import SealedPart as P
from diagnosis.reports import content


@dataclass(frozen=True)
class Proof:
    """Whether a final report still says what was signed. `sealed_since`: set where the seal is younger than it."""

    says_what_was_signed: bool
    is_sealed: bool
    sealed_since: datetime | None = None

    @property
    def holds(self) -> bool:
        return self.says_what_was_signed and self.is_sealed


def seal(report: Report, part: P, sha256: str) -> Seal:
    """Seal what was just signed. Whoever calls holds the transaction in which it was."""
    last = report.seals.order_by("number").last()
    number, at = (last.number + 1 if last else 1), timezone.now()
    before = last.mac if last else ""
    mac = sealing.mac(report=report.pk, number=number, kind=part, sha256=sha256, at=at, is_late=False, before=before)
    made = Seal.objects.create(report=report, number=number, part=part, content_sha256=sha256, sealed_at=at, mac=mac)
    # On a disk that is full the report stays signed and sealed; what lacks is the copy outside.
    transaction.on_commit(partial(sealing.keep, report.pk, number, mac), robust=True)
    return made


def proof(report: Report) -> Proof:
    """Of a final report; of another one nothing holds."""
    seals = list(report.seals.order_by("number"))
    late = next((one.sealed_at for one in seals if one.is_late), None)
    return Proof(content.is_intact(report), _fit(report, seals), late)


def _fit(report: Report, seals: list[Seal]) -> bool:
    """All that was signed is sealed, each seal is genuine, and none that was ever made is missing."""
    signed = sorted(_signed(report))
    sealed = sorted((one.part, one.content_sha256) for one in seals)
    return signed == sealed and _genuine(seals) and _none_missing(report, seals)


def _signed(report: Report) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = [(P.REPORT, report.content_sha256)]
    found += [(P.ADDENDUM, one.content_sha256) for one in report.addenda.all()]
    found += [(P.ERROR, report.error.content_sha256)] if report.error else []
    return found + ([(P.SUCCESSOR, report.successor.content_sha256)] if report.successor else [])


def _genuine(seals: list[Seal]) -> bool:
    before = ""
    for number, one in enumerate(seals, start=1):
        expected = sealing.mac(
            report=one.report_id,
            number=number,
            kind=one.part,
            sha256=one.content_sha256,
            at=one.sealed_at,
            is_late=one.is_late,
            before=before,
        )
        if not same(one.mac, expected):
            return False
        before = one.mac
    return True


def _none_missing(report: Report, seals: list[Seal]) -> bool:
    here = {one.number: one.mac for one in seals}
    return all(here.get(number) == mac for number, mac in sealing.kept(report.pk))
