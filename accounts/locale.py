"""Language and time zone of a person: their own choice, else their clinic's, else the portal's.

Pages ask through `accounts.middleware.LocaleMiddleware`. Mails and tasks, which have no request, ask with
`in_locale_of(...)`, so that people read a mail in the same language as the page it leads to.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from accounts.models import Clinic, User

# Names that exist for old programs only; nobody lives there.
UNUSUAL_ZONES = ("Etc/", "SystemV/", "posix/", "right/")


def validate_language(code: str) -> None:
    """Raise ValidationError unless `code` is one of settings.LANGUAGES."""
    if code not in dict(settings.LANGUAGES):
        raise ValidationError(_("The portal does not speak this language."), code="unknown_language")


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is a zone of the IANA time zone database, such as “Europe/London”."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("There is no such time zone."), code="unknown_time_zone")


def language_choices() -> list[tuple[str, str]]:
    """Code and name of every language, each in its own words."""
    return [(code, str(name)) for code, name in settings.LANGUAGES]


def time_zone_choices() -> list[tuple[str, str]]:
    """The zones in which people live, by name."""
    names = (name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith(UNUSUAL_ZONES))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in sorted(names))]


def chosen_language(user: User | None, clinic: Clinic | None) -> str | None:
    """The first language that `user`, then `clinic` chose and that the portal still speaks; None: neither chose."""
    spoken = dict(settings.LANGUAGES)
    return next((one.language for one in (user, clinic) if one and one.language in spoken), None)


def chosen_time_zone(user: User | None, clinic: Clinic | None) -> zoneinfo.ZoneInfo:
    """The zone of `user`, else of `clinic`, else of the portal. A name that this machine does not know is passed by."""
    for name in (one.time_zone for one in (user, clinic) if one and one.time_zone):
        try:
            return zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            continue
    return zoneinfo.ZoneInfo(settings.TIME_ZONE)


@contextmanager
def in_locale_of(user: User | None = None, *, clinic: Clinic | None = None) -> Iterator[None]:
    """Write in the language and time zone of `user`, else of `clinic`, until the block ends."""
    language = chosen_language(user, clinic) or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(chosen_time_zone(user, clinic)):
        yield


@contextmanager
def in_time_zone_of(clinic: Clinic) -> Iterator[None]:
    """Write times as the clocks of `clinic` show them until the block ends; the language stays."""
    with timezone.override(chosen_time_zone(None, clinic)):
        yield


def clinic_of(user: User) -> Clinic | None:
    """The clinic whose language stands in for `user`'s where there is no session: the first by name."""
    membership = user.memberships.active().select_related("clinic").order_by("clinic__name").first()
    return membership.clinic if membership else None
