"""Money is conserved, whoever takes what how: gross = cash that was paid out + tax + in kind + given back; and of a
voucher, what was used and what comes back are never more than what was taken."""

import os
import random
import secrets
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db.models import Sum
from hypothesis import given
from hypothesis import strategies as st

from investments.distributions.elected import ElectedLine
from investments.ledger import post as ledger
from investments.models import ElectedReturn, Payout, TaxPayment
from microfund.kernel import clock
from microfund.kernel.outbox import services as outbox
from rewards import in_kind, vouchers
from rewards.models import Voucher
from tests import repay
from tests.in_kind import elect, held, offered

SEED = int(os.environ.get("TORTURE_SEED") or secrets.randbits(32))
CHOICES = ("cash", "in_kind", "give_back")


@given(
    net=st.integers(min_value=1, max_value=10**9),
    bonus=st.integers(min_value=0, max_value=10_000),
    used=st.fractions(min_value=0, max_value=1),
)
def test_what_comes_back_is_the_part_that_was_not_used_and_never_the_bonus(net: int, bonus: int, used: object) -> None:
    line = ElectedLine(net=net, bonus=Decimal(bonus) / 10_000)
    spent = int(line.worth * used)
    back = line.unused(line.worth - spent)
    assert 0 <= back <= net and line.unused(line.worth) == net and line.unused(0) == 0
    # What was used and what comes back, each with its bonus, are the voucher, but for the rounding of two amounts.
    assert net - back <= spent <= line.worth - back
    assert line.unused(line.worth - spent) >= line.unused(line.worth - min(line.worth, spent + 1))


@pytest.mark.django_db
def test_every_yen_of_a_distribution_is_somewhere() -> None:
    print(f"TORTURE_SEED={SEED}")
    chance = random.Random(SEED)  # noqa: S311 - a test's own dice
    units = [chance.randint(1, 49) for _holder in range(8)]
    fund = offered(
        *units,
        investment=100,
        donation=100,
        rate_after_recoup=Decimal("0.0336"),
        bonus=f"0.{chance.randint(0, 3000):04}",
    )
    for holding in held(fund):
        elect(holding, chance.choice(CHOICES))
    repay.report(fund, 1, chance.randint(20_000_000, 60_000_000))
    made = repay.distribute(fund, 1)
    outbox.dispatch()
    for voucher in Voucher.objects.order_by("pk"):
        amount = chance.randint(0, voucher.value)
        if amount:
            at = repay.after(made.period, 30)
            vouchers.redeem(fund.business, voucher.code, amount, form_token=uuid4(), actor=repay.owner(fund), at=at)
    while made.owed:  # in parts, as it comes
        repay.pay_in(made, chance.randint(1, made.owed), at=repay.after(made.period, 20))
    over = clock.end_of_day(clock.add_months(clock.today_in(None, made.approved_at), 7))
    in_kind.end_due(on=over.date(), at=over)
    made.refresh_from_db()
    if made.owed:
        repay.pay_in(made, at=over)
    if ledger.balance(fund.book_id, "distributions_payable"):
        repay.settle(repay.send_run(at=over))
    paid = Payout.objects.filter(fund=fund).aggregate(net=Sum("net", default=0), tax=Sum("tax", default=0))
    back = ElectedReturn.objects.aggregate(sum=Sum("amount", default=0))["sum"]
    tax = ledger.balance(fund.book_id, "withholding_payable")
    assert not TaxPayment.objects.filter(paid_on__isnull=False).exists()
    assert made.gross == paid["net"] + tax + (made.in_kind - back) + made.given_back
    assert made.received == paid["net"] + tax and tax == made.tax == paid["tax"] + made.elected_tax
    for code in ("receivable_from_business", "distributions_payable", "withholding_accrued"):
        assert ledger.balance(fund.book_id, code) == 0, code
    repay.books_are_right()
