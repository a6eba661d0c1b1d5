"""The banner of late or put off payments on the page of results (pages.md P8): which cause, since when, what next."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation
from django.utils.formats import date_format

from investments.distributions import late, moratorium, pay_in
from investments.distributions.results import results_of
from investments.models import Fund, Period
from investments.offerings import services as offerings
from investments.revenue import reports
from microfund.kernel import clock
from tests import make, repay

pytestmark = pytest.mark.django_db


@pytest.fixture
def fund() -> Fund:
    return repay.operating(40, 45, periods=4)


def told(fund: Fund, *, days: int = 10, number: int = 1, language: str = "en") -> list[late.Told]:
    """What is said so many days after a period's end."""
    terms, on = offerings.current_terms(fund), repay.period(fund, number).ends_on + timedelta(days=days)
    with translation.override(language):
        return late.causes(fund, terms, results_of(fund, terms, on=on), on=on)


def one(fund: Fund, **how: Any) -> late.Told:
    (found,) = told(fund, **how)
    return found


def until(fund: Fund, name: str, number: int = 1, *, past: int) -> int:
    """Days from a period's end to `past` days after one of its dates."""
    own = repay.period(fund, number)
    return (getattr(own, name) - own.ends_on).days + past


def day(fund: Fund, name: str, number: int = 1, *, language: str = "en") -> str:
    with translation.override(language):
        return date_format(getattr(repay.period(fund, number), name), "DATE_FORMAT")


def draft(fund: Fund) -> Any:
    own = repay.period(fund, 1)
    reports.await_report(own.pk, at=repay.after(own))
    months = offerings.current_terms(fund).period_months
    made = reports.save_draft(
        own, lines=[{"label": "", "months": [0] * (months - 1) + [27_900_000]}], actor=repay.owner(fund),
        at=repay.after(own), comment="The boats came late.",
    )  # fmt: skip
    return reports.submit(made, actor=repay.owner(fund), at=repay.after(own))


def test_nothing_is_said_while_everything_is_in_time(fund: Fund) -> None:
    reports.await_report(repay.period(fund, 1).pk, at=repay.after(repay.period(fund, 1)))
    assert told(fund, days=until(fund, "report_due_on", past=0)) == []
    repay.report(fund, 1, 27_900_000)
    repay.distribute(fund, 1)
    assert told(fund, days=until(fund, "payment_due_on", past=0)) == []


def test_a_report_that_has_not_come_is_told_with_its_days_and_what_follows(fund: Fund) -> None:
    reports.await_report(repay.period(fund, 1).pk, at=repay.after(repay.period(fund, 1)))
    cause = one(fund, days=until(fund, "report_due_on", past=1))
    assert cause.late and cause.text == (
        f"The report of period 1 was due on {day(fund, 'report_due_on')} and has not come yet. That was 1 day ago. "
        f"Its payment is planned for {day(fund, 'payment_due_on')}; what it pays is worked out once the report is"
        " accepted."
    )
    later = one(fund, days=until(fund, "payment_due_on", past=3))
    assert f"Its payment was planned for {day(fund, 'payment_due_on')}" in later.text
    japanese = one(fund, days=until(fund, "report_due_on", past=1), language="ja").text
    assert day(fund, "report_due_on", language="ja") in japanese and "1日" in japanese
    assert not set("abcdefghij") & set(japanese.lower())


def test_a_report_that_was_sent_back_says_so(fund: Fund) -> None:
    at = repay.after(repay.period(fund, 1), 12)
    reports.send_back(draft(fund), actor=repay.staff("reviewer"), at=at, reason="The lines are missing.")
    back = date_format(repay.period(fund, 1).ends_on + timedelta(days=12), "DATE_FORMAT")
    assert (
        f"Fund staff sent it back on {back} to be corrected"
        in one(fund, days=until(fund, "report_due_on", past=5)).text
    )


def test_a_report_that_is_checked_for_too_long_is_the_staffs_delay(fund: Fund) -> None:
    draft(fund)
    assert told(fund, days=until(fund, "payment_due_on", past=0)) == []
    text = one(fund, days=until(fund, "payment_due_on", past=2)).text
    assert "its report of sales has come, and fund staff check it. That was 2 days ago." in text


def test_an_accepted_report_without_a_payment_is_told(fund: Fund) -> None:
    repay.report(fund, 1, 27_900_000)
    text = one(fund, days=until(fund, "payment_due_on", past=2)).text
    assert "its report is accepted, and what it pays is worked out" in text and "Two people" in text
    late_at = make.at_noon(repay.period(fund, 1).payment_due_on + timedelta(days=2))
    made = repay.distribute(fund, 1, at=late_at)
    text = one(fund, days=until(fund, "payment_due_on", past=3)).text
    assert "What it pays was decided late" in text and date_format(made.payment_on, "DATE_FORMAT") in text


def test_money_that_the_business_has_not_paid_and_a_part_of_it_are_told(fund: Fund) -> None:
    repay.report(fund, 1, 27_900_000)
    made = repay.distribute(fund, 1)
    days = until(fund, "payment_due_on", past=4)
    cause = one(fund, days=days)
    assert cause.late and "¥0 of ¥26,520 have arrived so far; what is missing stays owed" in cause.text
    assert "That was 4 days ago." in cause.text and "released" not in cause.text
    repay.pay_in(made, 17_000)
    at = repay.after(made.period, 21)
    part = pay_in.prepare_instalment(made, actor=repay.staff("maker"), at=at, reason="So much is there.")
    pay_in.approve_instalment(part, actor=repay.staff("checker"), at=at)
    text = one(fund, days=days).text
    assert "¥17,000 of ¥26,520" in text and "¥200 per unit of it are released to the holders." in text


def test_money_that_came_late_and_is_not_passed_on_yet_is_told(fund: Fund) -> None:
    repay.report(fund, 1, 27_900_000)
    repay.pay_in(repay.distribute(fund, 1))
    assert repay.period(fund, 1).state == Period.State.FUNDED
    text = one(fund, days=until(fund, "payment_due_on", past=1)).text
    assert "The business has paid for period 1" in text and "Fund staff prepare the transfers." in text


def test_a_deferred_payment_says_why_how_much_and_what_comes_next(fund: Fund) -> None:
    repay.whole_period(fund, 1, 27_900_000, action="defer")
    cause = one(fund)
    assert not cause.late and "at the wish of the business, which says:" in cause.text
    assert "“The harbour was closed.” ¥312 per unit are carried." in cause.text
    assert f"Next comes period 2, with its payment planned for {day(fund, 'payment_due_on', 2)}." in cause.text
    repay.whole_period(fund, 2, 20_000_000)
    assert told(fund) == []


def test_the_grace_period_names_the_first_period_that_counts() -> None:
    fund = repay.operating(40, periods=4, grace_periods=1)
    cause = one(fund)
    assert not cause.late and "its sales of the first period do not count" in cause.text
    assert (
        f"Period 2 is the first that counts; its payment is planned for {day(fund, 'payment_due_on', 2)}." in cause.text
    )
    repay.whole_period(fund, 1, 9_000_000)
    assert told(fund) == []


@pytest.mark.parametrize(("action", "words"), [("defer", "paid with a later one"), ("waive", "is not counted")])
def test_a_moratorium_says_since_when_and_what_comes_next(fund: Fund, action: str, words: str) -> None:
    first, at = repay.period(fund, 1), repay.after(repay.period(fund, 1))
    row = moratorium.prepare(
        [fund], title="Storm", reason="The piers are gone.", action=action, from_on=first.starts_on,
        until_on=first.ends_on, actor=repay.staff("maker"), at=at,
    )  # fmt: skip
    moratorium.approve(row, actor=repay.staff("checker"), at=at)
    moratorium.steps_due(on=at.date(), at=at)
    cause = one(fund)
    assert not cause.late and "Moratorium “Storm”" in cause.text and words in cause.text
    assert f"Decided on {date_format(clock.today_in(None, at), 'DATE_FORMAT')}." in cause.text
    assert f"Next comes period 2, with its payment planned for {day(fund, 'payment_due_on', 2)}." in cause.text
