"""Web and worker must start in a second and fit in a small machine: nothing heavy is imported at the top."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGINES = {"tensorflow", "keras", "jax", "torch", "sklearn", "matplotlib"}
WEB = "import portal.wsgi; from django.urls import get_resolver; get_resolver().url_patterns"
WORKER = "import django; django.setup(); from portal.celery import app; app.loader.import_default_modules()"


def imported(code: str) -> set[str]:
    """Top-level modules of a fresh process after `code`."""
    report = "import sys, json; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings"}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {report}"],
        capture_output=True, text=True, check=True, cwd=ROOT, env=environment,
    )  # fmt: skip
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(("process", "code"), [("web", WEB), ("worker", WORKER)])
def test_starts_without_engines(process: str, code: str) -> None:
    modules = imported(code)
    assert {"django", "diagnosis", "celery"} <= modules, "the process did not load the portal"
    assert not ENGINES & modules
    assert "openvino" not in modules, "it is loaded in the pool's process, after the fork"
