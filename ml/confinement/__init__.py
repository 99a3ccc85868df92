"""Shut a process in by what the kernel offers: it keeps its memory and the pipes that it holds, and nothing else.

For the process that decodes files from outside (`ml.imaging.helper`). Linux only; elsewhere, and on hosts that forbid
one of the layers, `Report` says which are missing and why.
"""

from ml.confinement.guard import Guard, Limits
from ml.confinement.layers import ALL, Layer, Report
from ml.confinement.trial import report_of_this_host

__all__ = ["ALL", "Guard", "Layer", "Limits", "Report", "report_of_this_host"]
