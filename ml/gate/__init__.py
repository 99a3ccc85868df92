"""Refuse images that no classifier can read, before any probability. Never imports TensorFlow or Keras."""

from ml.gate.gate import Gate
from ml.gate.refusal import GateRefusal

__all__ = ["Gate", "GateRefusal"]
