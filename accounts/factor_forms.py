"""allauth's forms of second factors, with our words; wrong codes make whoever types them wait."""

from __future__ import annotations

from typing import Any

from allauth.core.context import request_context
from allauth.mfa.base import forms as base
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import guesses
from accounts.factor_adapter import FactorAdapter
from accounts.forms import Labelled
from accounts.models import Clinic, User
from accounts.roles import role_choices
from audit.notes import current, note_detail, note_event
from audit.vocabulary import Action, Event, Outcome

# allauth forgets a used code after one period, but takes it for as many as the clock may be wrong by.
CODE_SECONDS = 30 * (2 * settings.MFA_TOTP_TOLERANCE + 1)


def _count(user: User) -> guesses.Count:
    """Whoever gets here has the password, so nobody else can make a person wait; five minutes at the longest."""
    return guesses.Count(f"code:{user.pk}", free=5, longest=300)


class Counted:
    """Codes are counted before they are checked, so that many at once cannot slip through together."""

    event = Event.LOGIN
    user: User
    authenticator: Authenticator

    def clean_code(self) -> str:
        # One after the other: all that come at once would find no wait yet, and each would be looked at.
        turn = f"code-turn:{self.user.pk}"
        if not cache.add(turn, "y", 5):
            raise self._refuse(seconds=1)
        try:
            return self._clean_in_turn([_count(self.user)])
        finally:
            cache.delete(turn)

    def _clean_in_turn(self, every: list[guesses.Count]) -> str:
        if seconds := guesses.wait(every):
            raise self._refuse(seconds=seconds)
        guesses.add_failure(every)
        code: str = super().clean_code()  # type: ignore[misc]
        guesses.take_back(every)
        self._keep_used(code)
        return code

    def _refuse(self, *, seconds: int) -> ValidationError:
        """Told in the audit trail too: allauth says nothing of a code that was not looked at."""
        note_event(self.event, Action.EXECUTE)
        note_detail(second_factor="not looked at")
        if (notes := current()) is not None:
            notes.person, notes.outcome = self.user.pk, Outcome.MINOR
        sentence = FactorAdapter.error_messages["too_many_codes"]
        return ValidationError(sentence, code="too_many_codes", params={"seconds": seconds})

    def _keep_used(self, code: str) -> None:
        if self.authenticator.type == Authenticator.Type.TOTP:
            cache.set(self.authenticator.wrap()._get_used_cache_key(code), "y", CODE_SECONDS)


class CodeForm(Counted, Labelled, base.AuthenticateForm):
    """Asks for a code after the password."""

    labels = {"code": _("Code of your authenticator app, or a recovery code")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= {"autofocus": True, "autocapitalize": "none", "spellcheck": "false"}


class ConfirmCodeForm(Counted, Labelled, base.ReauthenticateForm):
    """Asks for a code of somebody who is signed in."""

    event = Event.RIGHTS
    labels = CodeForm.labels


class WrongCode(Exception):
    """Not the person's code, or not looked at after too many wrong ones; the text is a sentence for them."""


def confirm_code(user: User, code: str) -> None:
    """Take a code of `user`'s app, or a recovery code, where there is no page. Raises WrongCode."""
    form = ConfirmCodeForm({"code": code}, user=user)
    # allauth looks at a request before it finds that its own limits are off.
    with request_context(HttpRequest()):
        is_right = form.is_valid()
    if not is_right:
        raise WrongCode(" ".join(form.errors["code"]))
    form.authenticator.record_usage()


class PasskeyForm(webauthn.AuthenticateWebAuthnForm):
    def clean_credential(self) -> Authenticator:
        try:
            found: Authenticator = super().clean_credential()
        except ValidationError as error:
            refused = Authenticator(user=self.user, type=Authenticator.Type.WEBAUTHN)
            authentication_failed.send(sender=Authenticator, request=None, user=self.user, authenticator=refused)
            raise ValidationError(
                FactorAdapter.error_messages["incorrect_passkey"], code="incorrect_passkey"
            ) from error
        return found


class AppForm(Labelled, totp.ActivateTOTPForm):
    labels = {"code": _("Code that the app shows")}


class NewPasskeyForm(Labelled, webauthn.AddWebAuthnForm):
    labels = {"name": _("Name of this passkey")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].help_text = _("For example “phone” or “key on my badge”.")
        self.fields["name"].widget.attrs |= {"maxlength": 60, "autocomplete": "off"}

    def clean_name(self) -> str:
        return str(super().clean_name())[:60]


class RolesField(forms.MultipleChoiceField):
    """Roles as the list of their slugs, in the order in which they are shown."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=role_choices, required=False, **kwargs)


class FactorPolicyForm(forms.ModelForm):
    second_factor_roles = RolesField(
        label=_("Roles that must have a second factor"),
        help_text=_(
            "Recommended: everybody who signs reports or manages the clinic. Whoever has none sets one up at the next"
            " sign-in, and can open nothing before."
        ),
    )

    class Meta:
        model = Clinic
        fields = ("second_factor_roles",)
