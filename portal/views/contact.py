"""The contact form: open to everybody, so it expects programs too."""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from portal import contact, throttle
from portal.forms import ContactForm

logger = logging.getLogger(__name__)

FULL = _("Too many messages arrived in the last hour. Your message was not sent. Please try again later.")


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def write(request: HttpRequest) -> HttpResponse:
    form = ContactForm(request.POST or None)
    if request.method != "POST":
        return _page(request, form)
    if form.is_trapped:
        # The program shall believe that it succeeded.
        logger.info("A contact message fell into the trap and was dropped")
        return redirect("portal:contact_thanks")
    if not form.is_valid():
        return _page(request, form, status=422)
    if not _admitted(request):
        form.add_error(None, FULL)
        return _page(request, form, status=429)
    contact.send(**form.message)
    return redirect("portal:contact_thanks")


def _page(request: HttpRequest, form: ContactForm, *, status: int = 200) -> HttpResponse:
    return render(request, "portal/contact.html", {"form": form}, status=status)


def _admitted(request: HttpRequest) -> bool:
    who = throttle.visitor(request)
    return contact.has_room() and throttle.admits("contact", who, times=contact.PER_VISITOR, within=contact.WINDOW)


@login_not_required
@require_safe
def thanks(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/contact_thanks.html")
