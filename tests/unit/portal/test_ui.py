from __future__ import annotations

import pytest
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory

from portal.templatetags import ui


def render(source: str, **context: object) -> str:
    return Template("{% load ui %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("value", "length"), [(0.634, "63.40"), (0, "0.00"), (1, "100.00"), (1.2, "100.00"), (-1, "0.00")]
)
def test_lengths_stay_on_the_bar(value: float, length: str) -> None:
    assert ui.hundredths(value) == length


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ines Okafor", "IO"), ("Tomasz von der Lindqvist", "TL"), ("ada", "A"), ("", "?"), ("  ", "?")],
)
def test_initials(name: str, letters: str) -> None:
    assert ui.initials(name) == letters


def test_page_links_leave_gaps_around_the_current_page() -> None:
    page = Paginator(range(120), 10).page(6)
    gap = page.paginator.ELLIPSIS
    assert ui.page_links(page) == [1, gap, 5, 6, 7, gap, 12]


def test_a_meter_says_its_number_and_draws_it_without_a_style() -> None:
    drawn = render(
        '{% include "_components/meter.html" with name="COVID-19 pattern" value=0.634 tone="positive" threshold=0.42 %}'
    )
    assert "63.4\u00a0%" in drawn
    assert 'class="meter-fill" x="0" y="1" width="63.40"' in drawn
    assert 'x1="42.00"' in drawn
    assert "style=" not in drawn


def test_a_meter_without_threshold_has_no_tick() -> None:
    assert "meter-tick" not in render('{% include "_components/meter.html" with name="a" value=0.1 threshold=None %}')


def test_a_component_escapes_what_it_shows() -> None:
    drawn = render(
        '{% include "_components/notice.html" with tone="danger" text=text %}', text="<script>alert(1)</script>"
    )
    assert "<script>" not in drawn
    assert 'role="alert"' in drawn


class Member:
    """Holds what `permissions` says, as a membership does."""

    def __init__(self, *permissions: object) -> None:
        self.permissions = frozenset(permissions)


def link(membership: object, path: str = "/") -> str:
    request = RequestFactory().get(path)
    return render(
        '{% nav_item "portal:about" "About" icon="info" permission="UPLOAD_SCAN" %}',
        request=request,
        membership=membership,
    ).strip()


def test_navigation_shows_what_the_role_may_open() -> None:
    from accounts.permissions import Permission

    assert 'href="/about/"' in link(Member(Permission.UPLOAD_SCAN))
    assert link(Member(Permission.VIEW_PATIENT)) == ""
    assert link(None) == ""


def test_navigation_marks_where_one_is() -> None:
    from accounts.permissions import Permission

    assert 'aria-current="page"' in link(Member(Permission.UPLOAD_SCAN), "/about/")
    assert "aria-current" not in link(Member(Permission.UPLOAD_SCAN), "/contact/")


def test_navigation_leaves_out_an_address_that_does_not_exist() -> None:
    assert render('{% nav_item "portal:absent" "Absent" icon="info" %}').strip() == ""
