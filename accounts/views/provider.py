"""Single sign-on: to the provider and back. What for (`intent`), and what must fit, waits in the session meanwhile."""

from __future__ import annotations

import hmac
import logging
import secrets
import time
from typing import Any, cast
from urllib.parse import urlencode

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.flows.reauthentication import resume_request
from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from allauth.core.internal import ratelimit
from allauth.mfa.stages import AuthenticateStage
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import arrivals
from accounts.audited import tell_half_arrival, tell_refused_arrival
from accounts.gate import ELSEWHERE
from accounts.idle import PROOF_AT
from accounts.models import ProviderLink, User
from accounts.openid import (
    Identity,
    Provider,
    SignInRefused,
    authorization_address,
    believe,
    configured,
    exchange,
)
from accounts.reauthentication import keep_proof
from accounts.sessions import current_digest
from accounts.step_up import confirm_first, step_up
from accounts.views.login import counted
from audit.notes import note_detail, note_event, note_object
from audit.vocabulary import Action, Event

logger = logging.getLogger(__name__)

FLOW = "provider_sign_in"
# Seconds that somebody may take at the provider, and by which two clocks may differ.
PATIENCE, LEEWAY = 600, 60
Flow = dict[str, Any]


@login_not_required
@never_cache
@require_GET
@counted
def begin(request: HttpRequest) -> HttpResponse:
    """To the provider, for whoever is not signed in."""
    if request.user.is_authenticated:
        return redirect(get_next_redirect_url(request) or settings.LOGIN_REDIRECT_URL)
    if too_many := _too_many(request):
        return too_many
    return _leave(request, "sign-in", asks=settings.OIDC_ASK_EACH_TIME)


@never_cache
@require_GET
@counted
def confirm(request: HttpRequest) -> HttpResponse:
    """Somebody who is signed in proves there, once more, that it is them."""
    if not ProviderLink.objects.of(_person(request)).exists():
        raise Http404
    return _leave(request, "confirm", asks=True, login_hint=_person(request).email)


@require_http_methods(["GET", "HEAD", "POST"])
@counted
def connect(request: HttpRequest) -> HttpResponse:
    """Whoever reloads the page after the proof arrives by GET and is brought back to the account."""
    return _begin_to_connect(request) if request.method == "POST" else redirect("accounts:profile")


@confirm_first
def _begin_to_connect(request: HttpRequest) -> HttpResponse:
    """It is a way in for good, as an API token is: a session that somebody left open is not enough.

    A page with a link, since a form may not lead to another site (Content-Security-Policy).
    """
    try:
        address = _prepare(request, "connect", asks=True)
    except SignInRefused as refused:
        return _refuse(request, refused)
    return render(request, "account/provider_connect.html", {"address": address, "provider": settings.OIDC_LABEL})


@require_POST
@step_up
def disconnect(request: HttpRequest) -> HttpResponse:
    user = _person(request)
    if not user.has_usable_password():
        messages.error(request, _("This is your only way in. Ask the site’s administration for another one first."))
    elif arrivals.disconnect(user, by=user, besides=current_digest(request)):
        messages.success(request, _("Your account is no longer connected."))
    return redirect("accounts:profile")


@never_cache
@require_GET
def confirmed(request: HttpRequest) -> HttpResponse:
    """Where a confirmation ends that was begun in a window of its own."""
    return render(request, "account/confirmed.html")


@login_not_required
@never_cache
@require_GET
@counted
def come_back(request: HttpRequest) -> HttpResponse:
    """From the provider, with a code that is exchanged for what it says of the person."""
    flow: Flow = request.session.pop(FLOW, {})
    if not flow:
        return _refuse_visitor(request)
    # Django does not store the session of an answer of 500 or more: what was used once is gone all the same.
    request.session.save()
    identity = None
    try:
        provider = _provider()
        identity = _identity(request, provider, flow)
        return INTENTS[flow["intent"]](request, provider, flow, identity)
    except SignInRefused as refused:
        return _refuse(request, refused, identity)


# --- what for ----------------------------------------------------------------------------------------------


def _sign_in(request: HttpRequest, provider: Provider, flow: Flow, identity: Identity) -> HttpResponse:
    if request.user.is_authenticated:
        raise SignInRefused("stale", "signed in meanwhile")
    user = arrivals.person_of(provider, identity)
    arrivals.note_use(identity, asked_at=_asked_at(flow))
    arrivals.follow_groups(user, provider, identity)
    note_detail(provider=identity.issuer)
    state: dict[str, Any] = {}
    if identity.has_second_factor:
        state = {"stages": {AuthenticateStage.key: {"handled": True}}}
        note_detail(second_factor="of the provider")
    request.session[ELSEWHERE] = identity.has_second_factor
    request.session[PROOF_AT] = time.time() if flow["asks"] else identity.authenticated_at
    record_authentication(request, user, method="provider", at=request.session[PROOF_AT])
    login = Login(user=user, email=user.email, redirect_url=flow["next"] or None, state=state)
    response: HttpResponse = perform_login(request, login)
    if not request.user.is_authenticated:
        tell_half_arrival(user)
    return response


def _confirm(request: HttpRequest, provider: Provider, flow: Flow, identity: Identity) -> HttpResponse:
    user = _same_person(request, flow)
    if not ProviderLink.objects.of(user).known_as(identity.issuer, identity.subject).exists():
        raise SignInRefused("other", "another subject confirmed")
    arrivals.note_use(identity, asked_at=_asked_at(flow))
    has_lost = arrivals.follow_groups(user, provider, identity, besides=current_digest(request))
    record_authentication(request, user, method="provider", reauthenticated=True)
    if flow["next"] == reverse("account_provider_confirmed"):
        # Begun beside a report; what was confirmed for something else signs none.
        keep_proof(request.session, user)
    note_event(Event.RIGHTS, Action.EXECUTE)
    note_object("accounts.user", user.pk)
    note_detail(confirmed=identity.issuer)
    # Where allauth looks for the address, and for the form that waits for the proof.
    request.GET = cast("Any", QueryDict(urlencode({"next": flow["next"]})))
    # What was asked for before rights were withdrawn is asked for again, with those that are left.
    resumed = None if has_lost else resume_request(request)
    return resumed or redirect(settings.LOGIN_REDIRECT_URL)


def _connect(request: HttpRequest, provider: Provider, flow: Flow, identity: Identity) -> HttpResponse:
    arrivals.connect(_same_person(request, flow), identity)
    messages.success(request, _("From now on you can sign in with %(provider)s.") % {"provider": provider.label})
    return redirect("accounts:profile")


INTENTS = {"sign-in": _sign_in, "confirm": _confirm, "connect": _connect}


# --- there and back ----------------------------------------------------------------------------------------


def _leave(request: HttpRequest, intent: str, *, asks: bool, **more: str) -> HttpResponse:
    try:
        return redirect(_prepare(request, intent, asks=asks, **more))
    except SignInRefused as refused:
        return _refuse(request, refused)


def _prepare(request: HttpRequest, intent: str, *, asks: bool, **more: str) -> str:
    """Keep in the session what the answer must fit; returns where the browser goes.

    asks: the provider is to ask for a password or more, whoever is signed in there already.
    """
    provider = _provider()
    flow: Flow = {
        "intent": intent,
        "at": time.time(),
        "asks": asks,
        "next": get_next_redirect_url(request) or "",
        "person": str(request.user.pk or ""),
        **{name: secrets.token_urlsafe(48) for name in ("state", "nonce", "verifier")},
    }
    kept = {name: flow[name] for name in ("state", "nonce", "verifier")}
    address = authorization_address(
        provider, redirect_uri=_here(request), **kept, **_demands(provider, asks=asks), **more
    )
    request.session[FLOW] = flow
    return address


def _demands(provider: Provider, *, asks: bool) -> dict[str, str]:
    wanted = sorted(value for claim, value in provider.second_factor if claim == "acr")
    return ({"prompt": "login", "max_age": "0"} if asks else {}) | ({"acr_values": " ".join(wanted)} if wanted else {})


def _identity(request: HttpRequest, provider: Provider, flow: Flow) -> Identity:
    """Whom the answer names, if it is the answer to this question."""
    _require_same(request, provider, flow)
    if error := request.GET.get("error"):
        raise SignInRefused("denied", error[:80])
    answer = exchange(
        provider, code=request.GET.get("code", ""), verifier=flow["verifier"], redirect_uri=_here(request)
    )
    identity = believe(provider, answer, nonce=flow["nonce"])
    if flow["asks"] and not flow["at"] - LEEWAY <= identity.authenticated_at <= time.time() + LEEWAY:
        raise SignInRefused("old", f"auth_time is {identity.authenticated_at}")
    return identity


def _asked_at(flow: Flow) -> float | None:
    return float(flow["at"]) if flow["asks"] else None


def _require_same(request: HttpRequest, provider: Provider, flow: Flow) -> None:
    """The state is that of this browser's own request, and the answer comes from whom it asked (RFC 9207)."""
    fits = flow and hmac.compare_digest(request.GET.get("state", "").encode(), flow["state"].encode())
    if not fits or time.time() - flow["at"] > PATIENCE:
        raise SignInRefused("stale", "no sign-in waits for this state")
    if request.GET.get("iss", provider.issuer) != provider.issuer:
        raise SignInRefused("untrusted", "the answer is another issuer's")


def _same_person(request: HttpRequest, flow: Flow) -> User:
    if not request.user.is_authenticated or str(request.user.pk) != flow["person"]:
        raise SignInRefused("stale", "somebody else is signed in by now")
    return _person(request)


def _provider() -> Provider:
    try:
        return configured()
    except ImproperlyConfigured as error:
        raise SignInRefused("settings", str(error)) from error


def _here(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("account_provider_return"))


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _refuse(request: HttpRequest, refused: SignInRefused, identity: Identity | None = None) -> HttpResponse:
    """Nobody is signed in, or out."""
    logger.warning("A sign-in by the provider is refused: %s", refused)
    named = None if request.user.is_authenticated else identity
    tell_refused_arrival(
        code=refused.code,
        issuer=settings.OIDC_ISSUER,
        subject=named.subject if named else "",
        email=named.email if named else "",
    )
    return _say(request, refused)


def _refuse_visitor(request: HttpRequest) -> HttpResponse:
    """Anybody can ask for this address, as often as they like: where nothing was begun, nothing is written down."""
    return _too_many(request) or _say(request, SignInRefused("stale", "no sign-in was begun"))


def _too_many(request: HttpRequest) -> HttpResponse | None:
    """As sign-ins by a password are counted; allauth counts no GET unless it is told to."""
    answer: HttpResponse | None = ratelimit.consume_or_429(
        request, app="allauth.account", action="login", limit_get=True
    )
    return answer


def _say(request: HttpRequest, refused: SignInRefused) -> HttpResponse:
    sentence = refused.sentence(settings.OIDC_LABEL)
    return render(request, "account/provider_refused.html", {"sentence": sentence}, status=refused.status)
