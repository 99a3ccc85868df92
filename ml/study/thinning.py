"""Which slices of a CT series are asked about: one in every 5 mm, because slices closer together show nearly the same.

The axis is cut into stretches at the multiples of 5 mm, and not by the number of the slice: where the cuts are does
not depend on which slices are there, so that what is asked while a series still arrives is asked of all of it, too.
What that misses: docs/adr/0233.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from ml.study.reasons import Key

# Millimetres.
STRETCH = 5
# Positions are compared in hundredths of a millimetre, so that slices exactly 5 mm apart never share a stretch.
_PER_MILLIMETRE = 100
_LENGTH = STRETCH * _PER_MILLIMETRE

# Of each stretch its slices, the one to ask first in front.
Stretches = tuple[tuple[Key, ...], ...]


def stretches(positions: Mapping[Key, float | None]) -> Stretches[Key]:
    """The slices of one series by stretch: those with the same floor(position / 5), from feet to head.

    `positions` in millimetres along the patient's axis, finite, None where not known; their order does not matter. In a
    stretch the slice nearest its middle comes first; of two equally near ones that towards the feet, then the one whose
    key has the lower text. Slices 5 mm or more apart are each alone. Where any position is not known, every slice is
    alone, and so all are asked about.
    """
    places = _places(positions)
    if places is None:
        return tuple((key,) for key in positions)
    held: dict[int, list[Key]] = {}
    for key in sorted(places, key=lambda key: (_from_middle(places[key]), places[key], str(key))):
        held.setdefault(places[key] // _LENGTH, []).append(key)
    return tuple(tuple(held[number]) for number in sorted(held))


def settled(positions: Mapping[Key, float | None]) -> Stretches[Key]:
    """`stretches` without the outermost two, in which further slices of a series that still arrives may lie."""
    found = stretches(positions)
    return found if _places(positions) is None else found[1:-1]


def first_of_each(found: Iterable[tuple[Key, ...]], refused: Collection[Key] = ()) -> list[Key]:
    """Of each stretch the slice to ask: the first that is not in `refused`; none where all of them are."""
    left = ([key for key in members if key not in refused] for members in found)
    return [members[0] for members in left if members]


def ask_each(found: Stretches[Key], ask: Callable[[list[Key]], Iterable[Key]]) -> None:
    """Ask about one slice of each stretch, and in place of each that is refused about the next one of its stretch.

    `ask` is given keys, each of them once at most, and returns those that were refused.
    """
    refused: set[Key] = set()
    asked: set[Key] = set()
    while wanted := [key for key in first_of_each(found, refused) if key not in asked]:
        asked.update(wanted)
        refused.update(ask(wanted))


def _places(positions: Mapping[Key, float | None]) -> dict[Key, int] | None:
    """In hundredths of a millimetre; None where one is not known."""
    known = {key: round(_PER_MILLIMETRE * place) for key, place in positions.items() if place is not None}
    return known if len(known) == len(positions) else None


def _from_middle(place: int) -> int:
    """In halves of hundredths of a millimetre."""
    return abs(2 * (place % _LENGTH) - _LENGTH)
