"""The list of orders, one of them, and what a person may do about it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Clinic
from accounts.permissions import Permission, allowed, require
from diagnosis.audited import note_rows
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Patient
from diagnosis.views.shortcuts import find, in_clinic, noted, person, rights
from orders import actions, listing
from orders.forms import CancelForm, DropForm, FilterForm, PolicyForm
from orders.models import MergeProposal, Order, OrderPolicy

A_PAGE = 25


@require_safe
@in_clinic
def index(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    return _list(request, clinic)


def _list(
    request: HttpRequest,
    clinic: Clinic,
    *,
    policy: PolicyForm | None = None,
    dropping: tuple[MergeProposal, DropForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    by = person(request)
    require(by, Permission.FOLLOW_ORDER, clinic)
    form = FilterForm({"q": request.GET.get("q", ""), "state": request.GET.get("state") or listing.OPEN})
    chosen, sought = (form.cleaned_data["state"], form.cleaned_data["q"]) if form.is_valid() else (listing.OPEN, "")
    page = Paginator(listing.orders(clinic, chosen, sought, by=by), A_PAGE).get_page(request.GET.get("page"))
    rows = listing.rows(page.object_list, clinic, by=by)
    note_rows(Order, [row.order for row in rows])
    context = {
        "clinic": clinic,
        "form": form,
        "page": page,
        "rows": rows,
        "filtered": bool(sought) or chosen != listing.OPEN,
        "may": rights(request, clinic),
        "refused": listing.refused(clinic),
        "proposals": _proposals(request, clinic, dropping),
        "policy": policy or PolicyForm(instance=OrderPolicy.of(clinic)),
    }
    return render(request, "orders/list.html", context, status=status)


def _proposals(
    request: HttpRequest, clinic: Clinic, dropping: tuple[MergeProposal, DropForm] | None
) -> list[tuple[MergeProposal, DropForm]]:
    """Each with the form by which it is dropped, for who may merge; the audit trail is told whose records they are."""
    if not allowed(person(request), Permission.MANAGE_CLINIC, clinic):
        return []
    found = listing.proposals(clinic, by=person(request))
    note_rows(Patient, [patient for one in found for patient in (one.gone, one.kept)])
    typed = {dropping[0].pk: dropping[1]} if dropping else {}
    return [(one, typed.get(one.pk) or DropForm(auto_id=f"id_{one.pk}_%s")) for one in found]


def find_order(request: HttpRequest, pk: uuid.UUID) -> Order:
    """For who may follow it; 404 for other clinics."""
    related = ("clinic", "patient__merged_into", "source", "placed_by", "study")
    order = find(Order.objects.select_related(*related), request, pk)
    require(person(request), Permission.FOLLOW_ORDER, order.clinic)
    return order


@require_safe
def detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _page_of(request, find_order(request, pk), CancelForm())


def _page_of(request: HttpRequest, order: Order, form: CancelForm, *, status: int = 200) -> HttpResponse:
    (row,) = listing.rows([order], order.clinic, by=person(request))
    context: dict[str, Any] = {
        "order": order,
        "row": row,
        "steps": order.transitions.all(),
        "form": form,
        "may": rights(request, order.clinic),
    }
    return render(request, "orders/order.html", context, status=status)


@require_POST
def cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    order = find_order(request, pk)
    form = CancelForm(request.POST)
    if not form.is_valid():
        return _page_of(request, order, form, status=422)
    try:
        actions.cancel_order(order, by=person(request), reason=form.cleaned_data["reason"])
    except NotAllowedNow as refused:
        messages.error(request, refused.sentence)
    else:
        messages.success(request, gettext("The order is cancelled."))
    return redirect("orders:order", pk)


@require_POST
def drop_proposal(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    related = ("clinic", "gone__merged_into", "kept__merged_into", "source")
    proposal = find(MergeProposal.objects.select_related(*related), request, pk)
    require(person(request), Permission.MANAGE_CLINIC, proposal.clinic)
    noted(proposal.kept)
    form = DropForm(request.POST, auto_id=f"id_{pk}_%s")
    if not form.is_valid():
        return _list(request, proposal.clinic, dropping=(proposal, form), status=422)
    try:
        actions.drop_proposal(proposal, by=person(request), reason=form.cleaned_data["reason"])
    except NotAllowedNow as refused:
        messages.error(request, refused.sentence)
    else:
        messages.success(request, gettext("The two records stay as they are."))
    return redirect("orders:list")


@require_POST
@in_clinic
def policy(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    require(person(request), Permission.MANAGE_CLINIC, clinic)
    form = PolicyForm(request.POST, instance=OrderPolicy.of(clinic))
    if not form.is_valid():
        return _list(request, clinic, policy=form, status=422)
    form.save()
    messages.success(request, gettext("Saved."))
    return redirect("orders:list")
