"""How a payment is explained: from what is stored with it, in words that name every figure (domain.md section 5)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from investments.distributions import services
from investments.distributions.explain import sentences
from investments.distributions.models import Distribution
from tests import repay

pytestmark = pytest.mark.django_db


def said(made: Distribution, *, of_mine: bool = True) -> list[str]:
    return sentences(made, made.allocations.order_by("pk")[0] if of_mine else None)


def test_the_first_payment_names_sales_plan_rate_units_and_the_floor() -> None:
    fund = repay.operating(2, plan_revenue=[27_900_000] * 10)
    repay.report(fund, 1, 27_900_000)
    made = repay.distribute(fund, 1)
    words = (
        "Sales ¥27,900,000 of plan ¥27,900,000; sales counted so far ¥27,900,000 × 3.36 % ÷ 3,000 units = ¥312.48"
        " → ¥312 per unit, none paid before"
    )
    assert said(made) == [words + "; × 2 units = ¥624"]
    assert said(made, of_mine=False) == [words]


def test_a_later_payment_names_what_was_distributed_before() -> None:
    fund = repay.operating(1)
    repay.report(fund, 1, 27_900_000)
    repay.distribute(fund, 1)
    repay.report(fund, 2, 27_900_000)
    (text,) = said(repay.distribute(fund, 2))
    assert text.endswith(
        "= ¥624.96 → ¥624 per unit, of which ¥312 were distributed before: ¥312 per unit; × 1 unit = ¥312"
    )


def test_beyond_recoup_both_rates_are_named() -> None:
    rates: dict[str, Any] = {"rate_before_recoup": Decimal("0.5"), "rate_after_recoup": Decimal("0.25")}
    fund = repay.operating(40, periods=2, units_offered=300, **rates)
    repay.report(fund, 1, 3_600_001)
    (text,) = said(repay.distribute(fund, 1))
    assert (
        "¥3,600,001: ¥3,000,000 of them × 50.00 % and the rest × 25.00 %, ÷ 300 units = ¥5,500"
        " → ¥5,500 per unit, none paid before; × 40 units = ¥220,000"
    ) in text


@pytest.mark.parametrize(
    ("action", "terms", "revenue", "words"),
    [
        ("defer", {}, 27_900_000, "The payment was deferred: ¥312 per unit fall due with the next period."),
        ("waive", {}, 27_900_000, "The period was waived: its sales do not count, and nothing is paid for it."),
        ("report", {}, 0, "There were no sales in this period."),
        ("report", {}, 1_000, "That is less than one yen for each unit; the fraction counts in later periods."),
        ("report", {"revenue_floor": 10_000_000}, 5_000, "Sales stayed under the floor of the terms, so they do not"),
        (
            "report",
            {"period_cap": [100] * 10},
            27_900_000,
            "The terms cap what one period pays; ¥212 per unit are carried to later periods.",
        ),
    ],
)
def test_a_payment_that_is_not_what_was_earned_says_why(
    action: str, terms: dict[str, Any], revenue: int, words: str
) -> None:
    fund = repay.operating(2, **terms)
    repay.report(fund, 1, revenue, action=action)
    assert said(repay.distribute(fund, 1))[1].startswith(words)


def test_grace_and_wind_up_have_sentences_of_their_own() -> None:
    fund = repay.operating(2, grace_periods=1)
    repay.report(fund, 1, 27_900_000)
    assert said(repay.distribute(fund, 1)) == [
        "This period lies in the grace period of the terms: its sales do not count and nothing is paid."
    ]
    at = repay.after(repay.period(fund, 2))
    made = services.prepare_wind_up(fund, residual_per_unit=1_000, actor=repay.staff(), at=at, reason="They retire.")
    assert said(made) == ["The fund was wound up: what was left came to ¥1,000 per unit; × 2 units = ¥2,000"]
