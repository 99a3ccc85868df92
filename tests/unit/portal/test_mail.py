"""Where no mail server is named: nothing secret reaches a log, and everybody who can change it is told."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.mail import send_mail
from django.template.loader import render_to_string
from pytest_django import Settings

from portal import mail

ROOT = Path(__file__).resolve().parents[3]


def backend(**environment: str) -> str:
    """What the settings make of an environment."""
    ours = {name: value for name, value in os.environ.items() if name not in ("DEBUG", "EMAIL_URL")}
    show = "from portal import settings; print(settings.EMAIL_BACKEND)"
    command = [sys.executable, "-c", show]
    done = subprocess.run(command, cwd=ROOT, env={**ours, **environment}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_mail_is_written_to_the_console_with_debug_alone() -> None:
    assert backend() == backend(EMAIL_URL="consolemail://") == "portal.mail.Nowhere"
    assert backend(DEBUG="1").endswith("console.EmailBackend")
    assert backend(EMAIL_URL="smtp://mail.example.org").endswith("smtp.EmailBackend")


def test_no_word_of_a_mail_reaches_the_log(
    settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    settings.EMAIL_BACKEND = mail.NOWHERE
    with caplog.at_level(logging.DEBUG):
        sent = send_mail("Subject", "https://portal.example/key/1-secret/", None, ["anna@clinic.example"])
    written = caplog.text + "".join(capfd.readouterr())
    assert sent == 0
    assert "1 mail(s) not sent" in written and "EMAIL_URL" in written
    assert not [word for word in ("Subject", "secret", "anna") if word in written]


def test_a_check_and_a_notice_say_so(settings: Settings) -> None:
    assert mail.check_mail() == []
    settings.EMAIL_BACKEND = mail.NOWHERE
    assert [message.id for message in mail.check_mail()] == ["portal.W001"]
    assert "EMAIL_URL" in render_to_string("_mail_missing.html", {"mail_leaves": mail.leaves()})
    assert render_to_string("_mail_missing.html", {"mail_leaves": True}).strip() == ""
