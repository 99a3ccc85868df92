"""The ends of the chains, kept outside the database: in a file, and by mail or syslog where a setting says so.

Whoever cuts off the end of a chain, or puts an old copy of the database in its place, has the anchor against them. An
anchor is one line of JSON: the time, the newest link of each chain that grew since the last one, and a keyed hash over
all of it and over the line before. It names nobody.
"""

from __future__ import annotations

import fcntl
import json
import logging
import logging.handlers
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Max
from django.utils import timezone

from audit.key import keyed_hash, same
from audit.models import AuditEvent

log = logging.getLogger(__name__)
FILE = "anchors.jsonl"
# Entries are stored the moment they are dated; a machine that is slow, or whose clock is behind, gets so long.
LATE = timedelta(minutes=10)
Heads = dict[str, tuple[int, str]]
# Characters of the file that are read to go on with it: many minutes' worth.
TAIL = 1 << 16


@dataclass(frozen=True)
class Anchor:
    """`heads`: by chain, the place and the link of its newest entry then."""

    at: datetime
    heads: Heads
    mac: str


class AnchorsBroken(Exception):
    """The file of anchors was changed; the message says where."""


def path() -> Path:
    return Path(settings.AUDIT_ROOT) / FILE


def make_anchor() -> Anchor | None:
    """Write the ends of the chains that grew since the last anchor, and send the line; None where none grew."""
    with _opened() as file:
        last, known, since = _end_of(file)
        now = timezone.now()
        heads = {chain: head for chain, head in _heads(since).items() if known.get(chain) != head}
        if not heads:
            return None
        body = {"at": now.isoformat(), "heads": heads}
        line = json.dumps(body | {"mac": _mac(last, body)}, sort_keys=True)
        file.seek(0, os.SEEK_END)
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())
    _send(line)
    return _read(line)


def anchors(file: Path | None = None) -> Iterator[Anchor]:
    """Those of a file, the oldest first; none where there is no file. Raises AnchorsBroken at the first wrong line."""
    source, last = file or path(), ""
    if not source.exists():
        return
    with source.open() as lines:
        for number, line in enumerate(lines, start=1):
            found = _read(line)
            body = {"at": found.at.isoformat(), "heads": found.heads}
            if not same(found.mac, _mac(last, body)):
                raise AnchorsBroken(f"line {number} of {source} does not follow from the line before it")
            yield found
            last = found.mac


def _read(line: str) -> Anchor:
    try:
        told = json.loads(line)
        heads = {chain: (int(place), str(link)) for chain, (place, link) in told["heads"].items()}
        return Anchor(datetime.fromisoformat(told["at"]), heads, told["mac"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnchorsBroken("a line is no anchor") from error


def _mac(before: str, body: dict[str, Any]) -> str:
    return keyed_hash("audit anchor", before + json.dumps(body, sort_keys=True, separators=(",", ":")))


def _heads(since: datetime | None) -> Heads:
    """The newest link of each chain that grew lately."""
    grown = AuditEvent.objects.filter(at__gte=since - LATE) if since else AuditEvent.objects.all()
    ends = grown.values("chain").annotate(end=Max("position")).values_list("chain", "end")
    return {
        str(chain): (end, AuditEvent.objects.values_list("link", flat=True).get(chain=chain, position=end))
        for chain, end in ends
    }


def _end_of(file: Any) -> tuple[str, Heads, datetime | None]:
    """Of the file's last lines: the last hash, what they say of each chain, and when the last one was written."""
    last, known, at = "", Heads(), None
    for line in _last_lines(file):
        found = _read(line)
        last, at = found.mac, found.at
        known |= found.heads
    return last, known, at


def _last_lines(file: Any) -> list[str]:
    """At least one whole line, where there is one: a line has a part for each chain that grew, and may be long."""
    size, tail = file.seek(0, os.SEEK_END), TAIL
    while True:
        file.seek(max(size - tail, 0))
        lines: list[str] = file.read().splitlines()
        if tail >= size:
            return lines
        if len(lines) > 1:
            return lines[1:]
        tail *= 2


@contextmanager
def _opened() -> Iterator[Any]:
    """The file, for this process alone: two lines that follow from the same one would prove a forgery that is none."""
    path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path(), os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _send(line: str) -> None:
    """To where the portal's machine cannot take it back. A receiver that is away holds up nothing: the next has all."""
    try:
        if settings.AUDIT_ANCHOR_SYSLOG:
            _to_syslog(line)
    except OSError:
        log.exception("the anchor of the audit trail did not reach syslog")


def mail_last_anchor() -> None:
    """The newest line, to whom the setting names; nothing where nobody is named."""
    if not (settings.AUDIT_ANCHOR_MAIL and path().exists()):
        return
    lines = path().read_text().splitlines()
    if lines:
        send_mail("Audit trail anchor", lines[-1] + "\n", None, [settings.AUDIT_ANCHOR_MAIL])


def _to_syslog(line: str) -> None:
    host, _colon, port = settings.AUDIT_ANCHOR_SYSLOG.rpartition(":")
    address: Any = (host, int(port)) if host else settings.AUDIT_ANCHOR_SYSLOG
    facility = logging.handlers.SysLogHandler.LOG_AUTHPRIV
    handler = logging.handlers.SysLogHandler(address=address, facility=facility)
    try:
        handler.emit(logging.LogRecord("portal.audit", logging.INFO, "", 0, line, None, None))
    finally:
        handler.close()
