"""Where the embedded broker's socket lies. Settings ask this too, so it imports nothing of Django."""

import hashlib
import os
import tempfile
from pathlib import Path

# sockaddr_un.sun_path holds 108 bytes with its closing zero (Linux, unix(7)).
LONGEST = 107


def socket_path(var_root: Path) -> Path:
    """`<var_root>/broker/broker.sock`, or a short path of the same meaning when the kernel could not take that one."""
    path = var_root.absolute() / "broker" / "broker.sock"
    if len(os.fsencode(path)) <= LONGEST:
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"portal-{os.getuid()}-{name}" / "broker.sock"
