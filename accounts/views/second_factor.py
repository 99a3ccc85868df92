"""Second factors: allauth's pages, which our templates dress, and who must have one."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from allauth.account.internal.stagekit import clear_login
from allauth.mfa.base import views as base
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import devices
from accounts.factor_forms import FactorPolicyForm
from accounts.gate import DUE
from accounts.middleware import current_membership
from accounts.models import Clinic, User
from accounts.permissions import Permission, require
from accounts.step_up import step_up
from accounts.views.login import counted


class OverviewView(base.IndexView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "due": self.request.session.get(DUE, False)}


@method_decorator(login_not_required, name="dispatch")
class CodeView(base.AuthenticateView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """allauth leads back and forth between this page and sign-in once the factor was reset meanwhile."""
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        if request.user.is_anonymous and response.headers.get("Location") == reverse("account_login"):
            clear_login(request)
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        devices.remember(self.request, response, self.stage.login.user.email)
        return response


class RemovePasskeyView(webauthn.RemoveWebAuthnView):
    success_url = reverse_lazy("mfa_index")


class RecoveryCodesView(recovery_codes.ViewRecoveryCodesView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the codes as a file in an address, so that nothing asks the server for them again."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        lines = [str(settings.MFA_TOTP_ISSUER), self.request.user.email, "", *context["unused_codes"], ""]
        return {**context, "file": "data:text/plain;charset=utf-8," + quote("\n".join(lines))}


overview = OverviewView.as_view()
ask_code = counted(CodeView.as_view())
confirm_code = counted(base.reauthenticate)
confirm_passkey = counted(webauthn.reauthenticate_webauthn)
# allauth asks for a proof too, but never somebody who has no password here; our own question comes first.
add_app = counted(step_up(totp.activate_totp))
remove_app = counted(step_up(totp.deactivate_totp))
add_passkey = counted(step_up(webauthn.add_webauthn))
remove_passkey = counted(step_up(RemovePasskeyView.as_view()))
show_recovery_codes = counted(step_up(RecoveryCodesView.as_view()))
renew_recovery_codes = counted(step_up(recovery_codes.generate_recovery_codes))


@require_safe
def list_passkeys(request: HttpRequest) -> HttpResponse:
    """Where allauth leads; passkeys stand among the other factors here."""
    return redirect("mfa_index")


@require_http_methods(["GET", "HEAD", "POST"])
@step_up
def decide_policy(request: HttpRequest) -> HttpResponse:
    """The roles of the clinic one works in that must have a second factor."""
    clinic = _managed(request)
    form = FactorPolicyForm(request.POST if "decided" in request.POST else None, instance=clinic)
    if form.is_bound and form.is_valid():
        form.save()
        messages.success(request, _("Saved. It holds from each person’s next sign-in."))
        return redirect("accounts:second_factor_policy")
    return render(request, "account/second_factor_policy.html", {"form": form, "clinic": clinic})


def _managed(request: HttpRequest) -> Clinic:
    assert isinstance(request.user, User)
    membership = current_membership(request)
    if membership is None:
        raise Http404
    require(request.user, Permission.MANAGE_STAFF, membership.clinic)
    return membership.clinic
