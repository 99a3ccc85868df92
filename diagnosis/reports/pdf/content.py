"""What stands in a printed report, as plain values: from the signature's snapshot, or from today's rows before it.

The words around the values are in the language of whoever prints; what was signed stays in its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from accounts.models import Letterhead
from diagnosis import formats
from diagnosis.models import Addendum, Report, finding
from diagnosis.models.review import Category, Decision
from diagnosis.models.scan import Modality
from diagnosis.models.study import ExaminedFrom
from diagnosis.models.zone import Zone, has_zones, upper_threshold
from diagnosis.reports import content as report_content
from diagnosis.reports import sections
from diagnosis.results import answers, card_words, contents, retold, verdict, words
from diagnosis.results import images as image_words
from diagnosis.results.labels import label_name
from diagnosis.reviews import suggestions
from diagnosis.states import ReportStanding

# The words in the head of the page.
_STATUS = {
    ReportStanding.PRELIMINARY: gettext_noop("Preliminary report"),
    ReportStanding.HANDED_OVER: gettext_noop("Preliminary report, waiting for authorisation"),
    ReportStanding.FINAL: gettext_noop("Final report"),
    ReportStanding.APPENDED: gettext_noop("Final report, with an addendum"),
    ReportStanding.CORRECTED: gettext_noop("Corrected report"),
    ReportStanding.SUPERSEDED: gettext_noop("Replaced by a corrected report"),
    ReportStanding.ENTERED_IN_ERROR: gettext_noop("Entered in error: do not use"),
}
# Of more images than these the number says enough: they are slices.
NAMED_AT_MOST = 8
NOT_GIVEN = gettext_lazy("not recorded")
_DECIDED = {
    Decision.AGREE: gettext_noop("The reader: agrees with the classifiers."),
    Decision.NO_RESULT: gettext_noop("The reader: read without a classifiers' result."),
}
# What signed reports call a modality that has another name today; kept for the catalogues.
FORMER_MODALITIES = (gettext_noop("Chest CT slice"),)


@dataclass(frozen=True)
class PrintedPrediction:
    """A line of the machine's table: a combination, or one classifier with the beginning of its weights' hash."""

    name: str
    probability: str
    standing: str
    sensitivity: str
    specificity: str
    auc: str
    weights: str


@dataclass(frozen=True)
class PrintedReport:
    """A report's parts in the order of the page; every value is text for people.

    `without_result` says why there is no result of the classifiers; empty where there is one or nothing was frozen.
    """

    title: str
    clinic: str
    address: str
    logo: bytes | None
    status: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[tuple[str, str], ...]
    findings: str
    coded_findings: tuple[str, ...]
    impression: str
    category: str
    image_quality: str
    signature: str
    content_sha256: str
    addenda: tuple[tuple[str, str], ...]
    caution: str
    without_result: str
    predictions: tuple[PrintedPrediction, ...]
    machine_notes: tuple[str, ...]
    decision: str
    intended_use: str
    is_final: bool
    holds: bool
    late: str
    amended: str
    error: str
    correction: str


def printed(report: Report) -> PrintedReport:
    frozen = report.snapshot or report_content.snapshot(report)
    statement = frozen["intended_use"]
    # As the clinic writes today: the signature covers its name, not its street.
    head = Letterhead.objects.filter(clinic=report.study.clinic_id).first()
    return PrintedReport(
        title=_("%(examination)s: radiology report") % {"examination": _(frozen["scan"]["modality"])},
        clinic=frozen["clinic"],
        address=head.address if head else "",
        logo=bytes(head.logo) if head and head.logo else None,
        status=_status(report),
        facts=_facts(frozen),
        sections=tuple(sections.named(report)),
        findings=report.findings or _("None described."),
        coded_findings=tuple(finding.sentences(report.coded_findings)),
        impression=report.impression,
        category=_category(report),
        image_quality=report.get_image_quality_display(),
        signature=_signature(report),
        content_sha256=report.content_sha256,
        addenda=tuple(_addendum(addendum) for addendum in report.addenda.all()),
        caution=_caution(frozen["analysis"] or {}),
        without_result=_without_result(frozen),
        predictions=_predictions(frozen["analysis"] or {}),
        machine_notes=_machine_notes(frozen["analysis"] or {}),
        decision=_decision(report) + _why_both(frozen) + _of_another_category(report),
        intended_use=_("%(sentence)s (Statement %(version)s)")
        % {"sentence": _(statement["sentence"]), "version": statement["version"]},
        is_final=report.is_final,
        holds=report.is_final and not (report.error or report.successor),
        late=contents.late(report, contents.images_of(report.study)),
        amended=_amended(report),
        error=_error(report),
        correction=_correction(report),
    )


def _status(report: Report) -> str:
    return _(_STATUS[report.standing])


def _facts(frozen: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    patient, scan = frozen["patient"], frozen["scan"]
    return (
        (_("Patient"), patient["name"]),
        (_("Record number"), patient["medical_record_number"]),
        (_("Born"), _day(patient["birth_date"])),
        (_("Sex"), _(patient["sex"])),
        (_("Examination"), _(scan["modality"])),
        *_images(frozen),
        (_("Taken"), _taken(frozen)),
        (_("Uploaded"), _moment(scan["uploaded_at"])),
        (_("Accession number"), scan["accession_number"] or str(NOT_GIVEN)),
    )


def _taken(frozen: Mapping[str, Any]) -> str:
    """As the study was dated then; of snapshots that do not know it, what the image's header says."""
    known = frozen.get("examined") or {"at": frozen["scan"]["acquired_at"], "from": ""}
    if known["at"] and known["from"] == ExaminedFrom.PERSON:
        return _day(str(timezone.localtime(datetime.fromisoformat(known["at"])).date()))
    guessed = known["from"] == ExaminedFrom.GUESSED
    return _("%(date)s (guessed)") % {"date": _moment(known["at"])} if guessed else _moment(known["at"])


def _images(frozen: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """How many images it rests on and their views; reports that were signed before studies do not list them."""
    images = frozen.get("images", ())
    if not images:
        return ()
    views = [image_words.view_name(one.get("role", ""), one.get("view", "")) for one in images]
    named = views if len(images) <= NAMED_AT_MOST else []
    return ((_("Images"), image_words.with_views(len(images), named)),)


def _category(report: Report) -> str:
    category = report.get_category_display()
    co_rads = suggestions.co_rads(Modality(report.scan.modality), Category(report.category))
    if not co_rads:
        return category
    return _("%(category)s (usual CO-RADS counterpart: %(co_rads)s)") % {"category": category, "co_rads": co_rads}


def _error(report: Report) -> str:
    """Who says since when and why that it does not hold; empty where nobody does."""
    error = report.error
    if error is None:
        return ""
    return _("Entered in error, says %(name)s, %(when)s: %(reason)s") % {
        "name": error.signer_name,
        "when": _moment(error.signed_at.isoformat()),
        "reason": error.reason,
    }


def _correction(report: Report) -> str:
    """Which version it takes the place of, and why; empty in a first version."""
    if report.corrects is None or report.corrects.signed_at is None:
        return ""
    return _("Corrects the report signed by %(name)s, %(when)s. Reason: %(reason)s") % {
        "name": report.corrects.signer_name,
        "when": _moment(report.corrects.signed_at.isoformat()),
        "reason": report.correction_reason,
    }


_AUTHORISED = {
    False: gettext_noop("Drafted by %(author)s, authorised electronically by %(name)s, %(when)s"),
    True: gettext_noop("Drafted by %(author)s, changed and authorised electronically by %(name)s, %(when)s"),
}


def _signature(report: Report) -> str:
    if report.signed_at is None and report.handed_over_at:
        return _("Not signed. Drafted by %(author)s") % {"author": report.written_by.full_name}
    if report.signed_at is None:
        return _("Not signed")
    if report.author_name and report.author_name != report.signer_name:
        changed = bool(report.snapshot.get("drafted"))
        return _(_AUTHORISED[changed]) % {
            "author": report.author_name,
            "name": report.signer_name,
            "when": _moment(report.signed_at.isoformat()),
        }
    return _("Signed electronically by %(name)s, %(when)s") % {
        "name": report.signer_name,
        "when": _moment(report.signed_at.isoformat()),
    }


def _addendum(addendum: Addendum) -> tuple[str, str]:
    when = _moment(addendum.signed_at.isoformat())
    values = {"number": addendum.number, "name": addendum.signer_name, "when": when}
    return _("Addendum %(number)d, signed by %(name)s, %(when)s") % values, addendum.text


def _amended(report: Report) -> str:
    """A line for the head of the first page: what was added may turn over what stands above it."""
    last = report.addenda.last()
    if last is None:
        return ""
    values = {"number": last.number, "when": _moment(last.signed_at.isoformat())}
    return _("Amended: addendum %(number)d of %(when)s stands below the signature.") % values


def _decision(report: Report) -> str:
    review = report.reading
    if review.decision != Decision.OVERRIDE:
        return _(_DECIDED[Decision(review.decision)])
    note = f" {review.override_note}" if review.override_note else ""
    return _("The reader: overrides the classifiers, because: %(reason)s.") % {"reason": review.because} + note


_BOTH_RIGHT = {
    "agrees": gettext_noop("Category and result agree. The reader says why both are right: %(reason)s"),
    "differs": gettext_noop(
        "Category and result contradict each other. The reader says why both are right: %(reason)s"
    ),
}


def _why_both(frozen: Mapping[str, Any]) -> str:
    """What the reader answered to a contradiction between category and decision; empty where there was none."""
    stand = frozen.get("stand")
    return " " + _(_BOTH_RIGHT[stand["agreement"]]) % {"reason": stand["contradiction_reason"]} if stand else ""


def _of_another_category(report: Report) -> str:
    """A correction may change the category; what the reader said of the classifiers was said beside the first one."""
    if report.category == report.reading.category:
        return ""
    return " " + _("This was decided beside the category of the reading, which was: %(category)s.") % {
        "category": report.reading.get_category_display()
    }


def _caution(analysis: Mapping[str, Any]) -> str:
    """Beside results of classifiers that are for research only, whichever the clinic shows on screen."""
    said = [analysis["combination"]] if analysis.get("combination") else analysis.get("predictions", ())
    research_only = any(answers.given_frozen(one).is_research_only for one in said)
    return _(words.RESEARCH_ONLY_SHOWN) if research_only else ""


def _without_result(frozen: Mapping[str, Any]) -> str:
    why = retold.sentence(frozen.get("without_result", ""))
    return words.ended(why) if why else ""


def _predictions(analysis: Mapping[str, Any]) -> tuple[PrintedPrediction, ...]:
    """The combination first, where there is one, with its first question in a line of its own.

    Older snapshots know neither combinations nor zones nor cards.
    """
    combination = analysis.get("combination")
    name = f"{combination['panel']} {combination['version']}" if combination else ""
    asked = [_abnormality(combination["abnormality"], name)] if combination and _prints_abnormality(analysis) else []
    first = [*asked, _prediction(combination, name, "")] if combination else []
    rest = [
        _prediction(one, f"{one['classifier']} {one['version']}", one["weights_sha256"][:12])
        for one in analysis.get("predictions", ())
    ]
    return (*first, *rest)


def _prints_abnormality(analysis: Mapping[str, Any]) -> bool:
    """What was signed before it was printed is printed as it was."""
    return "abnormality" in analysis.get("questions", ())


def _abnormality(one: Mapping[str, Any], name: str) -> PrintedPrediction:
    point = one["operating_point"]
    return PrintedPrediction(
        name=name,
        probability=f"{_(answers.ABNORMAL_LUNG)}: {formats.percent(one['probability'])}",
        standing=_zone(one["zone"], point),
        sensitivity=_estimate(point["sensitivity"]) if point.get("sensitivity") else str(NOT_GIVEN),
        specificity=_estimate(point["specificity"]) if point.get("specificity") else str(NOT_GIVEN),
        auc=str(NOT_GIVEN),
        weights="",
    )


def _prediction(one: Mapping[str, Any], name: str, weights: str) -> PrintedPrediction:
    point = one["operating_point"]
    auc = one.get("card", {}).get("auc")
    return PrintedPrediction(
        name=name,
        probability=f"{label_name(point['positive_label'])}: {formats.percent(one['probability'])}",
        standing=_standing(one, point),
        sensitivity=_estimate(point["sensitivity"]),
        specificity=_estimate(point["specificity"]),
        auc=_estimate(auc) if auc else str(NOT_GIVEN),
        weights=weights,
    )


def _standing(one: Mapping[str, Any], point: Mapping[str, Any]) -> str:
    threshold = formats.percent(point["threshold"])
    if not (one.get("zone") and has_zones(point)):
        # Snapshots signed before zones call it "positive".
        reached = one.get("at_or_above_threshold", one.get("positive"))
        return (_("above %(threshold)s") if reached else _("below %(threshold)s")) % {"threshold": threshold}
    return _zone(one["zone"], point)


def _zone(zone: str, point: Mapping[str, Any]) -> str:
    """A zone in one word, with the thresholds that bound it."""
    word, lower, upper = verdict.word_of_zone(zone, point), formats.percent(point["threshold"]), upper_threshold(point)
    return f"{word} ({lower})" if upper is None else f"{word} ({lower} / {formats.percent(upper)})"


def _machine_notes(analysis: Mapping[str, Any]) -> tuple[str, ...]:
    """What stands below the table: why nothing was combined, what wants an eye, and what the model cards say."""
    notes = [f"{retold.sentence(sentence)}." for sentence in analysis.get("marks", ())]
    notes += map(retold.sentence, analysis.get("notes", ()))
    if analysis.get("without_combination"):
        notes.append(_("Not combined: %(reason)s") % {"reason": retold.sentences(analysis["without_combination"])})
    combination = analysis.get("combination") or {}
    if own := _own_thresholds(combination.get("abnormality")):
        notes.append(own)
    cards = [one.get("card", {}) for one in analysis.get("predictions", ())]
    # Most classifiers of a modality are meant for the same; a dict keeps the order.
    uses = dict.fromkeys(card["intended_use"] for card in cards if card.get("intended_use"))
    notes += [_("Intended use, as the model cards say: %(use)s") % {"use": card_words.tell(use)} for use in uses]
    # The combination, mostly measured on the same images, has its row in the table too
    cards.append(combination.get("card", {}))
    measured = dict.fromkeys(card["measured_on"] for card in cards if card.get("measured_on"))
    template = _("AUC, sensitivity and specificity were measured on %(data)s.")
    notes += [template % {"data": card_words.tell(data)} for data in measured]
    if _prints_abnormality(analysis) and not own and combination["abnormality"]["operating_point"].get("measured_on"):
        data = card_words.tell(combination["abnormality"]["operating_point"]["measured_on"])
        notes.append(_("For “abnormal lung” sensitivity and specificity were measured on %(data)s.") % {"data": data})
    if elsewhere := _elsewhere(combination.get("abnormality")):
        notes.append(elsewhere)
    return tuple(notes)


def _elsewhere(abnormality: Mapping[str, Any] | None) -> str:
    """What the threshold for an abnormal lung was worth at other places; empty where that was not measured."""
    return answers.elsewhere_sentence(abnormality["operating_point"], Zone(abnormality["zone"])) if abnormality else ""


def _own_thresholds(abnormality: Mapping[str, Any] | None) -> str:
    """At which thresholds of the clinic the lung was looked at; empty where those of the version were applied."""
    point = abnormality["operating_point"] if abnormality else {}
    site = answers.site_sentence(point)
    if not site:
        return ""
    lower, upper = formats.percent(point["threshold"]), upper_threshold(point)
    shown = lower if upper is None else f"{lower} / {formats.percent(upper)}"
    return _("%(site)s, for whether the lung is abnormal: %(thresholds)s.") % {"site": site, "thresholds": shown}


def _estimate(estimate: Mapping[str, float]) -> str:
    value, low, high = (formats.decimal(float(estimate[name])) for name in ("value", "low", "high"))
    return f"{value} ({low}–{high})"


def _day(text: str | None) -> str:
    return date_format(date.fromisoformat(text), "LONG_DATE_FORMAT") if text else str(NOT_GIVEN)


def _moment(text: str | None) -> str:
    if not text:
        return str(NOT_GIVEN)
    return date_format(timezone.localtime(datetime.fromisoformat(text)), "ZONED_DATETIME_FORMAT")
