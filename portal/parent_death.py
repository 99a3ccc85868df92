"""Asks the kernel to end a process together with the one that started it (Linux: PR_SET_PDEATHSIG)."""

from __future__ import annotations

import ctypes
import os
from signal import Signals

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int, death_signal: Signals) -> None:
    """Have this process sent `death_signal` when the process `parent` ends, even by `kill -9`.

    Call it in the child. The kernel ties the child to the thread that forked it, not only to its process.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel knew
        os._exit(1)
