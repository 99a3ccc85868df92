"""The strict validator of FHIR R4 from npm, asked once for many resources: one process takes a second to start."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CI

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = """
const { Fhir } = require("fhir");
const fhir = new Fhir();
const resources = JSON.parse(require("fs").readFileSync(0, "utf8"));
const told = resources.map((one) => fhir.validate(one, { errorOnUnexpected: true }).messages);
process.stdout.write(JSON.stringify(told.map((all) => all.filter((one) => one.severity === "error"))));
"""


def faults(resources: Iterable[dict[str, Any]]) -> list[str]:
    """The validator's errors; empty: all are valid. It warns of codes that it has no list of, such as LOINC's."""
    if not (shutil.which("node") and (ROOT / "node_modules" / "fhir").is_dir()):
        reason = "The FHIR validator is not installed: npm ci."
        if CI:
            pytest.fail(reason)
        pytest.skip(reason)
    sent = list(resources)
    done = subprocess.run(
        ["node", "-e", SCRIPT],
        input=json.dumps(sent),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    return [
        f"{one['resourceType']}/{one.get('id', '')} {told['location']}: {told['message']}"
        for one, messages in zip(sent, json.loads(done.stdout), strict=True)
        for told in messages
    ]
