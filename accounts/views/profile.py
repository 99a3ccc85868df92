from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.forms import TokenForm
from accounts.models import ApiToken, User


@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    return show_profile(request, TokenForm(user=request.user))


def show_profile(request: HttpRequest, form: TokenForm, *, status: int = 200) -> HttpResponse:
    """One's own account with `form` for the next token; also the answer to a form that was filled in wrongly."""
    user = request.user
    assert isinstance(user, User)
    tokens = ApiToken.objects.visible_to(user).select_related("membership__clinic", "membership__user")
    context = {
        "memberships": user.memberships.active().select_related("clinic"),
        "tokens": tokens,
        "form": form,
        "now": timezone.now(),
    }
    return render(request, "account/profile.html", context, status=status)
