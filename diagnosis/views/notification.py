"""What a person is told about the scans they uploaded."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from diagnosis import keyset, notifications
from diagnosis.audited import note_rows
from diagnosis.models import SecondLook
from diagnosis.models.notification import Notification, NotificationKind, NotificationQuerySet
from diagnosis.results.images import count_of, image_counts
from diagnosis.views.shortcuts import noted, person

A_PAGE = 30
NEWEST_FIRST = ("-created_at", "-id")
ICONS = {
    NotificationKind.RESULT: "succeeded",
    NotificationKind.FAILURE: "failed",
    NotificationKind.REPORT: "report",
    NotificationKind.ADDENDUM: "report",
    NotificationKind.CRITICAL: "warning",
    NotificationKind.OVERDUE: "warning",
    NotificationKind.RETRACTED: "failed",
    NotificationKind.CORRECTION: "report",
    NotificationKind.ERROR: "failed",
    NotificationKind.RETURNED: "report",
    NotificationKind.AUTHORISED: "report",
    NotificationKind.LOOK: "eye",
    NotificationKind.EMERGENCY: "warning",
    NotificationKind.UNREAD: "warning",
}

OF_REPORTS = (
    NotificationKind.REPORT,
    NotificationKind.ADDENDUM,
    NotificationKind.CORRECTION,
    NotificationKind.ERROR,
    NotificationKind.RETURNED,
    NotificationKind.AUTHORISED,
    NotificationKind.LOOK,
)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    notices = _own(request).select_related("study__patient", "study__representative__patient", "record")
    mark = request.GET.get("cursor", "")
    page = keyset.page_or_first(notices, order=NEWEST_FIRST, size=A_PAGE, mark=mark, among=_own(request))
    note_rows(Notification, page)
    # A report rests on the images that were there then.
    of_images = [
        notification.study_id for notification in page if notification.study_id and notification.kind not in OF_REPORTS
    ]
    counts = image_counts(of_images)
    lines = [
        (
            notification,
            f"_icons/{ICONS[NotificationKind(notification.kind)]}.svg",
            _count(notification, counts),
        )
        for notification in page
    ]
    context = {"page": page, "lines": lines, "unread": notifications.unread_count(person(request))}
    return render(request, "diagnosis/notification/list.html", context)


def _count(notification: Notification, counts: Mapping[UUID, int]) -> str:
    """ "60 images"; empty where there is one, or the notice is of a report."""
    found = counts.get(notification.study_id, 1) if notification.study_id else 1
    return count_of(found) if found > 1 and notification.kind not in OF_REPORTS else ""


@never_cache
@require_safe
def unread(request: HttpRequest) -> JsonResponse:
    unread = notifications.unread_count(person(request))
    return JsonResponse({"unread": unread.number, "shown": str(unread)})


@require_POST
def open_one(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark one as read and go to its study; one from before there were studies goes to its image."""
    notification = noted(get_object_or_404(_own(request), pk=pk))
    _own(request).filter(pk=pk).mark_read()
    if notification.kind == NotificationKind.EMERGENCY:
        return redirect("diagnosis:oversight-emergency")
    if notification.record_id:
        return redirect("diagnosis:patient-confidential", pk=notification.record_id)
    if notification.image_id:
        return redirect("diagnosis:scan-detail", pk=notification.image_id)
    if notification.kind == NotificationKind.LOOK and (look := _look_at(notification)):
        return redirect("diagnosis:second-look", pk=look.pk)
    return redirect("diagnosis:study-detail", pk=notification.study_id)


def _look_at(notification: Notification) -> SecondLook | None:
    looks = SecondLook.objects.filter(report__study=notification.study_id, report__signed_by=notification.recipient_id)
    return looks.order_by("-decided_at").first()


@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    _own(request).mark_read()
    return redirect("diagnosis:notifications")


def _own(request: HttpRequest) -> NotificationQuerySet:
    return notifications.own(person(request))
