from __future__ import annotations

from enum import StrEnum
from itertools import product

import pytest
from django.core.management import call_command

from diagnosis.states import ANALYSIS_MOVES, MACHINES, AnalysisStatus, ForbiddenMove, check_move, ends

S = AnalysisStatus
ALLOWED = {
    (S.QUEUED, S.RUNNING),
    (S.QUEUED, S.CANCELLED),
    (S.RUNNING, S.SUCCEEDED),
    (S.RUNNING, S.FAILED),
    (S.RUNNING, S.QUEUED),
    (S.RUNNING, S.CANCELLED),
}


@pytest.mark.parametrize(("source", "target"), list(product(S, S)))
def test_the_table_of_an_analysis(source: S, target: S) -> None:
    if (source, target) in ALLOWED:
        check_move(ANALYSIS_MOVES, source, target)
    else:
        with pytest.raises(ForbiddenMove):
            check_move(ANALYSIS_MOVES, source, target)


def test_what_has_ended_never_moves_again() -> None:
    assert set(ends(ANALYSIS_MOVES)) == {S.SUCCEEDED, S.FAILED, S.CANCELLED}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_can_be_reached_from_the_first(machine: str) -> None:
    moves = MACHINES[machine]
    reached: set[StrEnum] = set()
    ahead = [next(iter(moves))]
    while ahead:
        state = ahead.pop()
        if state not in reached:
            reached.add(state)
            ahead.extend(moves[state])
    assert reached == set(moves)


def test_the_drawing_is_not_stale() -> None:
    call_command("draw_states", "--check")
