"""The figures of an acceptance in words, and on paper. Neither names a patient."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

from django.utils.translation import gettext as _
from reportlab.lib.pagesizes import A4
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from diagnosis.formats import decimal, moment, percent, share, share_interval
from diagnosis.models import Acceptance
from diagnosis.models.modality import Modality
from diagnosis.models.zone import upper_threshold
from diagnosis.reports.pdf.markup import marked_up
from diagnosis.reports.pdf.styles import LINE, MARGIN, styles
from diagnosis.rules.acceptance import CONFORMAL

WIDTH = A4[0] - 2 * MARGIN
Row = tuple[str, str, str, str]


def estimate(content: Mapping[str, Any]) -> list[Row]:
    """What was measured at the shipped thresholds: its name, value, 95 % interval, and counts."""
    said = content["figures"]
    area = said["auc"]
    both = _("%(abnormal)d and %(normal)d") % {"abnormal": said["abnormal"], "normal": said["normal"]}
    interval = _("%(low)s to %(high)s") % {"low": decimal(area["low"], 3), "high": decimal(area["high"], 3)}
    return [
        *_rates(_("Lower threshold: %(name)s"), said["lower"]),
        *_rates(_("Upper threshold: %(name)s"), said["upper"]),
        _row(_("Between the thresholds, of abnormal cases"), said["indeterminate"]["abnormal"]),
        _row(_("Between the thresholds, of cases not abnormal"), said["indeterminate"]["normal"]),
        (_("Area under the ROC curve"), decimal(area["value"], 3), interval, both),
    ]


def cross_fitted(content: Mapping[str, Any]) -> list[Row]:
    """What thresholds fitted on other cases were worth."""
    said = content["figures"]["fitted"]["cross_fitted"]
    return [
        *_rates(_("Lower threshold: %(name)s"), said["lower"]),
        *_rates(_("Upper threshold: %(name)s"), said["upper"]),
    ]


def _rates(label: str, said: Mapping[str, Any]) -> list[Row]:
    names = {"sensitivity": _("sensitivity"), "specificity": _("specificity")}
    return [_row(label % {"name": word}, said[name]) for name, word in names.items()]


def _row(label: str, one: Mapping[str, Any]) -> Row:
    counts = _("%(part)d of %(whole)d") % {"part": one["part"], "whole": one["whole"]}
    return label, share(one["value"]), share_interval((one["low"], one["high"])), counts


def notes(content: Mapping[str, Any]) -> list[str]:
    """What has to be known to read the figures."""
    said = content["figures"]
    cases, by_hand = content["cases"], sum(not one["report"] for one in content["cases"])
    signed, tried = len(cases) - by_hand, sum(one.get("on_trial", False) for one in cases)
    return [
        _(
            "The truth is the category of the signed report (every category but “negative” counts as abnormal), or was "
            "named by hand: %(hand)d of %(count)d."
        )
        % {"hand": by_hand, "count": len(cases)},
        *([_tried(tried, len(cases))] if tried else []),
        *([_first_impressions(said["read_first"], signed)] if signed else []),
        _(
            "The share of abnormal cases in this set was chosen, and is not how frequent they are at this site: how "
            "often a positive or negative answer is right cannot be read off these figures."
        ),
        _(
            "Stored results were used; nothing was run again. One examination for each patient. Intervals of shares "
            "are exact (Clopper and Pearson), that of the area is Newcombe’s."
        ),
    ]


def _tried(tried: int, count: int) -> str:
    return _("In %(tried)d of %(count)d cases the answer was kept on trial and shown to nobody.") % {
        "tried": tried,
        "count": count,
    }


def _first_impressions(first: int, signed: int) -> str:
    return _(
        "In %(first)d of the cases with a signed report (%(signed)d), the reader had committed to a first impression "
        "before seeing the classifiers’ result. The other readers may have been led by it, which makes the figures "
        "look better than they are."
    ) % {"first": first, "signed": signed}


def fitted_notes(content: Mapping[str, Any]) -> list[str]:
    """What the thresholds for this site are, by which rule they were fitted, and what that promises."""
    said = content["figures"]["fitted"]
    values = {
        "sensitivity": share(said["aims"]["sensitivity"], 0),
        "specificity": share(said["aims"]["specificity"], 0),
        "lower": percent(said["lower"]),
        "upper": percent(said["upper"]),
        "count": said["fitted_on"],
    }
    if said.get("rule") != CONFORMAL:
        return [_before_conformal(values)]
    return [_fitted(values), _promise(said), _cross_fitting()]


def _before_conformal(values: Mapping[str, Any]) -> str:
    """Of an acceptance that was sealed before there was CONFORMAL."""
    found = _(
        "Thresholds that would meet the shipped aims here (sensitivity %(sensitivity)s, specificity %(specificity)s): "
        "%(lower)s and %(upper)s. They were fitted on all %(count)d cases of this set, so the set cannot measure them. "
        "The figures below are those of thresholds fitted in the same way on four fifths of the cases, each time "
        "judged on the other fifth; their intervals leave out that with other cases the thresholds would differ too. "
        "They are not in use."
    )
    rule = _(
        "They were fitted by the rule of an earlier version, which met the aims on the cases of the set and promises "
        "nothing of later ones. A new set gets thresholds that do."
    )
    return f"{found % values} {rule}"


def _fitted(values: Mapping[str, Any]) -> str:
    found = _(
        "Fitted on all %(count)d cases of this set for the shipped aims (sensitivity %(sensitivity)s, specificity "
        "%(specificity)s): %(lower)s and %(upper)s."
    )
    return found % values


def _promise(said: Mapping[str, Any]) -> str:
    """In plain words what `acceptance_figures.guarantee` states."""
    lower, upper = said["guarantee"]["lower"], said["guarantee"]["upper"]
    promise = _(
        "What is promised: of later abnormal cases at most %(missed)s are answered “not abnormal”, and of later cases "
        "that are not abnormal at most %(alarms)s “abnormal”. That is an average over sets gathered in the same way, "
        "and it assumes that later cases are like those of the set: such patients, devices and images, and chosen no "
        "otherwise. For this one set the shares are, with %(level)s confidence, at most %(missed_high)s and "
        "%(alarms_high)s."
    )
    return promise % {
        "missed": share(lower["mean"]),
        "alarms": share(upper["mean"]),
        "level": share(0.95, 0),
        "missed_high": share(lower["high"]),
        "alarms_high": share(upper["high"]),
    }


def _cross_fitting() -> str:
    return _(
        "The set cannot measure thresholds that were fitted on it. The figures below are those of thresholds fitted in "
        "the same way on four fifths of the cases, each time judged on the other fifth; their intervals leave out that "
        "with other cases the thresholds would differ too."
    )


def facts(content: Mapping[str, Any]) -> dict[str, str]:
    """What was measured, on what, by whom and when: each under its name."""
    point = content["operating_point"]
    return {
        _("Modality"): str(Modality(content["modality"]).label),
        _("Measured"): content["ensemble"],
        _("Cases"): _("%(abnormal)d abnormal, %(normal)d not abnormal") % content["figures"],
        _("Lower threshold"): _("%(percent)s: below it the answer is “not abnormal”")
        % {"percent": percent(point["threshold"])},
        _("Upper threshold"): _upper(point),
        _("Begun"): f"{content['begun_by']}, {_moment(content['begun_at'])}",
        _("Closed"): f"{content['closed_by']}, {_moment(content['closed_at'])}",
    }


def _upper(point: Mapping[str, Any]) -> str:
    upper = upper_threshold(point)
    if upper is None and point["abnormal_from"] > point["threshold"]:
        return _("none: no answer is “abnormal”")
    return _("%(percent)s: from it on the answer is “abnormal”") % {"percent": percent(point["abnormal_from"])}


def render(one: Acceptance, *, url: str, holds: bool) -> bytes:
    """The PDF. `holds`: whether the seal is genuine and the content is what was sealed; else it gives no figures."""
    file = BytesIO()
    side = MARGIN - 6  # reportlab's frame keeps six points of its own
    document = SimpleDocTemplate(
        file, pagesize=A4, leftMargin=side, rightMargin=side, topMargin=MARGIN, bottomMargin=MARGIN
    )
    document.title = document.subject = _("Acceptance at this site")
    document.author = one.acceptance_set.clinic.name
    document.build([*(_parts(one) if holds else _warning(one)), *_seal(one, url)])
    return file.getvalue()


def _warning(one: Acceptance) -> list[Flowable]:
    return [
        _text("clinic", one.acceptance_set.clinic.name),
        _text("title", _("Acceptance at this site")),
        _text("warning", _("This is not what was sealed, or its seal is not genuine.")),
    ]


def _seal(one: Acceptance, url: str) -> list[Flowable]:
    return [
        Spacer(0, 8),
        _text("muted", _("Content hash (SHA-256): %(hash)s") % {"hash": one.content_sha256}),
        _text("muted", _("Seal: %(seal)s") % {"seal": one.mac}),
        _text("muted", _("Verify at %(address)s") % {"address": url}),
    ]


def _parts(one: Acceptance) -> list[Flowable]:
    said = one.content
    return [
        _text("clinic", said["clinic"]["name"]),
        _text("title", _("Acceptance at this site")),
        _text("body", _("How the classifiers that ship answered “abnormal lung?” on cases of this clinic.")),
        *(_text("body", f"{name}: {value}") for name, value in facts(said).items()),
        KeepTogether([_text("heading", _("Measured at the shipped thresholds")), _table(estimate(said))]),
        *(_text("small", note) for note in notes(said)),
        KeepTogether(
            [
                _text("heading", _("Thresholds fitted to this site")),
                *(_text("body", note) for note in fitted_notes(said)),
                _text("body", _("Whether they are in use, the page of the set says.")),
                _table(cross_fitted(said)),
            ]
        ),
        _text("heading", _("Classifiers and weights (SHA-256)")),
        *(_text("tiny", weights) for weights in said["classifiers"]),
    ]


def _moment(stored: str) -> str:
    return moment(datetime.fromisoformat(stored))


def _table(rows: list[Row]) -> Table:
    # xgettext:no-python-format  # noqa: ERA001
    interval = _("95 % interval")
    head = (_("Figure"), _("Value"), interval, _("Cases"))
    shares = (0.46, 0.14, 0.22, 0.18)
    widths = [WIDTH * one for one in shares]
    cells = [[_text("muted", name) for name in head]]
    cells += [[_text("body", text, width) for text, width in zip(row, widths, strict=True)] for row in rows]
    table = Table(cells, colWidths=widths, repeatRows=1)
    table.setStyle(TableStyle([("LINEBELOW", (0, 0), (-1, 0), 0.5, LINE), ("VALIGN", (0, 0), (-1, -1), "TOP")]))
    return table


def _text(style: str, text: str, width: float = WIDTH) -> Paragraph:
    chosen = styles()[style]
    colour = chosen.textColor.hexval().replace("0x", "#")
    return Paragraph(marked_up(text, font=chosen.fontName, size=chosen.fontSize, colour=colour, width=width), chosen)
