"""Write a clinic's signed reads as a data set without names, for `python -m ml`."""

from __future__ import annotations

import re
import uuid
from datetime import date, datetime, time, timedelta
from getpass import getpass
from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q
from django.utils.timezone import make_aware

from accounts.factor_forms import WrongCode, confirm_code
from accounts.models import Clinic, User
from accounts.permissions import Permission, require
from accounts.reauthentication import WrongPassword, confirm_password
from accounts.second_factor import takes_codes
from audit.record import record
from audit.vocabulary import Action, Event, Outcome
from diagnosis.errors import Refusal
from diagnosis.exports.dataset import Order, export_dataset
from diagnosis.exports.learning import Wanted
from diagnosis.models import Patient

NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
NO_PROOF = (
    "{email} has no password here. They set up an authenticator app on “Your account”, “Second factor”; then its code"
    " is asked for."
)


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="must not exist")
        parser.add_argument("--clinic", required=True, help="name or key")
        parser.add_argument(
            "--name", required=True, help="of the data set, such as chest-2026; pseudonyms belong to it"
        )
        parser.add_argument("--by", required=True, help="mail address of the administrator who exports")
        parser.add_argument("--reason", required=True, help="who gets it and on whose authority; for the audit trail")
        parser.add_argument("--since", type=day_of, help="first day of the signatures, such as 2026-01-01")
        parser.add_argument("--until", type=day_of, help="last day of the signatures")
        parser.add_argument(
            "--answered-before-result",
            action="store_true",
            help="only answers that were given before the reader saw the classifiers' result",
        )
        parser.add_argument("--previous", type=Path, metavar="FOLDER", help="the version before")
        parser.add_argument(
            "--refusing", type=Path, metavar="FILE", help="record numbers, one a line, of patients who refuse"
        )

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        if not NAME.fullmatch(options["name"]):
            raise CommandError("--name takes 2 to 40 small letters, digits and hyphens.")
        if not options["reason"].strip():
            raise CommandError("--reason says nothing.")
        clinic, by = _clinic(options["clinic"]), _person(options["by"])
        order = Order(
            by, clinic, options["name"], options["reason"].strip(), _wanted(clinic, options), options["previous"]
        )
        try:
            _prove(by, clinic)
            version = export_dataset(order, folder.absolute(), tell=self._tell)
        except (Refusal, PermissionDenied, OSError) as error:
            raise CommandError(str(error)) from error
        said = version.description
        self.stdout.write(f"{folder}: version {said['version']}, {said['images']} images of {said['groups']} patients")
        for reason, count in said["left_out"].items():
            self.stdout.write(f"left out, {reason}: {count}")

    def _tell(self, number: int, total: int) -> None:
        if number % 100 == 0:
            self.stderr.write(f"{number} of {total} images looked through")


def _prove(by: User, clinic: Clinic) -> None:
    """Whoever stands in the audit trail has typed their password, or a code where they sign in elsewhere.

    Raises PermissionDenied and CommandError.
    """
    try:
        require(by, Permission.EXPORT_DEIDENTIFIED, clinic)
        if by.has_usable_password():
            confirm_password(by, getpass(f"Password of {by.email}: "))
        elif takes_codes(by):
            confirm_code(by, getpass(f"Code of {by.email}’s authenticator app, or a recovery code: "))
        else:
            raise CommandError(NO_PROOF.format(email=by.email))
    except (PermissionDenied, WrongPassword, WrongCode) as error:
        record(
            Event.EXPORT,
            Action.READ,
            outcome=Outcome.MINOR,
            person=by.pk,
            route="manage.py export_dataset",
            detail={"clinic": str(clinic.pk), "refused": type(error).__name__},
        )
        if isinstance(error, WrongPassword):
            wait = " Wait five minutes." if error.exhausted else ""
            raise CommandError(f"That is not the password of {by.email}.{wait}") from error
        if isinstance(error, WrongCode):
            raise CommandError(str(error)) from error
        raise


def _clinic(said: str) -> Clinic:
    try:
        named = Q(pk=uuid.UUID(said))
    except ValueError:
        named = Q(name=said)
    found = Clinic.objects.filter(named).first()
    if found is None:
        names = ", ".join(Clinic.objects.values_list("name", flat=True))
        raise CommandError(f"There is no clinic {said}. There are: {names}")
    return found


def _person(email: str) -> User:
    found = User.objects.filter(email__iexact=email).first()
    if found is None:
        raise CommandError(f"Nobody has the mail address {email}.")
    return found


def day_of(text: str) -> date:
    return date.fromisoformat(text)


def _wanted(clinic: Clinic, options: dict[str, Any]) -> Wanted:
    since, until = options["since"], options["until"]
    if since and until and until < since:
        raise CommandError("--until is before --since.")
    return Wanted(
        since=_start(since) if since else None,
        until=_start(until + timedelta(days=1)) if until else None,
        only_blind=options["answered_before_result"],
        refusing=_refusing(clinic, options["refusing"]) if options["refusing"] else frozenset(),
    )


def _start(day: date) -> datetime:
    """Of the day, in the portal's time zone."""
    return make_aware(datetime.combine(day, time.min))


def _refusing(clinic: Clinic, file: Path) -> frozenset[uuid.UUID]:
    """Raises CommandError for a number that no record has: a refusal that is mistyped must not be overlooked."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    found: set[uuid.UUID] = set()
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        records = set(Patient.objects.filter(clinic=clinic, medical_record_number=line).values_list("pk", flat=True))
        if not records:
            raise CommandError(f"{file}, line {number}: no record of {clinic} has this number.")
        found |= records
    return frozenset(found)
