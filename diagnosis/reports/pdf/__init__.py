"""A report on paper: one A4 document, made from what was signed."""

from diagnosis.reports.pdf.document import render_pdf

__all__ = ["render_pdf"]
