"""The distribution rule of domain.md section 5, by hand-worked figures and by properties."""

from decimal import Decimal
from itertools import accumulate

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from investments.offerings.projection import project
from investments.offerings.rule import (
    Action,
    Allocation,
    Reason,
    Report,
    RuleError,
    RuleTerms,
    Standing,
    allocate_instalment,
    allocate_units,
    counted,
    due_per_unit,
    entitlement,
    judge,
    recoup_revenue,
    redemption_percent,
    run,
    supplement,
)

OYSTER = {
    "units_offered": 3000,
    "investment": 5000,
    "rate_before_recoup": Decimal("0.0336"),
    "rate_after_recoup": Decimal("0.0084"),
    "periods": 4,
}
WITHHOLDING = Decimal("0.2042")


def oyster(**changes):
    return RuleTerms(**{**OYSTER, **changes})


def round_terms(**changes):
    """100 units of 5,000 at 5 %: each 2,000 yen of revenue is one yen a unit, and 10 million returns the investment."""
    return oyster(units_offered=100, rate_before_recoup=Decimal("0.05"), rate_after_recoup=Decimal("0.01"), **changes)


def per_units(results):
    return [result.per_unit for result in results]


def standing_after(terms, reports):
    standing = Standing()
    for report in reports:
        standing, _result = judge(terms, standing, report)
    return standing


# --- By hand ----------------------------------------------------------------------------------------------------------


def test_entitlement_before_at_and_after_recoup():
    terms = round_terms()
    assert recoup_revenue(terms) == 10_000_000
    assert entitlement(terms, 0) == 0
    assert entitlement(terms, 1_999) == 0
    assert entitlement(terms, 2_000) == 1
    assert entitlement(terms, 9_999_999) == 4_999
    assert entitlement(terms, 10_000_000) == 5_000
    assert entitlement(terms, 10_009_999) == 5_000
    assert entitlement(terms, 10_010_000) == 5_001


def test_recoup_revenue_is_the_ceiling_when_it_is_not_whole():
    terms = oyster()  # 15,000,000 / 0.0336 = 446,428,571.43
    assert recoup_revenue(terms) == 446_428_572
    assert entitlement(terms, 446_428_571) == 4_999
    assert entitlement(terms, 446_428_572) == 5_000


def test_fractions_carry_to_later_periods_instead_of_vanishing():
    results = run(round_terms(), [Report(number, 3_000) for number in (1, 2, 3, 4)])  # 1.5 yen a unit each
    assert per_units(results) == [1, 2, 1, 2]


def test_a_half_sold_fund_pays_the_same_per_unit():
    # The rule is never told what was sold: only the units offered.
    assert "units_sold" not in RuleTerms.__slots__
    assert per_units(run(round_terms(), [Report(1, 2_000_000)])) == [1_000]


def test_grace_counts_nothing_and_cannot_be_restated():
    terms = round_terms(grace_periods=1)
    results = run(terms, [Report(1, 2_000_000), Report(2, 2_000_000)])
    assert per_units(results) == [0, 1_000]
    assert [result.reason for result in results] == [Reason.GRACE, Reason.PAID]
    with pytest.raises(RuleError) as caught:
        run(terms, [Report(1, 2_000_000), Report(2, 0, restate={1: 5})])
    assert caught.value.field == "restate.1"


def test_a_deferred_period_counts_and_falls_due_with_the_next():
    results = run(round_terms(), [Report(1, 2_000_000, Action.DEFER), Report(2, 200_000)])
    assert per_units(results) == [0, 1_100]
    assert results[0].carried_per_unit == 1_000
    assert results[0].counted_revenue == 2_000_000
    assert results[0].reason is Reason.DEFERRED


def test_a_waived_period_counts_nothing_and_what_was_carried_waits():
    results = run(round_terms(), [Report(1, 2_000_000, Action.DEFER), Report(2, 900_000, Action.WAIVE), Report(3, 0)])
    assert per_units(results) == [0, 0, 1_000]
    assert [result.carried_per_unit for result in results] == [1_000, 1_000, 0]
    assert results[1].counted_revenue == 0
    assert results[1].reason is Reason.WAIVED


def test_the_last_period_pays_what_is_carried_even_when_waived():
    results = run(round_terms(periods=2), [Report(1, 2_000_000, Action.DEFER), Report(2, 900_000, Action.WAIVE)])
    assert per_units(results) == [0, 1_000]
    assert results[-1].reason is Reason.PAID


def test_a_cap_carries_the_excess_and_the_last_period_lifts_it():
    terms = round_terms(periods=3, period_cap=(400, None, 1))
    results = run(terms, [Report(1, 2_000_000), Report(2, 0), Report(3, 2_000_000)])
    assert per_units(results) == [400, 600, 1_000]
    assert [result.reason for result in results] == [Reason.CAPPED, Reason.PAID, Reason.PAID]
    assert terms.cap_of(1) == 400
    assert terms.cap_of(2) is None
    assert terms.cap_of(3) is None


def test_a_cap_of_zero_pays_nothing_and_says_so():
    result = run(round_terms(period_cap=[0, 0, 0, 0]), [Report(1, 2_000_000)])[0]
    assert (result.per_unit, result.carried_per_unit, result.reason) == (0, 1_000, Reason.CAPPED)


def test_revenue_below_the_floor_does_not_count_and_at_the_floor_it_does():
    terms = round_terms(revenue_floor=2_000_000)
    results = run(terms, [Report(1, 1_999_999), Report(2, 2_000_000)])
    assert [result.counted_revenue for result in results] == [0, 2_000_000]
    assert results[0].reason is Reason.BELOW_FLOOR


def test_a_restatement_is_judged_against_the_floor_again_in_both_directions():
    terms = round_terms(revenue_floor=1_000_000)
    results = run(
        terms,
        [Report(1, 999_999), Report(2, 1_000_000, restate={1: 1_000_000}), Report(3, 2_000_000, restate={2: 999_999})],
    )
    assert per_units(results) == [0, 1_000, 500]
    assert [result.cumulative_revenue for result in results] == [0, 2_000_000, 3_000_000]


def test_a_downward_restatement_claws_nothing_back_and_later_payments_wait():
    terms = round_terms()
    results = run(terms, [Report(1, 2_000_000), Report(2, 200_000, restate={1: 1_000_000}), Report(3, 1_000_000)])
    assert per_units(results) == [1_000, 0, 100]
    assert results[1].reason is Reason.AHEAD
    assert results[1].carried_per_unit == 0


def test_a_deferred_period_may_be_restated_but_a_waived_one_may_not():
    first = [Report(1, 2_000_000, Action.DEFER), Report(2, 5, Action.WAIVE)]
    assert per_units(run(round_terms(), [*first, Report(3, 0, restate={1: 4_000_000})])) == [0, 0, 2_000]
    with pytest.raises(RuleError) as caught:
        run(round_terms(), [*first, Report(3, 0, restate={2: 4_000_000})])
    assert caught.value.field == "restate.2"


def test_a_restatement_acts_before_the_report_it_stands_in_whatever_that_report_does():
    terms = round_terms()
    waived = run(terms, [Report(1, 2_000_000), Report(2, 0, Action.WAIVE, restate={1: 4_000_000})])
    assert waived[1].carried_per_unit == 1_000
    deferred = run(terms, [Report(1, 2_000_000), Report(2, 0, Action.DEFER, restate={1: 4_000_000})])
    assert deferred[1].carried_per_unit == 1_000


def test_a_wind_up_pays_its_residual_above_any_cap_and_shows_what_is_lost():
    terms = round_terms(period_cap=(400, 400, 400, 400))
    results = run(terms, [Report(1, 2_000_000), Report(2, 900_000_000, Action.WIND_UP, residual_per_unit=750)])
    last = results[-1]
    assert (last.per_unit, last.counted_revenue, last.carried_per_unit, last.lost_per_unit) == (750, 0, 0, 600)
    assert last.paid_per_unit == 1_150


def test_a_wind_up_may_leave_nothing():
    last = run(round_terms(), [Report(1, 0, Action.WIND_UP, residual_per_unit=0)])[-1]
    assert (last.per_unit, last.reason) == (0, Reason.NO_RESIDUAL)


def test_a_residual_above_the_investment_is_profit_beyond_it():
    last = run(round_terms(), [Report(1, 0, Action.WIND_UP, residual_per_unit=6_000)])[-1]
    assert (last.principal_per_unit, last.per_unit) == (5_000, 6_000)


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (Report(1, 0), Reason.NO_REVENUE),
        (Report(1, 1_999), Reason.BELOW_ONE),
        (Report(1, 2_000), Reason.PAID),
    ],
)
def test_a_payment_of_nothing_has_its_reason(report, reason):
    assert run(round_terms(), [report])[0].reason is reason


def test_a_fund_that_repays_no_more_after_recoup_says_so():
    terms = oyster(rate_after_recoup=Decimal(0))
    results = run(terms, [Report(1, 500_000_000), Report(2, 500_000_000)])
    assert per_units(results) == [5_000, 0]
    assert results[1].reason is Reason.REPAID


def test_a_plain_string_names_an_action_like_its_member():
    assert Report(1, 0, "defer").action is Action.DEFER
    with pytest.raises(RuleError) as caught:
        Report(1, 0, "supplement")
    assert caught.value.field == "action"


# --- Supplementary ----------------------------------------------------------------------------------------------------


def test_an_upward_restatement_after_the_last_period_pays_one_supplementary_distribution():
    terms = round_terms(periods=2, period_cap=(100, 100))
    standing = standing_after(terms, [Report(1, 2_000_000), Report(2, 2_000_000)])
    after, result = supplement(terms, standing, {1: 3_000_000})
    assert (result.per_unit, result.paid_per_unit, result.action) == (500, 2_500, Action.SUPPLEMENT)
    assert supplement(terms, after, {1: 3_000_000})[1].per_unit == 0


def test_a_downward_restatement_after_the_last_period_pays_nothing_and_claws_nothing_back():
    terms = round_terms(periods=1)
    standing = standing_after(terms, [Report(1, 2_000_000)])
    after, result = supplement(terms, standing, {1: 1})
    assert (result.per_unit, result.paid_per_unit, result.reason) == (0, 1_000, Reason.AHEAD)
    assert after.paid_per_unit == 1_000


def test_a_supplementary_distribution_waits_for_the_end_and_never_follows_a_wind_up():
    terms = round_terms(periods=2)
    with pytest.raises(RuleError) as caught:
        supplement(terms, standing_after(terms, [Report(1, 5)]), {1: 9})
    assert caught.value.code == "term_not_over"
    wound_up = standing_after(terms, [Report(1, 5), Report(2, 0, Action.WIND_UP, residual_per_unit=1)])
    with pytest.raises(RuleError) as caught:
        supplement(terms, wound_up, {1: 9})
    assert caught.value.code == "wound_up"
    waived = standing_after(terms, [Report(1, 5), Report(2, 5, Action.WAIVE)])
    with pytest.raises(RuleError) as caught:
        supplement(terms, waived, {2: 9})
    assert caught.value.field == "restate.2"


def test_a_standing_built_from_approved_rows_is_judged_like_a_history():
    terms = round_terms()
    approved = Standing(figures={1: 2_000_000, 2: 1_000_000}, paid_per_unit=700, periods_done=2)
    assert counted(terms, approved.figures) == 3_000_000
    assert due_per_unit(terms, approved) == 800
    _after, result = judge(terms, approved, Report(3, 2_000))
    assert result.per_unit == 801


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"units_offered": 0}, "units_offered"),
        ({"units_offered": 1.0}, "units_offered"),
        ({"units_offered": True}, "units_offered"),
        ({"investment": 0}, "investment"),
        ({"investment": -1}, "investment"),
        ({"periods": 0}, "periods"),
        ({"grace_periods": -1}, "grace_periods"),
        ({"grace_periods": 5}, "grace_periods"),
        ({"revenue_floor": -1}, "revenue_floor"),
        ({"rate_before_recoup": Decimal(0)}, "rate_before_recoup"),
        ({"rate_before_recoup": Decimal("1.0001")}, "rate_before_recoup"),
        ({"rate_before_recoup": 0.05}, "rate_before_recoup"),
        ({"rate_before_recoup": Decimal("0.00001")}, "rate_before_recoup"),
        ({"rate_after_recoup": Decimal("-0.0001")}, "rate_after_recoup"),
        ({"rate_after_recoup": Decimal("NaN")}, "rate_after_recoup"),
        ({"rate_after_recoup": Decimal("Infinity")}, "rate_after_recoup"),
        ({"rate_after_recoup": "0.05"}, "rate_after_recoup"),
        ({"period_cap": (1, 2, 3)}, "period_cap"),
        ({"period_cap": (1, 2, 3, -4)}, "period_cap[3]"),
        ({"period_cap": (1, 2.5, 3, 4)}, "period_cap[1]"),
    ],
)
def test_impossible_terms_are_refused_by_name(changes, path):
    with pytest.raises(RuleError) as caught:
        oyster(**changes)
    assert caught.value.field == path


@pytest.mark.parametrize(
    ("reports", "path"),
    [
        ([Report(2, 0)], "period"),
        ([Report(1, 0), Report(1, 0)], "period"),
        ([Report(1, 0), Report(3, 0)], "period"),
        ([Report(0, 0)], "period"),
        ([*(Report(number, 0) for number in range(1, 6))], "period"),
        ([Report(1, -1)], "revenue"),
        ([Report(1, 1.5)], "revenue"),
        ([Report(1, 0), Report(2, 0), Report(3, 0), Report(4, 0, Action.DEFER)], "action"),
        ([Report(1, 0, Action.WIND_UP)], "residual_per_unit"),
        ([Report(1, 0, Action.WIND_UP, residual_per_unit=-1)], "residual_per_unit"),
        ([Report(1, 0, residual_per_unit=1)], "residual_per_unit"),
        ([Report(1, 0, Action.WIND_UP, residual_per_unit=1), Report(2, 0)], ""),
        ([Report(1, 0, restate={1: 5})], "restate.1"),
        ([Report(1, 0), Report(2, 0, restate={3: 5})], "restate.3"),
        ([Report(1, 0), Report(2, 0, restate={1: -5})], "restate.1"),
    ],
)
def test_impossible_reports_are_refused_by_name(reports, path):
    with pytest.raises(RuleError) as caught:
        run(oyster(), reports)
    assert caught.value.field == path
    assert str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ((-1, 1, 0, 5000, WITHHOLDING), "per_unit"),
        ((1, -1, 0, 5000, WITHHOLDING), "units"),
        ((1, 1, -1, 5000, WITHHOLDING), "principal_before"),
        ((1, 1, 5001, 5000, WITHHOLDING), "principal_before"),
        ((1, 1, 0, 0, WITHHOLDING), "investment"),
        ((1, 1, 0, 5000, Decimal("1.5")), "withholding_rate"),
        ((1, 1, 0, 5000, 0.2042), "withholding_rate"),
        ((1.0, 1, 0, 5000, WITHHOLDING), "per_unit"),
    ],
)
def test_impossible_allocations_are_refused_by_name(arguments, path):
    with pytest.raises(RuleError) as caught:
        allocate_units(*arguments)
    assert caught.value.field == path


def test_redemption_is_rounded_half_up_exactly():
    assert redemption_percent(5008, 5000) == "100.16"
    assert redemption_percent(0, 5000) == "0.00"
    assert redemption_percent(1, 3) == "33.33"
    assert redemption_percent(2, 3) == "66.67"
    assert redemption_percent(1, 800) == "0.13"  # 0.125: half goes up
    assert redemption_percent(3, 800) == "0.38"  # 0.375
    assert redemption_percent(10**30, 1) == "1" + "0" * 32 + ".00"


# --- Properties -------------------------------------------------------------------------------------------------------

wholes = st.integers(min_value=0, max_value=10**12)
rates = st.integers(min_value=0, max_value=10_000).map(lambda scaled: Decimal(scaled).scaleb(-4))


@st.composite
def any_terms(draw):
    periods = draw(st.integers(1, 8))
    caps = st.lists(st.none() | st.integers(0, 3_000), min_size=periods, max_size=periods).map(tuple)
    return RuleTerms(
        units_offered=draw(st.integers(1, 5_000)),
        investment=draw(st.integers(1, 20_000)),
        rate_before_recoup=draw(rates.filter(bool)),
        rate_after_recoup=draw(rates),
        periods=periods,
        grace_periods=draw(st.integers(0, min(2, periods))),
        period_cap=draw(st.none() | caps),
        revenue_floor=draw(st.sampled_from([0, 0, 1, 10**6])),
    )


@st.composite
def histories(draw, restated=True, wound_up=True):
    """Terms and a whole term of reports that the rule accepts, with revenue around what recoups the investment."""
    terms = draw(any_terms())
    revenue = st.integers(0, 2 * recoup_revenue(terms) // terms.periods + 10)
    figures, reports = set(), []
    for number in range(1, terms.periods + 1):
        last = number == terms.periods
        choices = [Action.REPORT, Action.REPORT, Action.WAIVE] + ([] if last else [Action.DEFER])
        action = draw(st.sampled_from(choices + ([Action.WIND_UP] if wound_up else [])))
        restate = {}
        if restated and figures and draw(st.booleans()):
            restate = {draw(st.sampled_from(sorted(figures))): draw(revenue)}
        residual = draw(st.integers(0, 2 * terms.investment)) if action is Action.WIND_UP else None
        reports.append(Report(number, draw(revenue), action, residual, restate))
        if action in (Action.REPORT, Action.DEFER) and number > terms.grace_periods:
            figures.add(number)
        if action is Action.WIND_UP:
            break
    return terms, reports


@given(terms=any_terms(), less=wholes, more=wholes)
def test_entitlement_never_falls_as_revenue_rises(terms, less, more):
    assert entitlement(terms, less) <= entitlement(terms, less + more)


@given(terms=any_terms())
def test_the_recoup_revenue_is_the_first_that_returns_the_investment(terms):
    revenue = recoup_revenue(terms)
    assert entitlement(terms, revenue) >= terms.investment > entitlement(terms, revenue - 1)


@given(terms=any_terms(), revenue=wholes)
def test_the_business_never_pays_more_than_its_rates_take(terms, revenue):
    highest = max(terms.rate_before_recoup, terms.rate_after_recoup)
    numerator, denominator = highest.as_integer_ratio()
    assert entitlement(terms, revenue) * terms.units_offered * denominator <= revenue * numerator


@given(history=histories())
def test_sums_add_up_and_nothing_is_ever_clawed_back(history):
    terms, reports = history
    results = run(terms, reports)
    assert all(result.per_unit >= 0 for result in results)
    assert [result.paid_per_unit for result in results] == list(accumulate(per_units(results)))
    assert sum(result.principal_per_unit for result in results) == min(terms.investment, results[-1].paid_per_unit)
    for result in results:
        assert result.principal_before == min(terms.investment, result.paid_per_unit - result.per_unit)
        if result.action is not Action.WIND_UP:
            assert result.lost_per_unit == 0
            assert result.carried_per_unit == max(0, result.entitlement_per_unit - result.paid_per_unit)
        assert result.per_unit > 0 or result.reason is not Reason.PAID


@given(history=histories(wound_up=False))
def test_no_one_is_ever_paid_above_the_highest_entitlement_so_far(history):
    terms, reports = history
    highest = 0
    for result in run(terms, reports):
        highest = max(highest, result.entitlement_per_unit)
        assert result.paid_per_unit <= highest


@given(history=histories(restated=False, wound_up=False))
def test_after_the_last_period_exactly_what_was_earned_is_paid(history):
    terms, reports = history
    last = run(terms, reports)[-1]
    assert last.paid_per_unit == entitlement(terms, last.cumulative_revenue)
    assert last.carried_per_unit == 0


@given(history=histories(wound_up=False))
def test_a_cap_is_never_exceeded_before_the_last_period(history):
    terms, reports = history
    assume(terms.period_cap is not None)
    for result in run(terms, reports):
        cap = terms.period_cap[result.period - 1]
        if cap is not None and result.period < terms.periods:
            assert result.per_unit <= cap


@given(history=histories())
def test_a_history_is_judged_the_same_report_by_report(history):
    terms, reports = history
    results = run(terms, reports)
    for length in range(len(reports)):
        assert run(terms, reports[:length]) == results[:length]


@given(history=histories(), units=st.lists(st.integers(1, 49), min_size=1, max_size=6), order=st.randoms())
def test_holders_do_not_influence_one_another_and_equal_units_get_equal_money(history, units, order):
    terms, reports = history
    holders = list(enumerate(units))
    shuffled = holders[:]
    order.shuffle(shuffled)
    for result in run(terms, reports):

        def line(held, result=result):
            return allocate_units(result.per_unit, held, result.principal_before, terms.investment, WITHHOLDING)

        lines = {holder: line(held) for holder, held in holders}
        assert lines == {holder: line(held) for holder, held in shuffled}
        assert sum(each.gross for each in lines.values()) == result.per_unit * sum(units)
        assert len({lines[holder] for holder, held in holders if held == units[0]}) == 1
        for each in lines.values():
            assert each.gross == each.principal + each.profit == each.net + each.tax
            assert min(each.gross, each.principal, each.profit, each.tax, each.net) >= 0


@given(
    parts=st.lists(st.integers(0, 3_000), min_size=1, max_size=6),
    units=st.integers(0, 49),
    investment=st.integers(1, 10_000),
    share=st.integers(0, 100),
    rate=rates,
)
def test_instalments_sum_to_the_allocation_and_principal_comes_first(parts, units, investment, share, rate):
    principal_before = investment * share // 100
    whole = allocate_units(sum(parts), units, principal_before, investment, rate)
    principal_per_unit = min(sum(parts), investment - principal_before)
    paid, tax, total = 0, 0, Allocation()
    for part in parts:
        line = allocate_instalment(part, paid, principal_per_unit, units, tax, rate)
        assert line.gross == line.principal + line.profit == line.net + line.tax
        assert line.tax >= 0
        assert line.profit == 0 or total.principal + line.principal == whole.principal
        paid, tax, total = paid + part, tax + line.tax, total + line
    assert total == whole


# --- The simulator's projection ---------------------------------------------------------------------------------------


def test_a_projection_at_plan_is_the_rule_on_the_plan():
    plan = [15_500_000, 27_900_000, 37_200_000, 43_400_000, 48_400_000]
    plan += [52_100_000, 55_800_000, 58_900_000, 62_000_000, 63_900_000]
    terms = oyster(periods=10, grace_periods=1)
    result = project(terms, plan, 100, 2, WITHHOLDING)
    assert [row.per_unit for row in result.periods] == [0, 312, 417, 486, 542, 583, 625, 660, 694, 689]
    assert [row.cumulative_gross for row in result.periods][-1] == 2 * 5_008
    assert result.totals == Allocation(gross=10_016, principal=10_000, profit=16, tax=3, net=10_013)
    assert (result.recoup_period, result.recoup_revenue) == (10, 446_428_572)
    assert (result.shortfall, result.redemption_percent, result.per_unit) == (0, "100.16", 5_008)


def test_a_projection_below_plan_tells_the_loss():
    result = project(round_terms(), [1_000_000] * 4, 60, 2)
    assert [row.revenue for row in result.periods] == [600_000] * 4
    assert (result.per_unit, result.totals.gross, result.shortfall) == (1_200, 2_400, 7_600)
    assert result.recoup_period is None
    assert result.invested == 10_000


def test_a_projection_without_sales_gives_nothing_back():
    result = project(round_terms(), [1_000_000] * 4, 0, 1)
    assert (result.totals, result.redemption_percent, result.shortfall) == (Allocation(), "0.00", 5_000)


@pytest.mark.parametrize(
    ("plan", "percent", "units", "path"),
    [
        ([1] * 3, 100, 1, "plan_sales"),
        ([1] * 5, 100, 1, "plan_sales"),
        ([1] * 4, -1, 1, "percent"),
        ([1] * 4, 1.5, 1, "percent"),
        ([1] * 4, 100, 0, "units"),
        ([1] * 4, 100, True, "units"),
        ([1, 2, -3, 4], 100, 1, "revenue"),
    ],
)
def test_a_projection_refuses_what_it_cannot_project(plan, percent, units, path):
    with pytest.raises(RuleError) as caught:
        project(oyster(), plan, percent, units)
    assert caught.value.field == path
