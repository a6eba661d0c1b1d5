"""docs/ledger.md, played: every example is posted through the services and compared with the page, line by line."""

import ast
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from investments.banking import services as banking
from investments.distributions import came_back, credit, elections, write_off
from investments.distributions.changes import WriteOff
from investments.distributions.elected import ElectedLine
from investments.ledger import post as ledger
from investments.ledger.accounts import CHARTS
from investments.ledger.models import Entry, Line
from investments.models import (
    BankReturn,
    Dispute,
    Fund,
    Order,
    PaymentAttempt,
    PayoutAttempt,
    ProviderPayout,
    Refund,
    StatementLine,
    TaxPayment,
    TaxRate,
)
from investments.orders import services as orders
from investments.payments import dispute, external, own_accounts, reconcile, refund, services, settle
from investments.payouts import outcome, release, tax, unclaimed
from microfund.kernel import clock
from rewards import compensation
from rewards.models import Compensation
from tests import make, repay
from tests.architecture.code import ROOT, files
from tests.investments.banking.files import csv_file
from tests.make import make_fund, make_order
from tests.rewards import build as rewards
from tests.sandbox_client import SandboxProcess

PAGE = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
Row = tuple[str, str, int, int]


def section(title: str, level: int = 3) -> str:
    """The text below a heading, up to the next one of its level or above."""
    found = re.search(
        rf"^{'#' * level} {re.escape(title)}\n(.*?)(?=^#{{1,{level}}} |\Z)", PAGE, re.MULTILINE | re.DOTALL
    )
    assert found, f"docs/ledger.md has no section {title!r}"
    return found[1]


def table(title: str, level: int = 3) -> list[list[str]]:
    """The rows of the table below a heading, without its head."""
    lines = [line for line in section(title, level).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def examples() -> list[str]:
    """The headings of all examples."""
    return re.findall(r"^### (.*)$", section("Postings, each with an example", 2), re.MULTILINE)


def figures(title: str) -> list[Row]:
    def yen(cell: str) -> int:
        return int(cell.replace(",", "")) if cell else 0

    return sorted((book, account, yen(debit), yen(credit)) for book, account, debit, credit in table(title))


def posted(kind: str, *funds: Fund) -> list[Row]:
    """The lines of the newest entry of a kind, books named as on the page."""
    entry = Entry.objects.filter(kind=kind).order_by("-pk")[0]
    books = {"operator": "operator"}
    for name, fund in zip(("fund", "second fund"), funds, strict=False):
        books[f"fund:{fund.pk}"] = name
    return sorted(
        (
            books[line.account.book.code],
            line.account.code,
            line.amount if line.side == Line.Side.DEBIT else 0,
            line.amount if line.side == Line.Side.CREDIT else 0,
        )
        for line in entry.lines.select_related("account__book")
    )


# --- The stories --------------------------------------------------------------------------------------------------


class Story:
    """One order of two units, taken as far as an example needs it."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        self.sandbox = sandbox
        self.fund = make_fund()

    def order(self, method: str = "card", units: int = 2, fund: Fund | None = None) -> Order:
        return make_order(fund=fund or self.fund, units=units, method=method)

    def paid(self, units: int = 2, fund: Fund | None = None) -> tuple[Order, PaymentAttempt]:
        order = self.order(units=units, fund=fund)
        attempt = services.start_payment(order, at=timezone.now())
        self.sandbox.control("pay", session=attempt.session_id, how="card")
        attempt = settle.settle(attempt.pk, at=timezone.now())
        order.refresh_from_db()
        assert order.state == "paid"
        return order, attempt

    def confirmed(self) -> tuple[Order, PaymentAttempt]:
        order, attempt = self.paid()
        orders.confirm_due(on=timezone.now().date(), at=order.cooling_off_ends_at)
        order.refresh_from_db()
        assert order.state == "confirmed"
        return order, attempt

    def received(self, amount: int, code: str = "") -> Any:
        """A deposit on today's statement."""
        row = {"date": clock.today_in().isoformat(), "amount": amount, "payer_code": code}
        file = banking.import_statement(content=csv_file(row), name="statement.csv", actor=None, at=timezone.now())
        return file.lines.get()

    def disputed(self, attempt: PaymentAttempt, **values: int) -> Dispute:
        self.sandbox.control("disputes/open", payment_intent=attempt.intent_id, **values)
        reconcile.objects_due(on=timezone.now().date(), at=timezone.now())
        return Dispute.objects.get(attempt=attempt)

    def decided(self, attempt: PaymentAttempt, outcome: str, **values: int) -> None:
        own = self.disputed(attempt, **values)
        self.sandbox.control("disputes/close", dispute=own.provider_id, outcome=outcome)
        reconcile.objects_due(on=timezone.now().date(), at=timezone.now())
        own.refresh_from_db()
        assert own.state == outcome

    def cancelled(self) -> Refund:
        order, _attempt = self.paid()
        services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
        return Refund.objects.get(order=order)

    def refunded(self) -> Refund:
        made = self.cancelled()
        return refund.send(made.pk, at=timezone.now())


def payment_received(story: Story) -> None:
    story.paid()


def bank_receipt(story: Story) -> None:
    story.received(21_000)


def receipt_applied(story: Story) -> None:
    order = story.order(method="bank_transfer")
    services.start_payment(order, at=timezone.now())
    story.received(21_000, order.payer_code)
    order.refresh_from_db()
    assert order.state == "paid"


def receipt_sent_back(story: Story) -> None:
    line = story.received(5_000, "9999999999")
    transfer = banking.send_back(
        line,
        amount=5_000,
        payee={"bank": "0001", "branch": "001", "type": "1", "number": "1234567", "holder": line.payer_name},
        actor=make.make_user(is_staff=True),
        at=timezone.now(),
        reason="Nobody's order",
    )
    make.carry_out(transfer, at=timezone.now())


def order_confirmed(story: Story) -> None:
    story.confirmed()


def refund_decided_before(story: Story) -> None:
    story.cancelled()


def refund_decided_after(story: Story) -> None:
    order, attempt = story.confirmed()
    story.sandbox.control("dashboard_refund", payment_intent=attempt.intent_id, amount=order.total)
    reconcile.objects_due(on=timezone.now().date(), at=timezone.now())


def refund_paid(story: Story) -> None:
    assert story.refunded().state == "succeeded"


def refund_failed(story: Story) -> None:
    story.sandbox.control("refund_policy", next="succeeded_then_failed")
    made = story.refunded()
    assert made.state == "succeeded"
    # The provider's bank sends it back a moment later.
    external.absorb(made.attempt.intent_id, at=timezone.now())
    made.refresh_from_db()
    assert made.state == "failed"


def refund_by_bank(story: Story) -> None:
    order = story.order(method="bank_transfer")
    services.start_payment(order, at=timezone.now())
    story.received(21_000, order.payer_code)
    order.refresh_from_db()
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    transfer = refund.pay_by_bank(
        Refund.objects.get(order=order),
        payee={"bank": "0001", "branch": "001", "type": "1", "number": "1234567", "holder": "イトウ ハルカ"},
        actor=make.make_user(is_staff=True),
        at=timezone.now(),
        reason="Paid by transfer",
    )
    make.carry_out(transfer, at=timezone.now())


def refund_of_part(story: Story) -> None:
    order, attempt = story.paid()
    story.sandbox.control("dashboard_refund", payment_intent=attempt.intent_id, amount=500)
    settle.settle(attempt.pk, at=timezone.now())
    order.refresh_from_db()
    assert order.state == "paid"


def dispute_opened(story: Story) -> None:
    story.disputed(story.paid()[1])


def dispute_topped_up(story: Story) -> None:
    own = story.disputed(story.paid()[1])
    transfer = own_accounts.top_up(
        own, actor=make.make_user(is_staff=True), at=timezone.now(), reason="Owed to the fund"
    )
    make.carry_out(transfer, at=timezone.now())


def fees_swept(story: Story) -> None:
    story.confirmed()
    story.sandbox.control("payouts/make")
    reconcile.payouts_due(on=timezone.now().date(), at=timezone.now())
    transfer = own_accounts.sweep_fees(
        story.fund, actor=make.make_user(is_staff=True), at=timezone.now(), reason="End of the month"
    )
    make.carry_out(transfer, at=timezone.now())


def dispute_won(story: Story) -> None:
    story.decided(story.paid()[1], "won")


def dispute_lost_before(story: Story) -> None:
    story.decided(story.paid()[1], "lost")


def dispute_lost_after(story: Story) -> None:
    story.decided(story.confirmed()[1], "lost")


def _release(story: Story) -> None:
    """The investment half leaves for the business, as the entry of a later release does it."""
    story.sandbox.control("payouts/make")
    reconcile.payouts_due(on=timezone.now().date(), at=timezone.now())
    book = story.fund.book_id
    legs = [ledger.debit(book, "investment_payable", 10_000), ledger.credit(book, "bank", 10_000)]
    ledger.post(kind="released", source=("fund", story.fund.pk), legs=legs, on=clock.today_in(), at=timezone.now())


def dispute_lost_released(story: Story) -> None:
    story.fund.refresh_from_db()
    _order, attempt = story.confirmed()
    _release(story)
    story.decided(attempt, "lost")


def dispute_lost_ended(story: Story) -> None:
    made = story.cancelled()
    story.decided(made.attempt, "lost")
    made.refresh_from_db()
    assert made.state == "charged_back"


def dispute_lost_after_part(story: Story) -> None:
    order, attempt = story.paid()
    story.sandbox.control("dashboard_refund", payment_intent=attempt.intent_id, amount=500)
    settle.settle(attempt.pk, at=timezone.now())
    story.decided(attempt, "lost")
    order.refresh_from_db()
    assert order.state == "refunded"


def _rescind(attempt: PaymentAttempt) -> None:
    own = Dispute.objects.get(attempt=attempt)
    dispute.rescind(own, actor=None, at=timezone.now(), reason="They want no units.")


def dispute_rescinded_before(story: Story) -> None:
    _order, attempt = story.paid()
    story.decided(attempt, "lost", amount=4_000)
    _rescind(attempt)


def dispute_rescinded_after(story: Story) -> None:
    _order, attempt = story.confirmed()
    story.decided(attempt, "lost", amount=4_000)
    _rescind(attempt)


def dispute_rescinded_released(story: Story) -> None:
    dispute_lost_released(story)
    _rescind(PaymentAttempt.objects.get())


def refund_split(story: Story) -> None:
    story.decided(story.cancelled().attempt, "lost", amount=4_000)


def refund_paid_twice(story: Story) -> None:
    story.sandbox.control("refund_policy", next="pending")
    made = story.refunded()
    story.decided(made.attempt, "lost", amount=21_000)
    story.sandbox.control("refunds/settle", refund=made.provider_id, status="succeeded")
    external.absorb(made.attempt.intent_id, at=timezone.now())


def refund_charged_back(story: Story) -> None:
    made = story.refunded()
    story.decided(made.attempt, "lost", amount=21_000)
    story.sandbox.control("refunds/settle", refund=made.provider_id, status="failed")
    external.absorb(made.attempt.intent_id, at=timezone.now())


def provider_payout(story: Story) -> None:
    story.second = make_fund()
    story.paid()
    story.paid(units=1, fund=story.second)
    story.sandbox.control("payouts/make")
    assert reconcile.payouts_due(on=timezone.now().date(), at=timezone.now())["payouts"] == 1


def provider_payout_failed(story: Story) -> None:
    provider_payout(story)
    payout = story.sandbox.control("payouts/settle", payout=ProviderPayout.objects.get().provider_id, status="failed")
    assert payout["status"] == "failed"
    assert reconcile.payouts_due(on=timezone.now().date(), at=timezone.now())["payouts"] == 1


class Repaid:
    """A holder of forty units of a fund whose first period pays beyond the investment."""

    def __init__(self, story: Story) -> None:
        story.fund = self.fund = repay.operating(
            40, units_offered=300, periods=2, rate_before_recoup=Decimal("0.5"), rate_after_recoup=Decimal("0.25")
        )
        repay.report(self.fund, 1, 3_600_000)
        self.distribution = repay.distribute(self.fund, 1)

    def sent(self) -> PayoutAttempt:
        repay.pay_in(self.distribution)
        return repay.send_run(at=repay.after(self.distribution.period, 30)).attempts.get()

    def returned(self) -> BankReturn:
        attempt = self.sent()
        on = attempt.run.pay_on
        return outcome.record_return(attempt, returned_on=on, actor=repay.staff(), at=make.at_noon(on), cause="closed")


def released(story: Story) -> None:
    story.fund = fund = repay.operating(40, units_offered=300)
    at = make.at_noon(fund.term_starts_on)
    payee = {"bank": "0001", "branch": "001", "type": "1", "number": "7654321", "holder": "ヒノデ"}
    transfer = release.prepare(
        fund, part="donation", amount=200_000, payee=payee, actor=repay.staff(), at=at, reason="They buy rafts."
    )
    make.carry_out(transfer, at=at)


def tax_paid(story: Story) -> None:
    sent = Repaid(story).sent()
    first = make.at_noon(clock.add_months(sent.run.pay_on.replace(day=1), 1))
    tax.gather_due(on=first.date(), at=first)
    transfer = tax.pay_over(TaxPayment.objects.get(), actor=repay.staff(), at=first, reason="Monthly.")
    make.carry_out(transfer, at=first)


def distribution_approved(story: Story) -> None:
    Repaid(story)


def business_paid_in(story: Story) -> None:
    repay.pay_in(Repaid(story).distribution)


def elected(story: Story) -> ElectedLine:
    """The same, taken in kind with a bonus of a tenth."""
    story.fund = fund = repay.operating(
        40, units_offered=300, periods=2, rate_before_recoup=Decimal("0.5"), rate_after_recoup=Decimal("0.25")
    )
    own, at = repay.period(fund, 1), make.at_noon(fund.term_starts_on)
    offer = elections.make_offer(
        fund, in_kind=True, bonus=Decimal("0.1"), give_back=True, actor=repay.staff(), at=at, reason="Agreed."
    )
    holding = fund.holdings.get()
    elections.elect(holding, "in_kind", offer_id=offer.pk, period=own, actor=holding.investor.user, at=at)
    repay.report(fund, 1, 3_600_000)
    return repay.distribute(fund, 1).elected_lines.select_related("distribution__period").get()


def distribution_elected(story: Story) -> None:
    elected(story)


def elected_tax_withheld(story: Story) -> None:
    repay.pay_in(elected(story).distribution)


def elected_returned(story: Story) -> None:
    line = elected(story)
    assert line.worth == 237_507
    came_back.come_back(line.pk, line.unused(87_507), at=repay.after(line.distribution.period, 200))


def written_off(story: Story) -> WriteOff:
    own = Repaid(story).distribution
    repay.pay_in(own, 200_030)
    at = repay.after(own.period, 30)
    row = write_off.prepare(own, actor=repay.staff("maker"), at=at, reason="Washed away.")
    return write_off.approve(row, actor=repay.staff("checker"), at=at)


def credit_used(story: Story) -> None:
    fund = written_off(story).distribution.fund
    repay.settle(repay.send_run(at=repay.after(repay.period(fund, 1), 40)))
    repay.report(fund, 2, 3_600_000)
    repay.distribute(fund, 2)


def credit_returned(story: Story) -> None:
    row = written_off(story)
    fund = row.distribution.fund
    repay.settle(repay.send_run(at=repay.after(repay.period(fund, 1), 40)))
    repay.report(fund, 2, 0, action="waive")
    repay.distribute(fund, 2)
    payee = {"bank": "0001", "branch": "001", "type": "1", "number": "7654321", "holder": "ヒノデ"}
    at = repay.after(repay.period(fund, 2), 40)
    transfer = credit.give_back(row, payee=payee, actor=repay.staff(), at=at, reason="Nothing follows.")
    make.carry_out(transfer, at=at)


def distribution_retaxed(story: Story) -> None:
    own = Repaid(story).distribution
    repay.pay_in(own)
    at = repay.after(own.period, 30)
    TaxRate.objects.create(kind="withholding", payee_class="", valid_from=at.date(), rate=Decimal("0.2553"))
    repay.send_run(at=at)


def payouts_sent(story: Story) -> None:
    Repaid(story).sent()


def payout_returned(story: Story) -> None:
    Repaid(story).returned()


def return_received(story: Story) -> None:
    back = Repaid(story).returned()
    repay.receive({"amount": back.attempt.amount, "payer_name": "ﾌﾘｺﾐﾌﾉｳ"}, at=make.at_noon(back.returned_on))
    line = StatementLine.objects.get(remaining=back.attempt.amount)
    outcome.attach_receipt(back, line, actor=repay.staff(), at=make.at_noon(back.returned_on))


def payout_set_aside(story: Story) -> None:
    back = Repaid(story).returned()
    day = clock.add_months(back.returned_on, 12)
    unclaimed.set_aside_due(on=day, at=make.at_noon(day))


def payout_claimed(story: Story) -> None:
    back = Repaid(story).returned()
    day = clock.add_months(back.returned_on, 12)
    unclaimed.set_aside_due(on=day, at=make.at_noon(day))
    repay.give_account(back.attempt.payout.investor, number="7654321", at=make.at_noon(day))
    unclaimed.set_aside_due(on=day, at=make.at_noon(day))


def _instead(story: Story) -> Compensation:
    """Money is decided instead of a reward worth 3,000."""
    cycle, at = rewards.opened(2)
    story.fund = cycle.offer.fund
    row = rewards.row_of(cycle)
    made = compensation.prepare(row, amount=2_500, actor=repay.staff(), at=at, reason="Lost at sea.")
    return compensation.approve(made, actor=repay.staff("checker"), at=at)


def compensation_approved(story: Story) -> None:
    _instead(story)


def compensation_paid_in(story: Story) -> Compensation:
    made = _instead(story)
    repay.receive({"amount": 2_500, "payer_code": made.payer_code, "payer_name": "ﾋﾉﾃﾞ"}, at=timezone.now())
    made.refresh_from_db()
    return made


def compensation_paid(story: Story) -> None:
    made = compensation_paid_in(story)
    transfer = compensation.pay(made, actor=repay.staff(), at=timezone.now(), reason="As decided.")
    make.carry_out(transfer, at=timezone.now())


def compensation_written_off(story: Story) -> None:
    made = _instead(story)
    late = make.at_noon(made.due_on + timedelta(days=1))
    made = compensation.propose_loss(made, actor=repay.staff(), at=late, reason="The business was closed.")
    compensation.approve_loss(made, actor=repay.staff("checker"), at=late)


def reversal(story: Story) -> None:
    story.paid()
    entry = Entry.objects.get(kind="payment_received")
    on = clock.today_in()
    assert ledger.reverse(entry, on=on, at=timezone.now(), reason="An example") is not None
    assert ledger.reverse(entry, on=on, at=timezone.now(), reason="Once more") is None


STORIES: dict[str, Callable[[Story], Any]] = {
    "payment_received": payment_received,
    "bank_receipt": bank_receipt,
    "receipt_applied": receipt_applied,
    "receipt_sent_back": receipt_sent_back,
    "order_confirmed": order_confirmed,
    "refund_decided: before confirmation": refund_decided_before,
    "refund_decided: after confirmation": refund_decided_after,
    "refund_paid": refund_paid,
    "refund_failed": refund_failed,
    "refund_by_bank": refund_by_bank,
    "refund_of_part": refund_of_part,
    "dispute_opened": dispute_opened,
    "dispute_topped_up": dispute_topped_up,
    "fees_swept": fees_swept,
    "dispute_won": dispute_won,
    "dispute_lost: before confirmation": dispute_lost_before,
    "dispute_lost: after confirmation": dispute_lost_after,
    "dispute_lost: after release": dispute_lost_released,
    "dispute_lost: of an order that ended before": dispute_lost_ended,
    "dispute_lost: of what a part refund had left": dispute_lost_after_part,
    "dispute_rescinded: before confirmation": dispute_rescinded_before,
    "dispute_rescinded: after confirmation": dispute_rescinded_after,
    "dispute_rescinded: after release": dispute_rescinded_released,
    "refund_split": refund_split,
    "refund_paid_twice": refund_paid_twice,
    "refund_charged_back": refund_charged_back,
    "provider_payout": provider_payout,
    "provider_payout_failed": provider_payout_failed,
    "released": released,
    "tax_paid": tax_paid,
    "distribution_approved": distribution_approved,
    "business_paid_in": business_paid_in,
    "distribution_elected": distribution_elected,
    "elected_tax_withheld": elected_tax_withheld,
    "elected_returned": elected_returned,
    "written_off": written_off,
    "credit_used": credit_used,
    "credit_returned": credit_returned,
    "distribution_retaxed": distribution_retaxed,
    "payouts_sent": payouts_sent,
    "payout_returned": payout_returned,
    "payout_set_aside": payout_set_aside,
    "payout_claimed": payout_claimed,
    "return_received": return_received,
    "compensation_approved": compensation_approved,
    "compensation_paid_in": compensation_paid_in,
    "compensation_paid": compensation_paid,
    "compensation_written_off": compensation_written_off,
    "reversal": reversal,
}


@pytest.mark.django_db
@pytest.mark.parametrize("title", STORIES)
def test_an_example_of_the_page_is_what_the_services_post(title: str, sandbox: SandboxProcess) -> None:
    story = Story(sandbox)
    STORIES[title](story)
    funds = [story.fund, story.second] if hasattr(story, "second") else [story.fund]
    assert posted(title.split(":")[0], *funds) == figures(title)


# --- The page is whole --------------------------------------------------------------------------------------------


def test_every_example_is_played_and_balances_in_each_book() -> None:
    assert set(examples()) == set(STORIES)
    for title in STORIES:
        books: dict[str, int] = {}
        for book, _account, debit, credited in figures(title):
            books[book] = books.get(book, 0) + debit - credited
        assert set(books.values()) == {0}, title


def kinds_in_code() -> set[str]:
    """Every kind that anything posts under."""
    found: set[str] = set()
    for path in files("investments", "rewards", "businesses"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("post", "Posting"):
                kinds = [keyword.value for keyword in node.keywords if keyword.arg == "kind"]
                found |= {
                    part.value
                    for kind in kinds
                    for part in ast.walk(kind)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                }
    return found


def test_every_kind_of_entry_has_an_example() -> None:
    assert kinds_in_code() == {title.split(":")[0] for title in STORIES}


@pytest.mark.parametrize(("heading", "kind"), [("A fund's book", "fund"), ("The operator's book", "operator")])
def test_the_chart_on_the_page_is_the_chart_in_the_code(heading: str, kind: str) -> None:
    assert {row[0]: row[1] for row in table(heading)} == CHARTS[kind]


@pytest.mark.django_db
def test_what_the_page_says_enforces_a_promise_is_in_the_database() -> None:
    named = {name for row in table("What enforces it", 2) for name in re.findall(r"`(\w+)`", row[1])}
    assert len(named) >= 15
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger UNION SELECT conname FROM pg_constraint"
            " UNION SELECT indexname FROM pg_indexes"
        )
        there = {row[0] for row in cursor.fetchall()}
    assert named - there == set()
