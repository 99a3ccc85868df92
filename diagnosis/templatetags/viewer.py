"""`{% load viewer %}{% viewer scan %}`: the image viewer of a scan, on any page."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context
from django.templatetags.static import static

from diagnosis.models import Scan
from diagnosis.views import viewer_settings

register = template.Library()

# All that viewer.js imports, straight or by way of others; what opens later (the dialog of keys) is fetched then.
PARTS = (
    "i18n",
    "viewer/actions",
    "viewer/ahead",
    "viewer/alignment",
    "viewer/attention",
    "viewer/caption",
    "viewer/comparison",
    "viewer/controller",
    "viewer/draw",
    "viewer/elements",
    "viewer/greyscale",
    "viewer/icons",
    "viewer/key_images",
    "viewer/keys",
    "viewer/measure",
    "viewer/pane",
    "viewer/panes",
    "viewer/placing",
    "viewer/pointer",
    "viewer/ruler",
    "viewer/series",
    "viewer/series_list",
    "viewer/state",
    "viewer/shapes",
    "viewer/status",
    "viewer/store",
    "viewer/strip",
    "viewer/switch",
    "viewer/together",
    "viewer/tool",
    "viewer/toolbar",
    "viewer/unpacking",
    "viewer/view",
    "viewer/window",
    "viewer/windowing",
)


@register.inclusion_tag("diagnosis/viewer/_viewer.html", takes_context=True)
def viewer(
    context: Context,
    scan: Scan,
    *,
    hide_result: bool = False,
    page_keys: bool = False,
    key_images: bool = False,
    beside: Scan | None = None,
) -> dict[str, Any]:
    """`hide_result` leaves out all that the classifiers said, also where the person might see it already.

    With `page_keys` its keys act wherever the focus is on the page, and not only inside it. With `key_images` it
    offers to mark key images, which the page hears of as the event `viewer:key-image`. `beside` opens the comparison
    with that scan instead of an earlier study.
    """
    config = viewer_settings.settings_of(scan, context["request"].user, hide_result=hide_result, alone=bool(beside))
    if beside:
        config |= {"prior": [viewer_settings.offered(beside)], "compare": True}
    name = f"viewer-{scan.pk.hex}"
    return {
        "scan": scan,
        "config": config,
        "id": name,
        "config_id": f"{name}-config",
        "modules": modules(),
        "page_keys": page_keys,
        "key_images": key_images,
    }


def modules() -> list[str]:
    """All parts of the script at once: found import by import they would come too late for the first picture."""
    return [static(f"js/{name}.js") for name in PARTS]
