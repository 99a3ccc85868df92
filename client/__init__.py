"""A small client of the portal's API: standard library only. `python -m client --help` is its command line."""

from client.portal import Portal
from client.transport import PortalError, Problem

__all__ = ["Portal", "PortalError", "Problem"]
