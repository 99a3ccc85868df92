from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from diagnosis.models import Report
from diagnosis.rules import policies
from diagnosis.states import ReportStatus
from diagnosis.views.shortcuts import person

A_PAGE = 30


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The person's own reports that wait for a signature, the oldest first."""
    by = person(request)
    page = Paginator(unsigned(by), A_PAGE).get_page(request.GET.get("page"))
    lines = [(report, policies.sign_blocked_reason(report, by=by)) for report in page]
    return render(request, "diagnosis/review/unsigned.html", {"page": page, "lines": lines})


def unsigned(by: User) -> QuerySet[Report]:
    reports = Report.objects.visible_to(by).filter(status=ReportStatus.PRELIMINARY, review__reader=by)
    return reports.select_related("study__patient", "study__representative", "image", "review").order_by("written_at")
