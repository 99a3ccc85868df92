"""`python -m client upload *.dcm --record-number MRN-1 --wait`, `studies`, `report`.

PORTAL_URL is the portal's address. The token is read from PORTAL_TOKEN, or from the file that PORTAL_TOKEN_FILE or
--token-file names; never from the command line, which every process of the machine can read.
"""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from client.portal import Portal
from client.transport import PortalError


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0, or 1 where something went wrong, of which stderr tells."""
    asked = _parser().parse_args(arguments)
    try:
        portal = Portal(_address(asked), _token(asked.token_file))
        done: int = asked.run(portal, asked)
    except (PortalError, OSError, ValueError) as error:
        _complain(str(error))
        return 1
    return done


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m client", description=__doc__)
    parser.add_argument("--url", help="the portal's address; else PORTAL_URL")
    parser.add_argument("--token-file", type=Path, help="a file with the token; else PORTAL_TOKEN or PORTAL_TOKEN_FILE")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_upload(commands)
    studies = commands.add_parser("studies", help="list studies, newest first")
    studies.add_argument("--patient", help="key of a patient")
    studies.add_argument("--accession-number")
    studies.set_defaults(run=_studies)
    report = commands.add_parser("report", help="read a report, or store it as PDF")
    report.add_argument("report", help="its key")
    report.add_argument("--pdf", type=Path, help="where to store it; not where there is a file already")
    report.set_defaults(run=_report)
    return parser


def _add_upload(commands: Any) -> None:
    upload = commands.add_parser("upload", help="send files, one line of JSON for each")
    upload.add_argument("files", nargs="+", type=Path)
    whose = upload.add_mutually_exclusive_group(required=True)
    whose.add_argument("--patient", help="key of the patient")
    whose.add_argument("--record-number", help="record number of the patient")
    upload.add_argument("--modality", choices=("cxr", "ct"), default="", help="may be left out for DICOM")
    upload.add_argument("--urgent", action="store_true")
    upload.add_argument("--wait", action="store_true", help="until the analyses have ended")
    upload.set_defaults(run=_upload)


def _upload(portal: Portal, asked: argparse.Namespace) -> int:
    """A file that is refused does not stop the others."""
    patient = asked.patient or portal.patient(asked.record_number)["id"]
    failed = 0
    studies: dict[str, None] = {}
    for path in asked.files:
        try:
            made = portal.upload(path, patient=patient, modality=asked.modality, urgent=asked.urgent)
        except (PortalError, OSError, ValueError) as error:
            failed = 1
            _complain(f"{path}: {error}")
            continue
        studies[made["study"]["id"]] = None
        _say(
            {
                "file": str(path),
                "scan": made["scan"]["id"],
                "study": made["study"]["id"],
                "duplicate": made["duplicate"],
            }
        )
    for study in studies if asked.wait else ():
        _say({"study": study, "headline": portal.wait(study)["headline"]})
    return failed


def _studies(portal: Portal, asked: argparse.Namespace) -> int:
    given = {"patient": asked.patient, "accession_number": asked.accession_number}
    for study in portal.studies(**{name: value for name, value in given.items() if value}):
        shown = ("id", "patient", "modality", "received_at", "headline")
        _say({name: study[name] for name in shown})  # type: ignore[literal-required]
    return 0


def _report(portal: Portal, asked: argparse.Namespace) -> int:
    if asked.pdf is None:
        _say(portal.report(asked.report))
        return 0
    content = portal.report_pdf(asked.report)
    with asked.pdf.open("xb") as file:
        file.write(content)
    return 0


def _say(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _complain(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


def _address(asked: argparse.Namespace) -> str:
    found: str = asked.url or os.environ.get("PORTAL_URL", "")
    if not found:
        raise PortalError("Name the portal: set PORTAL_URL, or give --url.")
    return found


def _token(file: Path | None) -> str:
    """Raises PortalError where there is none, or where other accounts of the machine can read its file."""
    named = file or (Path(path) if (path := os.environ.get("PORTAL_TOKEN_FILE")) else None)
    if named is None:
        token = os.environ.get("PORTAL_TOKEN", "").strip()
        if not token:
            raise PortalError("There is no token. Set PORTAL_TOKEN or PORTAL_TOKEN_FILE, or give --token-file.")
        return token
    if os.name == "posix" and stat.S_IMODE(named.stat().st_mode) & 0o077:
        raise PortalError(f"Other accounts can read {named}. Close it to them: chmod 600")
    return named.read_text().strip()


if __name__ == "__main__":
    sys.exit(main())
