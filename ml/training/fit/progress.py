"""What a person sees while a run trains: one bar over the whole run with the time left, one line an epoch."""

import sys
import time
from types import TracebackType
from typing import Any, Self

import keras
from tqdm import tqdm

from ml.training.fit.plan import Plan


class Progress:
    """A bar that counts pixels, not steps, because an epoch at a larger size takes longer."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.bar = tqdm(total=sum(phase.epochs * phase.side**2 for phase in plan.phases), **_bar_style())
        self.epoch, self.step = 0, 0.0
        self.began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.close()

    def begin(self, epoch: int, side: int, steps: int) -> None:
        """Start an epoch; epochs done before an interruption count at once."""
        done, left = 0, epoch
        for phase in self.plan.phases:
            done += min(left, phase.epochs) * phase.side**2
            left -= min(left, phase.epochs)
        if self.bar.n == 0:
            self.bar.initial = done
        self.bar.n = self.bar.last_print_n = done
        self.bar.set_description(f"epoch {epoch + 1}/{self.plan.epochs} at {side} px")
        self.step = side**2 / steps
        self.began = time.monotonic()

    def callback(self) -> keras.callbacks.Callback:
        """What moves the bar on after every step."""
        return keras.callbacks.LambdaCallback(on_train_batch_end=self._advance)

    def _advance(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.bar.update(self.step)

    def report(self, record: dict[str, Any]) -> None:
        """Print the epoch's numbers above the bar."""
        numbers = "  ".join(
            f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}" for name, value in record.items()
        )
        self.bar.write(f"{numbers}  seconds {time.monotonic() - self.began:.0f}", file=sys.stdout)
        sys.stdout.flush()


def _bar_style() -> dict[str, Any]:
    return {
        "bar_format": "{desc} {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left",
        # The mean speed of the whole run: validation and compilation would make a recent one jump
        "smoothing": 0,
        "mininterval": 0.5 if sys.stderr.isatty() else 30,
    }
