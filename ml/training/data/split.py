"""Split images into parts by group, so that no patient is on two sides."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from ml.spec import Modality
from ml.training.data.manifest import Row, read_rows


class Part(StrEnum):
    """The training part fits weights, the validation part chooses, the test part is looked at once."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


Parts = dict[Part, tuple[Row, ...]]
Partition = Callable[[Path, Modality], Parts]
Shares = Sequence[tuple[Part, float]]
Unit = list[Row]

VALIDATION_SHARE = (Part.VALIDATION, 0.10)
HELD_OUT_SHARES = ((Part.TEST, 0.20), VALIDATION_SHARE)


def by_group(data: Path, modality: Modality) -> Parts:
    """The partition of every classifier that ships."""
    return split(read_rows(data, modality))


def group_of(row: Row) -> str:
    """What must stay on one side of a split."""
    return row.group


def split(
    rows: Sequence[Row],
    *,
    shares: Shares = HELD_OUT_SHARES,
    seed: str = "1",
    unit_of: Callable[[Row], str] = group_of,
) -> Parts:
    """Give every group to one part: about 70 % training, 10 % validation, 20 % test.

    Deterministic: the order of groups comes from a hash of their names. Each kind of group (its labels and
    sources) is divided by itself, so that the parts resemble each other as far as whole groups allow. `shares` are
    those of the held-out parts; `unit_of` names what stays together instead of groups.
    """
    parts: dict[Part, list[Row]] = {part: [] for part in Part}
    for units in _kinds(rows, seed, unit_of):
        for unit, part in _deal(units, shares):
            parts[part].extend(unit)
    return {part: _ordered(members) for part, members in parts.items()}


def folds(
    rows: Sequence[Row], count: int, *, seed: str = "1", unit_of: Callable[[Row], str] = group_of
) -> tuple[Parts, ...]:
    """Cross-validation: `count` partitions whose test parts share out all rows, each kind of group about evenly.

    A tenth of the rest of each is its validation part.
    """
    dealt = _dealt(rows, count, seed, unit_of)
    return tuple(
        split(
            [row for other, members in enumerate(dealt) if other != fold for row in members],
            shares=[VALIDATION_SHARE],
            seed=seed,
            unit_of=unit_of,
        )
        | {Part.TEST: _ordered(held_out)}
        for fold, held_out in enumerate(dealt)
    )


def _dealt(rows: Sequence[Row], count: int, seed: str, unit_of: Callable[[Row], str]) -> list[list[Row]]:
    """Each unit goes where its kind is rarest so far, then where there is least."""
    dealt: list[list[Row]] = [[] for _ in range(count)]
    for units in _kinds(rows, seed, unit_of):
        counts = [0] * count
        for unit in units:
            fold = min(range(count), key=lambda each: (counts[each], len(dealt[each])))
            counts[fold] += len(unit)
            dealt[fold].extend(unit)
    return dealt


def _kinds(rows: Sequence[Row], seed: str, unit_of: Callable[[Row], str]) -> Iterable[list[Unit]]:
    """The units of each kind, in the order of their hashes."""
    units: dict[str, Unit] = defaultdict(list)
    for row in rows:
        units[unit_of(row)].append(row)
    kinds: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, members in units.items():
        kinds[_kind(members)].append(name)
    for _, names in sorted(kinds.items()):
        yield [units[name] for name in sorted(names, key=lambda name: _hash(name, seed))]


def _kind(members: Sequence[Row]) -> tuple[str, ...]:
    return tuple(sorted({f"{row.source}/{row.label}" for row in members}))


def _hash(name: str, seed: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _deal(units: Sequence[Unit], shares: Shares) -> Iterable[tuple[Unit, Part]]:
    """Fill the held-out parts to their share of images, in order; the rest is for training."""
    total = sum(map(len, units))
    quotas = [(part, share * total) for part, share in shares]
    for unit in units:
        while quotas and quotas[0][1] < len(unit) / 2:
            quotas.pop(0)
        if not quotas:
            yield unit, Part.TRAIN
            continue
        part, left = quotas[0]
        quotas[0] = (part, left - len(unit))
        yield unit, part


def _ordered(members: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(members, key=lambda row: row.path))
