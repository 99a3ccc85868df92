"""Text of a file between two marker lines, which a command writes and `make check` compares."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class MarkersMissing(Exception):
    """A file has no place for its generated part; the message names the file and the markers."""


@dataclass(frozen=True)
class Part:
    """One generated part: what stands between `begin` and `end` in the file `path` is what `draw()` returns."""

    path: Path
    begin: str
    end: str
    draw: Callable[[], str]

    def wanted(self) -> str:
        """The whole text that the file should have.

        Raises MarkersMissing if the file does not have each marker once.
        """
        text = self.path.read_text()
        if text.count(self.begin) != 1 or text.count(self.end) != 1:
            raise MarkersMissing(f"{self.path.relative_to(ROOT)} needs “{self.begin}” and “{self.end}” once each.")
        before, rest = text.split(self.begin)
        return f"{before}{self.begin}\n{self.draw().strip()}\n{self.end}{rest.split(self.end)[1]}"

    def is_stale(self) -> bool:
        return self.path.read_text() != self.wanted()

    def write(self) -> None:
        self.path.write_text(self.wanted())
