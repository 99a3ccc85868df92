"""What a process imports is seen best in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]


def test_serving_the_gate_imports_neither_keras_nor_its_training() -> None:
    code = (
        "import sys, ml.lungs; from pathlib import Path; from ml.gate import Gate; Gate.load(Path('ml/weights')); "
        "heavy = {'tensorflow', 'keras', 'jax', 'torch', 'scipy', 'ml.training', 'ml.gate.training'}; "
        "print(sorted(set(sys.modules) & heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
