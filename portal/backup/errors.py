from __future__ import annotations


class BackupFailed(Exception):
    """`code` is what pages put into words; the sentence says what to do, for the terminal and the log."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class RestoreRefused(Exception):
    """Nothing was written; the sentence says why."""


class BackupDamaged(Exception):
    """What was read back is not what was written; the sentence says what and where."""
