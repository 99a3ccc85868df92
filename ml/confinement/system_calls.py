"""A list of the few system calls that remain, by libseccomp; every other one answers "not permitted"."""

from __future__ import annotations

import ctypes
import errno
import mmap

from ml.confinement import libc

# To compute, to take memory, to read and write what is open already. Nothing here names a file, a process or a host.
ALLOWED = (
    "read", "readv", "write", "writev", "close", "fstat", "lseek",
    "brk", "munmap", "mremap", "madvise",
    "futex", "sched_yield", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall",
    "clock_gettime", "clock_getres", "gettimeofday", "time", "times", "getrusage", "getrandom",
    "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "sched_getaffinity", "getcpu",
    "exit", "exit_group",
)  # fmt: skip
# Memory that can be run is loaded before; what comes in a file must not become a program. Argument 2 is the protection.
WITHOUT_EXECUTION = ("mmap", "mprotect")
_PROTECTION = 2

_ALLOW = 0x7FFF0000
_NOT_PERMITTED = 0x00050000 | errno.EPERM
_MASKED_EQUAL = 7
_UNKNOWN = -1


class _Comparison(ctypes.Structure):
    """struct scmp_arg_cmp: here, argument & mask == value."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operation", ctypes.c_int),
        ("mask", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
    )


class Filter:
    """Made once, loaded by each process that is to be shut in. Raises OSError where libseccomp or the kernel lacks."""

    def __init__(self) -> None:
        libc.require_linux()
        self._library = _library()
        self._context = self._library.seccomp_init(_NOT_PERMITTED)
        if not self._context:
            raise OSError("libseccomp cannot make a filter")
        never_run = _Comparison(_PROTECTION, _MASKED_EQUAL, mmap.PROT_EXEC, 0)
        for name in ALLOWED:
            self._allow(name)
        for name in WITHOUT_EXECUTION:
            self._allow(name, never_run)

    def load(self) -> None:
        """For this process, for ever."""
        _check(self._library.seccomp_load(self._context))

    def _allow(self, name: str, *when: _Comparison) -> None:
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number == _UNKNOWN:  # not on this architecture
            return
        comparisons = (_Comparison * len(when))(*when)
        _check(self._library.seccomp_rule_add_array(self._context, _ALLOW, number, len(when), comparisons))


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.POINTER(_Comparison),
    ]
    return library


def _check(result: int) -> None:
    """libseccomp answers with the negative number of an error."""
    if result:
        raise OSError(-result, "seccomp")
