"""A message as it came over the wire, and what stands in its fields."""

from __future__ import annotations

import copy
import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import MAXYEAR, date, datetime
from typing import Any

import hl7
from django.utils import timezone

from diagnosis.messages import Message

# Of an escape that it does not know it would write the whole field, a name perhaps, into the log.
logging.getLogger("hl7").setLevel(logging.CRITICAL)

# MSH-18, HL7 table 0211. Absent means ASCII; many senders mean UTF-8 then, and nothing else reads as UTF-8 by accident.
CHARSETS = {
    "": "utf-8",
    "ASCII": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "8859/1": "latin-1",
    "8859/15": "iso8859-15",
}
# What may stand between the fields of a segment that is still read where the message is not; and how many are.
SEPARATORS, IN_A_HEAD = [bytes([one]) for one in b"|!#$%*+,/:;<=>?@_"], 12
OF_AN_ORDER = ("OBR", "TQ1", "IPC")
FIRST_YEAR = 1900
NULL = '""'  # what a sender writes where it wants a field emptied: here it says nothing
TIME = re.compile(r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:\.\d+)?([+-]\d{4})?")


class Unusable(Exception):
    """The message cannot be used, for a reason that its sender is told. It names no patient."""

    def __init__(self, variant: str, **params: str) -> None:
        super().__init__(variant)
        self.reason = Message("hl7", {"variant": variant, **params})


class WrongReceiver(Unusable):
    """The message is not for this portal."""


@dataclass(frozen=True)
class Incoming:
    """One message. Segments, fields, components and repetitions are counted from 1, as HL7 does."""

    raw: bytes
    parsed: Any
    charset: str

    def get(self, segment: str, field: int, component: int = 1, *, rep: int = 1, sub: int = 1, of: int = 1) -> str:
        """The text there, without escapes; empty where the message has none. `of`: which of several such segments."""
        try:
            found = self.parsed.extract_field(segment, of, field, rep, component, sub)
        except LookupError:
            return ""
        except (ValueError, OverflowError) as error:
            raise Unusable("escape") from error
        return "" if found == NULL else str(found).replace("\0", "").strip()

    def count(self, segment: str) -> int:
        return sum(str(one[0]) == segment for one in self.parsed)

    def orders(self) -> Iterator[Incoming]:
        """For each ORC what stands before the first one, and what stands from it to the next. Raises Unusable for an
        OBR whose ORC is not certain.
        """
        starts = [place for place, one in enumerate(self.parsed) if str(one[0]) == "ORC"]
        head = list(self.parsed)[: starts[0]] if starts else []
        if any(str(one[0]) in OF_AN_ORDER for one in head):
            raise Unusable("order_group")
        for start, end in zip(starts, [*starts[1:], len(self.parsed)], strict=True):
            parsed = copy.copy(self.parsed)
            parsed[:] = [*head, *list(self.parsed)[start:end]]
            group = replace(self, parsed=parsed)
            if group.count("OBR") > 1:
                raise Unusable("order_group")
            yield group

    def repetitions(self, segment: str, field: int) -> int:
        try:
            return len(self.parsed.segment(segment)(field))
        except LookupError:
            return 0

    @property
    def control_id(self) -> str:
        return self.get("MSH", 10)[:199]

    @property
    def kind(self) -> str:
        """Code and event, as ORM^O01."""
        return f"{self.get('MSH', 9)}^{self.get('MSH', 9, 2)}"[:20].strip("^")

    @property
    def sha256(self) -> str:
        """Of what it says: the time at which it was sent differs when it is sent again."""
        head, _, rest = self.raw.partition(b"\r")
        separator = head[3:4] or b"|"
        fields = head.split(separator)
        fields[6:7] = [b""] if len(fields) > 6 else []
        return hashlib.sha256(separator.join(fields) + b"\r" + rest).hexdigest()


def read(raw: bytes) -> Incoming:
    """Raises Unusable for what is no message, or is in a character set that is not known."""
    raw = raw.strip(b"\r\n").replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    if not raw.startswith(b"MSH") or len(raw) < 8:
        raise Unusable("no_message")
    named = _charset_of(raw)
    try:
        text = raw.decode(CHARSETS[named])
        _require_short_escapes(text)
        parsed = hl7.parse(text.replace("\\.br\\", "\n"))
    except KeyError as error:
        raise Unusable("charset", charset=named[:20]) from error
    except UnicodeDecodeError as error:
        raise Unusable("charset", charset=named[:20] or "ASCII") from error
    except (hl7.HL7Exception, ValueError, IndexError) as error:
        raise Unusable("no_message") from error
    message = Incoming(raw, parsed, CHARSETS[named])
    if not message.control_id:
        raise Unusable("no_control_id")
    for field in (3, 4, 5, 6, 9, 11, 12, 18):
        message.get("MSH", field)  # its answer needs them
    return message


def head_of(raw: bytes) -> Incoming:
    """Of a message that cannot be read: what its sender needs to know the answer by, as far as it is in ASCII.

    Sender, receiver, kind, control id, processing id and version; `raw` as it came.
    """
    head = raw.strip(b"\r\n").partition(b"\r")[0].partition(b"\n")[0]
    separator = head[3:4]
    fields = head.split(separator) if head.startswith(b"MSH") and separator in SEPARATORS else []
    fields = [one if one.isascii() and b"\\" not in one else b"" for one in fields[2:IN_A_HEAD]]
    text = b"|".join([b"MSH|^~\\&", *fields]).decode()
    return Incoming(raw, hl7.parse(text), "ascii")


def _require_short_escapes(text: str) -> None:
    """A few letters may not stand for gigabytes of spaces: two digits are the most that a sequence repeats."""
    if re.search(re.escape(text[6]) + r"\.[A-Za-z]{2}[+\s_]*[\d_]{3,}", text):
        raise Unusable("escape")


def _charset_of(raw: bytes) -> str:
    fields = raw.partition(b"\r")[0].split(raw[3:4])
    if len(fields) <= 17:
        return ""
    return fields[17].split(raw[5:6])[0].decode("ascii", "replace").replace("\0", "").strip().upper()


def moment(text: str) -> datetime | None:
    """A time stamp with its zone; one without a zone is the clock on the clinic's wall. None where there is none.
    Raises Unusable for a year before 1900.
    """
    found = TIME.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, zone = found.groups()
    _require_late(int(year))
    numbers = [int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0)]
    try:
        at = datetime(*numbers)  # type: ignore[arg-type]  # noqa: DTZ001  given one below
        aware = datetime.strptime(f"{at:%Y%m%d%H%M%S}{zone}", "%Y%m%d%H%M%S%z") if zone else timezone.make_aware(at)
        return aware if at.year < MAXYEAR else None  # its last hours are in no calendar of the clocks further east
    except (ValueError, OverflowError):
        return None


def day(text: str) -> date | None:
    """A date of which year, month and day are said; None otherwise. Raises Unusable for a year before 1900."""
    try:
        said = date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:8]}")
    except ValueError:
        return None
    _require_late(said.year)
    return said


def _require_late(year: int) -> None:
    if year < FIRST_YEAR:
        raise Unusable("year")
