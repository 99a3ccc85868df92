"""From a finished run to numbers: calibration, predictions, intervals, curves and controls."""
