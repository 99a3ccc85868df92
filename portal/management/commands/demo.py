"""The portal on this machine with demonstration content: `make demo`."""

from __future__ import annotations

import shlex
import sys
import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.models import Clinic
from accounts.roles import Administrator, Radiographer
from diagnosis.actions.analysis import rerun_analysis
from diagnosis.analyses import classifiers
from diagnosis.errors import Refusal
from diagnosis.models import Scan
from diagnosis.states import AnalysisStatus
from portal.demo.patients import ensure_patients
from portal.demo.results import Results
from portal.demo.scans import DRAWINGS, ensure_scans
from portal.demo.staff import DOMAIN, Login, ensure_staff, member
from portal.embedded.launcher import Launcher
from portal.management.commands.serve import Command as Serve

EXIT_SECONDS = 600
NOTE = "Synthetic images: these numbers show that the portal works, nothing else. Decision support, not a diagnosis."


class Command(Serve):
    help = "Run the portal on this machine with a demonstration clinic, and print its scans' results."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--exit", action="store_true", help="stop after the results; status 0 when all are good")

    def serve(self, launcher: Launcher, *, exit: bool = False, **options: Any) -> None:  # noqa: A002
        clinic, logins = ensure_staff()
        self.say("")
        self.say_address(launcher)
        self.say("")
        self._say_logins(logins)
        try:
            results = self._show_results(launcher, clinic)
        except Refusal as refusal:
            raise CommandError(f"A demonstration scan was refused: {refusal.sentence}") from refusal
        if exit and not results.good:
            raise CommandError("Not every demonstration scan got its result: read the table above.")
        while not exit and launcher.step():
            pass

    def _say_logins(self, logins: list[Login]) -> None:
        if not logins:
            self.say(f"Sign in as radiographer@{DOMAIN} (or clinician, trainee, radiologist, administrator, site).")
            self.say("Passwords were shown once, at the first start; set a new one with")
            self.say(f"    {shlex.quote(sys.executable)} manage.py changepassword radiographer@{DOMAIN}\n")
            return
        self.say("Sign in as one of these. The passwords are shown this once and are kept nowhere:")
        for login in logins:
            self.say(f"    {login.who:<34}{login.email:<32}{login.password}")
        self.say("")

    def _show_results(self, launcher: Launcher, clinic: Clinic) -> Results:
        results = Results(len(DRAWINGS), self._line)
        self._upload(results, launcher, clinic)
        deadline = time.monotonic() + EXIT_SECONDS
        while not results.complete and time.monotonic() < deadline and launcher.step():
            self._update(results)
        self._progress("")
        self.say(f"\n{NOTE}\n")
        return results

    def _upload(self, results: Results, launcher: Launcher, clinic: Clinic) -> None:
        uploader = member(clinic, Radiographer)
        for scan in ensure_scans(ensure_patients(clinic, by=uploader), by=uploader):
            self._retry_when_it_can_help(scan, clinic)
            results.follow(scan)
            self._update(results)
            if launcher.stopping:
                return

    def _update(self, results: Results) -> None:
        results.update()
        self._progress(results.progress)

    def _retry_when_it_can_help(self, scan: Scan, clinic: Clinic) -> None:
        """A scan that had no classifier in an earlier run gets its analysis when there is one now."""
        latest = scan.latest_analysis
        served = {spec.modality.value for spec in classifiers.active_specs()}
        if latest and latest.status == AnalysisStatus.FAILED and scan.modality in served:
            rerun_analysis(by=member(clinic, Administrator), study=scan.study)

    def _line(self, text: str) -> None:
        self._progress("")
        self.say(text)

    def _progress(self, text: str) -> None:
        """One line that is written over; nothing when the output is not a terminal."""
        if self.stdout.isatty():
            self.stdout.write(f"\r\033[K{text}", ending="")
            self.stdout.flush()
