"""The proof that a signature needs: a password typed, or a sign-in repeated elsewhere, a short while ago."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts.reauthentication import Proof, WrongPassword, forget_single_proof, proof_in, prove
from diagnosis.actions.report import wrong_password
from diagnosis.errors import Refusal
from diagnosis.rules import policies
from diagnosis.views.shortcuts import person


def proof_of(request: HttpRequest, password: str = "") -> Proof:
    """The proof that holds in this session, or a new one by the password, for what is signed now.

    Raises Refusal where there is neither. Where the site lets a proof serve once, this was it.
    """
    proof = _held_or_new(request, password)
    forget_single_proof(request.session)
    return proof


def _held_or_new(request: HttpRequest, password: str) -> Proof:
    found = proof_in(request.session, person(request))
    if found:
        return found
    if not person(request).has_usable_password():
        raise Refusal("confirmation_needed", policies.CONFIRMATION_NEEDED)
    if not password:
        raise Refusal("proof_needed", policies.PROOF_NEEDED)
    try:
        return prove(request.session, person(request), password)
    except WrongPassword as wrong:
        raise wrong_password(wrong) from wrong


def proven(request: HttpRequest) -> Proof | None:
    """The proof that holds in this session, for pages to say so."""
    return proof_in(request.session, person(request))


@never_cache
@sensitive_post_parameters("password")
@require_POST
def prove_it(request: HttpRequest) -> JsonResponse:
    """Take the password before something is signed; answers until when it serves."""
    try:
        proof = _held_or_new(request, request.POST.get("password", ""))
    except Refusal as refusal:
        return JsonResponse({"code": refusal.code, "sentence": refusal.sentence}, status=refusal.http_status)
    return JsonResponse({"until": proof.until.isoformat()})
