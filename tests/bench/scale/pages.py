"""The pages that are timed, and how: by Django's own client, in this process, against a real database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounts.models import User

# Each database is asked in turn, so that whatever else the machine does meets both.
ROUNDS, TURNS = 4, 3


@dataclass(frozen=True)
class Staff:
    reader: User
    administrator: User
    uploader: User


@dataclass(frozen=True)
class Page:
    """A page by its name: who asks, and for which address."""

    name: str
    client: Any
    address: str


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one page: its first call, the fastest of those after it, and the slowest query of one call.

    The fastest, because whatever else the machine does can only add to it.
    """

    first: float
    usual: float
    queries: int
    slowest: float
    statement: str


def compare(page: Page, few: str, many: str) -> tuple[Timing, Timing]:
    """Of one page in two databases that hold the same people and rows, `many` with further ones, by their names."""
    first = {database: _first(page, database) for database in (few, many)}
    usual = dict.fromkeys(first, float("inf"))
    for _ in range(ROUNDS):
        for database in usual:
            use(database)
            usual[database] = min(usual[database], *_turns(page))
    one, other = (_timing(page, database, first[database], usual[database]) for database in usual)
    return one, other


def use(database: str) -> None:
    """Let what follows be asked of `database`, and nothing be answered from what is kept of another."""
    from django.core.cache import cache
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = cache.key_prefix = database


def _first(page: Page, database: str) -> float:
    use(database)
    return _call(page)


def _turns(page: Page) -> list[float]:
    _call(page)  # opens the connection
    return [_call(page) for _ in range(TURNS)]


def _timing(page: Page, database: str, first: float, usual: float) -> Timing:
    use(database)
    _call(page)
    queries = _queries(page)
    slowest = max(queries, key=lambda query: float(query["time"]), default={"time": "0", "sql": ""})
    return Timing(first, usual, len(queries), 1000 * float(slowest["time"]), slowest["sql"])


def _call(page: Page) -> float:
    began = time.perf_counter()
    answer = page.client.get(page.address)
    took = 1000 * (time.perf_counter() - began)
    if answer.status_code != 200:
        raise SystemExit(f"{page.address}: {answer.status_code}")
    return took


def _queries(page: Page) -> Sequence[dict[str, str]]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        page.client.get(page.address)
    return asked.captured_queries


def pages(staff: Staff, *, only: str = "") -> list[Page]:
    """All, or those whose name holds one of the words in `only`, parted by commas."""
    wanted = only.split(",")
    return [Page(*one) for one in _pages(staff) if any(word in one[0] for word in wanted)]


def _pages(staff: Staff) -> Iterator[tuple[str, Any, str]]:
    """Name, client and address: every list, search, queue, patient, oversight and API page."""
    from django.urls import reverse

    reader, administrator, uploader = (_signed_in(one) for one in (staff.reader, staff.administrator, staff.uploader))
    found = _examples(staff)

    def at(name: str, *args: Any, **query: str) -> str:
        from urllib.parse import urlencode

        return reverse(f"diagnosis:{name}", args=args) + (f"?{urlencode(query)}" if query else "")

    yield "desk", reader, at("home")
    yield "patients", reader, at("patient-list")
    yield "patients, far page", reader, at("patient-list", cursor=str(found["patient"].pk))
    yield "patients?q name", reader, at("patient-list", q="berga1")
    yield "patients?q common", reader, at("patient-list", q="given1")
    yield "patients?q two words", reader, at("patient-list", q="berg given1")
    yield "patients?q number", reader, at("patient-list", q=found["patient"].medical_record_number)
    yield "patients?q nobody", reader, at("patient-list", q="nobody")
    yield "choose a patient", uploader, at("upload")
    yield "patient", reader, at("patient-detail", found["patient"].pk)
    yield "scans", reader, at("scan-list")
    yield "scans, far page", reader, at("scan-list", cursor=str(found["scan"].pk))
    yield "scans?status failed", reader, at("scan-list", status="failed")
    yield "scans?modality ct", reader, at("scan-list", modality="ct")
    yield "scans?q name", reader, at("scan-list", q="berga1")
    yield "scans?q common", reader, at("scan-list", q="given1")
    yield "scans?q number", reader, at("scan-list", q=found["patient"].medical_record_number)
    yield "scans?q two words", reader, at("scan-list", q="berg given1")
    yield "scans?q nobody", reader, at("scan-list", q="nobody")
    yield "scan progress", reader, at("scan-progress", scan=str(found["scan"].pk))
    yield "scan result", reader, at("scan-result", found["scan"].pk)
    yield "study", reader, at("study-detail", found["study"].pk)
    yield "study result", reader, at("study-result", found["study"].pk)
    yield "analysis", reader, at("analysis-detail", found["study"].analyses.get().pk)
    yield "scan", reader, at("scan-detail", found["scan"].pk)
    yield "queue", reader, at("queue")
    yield "queue, far page", reader, at("queue", after=str(found["open"].pk))
    yield "queue ct", reader, at("queue", modality="ct")
    yield "queue seniors", reader, at("queue", age="senior")
    yield "queue marked", uploader, at("queue", marked="on")
    yield "queue zone", uploader, at("queue", zone="above")
    yield "review, read", reader, at("review", found["read"].pk)
    yield "review, free", reader, at("review", found["open"].pk)
    yield "queue mine", reader, at("queue", mine="on")
    for order in ("patient", "examined", "waiting"):
        yield f"queue by {order}", reader, at("queue", order=order)
    yield "queue second", reader, at("queue", kind="second")
    yield "report", reader, at("report-detail", found["report"].pk)
    yield "preferences", reader, at("reading-preference")
    yield "unsigned", reader, at("reading-unsigned")
    yield "second looks", reader, at("second-looks")
    yield "notifications", uploader, at("notifications")
    yield "notifications, far page", uploader, at("notifications", cursor=str(found["notice"].pk))
    yield "unread notices", uploader, at("notifications-unread")
    for name in ("overview", "reading", "agreement", "work", "corrections"):
        yield f"oversight {name}", administrator, at(f"oversight-{name}")
    yield "oversight agreement first", administrator, at("oversight-agreement", standard="first")
    yield "oversight overview 3 years", administrator, at("oversight-overview", months="36")
    yield "oversight reading 3 years", administrator, at("oversight-reading", months="36")
    for kind in ("failed", "late", "cancelled", "aside"):
        yield f"oversight jobs {kind}", administrator, at("oversight-jobs", kind=kind)
    # Not "analyses", which holds a row for each that failed.
    for name in ("days", "overrides", "changed-categories", "agreement", "workers"):
        yield f"oversight {name}.csv", administrator, at("oversight-download", name)
    yield "reading policy", administrator, at("reading-policy")
    yield from _of_api(staff, found)


def _of_api(staff: Staff, found: dict[str, Any]) -> Iterator[tuple[str, Any, str]]:
    api, patient = _with_token(staff.uploader), found["patient"]
    yield "api patients", api, "/api/v1/patients/"
    yield "api patients, far page", api, f"/api/v1/patients/?cursor={patient.pk}"
    yield "api patients search", api, "/api/v1/patients/?search=berga1"
    yield "api patients number", api, f"/api/v1/patients/?medical_record_number={patient.medical_record_number}"
    yield "api patient", api, f"/api/v1/patients/{patient.pk}/"
    yield "api history", api, f"/api/v1/patients/{patient.pk}/history/"
    yield "api scans", api, "/api/v1/scans/"
    yield "api scans, far page", api, f"/api/v1/scans/?cursor={found['scan'].pk}"
    yield "api scans of patient", api, f"/api/v1/scans/?patient={patient.pk}"
    yield "api scans ct", api, "/api/v1/scans/?modality=ct"
    yield "api scan", api, f"/api/v1/scans/{found['scan'].pk}/"
    yield "api studies", api, "/api/v1/studies/"
    yield "api studies, far page", api, f"/api/v1/studies/?cursor={found['study'].pk}"
    yield "api studies of patient", api, f"/api/v1/studies/?patient={patient.pk}"
    yield "api studies ct", api, "/api/v1/studies/?modality=ct"
    yield "api study", api, f"/api/v1/studies/{found['study'].pk}/"
    yield "api series", api, f"/api/v1/series/{found['study'].series.get().pk}/"
    yield "api images", api, "/api/v1/images/"
    yield "api images, far page", api, f"/api/v1/images/?cursor={found['scan'].pk}"
    yield "api image", api, f"/api/v1/images/{found['scan'].pk}/"
    analysis = found["study"].analyses.get().pk
    yield "api analysis", api, f"/api/v1/analyses/{analysis}/"
    yield "api analysis images", api, f"/api/v1/analyses/{analysis}/images/"
    yield "api reports", api, "/api/v1/reports/"
    yield "api reports, far page", api, f"/api/v1/reports/?cursor={found['report'].pk}"
    yield "api report", api, f"/api/v1/reports/{found['report'].pk}/"
    yield "api tokens", api, "/api/v1/tokens/"
    reading = _with_token(staff.reader)
    yield "api scans, reader", reading, "/api/v1/scans/"
    yield "api studies, reader", reading, "/api/v1/studies/"
    yield "api reviews", reading, "/api/v1/reviews/"
    yield "api reviews, far page", reading, f"/api/v1/reviews/?cursor={found['read'].pk}"
    yield "api review", reading, f"/api/v1/reviews/{found['read'].pk}/"
    yield "api reports, reader", reading, "/api/v1/reports/"


def _examples(staff: Staff) -> dict[str, Any]:
    """The same rows however many there are: those of early numbers."""
    from diagnosis.models import Notification, Patient, Report, Review, Scan, Study
    from tests.bench.scale.tables import made_key

    return {
        "patient": Patient.objects.get(pk=made_key("patient", 400)),
        "scan": Scan.objects.get(pk=made_key("scan", 800)),
        "study": Study.objects.get(pk=made_key("study", 800)),
        "report": Report.objects.get(pk=made_key("report", 800)),
        "notice": Notification.objects.filter(recipient=staff.uploader).order_by("pk")[20],
        "open": Review.objects.get(pk=made_key("review", 507)),
        "read": Review.objects.get(pk=made_key("review", 800)),
    }


def _signed_in(user: User) -> Any:
    from django.test import Client

    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def _with_token(user: User) -> Any:
    from rest_framework.test import APIClient

    from accounts.models import ApiToken

    _, secret = ApiToken.objects.issue(membership=user.memberships.get(), name="bench")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client
