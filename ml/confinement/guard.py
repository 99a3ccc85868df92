"""Shuts a process in, layer by layer."""

from __future__ import annotations

import ctypes
import resource
from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import ceil

from ml.confinement import landlock, libc, namespaces
from ml.confinement.layers import ALL, Layer, Report
from ml.confinement.system_calls import Filter


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_bytes` of address space; `seconds` of processor time. No files are written, opened or dumped."""

    memory_bytes: int
    seconds: float

    def set(self) -> None:
        """Lower them for good; past the processor time the kernel ends the process."""
        used = ceil(self.seconds) + 1
        for kind, soft, hard in (
            (resource.RLIMIT_AS, self.memory_bytes, self.memory_bytes),
            (resource.RLIMIT_CPU, used, used + 1),
            (resource.RLIMIT_FSIZE, 0, 0),
            (resource.RLIMIT_CORE, 0, 0),
            (resource.RLIMIT_NPROC, 0, 0),
            (resource.RLIMIT_NOFILE, 0, 0),
        ):
            resource.setrlimit(kind, (soft, hard))


class Guard:
    """What holds on this host. Made by the process that forks; `lock` is called by what it forked.

    `layers` are tried, the others left out. A layer that the host does not offer is missing, with the reason, and the
    rest is done all the same: whoever cannot do without asks `Report.contains_attackers`.
    """

    def __init__(self, layers: Collection[Layer] = ALL) -> None:
        self._layers = layers
        self._missing: dict[Layer, str] = {}
        self._held: set[Layer] = set()
        self._filter: Filter | None = None

    def enter(self) -> None:
        """What is done once: the namespaces, which all that is forked shares, and the list of system calls."""
        # The library is loaded while there are files.
        self._try(Layer.SYSTEM_CALLS, self._make_filter)
        self._try(Layer.NAMESPACES, namespaces.enter)

    def lock(self, limits: Limits) -> Report:
        """Shut this process in for ever. What is not loaded by now never will be."""
        self._without_reason(libc.give_up_capabilities)
        self._without_reason(lambda: libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1))
        self._try(Layer.LANDLOCK, landlock.lock)
        limits.set()
        # Last, for it forbids all of the above.
        if self._filter:
            self._try(Layer.SYSTEM_CALLS, self._filter.load)
        return self.report

    @property
    def report(self) -> Report:
        return Report(frozenset(self._held), dict(self._missing))

    def _make_filter(self) -> None:
        self._filter = Filter()

    def _try(self, layer: Layer, act: Callable[[], None]) -> None:
        if layer not in self._layers:
            return
        try:
            act()
        except (OSError, AttributeError, ctypes.ArgumentError) as error:
            self._missing[layer] = str(error)
            self._held.discard(layer)
        else:
            self._held.add(layer)

    @staticmethod
    def _without_reason(act: Callable[[], None]) -> None:
        """For what is missing only where the layers say so too."""
        try:
            act()
        except (OSError, AttributeError):
            return
