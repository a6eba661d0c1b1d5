"""How much one may still order: the smallest limit decides, and the reason that is given is that one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investments.orders.room import Room


def room(**values: int) -> Room:
    return Room(
        **{
            "available": 100,
            "order_limit": 49,
            "held": 0,
            "person_limit": 49,
            "invested": 0,
            "business_limit": 500_000,
            "unit": 5_000,
            **values,
        }
    )


@pytest.mark.parametrize(
    ("values", "most", "words"),
    [
        ({}, 49, "At most 49 units can be bought at once."),
        ({"available": 3}, 3, "Only 3 units are left."),
        ({"available": 1}, 1, "Only 1 unit is left."),
        ({"available": 0}, 0, "No units are left at the moment."),
        ({"held": 40}, 9, "You hold 40 of at most 49 units of this fund."),
        ({"invested": 480_000}, 4, "The law allows at most ¥500,000"),
        ({"invested": 497_000}, 0, "you have ¥497,000"),
        ({"order_limit": 5}, 5, "At most 5 units can be bought at once."),
        ({"held": 45, "available": 2}, 2, "Only 2 units are left."),
    ],
)
def test_the_smallest_limit_decides_and_is_named(values: dict[str, int], most: int, words: str) -> None:
    found = room(**values)
    assert found.most == most
    assert words in found.refusal(most + 1)
    assert found.refusal(most) == ""


@given(
    st.fixed_dictionaries(
        {
            "available": st.integers(0, 200),
            "order_limit": st.integers(1, 60),
            "held": st.integers(0, 80),
            "person_limit": st.integers(1, 60),
            "invested": st.integers(0, 900_000),
            "business_limit": st.integers(1, 600_000),
            "unit": st.integers(1, 20_000),
        }
    ),
    st.integers(1, 300),
)
def test_what_is_not_refused_breaks_no_limit_and_what_is_refused_breaks_one(values: dict[str, int], units: int) -> None:
    found = room(**values)
    broken = (
        units > values["available"]
        or units > values["order_limit"]
        or values["held"] + units > values["person_limit"]
        or values["invested"] + units * values["unit"] > values["business_limit"]
    )
    assert bool(found.refusal(units)) == broken
