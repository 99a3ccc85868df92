"""Landlock without a single exception: no file, no TCP port, no signal and no abstract socket outside this process.

https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os

from ml.confinement import libc

# The same numbers on every architecture.
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1
# Version of the interface → how many kinds of access to files it handles: all of them are taken away.
_FILE_ACCESSES = ((5, 16), (3, 15), (2, 14), (1, 13))
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
# bind and connect of TCP; abstract sockets and signals.
_BOTH = 0b11


def version() -> int:
    """Of the kernel's interface. Raises OSError where the kernel has none, or has it switched off."""
    libc.require_linux()
    return libc.call("syscall", _CREATE_RULESET, 0, 0, _ASK_VERSION)


def lock() -> None:
    """For this process and all that it starts, for ever. Needs no_new_privs. Raises OSError."""
    handled = _handled(version())
    ruleset = libc.call("syscall", _CREATE_RULESET, handled, ctypes.sizeof(handled), 0)
    try:
        libc.call("syscall", _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _handled(interface: int) -> ctypes.Array[ctypes.c_uint64]:
    accesses = next(count for since, count in _FILE_ACCESSES if interface >= since)
    numbers = [(1 << accesses) - 1]
    if interface >= _NETWORK_SINCE:
        numbers.append(_BOTH)
    if interface >= _SCOPES_SINCE:
        numbers.append(_BOTH)
    return (ctypes.c_uint64 * len(numbers))(*numbers)
