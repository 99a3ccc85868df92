import errno
import socket

from portal.embedded.errors import CannotStart


def check_free(host: str, port: int) -> None:
    """Raise CannotStart unless a server could listen on `port` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            # Binding succeeds beside a listener that allows reuse; listening does not.
            probe.listen(1)
        except OSError as error:
            raise CannotStart(_sentence(error, host, port)) from error


def _sentence(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program: stop that, or add PORT={port + 1} to the command."
    if error.errno == errno.EACCES:
        return f"Port {port} is reserved for root: add a PORT above 1023 to the command, for example PORT=8000."
    return f"Cannot listen on {host}:{port} ({error.strerror}): check HOST and PORT."
