"""Refuse images that no classifier can read, before any probability. Never imports TensorFlow or Keras."""

from ml.gate.gate import Gate
from ml.gate.refusal import GateRefusal, refuse_without_lungs

__all__ = ["Gate", "GateRefusal", "refuse_without_lungs"]
