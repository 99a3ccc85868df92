"""The web server as a process."""

from __future__ import annotations

import http.client
import sys
import time
from collections.abc import Callable
from pathlib import Path

from portal.embedded.process import Process


def web_process(*, host: str, port: int, root: Path, log: Path) -> Process:
    command = [
        *(sys.executable, "-m", "gunicorn", "--config", "python:portal.web_server"),
        *("--bind", f"{bracketed(host)}:{port}"),
    ]
    return Process(name="web server", command=command, log=log, patience=8, directory=root)


def wait_until_ready(host: str, port: int, *, meanwhile: Callable[[], None], seconds: float = 180) -> bool:
    """Whether the process answers /healthz within `seconds`; `meanwhile` runs between the attempts."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if _answers(host, port):
            return True
        meanwhile()
        time.sleep(0.1)
    return False


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(reachable(host), port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        # 400 where ALLOWED_HOSTS does not name this machine: still an answer of the portal.
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def reachable(host: str) -> str:
    """The address at which this machine reaches a server bound to `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  a comparison


def bracketed(host: str) -> str:
    """`host` as it stands before a port."""
    return f"[{host}]" if ":" in host else host
