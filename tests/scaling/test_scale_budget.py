"""Changes of direction within an hour, and what stops an autoscaler that flaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.scaling.budget import HOUR, Move, flapping, turning, turns

UP, DOWN = (2, 3), (3, 2)


def moves(ways: str, gap: float = 60.0) -> tuple[Move, ...]:
    """Changes up and down, the last one `gap` seconds ago, each so long after the one before."""
    n = len(ways)
    return tuple((gap * (n - i), *(UP if way == "u" else DOWN)) for i, way in enumerate(ways))


@pytest.mark.parametrize(
    ("ways", "count", "up"),
    [("", 0, None), ("u", 0, True), ("uu", 0, True), ("ud", 1, False), ("uudd", 1, False), ("udud", 3, False), ("dud", 2, False)],
)  # fmt: skip
def test_a_turn_is_an_up_after_a_down_or_the_reverse(ways: str, count: int, up: bool | None) -> None:  # fmt: skip
    """Steps the same way are no turns, however many."""
    found, last = turns(moves(ways))
    assert (len(found), last) == (count, up)


def test_order_and_age_and_nothing_moved() -> None:
    """Changes may come in any order; those older than an hour, or to the same count, are none."""
    assert turns(reversed(moves("udu"))) == turns(moves("udu")) == ([180.0, 120.0], True)
    assert turns(((HOUR + 1, 2, 3), (60.0, 3, 2))) == ([], False)
    assert turns(((60.0, 2, 3), (30.0, 3, 3), (10.0, 3, 4))) == ([], True)


@pytest.mark.parametrize(
    ("allowed", "ways", "up", "said"),
    [
        (0, "udududud", True, ""),
        (2, "", False, ""),
        (2, "ud", True, ""),
        (2, "udu", True, ""),
        (2, "udu", False, "flapping: 2 changes of direction within the hour, 2 allowed; a person must decide or 58 m must pass"),
        (3, "udu", False, "flapping: 2 changes of direction within the hour, 3 allowed, the last is kept for adding; a person must decide or 57 m must pass"),
        (4, "udu", False, ""),
        (2, "udud", True, "flapping: 3 changes of direction within the hour, 2 allowed; a person must decide or 57 m must pass"),
        (1, "u", False, "flapping: 0 changes of direction within the hour, 1 allowed, the last is kept for adding; a person must decide"),
    ],
)  # fmt: skip
def test_what_stops_an_autoscaler(allowed: int, ways: str, up: bool, said: str) -> None:
    """The refusal names the turns made and allowed, and when the next one fits."""
    assert flapping(allowed, up, moves(ways)) == said


@given(allowed=st.integers(1, 8), wishes=st.lists(st.booleans(), min_size=1, max_size=60))
def test_an_autoscaler_alone_never_turns_oftener_and_is_never_stuck_low(
    allowed: int, wishes: list[bool]
) -> None:
    """Whatever it wants, every minute: the turns of an hour hold, and adding is never refused."""
    made: list[tuple[int, int, int]] = []
    for minute, up in enumerate(wishes):
        changes = tuple((60.0 * (minute - at), origin, to) for at, origin, to in made)
        if flapping(allowed, up, changes):
            assert not up
        else:
            made.append((minute, *(UP if up else DOWN)))
        after = tuple((60.0 * (minute - at), origin, to) for at, origin, to in made)
        assert len(turns(after)[0]) <= allowed


@given(allowed=st.integers(1, 5), ways=st.text("ud", max_size=30), up=st.booleans())
def test_the_time_that_must_pass_is_enough(allowed: int, ways: str, up: bool) -> None:
    """When the time named has passed, the same change is no longer refused."""
    changes = moves(ways, 100.0)
    said = flapping(allowed, up, changes)
    if " or " in said:
        minutes = int(said.split(" or ")[1].split()[0]) + 1
        later = tuple((ago + 60.0 * minutes, origin, to) for ago, origin, to in changes)
        assert flapping(allowed, up, later) == ""


def test_a_person_is_told_and_not_stopped() -> None:
    """Only a turn that goes over the budget is worth a word."""
    assert turning(2, False, moves("ud")) == ""
    assert turning(2, True, moves("ud")) == ""
    assert turning(0, False, moves("udu")) == ""
    assert turning(2, False, moves("udu")) == "flapping: 2 changes of direction within the hour; an autoscaler would stop at 2"  # fmt: skip
    assert turning(1, True, moves("ud")) == "flapping: 1 change of direction within the hour; an autoscaler would stop at 1"  # fmt: skip
