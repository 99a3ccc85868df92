"""Split images into parts by group, so that no patient is on two sides."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum

from ml.training.manifest import Row


class Part(StrEnum):
    """The training part fits weights, the validation part chooses, the test part is looked at once."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


HELD_OUT_SHARES = ((Part.TEST, 0.20), (Part.VALIDATION, 0.10))


def split(rows: Sequence[Row], *, seed: str = "1") -> dict[Part, tuple[Row, ...]]:
    """Give every group to one part: about 70 % training, 10 % validation, 20 % test.

    Deterministic: the order of groups comes from a hash of their names. Each kind of group (its labels and
    sources) is divided by itself, so that the parts resemble each other as far as whole groups allow.
    """
    groups = _by_group(rows)
    kinds: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, members in groups.items():
        kinds[_kind(members)].append(name)
    parts: dict[Part, list[Row]] = {part: [] for part in Part}
    for names in kinds.values():
        for name, part in _deal(sorted(names, key=lambda name: _hash(name, seed)), groups):
            parts[part].extend(groups[name])
    return {part: tuple(sorted(members, key=lambda row: row.path)) for part, members in parts.items()}


def _by_group(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    return groups


def _kind(members: Sequence[Row]) -> tuple[str, ...]:
    return tuple(sorted({f"{row.source}/{row.label}" for row in members}))


def _hash(name: str, seed: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _deal(names: Sequence[str], groups: dict[str, list[Row]]) -> Iterable[tuple[str, Part]]:
    """Fill the held-out parts to their share of images, in order; the rest is for training."""
    total = sum(len(groups[name]) for name in names)
    quotas = [(part, share * total) for part, share in HELD_OUT_SHARES]
    for name in names:
        while quotas and quotas[0][1] < len(groups[name]) / 2:
            quotas.pop(0)
        if not quotas:
            yield name, Part.TRAIN
            continue
        part, left = quotas[0]
        quotas[0] = (part, left - len(groups[name]))
        yield name, part
