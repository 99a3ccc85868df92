"""Collects the static files when any of them changed since the last time."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect_when_stale() -> bool:
    """Returns whether they had to be collected."""
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    now = fingerprint()
    if stamp.exists() and stamp.read_text() == now:
        return False
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(now)
    return True


def fingerprint() -> str:
    """Changes when a source file is added, removed or written."""
    lines = (_line(storage.path(name)) for finder in get_finders() for name, storage in finder.list([]))
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _line(path: str) -> str:
    found = Path(path).stat()
    return f"{path} {found.st_size} {found.st_mtime_ns}"
