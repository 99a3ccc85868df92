"""Calls into the C library that Python has no function for. Each raises OSError with the kernel's reason."""

from __future__ import annotations

import ctypes
import os
import sys

_libc = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
# _LINUX_CAPABILITY_VERSION_3: two blocks of effective, permitted and inheritable.
_CAPABILITY_VERSION = 0x20080522


def require_linux() -> None:
    if sys.platform != "linux":
        raise OSError(f"{sys.platform} does not have it")


def call(name: str, *arguments: object) -> int:
    """The function `name` of the C library; integers are passed as long, bytes as strings."""
    function = getattr(_libc, name)
    function.restype = ctypes.c_long
    given = (ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)
    result = int(function(*given))
    if ctypes.c_int(result).value == -1:  # of a function that returns an int, the upper half means nothing
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int) -> None:
    call("prctl", option, value, 0, 0, 0)


def give_up_capabilities() -> None:
    """Also those that the first process of a user namespace has within it."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    call("capset", header, (ctypes.c_uint32 * 6)())
