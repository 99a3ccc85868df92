"""What a process imports is seen best in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
HEAVY = "{'tensorflow', 'keras', 'jax', 'torch'}"


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    ).stdout.strip()


def test_the_catalogue_imports_neither_openvino_nor_tensorflow() -> None:
    code = (
        "import sys; from pathlib import Path; from ml.serving import catalogue; "
        "catalogue(Path('ml/weights')); "
        f"print(sorted(set(sys.modules) & ({HEAVY} | {{'openvino'}})))"
    )
    assert run(code) == "[]"


def test_serving_imports_openvino_without_its_telemetry_and_without_tensorflow() -> None:
    code = (
        "import sys; from ml.serving.engine import import_openvino; import_openvino(); "
        "import openvino.tools.ovc.telemetry_utils as used; "
        f"print(used.tm.__name__, sorted(set(sys.modules) & {HEAVY}), 'openvino' in sys.modules)"
    )
    assert run(code) == "openvino.tools.ovc.telemetry_stub [] True"
