"""The checker of templates finds what a translator would miss, and leaves alone what is no text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.template_words import findings, main


def found(folder: Path, source: str, name: str = "page.html") -> list[str]:
    path = folder / name
    path.write_text(source)
    return [finding.words for finding in findings(path)]


@pytest.mark.parametrize(
    "source",
    [
        "<p>Patients</p>",
        "<p>{% if x %}waits{% endif %}</p>",
        "<input placeholder='Patient name'>",
        '<td data-label="Clinic">{{ clinic }}</td>',
        "<svg><title>Trend</title></svg>",
        '<input type="submit" value="Send">',
        '{% include "_empty.html" with title="Nothing here" %}',
        '{{ user.last_login|default:"never" }}',
        "{{ count }} {{ count|pluralize }}",
        '{% nav_item "portal:about" "About" icon="info" %}',
        '<p translate="no">DICOM</p><p>and more</p>',
    ],
)
def test_words_that_nobody_translates_are_found(tmp_path: Path, source: str) -> None:
    assert len(found(tmp_path, source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        '<p class="muted">{% translate "Patients" %}</p>',
        "<p>{% blocktranslate count n=n %}one scan{% plural %}{{ n }} scans{% endblocktranslate %}</p>",
        '{% include "_empty.html" with title=_("Nothing here") icon="key" %}',
        '{{ user.last_login|default:_("never") }}',
        '{% nav_item "portal:about" _("About") icon="info" %}',
        '<p translate="no">DICOM <b>files</b></p>',
        "<code>Authorization: Bearer</code>",
        "{# a note #}{% comment %}another{% endcomment %}<!-- and one -->",
        "{% block body_class %}page-narrow{% endblock %}",
        "<p>{{ a }} · {{ b }} – 5 %</p>",
        '<svg viewBox="0 0 1 1"><path d="Mzz"/></svg>',
    ],
)
def test_what_is_translated_or_no_text_is_left_alone(tmp_path: Path, source: str) -> None:
    assert found(tmp_path, source) == []


def test_long_lines_are_found_with_their_number(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<p>\n{% comment %}\n" + "x" * 121 + "\n{% endcomment %}</p>\n<b>\nword</b>")
    assert [(one.line, one.words) for one in findings(path)] == [
        (3, "line of 121 characters"),
        (6, "not translated: word"),
    ]


def test_mails_are_read_as_plain_text(tmp_path: Path) -> None:
    assert found(tmp_path, "Open <{{ link }}>\n", "mail.txt") == ["not translated: Open <>"]


def test_a_finding_fails_the_check(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>Patients</p>")
    assert main([str(tmp_path)]) == 1
    (tmp_path / "page.html").write_text("<p></p>")
    assert main([str(tmp_path)]) == 0
