"""A world of its own: no network, an empty file system, no shared memory of others. Needs no rights where allowed."""

from __future__ import annotations

import os
from pathlib import Path

from ml.confinement import libc

_NEW_MOUNTS, _NEW_NAMES, _NEW_IPC, _NEW_USER, _NEW_NETWORK = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x40000000
_READ_ONLY, _NO_SETUID, _NO_DEVICES, _NO_PROGRAMS = 1, 2, 4, 8
_REMOUNT, _RECURSIVE, _PRIVATE = 0x20, 0x4000, 0x40000
_DETACH = 2
# Any folder that is there everywhere: what is mounted over it is seen by this process alone.
_ANY_FOLDER = "/tmp"  # noqa: S108


def enter() -> None:
    """Irrevocable; nothing can be opened afterwards. The process must have one thread. Raises OSError."""
    libc.require_linux()
    user, group = os.getuid(), os.getgid()
    libc.call("unshare", _NEW_USER | _NEW_MOUNTS | _NEW_NETWORK | _NEW_IPC | _NEW_NAMES)
    _stay(user, group)
    _leave_every_file()


def _stay(user: int, group: int) -> None:
    """The same account within as outside; without one, nothing could be mounted."""
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{user} {user} 1")
    (own / "gid_map").write_text(f"{group} {group} 1")


def _leave_every_file() -> None:
    """The root of the file system becomes an empty folder, and the old one is out of reach."""
    libc.call("mount", b"none", b"/", None, _RECURSIVE | _PRIVATE, None)
    bare = _NO_SETUID | _NO_DEVICES | _NO_PROGRAMS
    libc.call("mount", b"tmpfs", _ANY_FOLDER.encode(), b"tmpfs", bare, b"size=4k,nr_inodes=1,mode=555")
    os.chdir(_ANY_FOLDER)
    libc.call("pivot_root", b".", b".")
    libc.call("umount2", b".", _DETACH)
    os.chdir("/")
    libc.call("mount", None, b"/", None, bare | _REMOUNT | _READ_ONLY, None)
