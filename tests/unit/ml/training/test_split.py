from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ml.training.data.manifest import Row
from ml.training.data.split import Part, folds, split
from tests.unit.ml.training.rows import row

LABELS = st.sampled_from(("covid", "pneumonia", "normal"))
ROWS = st.lists(st.tuples(LABELS, st.sampled_from("ab"), st.integers(0, 30)), min_size=1, max_size=120).map(
    lambda kinds: [
        row(number, label=label, source=source, group=f"g{group}")
        for number, (label, source, group) in enumerate(kinds)
    ]
)


@given(ROWS)
def test_no_group_is_on_two_sides_and_no_image_is_lost(rows: list[Row]) -> None:
    parts = split(rows)
    owners = Counter(group for members in parts.values() for group in {each.group for each in members})
    assert set(owners.values()) == {1}
    assert sorted(each.path for members in parts.values() for each in members) == sorted(each.path for each in rows)


@given(ROWS)
def test_the_split_does_not_depend_on_the_order_of_the_rows(rows: list[Row]) -> None:
    assert split(rows) == split(list(reversed(rows)))


def test_every_label_of_every_source_is_divided_by_seven_one_and_two() -> None:
    rows = [
        row(number, label=label, source=source)
        for label in ("covid", "normal")
        for source in ("a", "b")
        for number in range(100)
    ]
    for members, share in zip(split(rows).values(), (70, 10, 20), strict=True):
        assert set(Counter((each.label, each.source) for each in members).values()) == {share}


def test_large_groups_keep_the_shares_roughly() -> None:
    rows = [row(number, group=f"block-{number // 40}") for number in range(1200)]
    sizes = {part: len(members) for part, members in split(rows).items()}
    assert sizes == {Part.TRAIN: 840, Part.VALIDATION: 120, Part.TEST: 240}


def test_another_seed_gives_another_split() -> None:
    rows = [row(number) for number in range(50)]
    assert split(rows)[Part.TEST] != split(rows, seed="2")[Part.TEST]


@given(ROWS)
def test_folds_test_every_image_once_and_keep_groups_together(rows: list[Row]) -> None:
    partitions = folds(rows, 3)
    tested = [each.path for parts in partitions for each in parts[Part.TEST]]
    assert sorted(tested) == sorted(each.path for each in rows)
    for parts in partitions:
        owners = Counter(group for members in parts.values() for group in {each.group for each in members})
        assert set(owners.values()) == {1}
        assert sorted(each.path for members in parts.values() for each in members) == sorted(each.path for each in rows)


def test_folds_share_out_every_kind_of_group() -> None:
    rows = [row(number, label=label) for label in ("covid", "normal") for number in range(50)]
    for parts in folds(rows, 5):
        assert Counter(each.label for each in parts[Part.TEST]) == {"covid": 10, "normal": 10}
        assert Counter(each.label for each in parts[Part.VALIDATION]) == {"covid": 4, "normal": 4}


def test_images_that_go_their_own_way_leave_their_group() -> None:
    rows = [row(number, group="one") for number in range(50)]
    together, alone = folds(rows, 5), folds(rows, 5, unit_of=lambda each: each.path)
    assert sorted(len(parts[Part.TEST]) for parts in together) == [0, 0, 0, 0, 50]
    assert [len(parts[Part.TEST]) for parts in alone] == [10] * 5
