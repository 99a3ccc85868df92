"""What a process can be shut in by, and what of it holds on this host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Layer(StrEnum):
    """SYSTEM_CALLS (seccomp) suffices by itself; the others stand behind it, should the kernel have a hole."""

    SYSTEM_CALLS = "system-calls"
    LANDLOCK = "landlock"
    NAMESPACES = "namespaces"


ALL = frozenset(Layer)


@dataclass(frozen=True, slots=True)
class Report:
    """`held`: the layers that hold; `missing`: for each other one the host's reason."""

    held: frozenset[Layer] = frozenset()
    missing: Mapping[Layer, str] = field(default_factory=dict)

    @property
    def contains_attackers(self) -> bool:
        """Whether code that has taken over the process can reach no file, network, process or program."""
        return Layer.SYSTEM_CALLS in self.held

    def as_note(self) -> dict[str, str]:
        """For each layer "" where it holds, else the reason; what `from_note` reads."""
        return {layer.value: self._reason(layer) for layer in Layer}

    @classmethod
    def from_note(cls, note: Mapping[str, object]) -> Report:
        """Raises ValueError for a layer that is not known."""
        reasons = {Layer(name): str(reason) for name, reason in note.items()}
        return cls(frozenset(layer for layer in reasons if not reasons[layer]), {k: v for k, v in reasons.items() if v})

    def lines(self) -> Iterable[str]:
        """One for each layer: whether it holds, and if not, why."""
        for layer in Layer:
            reason = self._reason(layer)
            yield f"{layer}: missing ({reason})" if reason else f"{layer}: holds"

    def _reason(self, layer: Layer) -> str:
        return "" if layer in self.held else self.missing.get(layer, "not asked for")
