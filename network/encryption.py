"""TLS of associations that the portal begins."""

from __future__ import annotations

import ssl

from django.conf import settings


def context() -> ssl.SSLContext:
    """Their certificate must be of an authority that this machine or DELIVERY_TLS_CA knows."""
    made = ssl.create_default_context(cafile=settings.DELIVERY_TLS_CA or None)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.DICOM_TLS_CERTIFICATE:
        made.load_cert_chain(settings.DICOM_TLS_CERTIFICATE, settings.DICOM_TLS_KEY or None)
    return made
