"""What is lost and what is there twice, counted by UID, of what was found at the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Image:
    """One that stands in the portal. `key`: of the row of its study; `whole`: its file has the bytes that came."""

    uid: str
    study: str
    key: str
    whole: bool = True


@dataclass(frozen=True)
class Analysis:
    """`study`: its Study Instance UID; `images`: of which it tells; `objects`: what goes out of it, by UID its kind."""

    study: str
    number: int
    ended: bool
    images: frozenset[str] = frozenset()
    objects: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Archived:
    """One object in the archive; `kind`: its modality."""

    uid: str
    study: str
    kind: str


@dataclass(frozen=True)
class Found:
    """`acknowledged`: by SOP Instance UID the study of each image that was answered with Success."""

    acknowledged: Mapping[str, str]
    images: Sequence[Image]
    analyses: Sequence[Analysis]
    archive: Sequence[Archived]


def numbers(found: Found) -> dict[str, int]:
    """How much was compared."""
    last = _current(found.analyses).values()
    return {
        "images": len(found.images),
        "studies with a result": sum(bool(one.objects) for one in last),
        "refused": sum(one.ended and not one.objects for one in last),
        "objects in the archive": len(found.archive),
    }


def lost(found: Found) -> list[str]:
    """A line for each image without its bytes, study without an ended analysis of all of it, and object not sent."""
    whole = {one.uid for one in found.images if one.whole}
    current = _current(found.analyses)
    said = [
        f"image {uid} of study {study} is not there" for uid, study in found.acknowledged.items() if uid not in whole
    ]
    sent = {one.uid for one in found.archive}
    for study, uids in _by_study(found.acknowledged).items():
        last = current.get(study)
        if last is None or not last.ended:
            said.append(f"study {study} has no analysis that ended")
            continue
        if last.objects:
            said += [f"image {uid} is not in the result of study {study}" for uid in sorted(uids - last.images)]
        said += [
            f"{kind} {uid} of study {study} is not in the archive"
            for uid, kind in sorted(last.objects.items())
            if uid not in sent
        ]
    return said


def duplicated(found: Found) -> list[str]:
    """A line for each UID that is there more than once, study in two rows, result made or sent twice."""
    rows = {(one.study, one.key) for one in found.images}
    results = Counter((one.study, one.images) for one in found.analyses if one.objects)
    made = Counter((one.study, kind) for one in found.analyses for kind in one.objects.values())
    there = Counter((one.study, one.kind) for one in found.archive)
    return [
        *(f"image {uid} is there {n} times" for uid, n in _repeated(one.uid for one in found.images)),
        *(f"study {study} is in {n} rows" for study, n in _repeated(study for study, _ in rows)),
        *(f"study {study} was analysed {n} times as it is" for (study, _), n in results.items() if n > 1),
        *(f"{uid} is in the archive {n} times" for uid, n in _repeated(one.uid for one in found.archive)),
        *(
            f"study {study} has {there[study, kind] - made[study, kind]} {kind} too many in the archive"
            for study, kind in there
            if there[study, kind] > made[study, kind]
        ),
    ]


def _repeated(values: Iterable[str]) -> list[tuple[str, int]]:
    return [(value, number) for value, number in Counter(values).items() if number > 1]


def _current(analyses: Iterable[Analysis]) -> dict[str, Analysis]:
    return {one.study: one for one in sorted(analyses, key=lambda one: one.number)}


def _by_study(acknowledged: Mapping[str, str]) -> dict[str, set[str]]:
    found = defaultdict(set)
    for uid, study in acknowledged.items():
        found[study].add(uid)
    return found
