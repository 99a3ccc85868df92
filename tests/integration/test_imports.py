"""What the processes of the portal must not load: it costs seconds, memory, and hangs after a fork."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.running import ROOT

HEAVY = ("tensorflow", "keras", "torch", "jax", "openvino", "matplotlib", "scipy", "sklearn")
WEB = """
import portal.wsgi
from django.urls import get_resolver
def walk(resolver):
    for pattern in resolver.url_patterns:
        walk(pattern) if hasattr(pattern, "url_patterns") else pattern.callback
walk(get_resolver())
from diagnosis.analyses import classifiers
classifiers.active_specs()
"""
WORKER_PARENT = """
from portal.celery import app
app.loader.import_default_modules()
import diagnosis.tasks, diagnosis.analyses.runner
assert "diagnosis.tasks.run_analysis" in app.tasks
"""


@pytest.mark.parametrize("process", [WEB, WORKER_PARENT], ids=["web", "worker parent"])
def test_nothing_heavy_is_imported(process: str) -> None:
    tell = f"import sys; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{process}\n{tell}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
