from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import second_factor
from accounts.forms import PersonLocaleForm, TokenForm
from accounts.locale import chosen_language
from accounts.middleware import current_membership
from accounts.models import ApiToken, OpenSession, ProviderLink, User
from accounts.openid import is_on
from accounts.permissions import Permission
from accounts.sessions import current_digest


@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    return show_profile(request)


@require_POST
def save_locale(request: HttpRequest) -> HttpResponse:
    """Keep one's language and time zone; the answer already speaks that language."""
    assert isinstance(request.user, User)
    form = PersonLocaleForm(request.POST, instance=request.user)
    if not form.is_valid():
        request.user.refresh_from_db()
        return show_profile(request, locale_form=form, status=422)
    user = form.save()
    with translation.override(chosen_language(user, None) or translation.get_language()):
        messages.success(request, _("Language and time zone are saved."))
    return redirect("accounts:profile")


def show_profile(
    request: HttpRequest,
    *,
    token_form: BaseForm | None = None,
    locale_form: BaseForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """One's own account; a form that was filled in wrongly is given and shown again with its errors."""
    user = request.user
    assert isinstance(user, User)
    tokens = ApiToken.objects.visible_to(user).select_related("membership__clinic", "membership__user")
    current = current_membership(request)
    context = {
        "memberships": user.memberships.active().select_related("clinic"),
        "tokens": tokens,
        "sessions": OpenSession.objects.of(user).live(),
        "this_session": current_digest(request),
        "form": token_form or TokenForm(user=user),
        "locale_form": locale_form or PersonLocaleForm(instance=user),
        "now": timezone.now(),
        "provider": settings.OIDC_LABEL if is_on() else "",
        "provider_link": ProviderLink.objects.of(user).first() if is_on() else None,
        "factor_since": second_factor.summary([user]).get(user.pk),
        "manages_staff": current is not None and Permission.MANAGE_STAFF in current.permissions,
    }
    return render(request, "account/profile.html", context, status=status)
