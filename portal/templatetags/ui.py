"""Template tags of the shell and the shared components. `{% load ui %}`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.core.paginator import Page
from django.urls import NoReverseMatch, reverse
from django.utils import translation

from accounts.permissions import Permission
from diagnosis import formats
from diagnosis.results import intended_use
from portal import product, script_catalogue

if TYPE_CHECKING:
    from accounts.models import Membership

register = template.Library()
register.filter("percent", formats.percent)


@register.simple_tag
def product_name() -> str:
    return product.NAME


@register.simple_tag
def language_tag() -> str:
    """The active language as HTML writes it: “de”, “en-GB”."""
    language, dash, region = (translation.get_language() or "").partition("-")
    return f"{language}{dash}{region.upper() if len(region) == 2 else region}"


@register.simple_tag
def language_direction() -> str:
    return "rtl" if translation.get_language_bidi() else "ltr"


@register.simple_tag
def intended_use_sentence() -> str:
    return intended_use.sentence()


@register.simple_tag
def intended_use_version() -> str:
    return intended_use.VERSION


@register.simple_tag
def script_catalogue_address() -> str:
    return script_catalogue.address()


@register.inclusion_tag("_components/nav_item.html", takes_context=True)
def nav_item(
    context: dict[str, Any], view: str, label: str, icon: str, permission: str = "", key: str = ""
) -> dict[str, Any]:
    """One entry of the navigation: absent where the address does not exist or the role lacks `permission`."""
    if permission and not _holds(context.get("membership"), Permission[permission]):
        return {}
    try:
        url = reverse(view)
    except NoReverseMatch:
        return {}
    return {"url": url, "label": label, "icon": f"_icons/{icon}.svg", "current": _is_at(context, url), "key": key}


def _holds(membership: Membership | None, permission: Permission) -> bool:
    return bool(membership) and permission in membership.permissions  # type: ignore[union-attr]


def _is_at(context: dict[str, Any], url: str) -> bool:
    request = context.get("request")
    return bool(request and request.path.startswith(url))


@register.simple_tag(takes_context=True)
def own_memberships(context: dict[str, Any]) -> list[Membership]:
    """The signed-in person's active memberships, by clinic; the switcher shows when there are several."""
    user = context["request"].user
    return list(user.memberships.active().select_related("clinic")) if user.is_authenticated else []


@register.filter
def hundredths(value: float) -> str:
    """0.634 → "63.40": a length on a scale of 100 for SVG attributes, with a point in every language."""
    return f"{min(max(float(value), 0.0), 1.0) * 100:.2f}"


@register.filter
def between(low: float, high: float) -> str:
    """The length from `low` to `high` on the scale of `hundredths`."""
    return hundredths(high - low)


@register.filter
def initials(name: str) -> str:
    """Up to two letters for the round mark beside a person's name."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


@register.filter
def page_links(page: Page[Any]) -> list[int | str]:
    """Page numbers around the current one; a gap is paginator.ELLIPSIS."""
    return list(page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1))
