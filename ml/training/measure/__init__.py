"""From predictions to numbers: calibration, metrics with their intervals, curves and controls."""
