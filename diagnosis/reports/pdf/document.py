"""Lays a report out on A4: patient and image, the radiologist's words, the classifiers clearly apart, the proof."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from diagnosis.models import Report
from diagnosis.reports.pdf.content import PrintedPrediction, PrintedReport, printed
from diagnosis.reports.pdf.styles import BOLD, INK, LINE, MARGIN, MUTED, REGULAR, TINT, WARN, styles

WIDTH = A4[0] - 2 * MARGIN
PICTURE_SIDE = 62 * mm
CODE_SIDE = 26 * mm
HEADINGS = (
    gettext_lazy("Classifier, version, weights"),
    gettext_lazy("Probability"),
    gettext_lazy("Zone or side (thresholds)"),
    gettext_lazy("Sensitivity (95 %)"),
    gettext_lazy("Specificity (95 %)"),
    gettext_lazy("AUC, held out (95 %)"),
)


def render_pdf(report: Report, *, picture: bytes | None, verification_url: str) -> bytes:
    """The report as a PDF file. `picture` is a PNG of the image, or None where none can be made."""
    content = printed(report)
    parts = [
        *_head(content),
        _identity(content, picture),
        *([_text("warning", content.late)] if content.late else []),
        *_words(content),
        *_addenda(content),
        KeepTogether(_classifiers(content)),
        KeepTogether(_proof(content, verification_url)),
    ]
    file = BytesIO()
    document = SimpleDocTemplate(
        file, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN
    )
    # Nothing about the patient in the file's properties: they show in file managers and search indexes.
    document.title, document.author, document.creator = _("Radiology report"), content.clinic, _("Radiology report")
    page = partial(_page, content)
    document.build(parts, onFirstPage=page, onLaterPages=page)
    return file.getvalue()


def _text(style: str, text: str) -> Paragraph:
    return Paragraph(escape(text).replace("\n", "<br/>"), styles()[style])


def _head(content: PrintedReport) -> list[Flowable]:
    status = _text("body" if content.is_final else "warning", _("%(status)s report") % {"status": content.status})
    line = Table([[_text("title", content.title), status]], colWidths=[WIDTH * 0.72, WIDTH * 0.28])
    line.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "BOTTOM")]))
    return [_text("label", content.clinic), line, Spacer(0, 3 * mm)]


def _identity(content: PrintedReport, picture: bytes | None) -> Flowable:
    facts = [[_text("label", name), _text("body", value)] for name, value in content.facts]
    facts += [[_text("label", _("Image quality")), _text("body", content.image_quality)]]
    table = Table(facts, colWidths=[30 * mm, WIDTH - PICTURE_SIDE - 36 * mm])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding(1.5)]))
    shown = _picture(picture) if picture else _text("muted", _("The picture could not be drawn."))
    both = Table([[table, shown]], colWidths=[WIDTH - PICTURE_SIDE - 4 * mm, PICTURE_SIDE + 4 * mm])
    both.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("BOX", (0, 0), (-1, -1), 0.5, LINE),
                ("ALIGN", (1, 0), (1, 0), "RIGHT"),
            ]
        )
    )
    return both


def _picture(png: bytes) -> Image:
    image = Image(BytesIO(png))
    scale = PICTURE_SIDE / max(image.imageWidth, image.imageHeight)
    image.drawWidth, image.drawHeight = image.imageWidth * scale, image.imageHeight * scale
    return image


def _words(content: PrintedReport) -> list[Flowable]:
    parts = (
        (_("Findings"), content.findings),
        (_("Impression"), content.impression),
        (_("Category"), content.category),
    )
    return [flowable for name, words in parts for flowable in (_text("heading", name), _text("body", words))]


def _addenda(content: PrintedReport) -> list[Flowable]:
    return [flowable for name, words in content.addenda for flowable in (_text("heading", name), _text("body", words))]


def _classifiers(content: PrintedReport) -> list[Flowable]:
    """The machine's part, in a box of its own: nobody may take it for the radiologist's words."""
    inside: list[list[Flowable]] = [
        [_text("heading", _("Classifiers (decision support, not part of the radiologist's report)"))]
    ]
    inside.append([_prediction_table(content) if content.predictions else _text("body", _("No classifiers' result."))])
    inside += [[_text("small", note)] for note in content.machine_notes]
    inside += [[_text("small", content.decision)], [_text("small", content.intended_use)]]
    box = Table(inside, colWidths=[WIDTH])
    box.setStyle(
        TableStyle([("BACKGROUND", (0, 0), (-1, -1), TINT), ("BOX", (0, 0), (-1, -1), 0.5, LINE), *_padding(3)])
    )
    return [Spacer(0, 5 * mm), box]


def _prediction_table(content: PrintedReport) -> Table:
    rows = [[_text("label", str(name)) for name in HEADINGS]]
    rows += [[_text("small", value) for value in _cells(answer)] for answer in content.predictions]
    shares = (0.23, 0.16, 0.19, 0.14, 0.14, 0.14)
    table = Table(rows, colWidths=[(WIDTH - 8 * mm) * share for share in shares], repeatRows=1)
    table.setStyle(
        TableStyle([("LINEBELOW", (0, 0), (-1, 0), 0.5, LINE), ("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding(2)])
    )
    return table


def _cells(answer: PrintedPrediction) -> tuple[str, ...]:
    name = f"{answer.name}\n{answer.weights}" if answer.weights else answer.name
    return name, answer.probability, answer.standing, answer.sensitivity, answer.specificity, answer.auc


def _proof(content: PrintedReport, url: str) -> list[Flowable]:
    lines = [_text("heading", content.signature)]
    if content.is_final:
        lines += [
            _text("muted", _("Content hash (SHA-256): %(hash)s") % {"hash": content.content_sha256}),
            _text("muted", _("Verify at %(address)s") % {"address": url}),
        ]
        row: list[Any] = [lines, _code(url)]
    else:
        row = [[*lines, _text("warning", _("This report is preliminary and may change. Do not file it."))], ""]
    table = Table([row], colWidths=[WIDTH - CODE_SIDE - 4 * mm, CODE_SIDE + 4 * mm])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "MIDDLE")]))
    return [Spacer(0, 4 * mm), table]


def _code(url: str) -> Drawing:
    widget = QrCodeWidget(url, barLevel="M")
    left, bottom, right, top = widget.getBounds()
    scale = CODE_SIDE / max(right - left, top - bottom)
    drawing = Drawing(CODE_SIDE, CODE_SIDE, transform=[scale, 0, 0, scale, 0, 0])
    drawing.add(widget)
    return drawing


def _padding(points: float) -> list[tuple[Any, ...]]:
    return [("TOPPADDING", (0, 0), (-1, -1), points), ("BOTTOMPADDING", (0, 0), (-1, -1), points)]


def _page(content: PrintedReport, canvas: Canvas, document: SimpleDocTemplate) -> None:
    """Every sheet says whose it is and what state it is in, for the day when it lies alone."""
    canvas.saveState()
    if not content.is_final:
        canvas.setFont(BOLD, 60)
        canvas.setFillColor(WARN, alpha=0.08)
        canvas.translate(A4[0] / 2, A4[1] / 2)
        canvas.rotate(50)
        canvas.drawCentredString(0, 0, _("PRELIMINARY"))
        canvas.restoreState()
        canvas.saveState()
    patient = ", ".join(value for _name, value in content.facts[:2])
    canvas.setFont(REGULAR, 7)
    canvas.setFillColor(MUTED)
    canvas.drawString(MARGIN, 10 * mm, f"{patient} · {content.status} · {content.content_sha256[:12]}".rstrip(" ·"))
    canvas.drawRightString(A4[0] - MARGIN, 10 * mm, _("Page %(number)d") % {"number": document.page})
    canvas.setFillColor(INK)
    canvas.restoreState()
