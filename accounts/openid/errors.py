"""Why a sign-in at the provider is refused: a code for the audit trail, a sentence for the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

SENTENCES: dict[str, StrOrPromise] = {
    "settings": _("This sign-in is not set up correctly. Tell the site’s administration; its log says what is wrong."),
    "away": _("%(provider)s does not answer. Try again in a few minutes."),
    "stale": _("This sign-in was begun in another window, or too long ago. Begin it once more."),
    "denied": _("%(provider)s did not sign you in."),
    "untrusted": _("The answer of %(provider)s could not be trusted, so nobody was signed in. Begin once more."),
    "old": _("%(provider)s did not ask who you are just now. Begin once more, and sign in there."),
    "unverified": _(
        "%(provider)s does not confirm your e-mail address, so no account can be found by it. Ask your administrator."
    ),
    "unknown": _("You have no account in this portal. Ask your clinic’s administrator for one."),
    "closed": _("Your account in this portal is closed. Only the site’s administration can open it again."),
    "guarded": _(
        "Your account has a second factor or may open the administration, so an e-mail address is not enough to"
        " connect it. Sign in with your password and connect it on the page of your account."
    ),
    "ended": _(
        "This sign-in at %(provider)s was disconnected from an account here. Sign in with your password and connect it"
        " on the page of your account, or ask the site’s administration."
    ),
    "taken": _(
        "The account with your e-mail address belongs to somebody else at %(provider)s. Ask the site’s administration."
    ),
    "other": _("You signed in at %(provider)s as somebody else. Begin once more, with your own account."),
    "groups": _("%(provider)s did not say which groups you are in. Tell the site’s administration."),
}
STATUS = {"settings": 503, "away": 503, "stale": 400}


class SignInRefused(Exception):
    """`code` is one of SENTENCES. `why` is for the log and never for a page."""

    def __init__(self, code: str, why: str = "") -> None:
        super().__init__(f"{code}: {why!r}")
        self.code = code
        self.why = why

    @property
    def status(self) -> int:
        return STATUS.get(self.code, 403)

    def sentence(self, provider: str) -> str:
        return str(SENTENCES[self.code]) % {"provider": provider}
