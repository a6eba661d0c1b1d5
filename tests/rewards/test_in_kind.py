"""Vouchers of distributions that are taken in kind: issued, used, ended, and back in cash (domain.md section 10)."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from investments.events import HoldingRescinded
from investments.holdings.services import record_movement
from investments.ledger import post as ledger
from investments.models import ElectedReturn, Entry, Holding, Payout
from investments.payouts import select, unclaimed
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox import services as outbox
from rewards import handlers, in_kind, vouchers
from rewards.models import Voucher
from tests import make, repay
from tests.in_kind import approved, pay_out

pytestmark = pytest.mark.django_db


def issued(*choices: str, **values):
    """An approved distribution whose event was heard."""
    made = approved(*choices, **values)
    outbox.dispatch()
    return made


def use(voucher: Voucher, amount: int, *, at) -> None:
    owner = repay.owner(voucher.line.distribution.fund)
    vouchers.redeem(voucher.business, voucher.code, amount, form_token=uuid4(), actor=owner, at=at)


def ended(voucher: Voucher, *, days: int = 1) -> ElectedReturn:
    """What came back after the voucher's last day; the sweep runs twice."""
    at = clock.end_of_day(voucher.valid_until + timedelta(days=days))
    for _twice in range(2):
        in_kind.end_due(on=clock.today_in(None, at), at=at)
    return ElectedReturn.objects.get(line=voucher.line)


def test_every_line_in_kind_has_one_voucher_worth_its_net_and_the_bonus_for_six_months() -> None:
    made = issued("cash", "in_kind", "give_back", "in_kind")
    found = list(Voucher.objects.order_by("line"))
    assert [(row.value, row.balance) for row in found] == [(3_775, 3_775), (4_461, 4_461)]
    assert len({row.code for row in found}) == 2
    assert all(len(row.code) == 16 and row.code == vouchers.tidy(vouchers.shown(row.code)) for row in found)
    assert {row.valid_until for row in found} == {clock.add_months(clock.today_in(None, made.approved_at), 6)}
    assert in_kind.issue(made.pk, at=made.approved_at) == 0
    repay.books_are_right()


def test_what_is_used_is_used_and_what_is_left_comes_back_without_its_bonus() -> None:
    made = issued("in_kind")
    voucher = Voucher.objects.get()
    assert voucher.value == 3_432  # 3,120 and a tenth
    use(voucher, 1_144, at=repay.after(made.period, 40))
    back = ended(voucher)
    # 2,288 of 3,432 are left: two thirds of the net of 3,120.
    assert back.amount == 2_080
    voucher.refresh_from_db()
    made.refresh_from_db()
    assert (made.owed, made.returned, voucher.balance) == (2_080, 2_080, 2_288)
    with pytest.raises(DomainError) as over:
        use(voucher, 1, at=voucher.ended_at)
    assert over.value.code == "over"
    repay.pay_in(made, at=repay.after(made.period, 260))
    assert Payout.objects.get(run=pay_out(made, days=270)).returned == 2_080
    repay.books_are_right()


def test_the_fraction_of_a_yen_stays_with_the_business() -> None:
    made = issued("in_kind", units=(11,))
    voucher = Voucher.objects.get()
    use(voucher, 775, at=repay.after(made.period, 40))
    # 3,000 × 3,432 ÷ 3,775 = 2,727.4…
    assert ended(voucher).amount == 2_727
    repay.books_are_right()


def test_one_that_is_used_up_ends_before_its_time_and_leaves_nothing() -> None:
    made = issued("in_kind")
    voucher = Voucher.objects.get()
    at = repay.after(made.period, 40)
    use(voucher, 3_432, at=at)
    assert in_kind.end_due(on=clock.today_in(None, at), at=at) == {"ended": 1, "errors": 0}
    assert ElectedReturn.objects.get().amount == 0
    assert made.owed == 0
    repay.books_are_right()


def test_it_can_be_used_on_its_last_day_and_ends_the_day_after() -> None:
    issued("in_kind")
    voucher = Voucher.objects.get()
    last = clock.end_of_day(voucher.valid_until)
    assert in_kind.end_due(on=voucher.valid_until, at=last) == {"ended": 0, "errors": 0}
    use(voucher, 1, at=last)
    with pytest.raises(DomainError):
        use(voucher, 1, at=last + timedelta(microseconds=1))
    assert ended(voucher).amount == 3_119


def test_a_sweep_that_stopped_between_its_steps_goes_on() -> None:
    made = issued("in_kind")
    voucher = Voucher.objects.get()
    Voucher.objects.update(ended_at=repay.after(made.period, 300))
    assert ended(voucher).amount == 3_120
    assert ledger.balance(made.fund.book_id, "receivable_from_business") == 3_120
    repay.books_are_right()


def test_a_voucher_is_of_one_thing() -> None:
    issued("in_kind")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE rewards_voucher SET line_id = NULL")


# --- Nobody knows where to ----------------------------------------------------------------------------------------


@pytest.fixture
def nowhere() -> tuple[ElectedReturn, date]:
    """What came back of a voucher whose holder never gave an account, paid in by the business; and a year after."""
    at = make.at_noon(repay.BOUGHT_ON)
    made = issued("in_kind", investors=[repay.holder(account=None, at=at)])
    back = ended(Voucher.objects.get())
    made.refresh_from_db()
    repay.pay_in(made, at=repay.after(made.period, 260))
    back.refresh_from_db()
    assert back.amount == 3_120 and back.released_at is not None
    return back, clock.add_months(clock.today_in(None, back.released_at), 12)


def sweep(day: date) -> tuple[int, int]:
    counts = unclaimed.set_aside_due(on=day, at=make.at_noon(day))
    assert not counts["errors"]
    return counts["set_aside"], counts["claimed"]


def test_what_came_back_and_cannot_be_paid_for_a_year_is_set_aside(nowhere: tuple[ElectedReturn, date]) -> None:
    back, year = nowhere
    book = back.distribution.fund.book_id
    assert sweep(year - timedelta(days=1)) == (0, 0)
    assert [sweep(year) for _time in range(2)] == [(1, 0), (0, 0)]
    assert ledger.balance(book, "unclaimed_distributions") == 3_120
    assert ledger.balance(book, "distributions_payable") == 0
    assert Entry.objects.filter(kind="payout_set_aside").count() == 1
    repay.books_are_right()
    with pytest.raises(IntegrityError), transaction.atomic():
        ElectedReturn.objects.update(amount=1)


def test_an_account_brings_it_back_into_the_next_run_and_no_run_takes_it_before(
    nowhere: tuple[ElectedReturn, date],
) -> None:
    back, year = nowhere
    investor = Holding.objects.get().investor
    sweep(year)
    repay.give_account(investor, number="7654321", at=make.at_noon(year))
    assert [(line.excluded, line.amount) for line in select.preview(year)] == [("unclaimed", 3_120)]
    with pytest.raises(DomainError):
        repay.send_run(at=make.at_noon(year))
    assert [sweep(year + timedelta(days=1)) for _time in range(2)] == [(0, 1), (0, 0)]
    assert ledger.balance(back.distribution.fund.book_id, "unclaimed_distributions") == 0
    repay.books_are_right()
    repay.settle(repay.send_run(at=make.at_noon(year + timedelta(days=2))))
    assert (Payout.objects.get().state, Payout.objects.get().returned) == ("paid", 3_120)
    repay.books_are_right()


def test_what_is_set_aside_is_in_no_payout(nowhere: tuple[ElectedReturn, date]) -> None:
    back, year = nowhere
    sweep(year)
    with pytest.raises(IntegrityError), transaction.atomic():
        ElectedReturn.objects.filter(pk=back.pk).update(released_at=None)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE investments_electedreturn SET payout_id = 1")


def test_what_a_deceased_holder_is_owed_waits_for_the_heir(nowhere: tuple[ElectedReturn, date]) -> None:
    _back, year = nowhere
    Holding.objects.update(frozen_at=make.at_noon(year))
    assert sweep(year) == (0, 0)
    heir = repay.holder("サトウ ケン", account=None, at=make.at_noon(year))
    Holding.objects.update(paid_to=heir)
    assert sweep(year) == (1, 0)
    repay.give_account(heir, number="7654321", at=make.at_noon(year))
    assert sweep(year + timedelta(days=1)) == (0, 1)


def test_units_that_are_taken_back_take_nothing_of_a_voucher_that_stands_for_a_payment() -> None:
    made = issued("in_kind")
    voucher, holding = Voucher.objects.get(), Holding.objects.get()
    at = repay.after(made.period, 40)
    use(voucher, 1_144, at=at)
    record_movement(
        investor_id=holding.investor_id, fund_id=holding.fund_id, kind="rescind", units=-5, source="test", on=at.date(),
        at=at,
    )  # fmt: skip
    event = HoldingRescinded(0, holding.investor_id, holding.fund_id, 5, at)
    handlers.holding_rescinded(event)
    voucher.refresh_from_db()
    # The line is that of the ten units of the record date; cash for the same period would stay with them too.
    assert (voucher.value, voucher.balance) == (3_432, 2_288)
    assert ended(voucher).amount == 2_080
