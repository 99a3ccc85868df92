"""Lays a report out on A4: whose it is, the radiologist's words with signature and code, the classifiers after them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from io import BytesIO
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from accounts.locale import in_time_zone_of
from diagnosis.models import Report
from diagnosis.reports.pdf.content import PrintedPrediction, PrintedReport, printed
from diagnosis.reports.pdf.fonts import BOLD, REGULAR
from diagnosis.reports.pdf.markup import cannot_print, marked_up
from diagnosis.reports.pdf.styles import LINE, MARGIN, MUTED, TINT, WARN, styles
from diagnosis.reports.picture import Picture

WIDTH = A4[0] - 2 * MARGIN
PICTURE_SIDE = 48 * mm
PICTURES_IN_A_ROW = 3
CODE_SIDE = 22 * mm
LOGO = (50 * mm, 18 * mm)
HEADINGS = (
    gettext_lazy("Classifier, version, weights"),
    gettext_lazy("Probability"),
    gettext_lazy("Zone or side (thresholds)"),
    gettext_lazy("Sensitivity (95 %)"),
    gettext_lazy("Specificity (95 %)"),
    gettext_lazy("AUC, held out (95 %)"),
)


def render_pdf(
    report: Report, *, pictures: Sequence[Picture], verification_url: str, repeatable: bool = False
) -> bytes:
    """The report as a PDF file. `pictures` are as of `pictures_of`: the first stands at the head.

    `repeatable`: the same bytes for the same report, because the file does not say when it was made.

    Times are those of the clinic, whoever prints. The pages are laid out twice: the second time each knows how many
    there are.
    """
    with in_time_zone_of(report.scan.clinic):
        content = printed(report)
    lay_out = partial(_laid_out, content, pictures, verification_url, invariant=int(repeatable))
    _, pages = lay_out(pages=0)
    return lay_out(pages=pages)[0]


def _laid_out(
    content: PrintedReport, pictures: Sequence[Picture], url: str, *, pages: int, invariant: int
) -> tuple[bytes, int]:
    """The file, and how many pages it has."""
    file = BytesIO()
    # reportlab's frame keeps six points of its own inside the margins.
    side = MARGIN - 6
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=side,
        rightMargin=side,
        topMargin=MARGIN * 0.8,
        bottomMargin=MARGIN,
        invariant=invariant,
    )
    # Nothing about the patient in the file's properties: they show in file managers and search indexes.
    document.title, document.author, document.creator = _("Radiology report"), content.clinic, _("Radiology report")
    page = partial(_page, content, pages)
    document.build(_parts(content, pictures, url), onFirstPage=page, onLaterPages=page)
    return file.getvalue(), document.page


def _parts(content: PrintedReport, pictures: Sequence[Picture], url: str) -> list[Flowable]:
    return [
        *_head(content),
        _identity(content, pictures[0]),
        *_warnings(content),
        *_words(content),
        # The signature must not stand alone on a page: it takes the last of the words along.
        KeepTogether([*_section(_("Category"), content.category), *_proof(content, url)]),
        *_addenda(content),
        *_key_images(pictures),
        KeepTogether(_classifiers(content)),
    ]


def _text(style: str, text: str, width: float = WIDTH) -> Paragraph:
    chosen = styles()[style]
    colour = chosen.textColor.hexval().replace("0x", "#")
    words = marked_up(text, font=chosen.fontName, size=chosen.fontSize, colour=colour, width=width)
    return Paragraph(words, chosen)


def _head(content: PrintedReport) -> list[Flowable]:
    status = _text("status" if content.holds else "warning", content.status)
    # A column too narrow for the longest status would break it.
    line = Table([[_text("title", content.title), status]], colWidths=[WIDTH * 0.7, WIDTH * 0.3])
    line.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "BOTTOM"), *_flush()]))
    return [_letterhead(content), Spacer(0, 3 * mm), line, Spacer(0, 2 * mm)]


def _letterhead(content: PrintedReport) -> Flowable:
    words: list[Flowable] = [_text("clinic", content.clinic)]
    words += [_text("muted", content.address)] if content.address else []
    logo = _fitted(content.logo, *LOGO) if content.logo else ""
    head = Table([[words, logo]], colWidths=[WIDTH - LOGO[0], LOGO[0]])
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("ALIGN", (1, 0), (1, 0), "RIGHT"), *_flush()]
    head.setStyle(TableStyle([*style, ("LINEBELOW", (0, 0), (-1, 0), 0.5, LINE), *_padding(2)]))
    return head


def _identity(content: PrintedReport, picture: Picture) -> Flowable:
    """The patient large, the rest of the facts below in two columns of names and values."""
    words_width = WIDTH - PICTURE_SIDE - 8 * mm
    value_width = words_width - 30 * mm
    (_name, patient), *facts = (*content.facts, (_("Image quality"), content.image_quality))
    rows = [[_text("label", name), _text("body", value, value_width)] for name, value in facts]
    table = Table([["", ""], *rows], colWidths=[30 * mm, value_width])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_flush(), *_padding(0.5)]))
    both = Table(
        [[[_text("patient", patient, words_width), table], _captioned(picture)]],
        colWidths=[WIDTH - PICTURE_SIDE - 4 * mm, PICTURE_SIDE + 4 * mm],
    )
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("ALIGN", (1, 0), (1, 0), "RIGHT")]
    both.setStyle(TableStyle([*style, ("BOX", (0, 0), (-1, -1), 0.5, LINE)]))
    return both


def _captioned(picture: Picture) -> list[Flowable]:
    shown = _fitted(picture.png, PICTURE_SIDE, PICTURE_SIDE) if picture.png else _unseen()
    return [shown, _text("muted", picture.caption, PICTURE_SIDE)] if picture.caption else [shown]


def _key_images(pictures: Sequence[Picture]) -> list[Flowable]:
    """Those that do not stand at the head of the report already, and what was measured on each."""
    others = [_captioned(one) for one in pictures[1:]]
    measured = [_text("small", f"{one.caption}: {_numbered(one.measurements)}") for one in pictures if one.measurements]
    if not (others or measured):
        return []
    rows = [_row(others[start : start + PICTURES_IN_A_ROW]) for start in range(0, len(others), PICTURES_IN_A_ROW)]
    return [_text("heading", _("Key images")), *measured, *rows]


def _row(cells: Sequence[list[Flowable]]) -> Table:
    empty: list[list[Flowable]] = [[] for _cell in range(PICTURES_IN_A_ROW - len(cells))]
    row = Table([[*cells, *empty]], colWidths=[WIDTH / PICTURES_IN_A_ROW] * PICTURES_IN_A_ROW)
    row.setStyle(
        TableStyle(
            [("VALIGN", (0, 0), (-1, -1), "TOP"), *_flush(), ("RIGHTPADDING", (0, 0), (-1, -1), 10), *_padding(4)]
        )
    )
    return row


def _numbered(words: Sequence[str]) -> str:
    return "; ".join(f"({number}) {one}" for number, one in enumerate(words, 1))


def _unseen() -> Paragraph:
    return _text("muted", _("The picture could not be drawn."))


def _fitted(png: bytes, width: float, height: float) -> Image:
    image = Image(BytesIO(png))
    scale = min(width / image.imageWidth, height / image.imageHeight)
    image.drawWidth, image.drawHeight = image.imageWidth * scale, image.imageHeight * scale
    image.hAlign = "RIGHT"
    return image


def _warnings(content: PrintedReport) -> list[Flowable]:
    """What must be seen on the first page, whatever stands on the last."""
    sentences = [content.error, content.correction, content.late, content.amended, _unprintable(content)]
    said = [_text("warning", sentence) for sentence in sentences if sentence]
    return [Spacer(0, 2 * mm), *said] if said else []


def _unprintable(content: PrintedReport) -> str:
    said = [value for _name, value in content.facts] + [content.findings, content.impression, content.clinic]
    if not any(cannot_print(words, font=REGULAR) for words in said):
        return ""
    return _("Some letters cannot be printed here and stand as boxes. Read this report on screen.")


def _words(content: PrintedReport) -> list[Flowable]:
    before = [flowable for name, words in content.sections for flowable in _section(name, words)]
    said = "\n".join((content.findings, *content.coded_findings))
    return [
        *before,
        *_section(_("Findings"), said),
        *_section(_("Impression"), content.impression, "impression"),
    ]


def _section(name: str, words: str, style: str = "words") -> list[Flowable]:
    return [_text("heading", name), _text(style, words)]


def _addenda(content: PrintedReport) -> list[Flowable]:
    return [flowable for name, words in content.addenda for flowable in _section(name, words)]


def _classifiers(content: PrintedReport) -> list[Flowable]:
    """The machine's part, in a box of its own: nobody may take it for the radiologist's words."""
    inside: list[list[Flowable]] = [
        [_text("heading", _("Classifiers (decision support, not part of the radiologist's report)"))]
    ]
    inside += [[_text("caution", content.caution)]] if content.caution else []
    inside.append([_prediction_table(content) if content.predictions else _without_result(content)])
    inside += [[_text("small", note)] for note in content.machine_notes]
    inside += [[_text("small", content.decision)], [_text("small", content.intended_use)]]
    box = Table(inside, colWidths=[WIDTH])
    box.setStyle(
        TableStyle([("BACKGROUND", (0, 0), (-1, -1), TINT), ("BOX", (0, 0), (-1, -1), 0.5, LINE), *_padding(2)])
    )
    return [Spacer(0, 5 * mm), box]


def _without_result(content: PrintedReport) -> Paragraph:
    nothing = _("No classifiers' result.")
    return _text("body", f"{nothing} {content.without_result}" if content.without_result else nothing)


def _prediction_table(content: PrintedReport) -> Table:
    # A percentage is not torn apart where a heading takes two lines
    rows = [[_text("muted", str(name).replace(" %", "\u00a0%")) for name in HEADINGS]]
    rows += [[_text("tiny", value) for value in _cells(answer)] for answer in content.predictions]
    shares = (0.175, 0.175, 0.215, 0.145, 0.145, 0.145)
    table = Table(rows, colWidths=[(WIDTH - 5 * mm) * share for share in shares], repeatRows=1)
    style = [("LINEBELOW", (0, 0), (-1, 0), 0.5, LINE), ("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding(1.5)]
    table.setStyle(TableStyle([*style, ("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 6)]))
    return table


def _cells(answer: PrintedPrediction) -> tuple[str, ...]:
    name = f"{answer.name}\n{answer.weights}" if answer.weights else answer.name
    return name, answer.probability, answer.standing, answer.sensitivity, answer.specificity, answer.auc


def _proof(content: PrintedReport, url: str) -> list[Flowable]:
    lines = [_text("signature", content.signature)]
    if content.is_final:
        lines += [
            _text("muted", _("Content hash (SHA-256): %(hash)s") % {"hash": content.content_sha256}),
            _text("muted", _("Verify at %(address)s") % {"address": url}),
        ]
        row: list[Any] = [lines, _code(url)]
    else:
        row = [[*lines, _text("warning", _("This report is preliminary and may change. Do not file it."))], ""]
    table = Table([row], colWidths=[WIDTH - CODE_SIDE - 4 * mm, CODE_SIDE + 4 * mm])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("ALIGN", (1, 0), (1, 0), "RIGHT"), *_flush()]))
    return [Spacer(0, 4 * mm), table]


def _code(url: str) -> Drawing:
    widget = QrCodeWidget(url, barLevel="M")
    left, bottom, right, top = widget.getBounds()
    scale = CODE_SIDE / max(right - left, top - bottom)
    drawing = Drawing(CODE_SIDE, CODE_SIDE, transform=[scale, 0, 0, scale, 0, 0])
    drawing.add(widget)
    return drawing


def _flush() -> list[tuple[Any, ...]]:
    return [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]


def _padding(points: float) -> list[tuple[Any, ...]]:
    return [("TOPPADDING", (0, 0), (-1, -1), points), ("BOTTOMPADDING", (0, 0), (-1, -1), points)]


def _page(content: PrintedReport, pages: int, canvas: Canvas, document: SimpleDocTemplate) -> None:
    """Every sheet says whose it is and what state it is in, for the day when it lies alone."""
    canvas.saveState()
    if not content.is_final:
        _mark(canvas, _("PRELIMINARY"))
    patient = ", ".join(value for _name, value in content.facts[:2])
    foot = f"{patient} · {content.status} · {content.content_sha256[:12]}".rstrip(" ·")
    _stand(_text("muted", foot, WIDTH * 0.8), canvas, MARGIN, WIDTH * 0.8)
    number = _("Page %(number)d of %(count)d") % {"number": document.page, "count": pages}
    canvas.setFont(REGULAR, 7)
    canvas.setFillColor(MUTED)
    canvas.drawRightString(A4[0] - MARGIN, 10 * mm, number)
    canvas.restoreState()


def _mark(canvas: Canvas, word: str) -> None:
    """A word across the sheet, behind everything."""
    canvas.saveState()
    canvas.setFont(BOLD, 60)
    canvas.setFillColor(WARN, alpha=0.08)
    canvas.translate(A4[0] / 2, A4[1] / 2)
    canvas.rotate(50)
    canvas.drawCentredString(0, 0, word)
    canvas.restoreState()


def _stand(paragraph: Paragraph, canvas: Canvas, left: float, width: float) -> None:
    """Put a paragraph into the foot of a page, its last line at the height of the page's number."""
    paragraph.wrap(width, 20 * mm)
    paragraph.drawOn(canvas, left, 9.2 * mm)
