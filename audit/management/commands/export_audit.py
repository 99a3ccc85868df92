"""The audit trail for another system, an entry a line."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_aware, make_aware

from audit import fhir, ps3_15
from audit.models import AuditEvent
from audit.record import record
from audit.vocabulary import Action, Event

FORMS = {
    "fhir": lambda event, site: json.dumps(fhir.resource(event, site=site)),
    "dicom": lambda event, site: ps3_15.message(event, site=site),
}


class Command(BaseCommand):
    help = (
        "Write the audit trail to standard output: FHIR R4 AuditEvent (NDJSON) or DICOM PS3.15 A.5 (XML), a line each."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--form", choices=sorted(FORMS), default="fhir")
        parser.add_argument("--since", help="a date or a time, such as 2026-11-26 or 2026-11-26T08:00+01:00")

    def handle(self, *args: Any, form: str, since: str | None, **options: Any) -> None:
        entries = AuditEvent.objects.order_by("at", "pk")
        if since:
            entries = entries.filter(at__gte=_time(since))
        for entry in entries.iterator(chunk_size=2000):
            self.stdout.write(FORMS[form](entry, settings.PUBLIC_URL))
        record(Event.TRAIL_USED, Action.READ, route="manage.py export_audit", detail={"form": form})


def _time(text: str) -> datetime:
    """Raises CommandError for what is neither."""
    try:
        day, moment = parse_date(text), parse_datetime(text)
    except ValueError as error:
        raise CommandError(f"{text}: {error}") from error
    found = moment or (datetime.combine(day, datetime.min.time()) if day else None)
    if found is None:
        raise CommandError(f"{text} is neither a date nor a time.")
    return found if is_aware(found) else make_aware(found)
