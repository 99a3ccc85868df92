"""Who keeps which phrases."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from accounts.permissions import Permission

GONE = gettext_noop("This phrase is no longer there, or it is another person's.")


def needed_for(*, is_shared: bool) -> Permission:
    """What keeping phrases takes: one's own are the readers', the clinic's its administrators'."""
    return Permission.MANAGE_CLINIC if is_shared else Permission.REVIEW_SCAN
