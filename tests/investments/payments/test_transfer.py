"""Bank transfers: an order is paid by receipts that come to its total exactly; the rest waits with its reason."""

import itertools
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from investments.banking import services as banking
from investments.banking.models import OutgoingTransfer, ReceiptUse, StatementLine
from investments.ledger.models import Entry, Line
from investments.models import Fund, FundCounter, Order, PaymentAttempt, PersonFund
from investments.orders import services as orders
from investments.payments import refund, services, transfer
from microfund.kernel import clock, integrity
from microfund.kernel.errors import DomainError
from tests import make
from tests.investments.banking.files import csv_file
from tests.sandbox_client import SandboxProcess

pytestmark = pytest.mark.django_db

APPLIED = make.at_noon(date(2026, 7, 1))  # a Wednesday; five bank days later is 8 July
NEXT_DAY = make.at_noon(date(2026, 7, 2))
TOTAL = 10_500
_files = itertools.count()


@pytest.fixture
def fund() -> Fund:
    return make.make_fund(on=APPLIED.date())


@pytest.fixture
def order(fund: Fund) -> Order:
    return waiting_order(fund)


def waiting_order(fund: Fund, *, units: int = 1, at: datetime = APPLIED, **values: Any) -> Order:
    """An order whose transfer is awaited."""
    order = make.make_order(fund=fund, units=units, at=at, **values)
    services.start_payment(order, at=at)
    order.refresh_from_db()
    return order


def receive(*rows: dict[str, Any], at: datetime = NEXT_DAY) -> list[StatementLine]:
    """Import one statement of these rows, each file with other row ids."""
    first = next(_files) * 100 + 1
    day = clock.today_in(None, at).isoformat()
    file = banking.import_statement(
        content=csv_file(*({"date": day, **row} for row in rows), first=first), name="s", actor=None, at=at
    )
    return list(file.lines.order_by("row"))


def transfer_of(order: Order, amount: int = TOTAL, **row: Any) -> dict[str, Any]:
    return {"payer_code": order.payer_code, "amount": amount, **row}


def states(order: Order) -> tuple[str, list[str]]:
    order.refresh_from_db()
    return order.state, [attempt.state for attempt in order.attempts.order_by("pk")]


def problems(*lines: StatementLine) -> list[tuple[int, str]]:
    """What remains of these receipts, and why they wait."""
    return [(fresh.remaining, fresh.problem) for fresh in (StatementLine.objects.get(pk=line.pk) for line in lines)]


def balances(*subjects: str) -> dict[str, int]:
    """Debit minus credit of every account for these subjects, zero ones left out."""
    found: dict[str, int] = {}
    for line in Line.objects.filter(subject__in=subjects).select_related("account__book"):
        key = f"{line.account.book.kind}.{line.account.code}"
        found[key] = found.get(key, 0) + (line.amount if line.side == "D" else -line.amount)
    return {key: value for key, value in found.items() if value}


# --- Awaiting -------------------------------------------------------------------------------------------------


def test_a_transfer_is_awaited_five_bank_days_and_one_for_the_statement(order: Order) -> None:
    attempt = order.attempts.get()
    assert (attempt.method, attempt.state, attempt.amount, attempt.session_id) == ("bank_transfer", "open", TOTAL, None)
    # Wednesday 1 July: the fifth bank day is Wednesday the 8th; the statement of that day is imported on the 9th.
    assert attempt.pay_by == clock.start_of_day(date(2026, 7, 9))
    assert order.state == "awaiting_payment" and order.reserved_until == clock.start_of_day(date(2026, 7, 10))


def test_the_day_of_grace_is_a_bank_day(fund: Fund) -> None:
    # Friday 10 July: the fifth bank day is the 17th; Saturday, Sunday and Marine Day are no bank days.
    order = waiting_order(fund, at=make.at_noon(date(2026, 7, 10)))
    assert order.attempts.get().pay_by == clock.start_of_day(date(2026, 7, 18))
    assert order.reserved_until == clock.start_of_day(date(2026, 7, 22))


def test_beginning_again_is_the_same_transfer(order: Order) -> None:
    until = order.reserved_until
    services.start_payment(order, at=APPLIED + timedelta(hours=3))
    assert order.attempts.count() == 1
    order.refresh_from_db()
    assert order.reserved_until == until


def test_an_ended_order_awaits_no_transfer(order: Order) -> None:
    services.cancel_order(order, at=APPLIED, actor=None)
    with pytest.raises(DomainError) as caught:
        transfer.begin_transfer(order, at=APPLIED)
    assert caught.value.code == "wrong_state"


# --- Exact, short, over, twice, unknown -----------------------------------------------------------------------


def test_the_exact_sum_pays_the_order(order: Order) -> None:
    [line] = receive(transfer_of(order))
    assert states(order) == ("paid", ["succeeded"])
    attempt = order.attempts.get()
    assert (attempt.captured, attempt.resolved_at) == (TOTAL, NEXT_DAY)
    assert order.paid_at == NEXT_DAY
    assert problems(line) == [(0, "")]
    use = ReceiptUse.objects.get()
    assert (use.line_id, use.purpose, use.target, use.amount) == (line.pk, "applied", f"attempt:{attempt.pk}", TOTAL)
    assert balances(f"receipt:{line.pk}") == {}
    assert balances(f"order:{order.pk}") == {"fund.bank": TOTAL, "fund.applicant_deposits": -TOTAL}
    counter = FundCounter.objects.get(fund=order.fund)
    assert (counter.reserved, counter.reserved_delayed, counter.sold) == (0, 0, 1)


@pytest.mark.parametrize(
    "written",
    [
        lambda code: {"payer_name": f"{code} ｲﾄｳ ﾊﾙｶ"},
        lambda code: {"payer_name": f"{code}ｲﾄｳ"},
        lambda code: {"payer_name": "".join(chr(ord(d) + 0xFEE0) for d in code) + "　イトウ"},
        lambda code: {"payer_code": "9999999999", "payer_name": f"{code} ｲﾄｳ"},
        lambda code: {"payer_name": f"ｲﾄｳ ﾊﾙｶ {code}"},
    ],
)
def test_the_code_is_found_where_payers_write_it(order: Order, written: Callable[[str], dict[str, Any]]) -> None:
    receive({"amount": TOTAL, **written(order.payer_code)})
    assert states(order)[0] == "paid"


def test_too_little_waits_and_is_topped_up(order: Order) -> None:
    [first] = receive(transfer_of(order, 10_000))
    assert states(order) == ("awaiting_payment", ["open"])
    assert problems(first) == [(10_000, "short")]
    [second] = receive({"amount": 500, "payer_name": f"{order.payer_code} ｲﾄｳ"}, at=NEXT_DAY + timedelta(days=1))
    assert states(order) == ("paid", ["succeeded"])
    assert problems(first, second) == [(0, ""), (0, "")]
    assert sorted(ReceiptUse.objects.values_list("amount", flat=True)) == [500, 10_000]
    assert balances(f"order:{order.pk}") == {"fund.bank": TOTAL, "fund.applicant_deposits": -TOTAL}


def test_too_much_waits_for_staff(order: Order) -> None:
    [line] = receive(transfer_of(order, 10_501))
    assert states(order) == ("awaiting_payment", ["open"])
    assert problems(line) == [(10_501, "over")]
    [again] = receive(transfer_of(order, 1))
    assert problems(line, again) == [(10_501, "over"), (1, "over")]
    assert not ReceiptUse.objects.exists()


@pytest.mark.parametrize("together", [True, False])
def test_a_second_transfer_waits_as_twice(order: Order, together: bool) -> None:
    if together:
        first, second = receive(transfer_of(order), transfer_of(order, payer_name="ｲﾄｳ"))
    else:
        [first], [second] = receive(transfer_of(order)), receive(transfer_of(order, payer_name="ｲﾄｳ"))
    assert states(order) == ("paid", ["succeeded"])
    assert problems(first, second) == [(0, ""), (TOTAL, "twice")]


def test_the_right_amount_pays_after_a_wrong_one(order: Order) -> None:
    first, second = receive(transfer_of(order, 500), transfer_of(order))
    assert states(order)[0] == "paid"
    assert problems(first, second) == [(500, "twice"), (0, "")]


def test_a_transfer_for_a_confirmed_order_is_twice(order: Order) -> None:
    receive(transfer_of(order))
    order.refresh_from_db()
    assert order.cooling_off_ends_at is not None
    orders.confirm_due(on=order.cooling_off_ends_at.date(), at=order.cooling_off_ends_at)
    assert states(order)[0] == "confirmed"
    [line] = receive(transfer_of(order, payer_name="ｲﾄｳ"), at=order.cooling_off_ends_at)
    assert problems(line) == [(TOTAL, "twice")]


def test_an_unknown_code_waits(order: Order) -> None:
    wrong = order.payer_code[:-1] + str((int(order.payer_code[-1]) + 1) % 10)
    swapped = orders.new_payer_code()
    lines = receive({"payer_code": wrong}, {}, {"payer_code": swapped}, {"payer_code": "x" * 10})
    assert problems(*lines) == [(TOTAL, "unknown")] * 4
    assert states(order)[0] == "awaiting_payment"


def test_a_transfer_under_the_code_of_a_card_order_is_unknown(fund: Fund) -> None:
    order = make.make_order(fund=fund, method="card", at=APPLIED)
    [line] = receive(transfer_of(order))
    assert problems(line) == [(TOTAL, "unknown")]


def test_money_before_the_transfer_was_begun_pays(fund: Fund) -> None:
    """The site was killed between the reservation and the order's transfer; the mail named the account all the same."""
    order = make.make_order(fund=fund, at=APPLIED)
    receive(transfer_of(order), at=APPLIED + timedelta(minutes=10))
    assert states(order) == ("paid", ["succeeded"])


# --- Late -----------------------------------------------------------------------------------------------------


def expired(order: Order) -> datetime:
    """Expire an order by the sweep; returns an instant after it."""
    order.refresh_from_db()
    assert order.reserved_until is not None
    at = order.reserved_until
    assert services.expire_due(on=at.date(), at=at)["expired"] == 1
    assert states(order) == ("expired", ["expired"])
    return at + timedelta(hours=1)


def test_money_for_an_expired_order_takes_units_again(order: Order) -> None:
    at = expired(order)
    [line] = receive(transfer_of(order), at=at)
    assert states(order) == ("paid", ["succeeded"])
    assert problems(line) == [(0, "")]
    assert PersonFund.objects.get(fund=order.fund).units == 1
    assert FundCounter.objects.get(fund=order.fund).sold == 1


def test_an_expired_order_takes_units_again_only_for_its_whole_total(order: Order) -> None:
    at = expired(order)
    [line] = receive(transfer_of(order, 10_000), at=at)
    assert problems(line) == [(10_000, "short")] and states(order) == ("expired", ["expired"])
    receive(transfer_of(order, 500), at=at)
    assert states(order)[0] == "paid"


def test_money_for_an_expired_order_of_a_fund_sold_out_is_late(fund: Fund) -> None:
    small = make.make_fund(on=APPLIED.date(), units_offered=10)
    order = waiting_order(small, units=2)
    at = expired(order)
    make.make_order(fund=small, units=9, method="card", at=at)
    [line] = receive(transfer_of(order, 21_000), at=at)
    assert problems(line) == [(21_000, "late")]
    assert states(order) == ("expired", ["expired"])
    assert not Entry.objects.filter(kind="receipt_applied").exists() and not ReceiptUse.objects.exists()
    assert FundCounter.objects.get(fund=small).sold == 0


def test_money_for_an_expired_order_of_a_closed_fund_is_late(order: Order) -> None:
    expired(order)
    at = make.at_noon(order.fund.closes_on + timedelta(days=1))
    [line] = receive(transfer_of(order), at=at)
    assert problems(line) == [(TOTAL, "late")]


def test_money_for_a_cancelled_order_is_late(order: Order) -> None:
    [short] = receive(transfer_of(order, 10_000))
    services.cancel_order(order, at=NEXT_DAY, actor=None)
    [line] = receive(transfer_of(order, 500))
    assert problems(short, line) == [(10_000, "late"), (500, "late")]
    assert states(order) == ("cancelled", ["expired"])


def test_the_sweep_sees_what_became_of_the_order(order: Order) -> None:
    [line] = receive(transfer_of(order, 10_000))
    services.cancel_order(order, at=NEXT_DAY, actor=None)
    assert banking.claim_pending(on=NEXT_DAY.date(), at=NEXT_DAY) == {"claimed": 0, "errors": 0}
    assert problems(line) == [(10_000, "late")]


def test_a_transfer_booked_on_the_last_day_is_in_time_the_next_morning(order: Order) -> None:
    attempt = order.attempts.get()
    assert attempt.pay_by is not None
    morning = attempt.pay_by + timedelta(hours=9)
    assert services.expire_due(on=morning.date(), at=morning)["expired"] == 0
    receive(transfer_of(order, date="2026-07-08"), at=morning)
    assert states(order)[0] == "paid"


# --- Nothing is lost or done twice ----------------------------------------------------------------------------


def test_a_worker_killed_before_claiming_loses_nothing(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(banking, "_offer", lambda line_id, at: None)
        receive(transfer_of(order))
    assert states(order)[0] == "awaiting_payment"
    assert banking.claim_pending(on=NEXT_DAY.date(), at=NEXT_DAY) == {"claimed": 1, "errors": 0}
    assert states(order)[0] == "paid"


def test_a_claim_that_fails_in_the_middle_leaves_nothing(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(transfer.postings, "receipt_applied", lambda *args, **kwargs: 1 / 0)
        [line] = receive(transfer_of(order))
    assert states(order) == ("awaiting_payment", ["open"]) and problems(line) == [(TOTAL, "")]
    assert FundCounter.objects.get(fund=order.fund).sold == 0
    transfer.claim(line.pk, at=NEXT_DAY)
    assert states(order)[0] == "paid"


def test_claiming_again_changes_nothing(order: Order) -> None:
    [line] = receive(transfer_of(order))
    lines = Line.objects.count()
    for _again in range(3):
        assert transfer.claim(line.pk, at=NEXT_DAY)
    assert Line.objects.count() == lines


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run acts in threads of their own connections, begun together; returns results and errors."""
    barrier, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place: int) -> None:
        try:
            barrier.wait(120)
            results[place] = acts[place]()
        except Exception as error:  # the test looks at it
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_workers_claiming_the_same_receipts_at_once_pay_once(monkeypatch: pytest.MonkeyPatch) -> None:
    order = waiting_order(make.make_fund(on=APPLIED.date()))
    with monkeypatch.context() as patch:
        patch.setattr(banking, "_offer", lambda line_id, at: None)
        lines = receive(transfer_of(order, 10_000), transfer_of(order, 500))
    acts = [lambda pk=line.pk: transfer.claim(pk, at=NEXT_DAY) for line in [*lines, *lines]]
    assert at_once(*acts) == [True] * 4
    assert states(order) == ("paid", ["succeeded"])
    assert ReceiptUse.objects.count() == 2 and Entry.objects.filter(kind="receipt_applied").count() == 2
    assert balances(f"order:{order.pk}") == {"fund.bank": TOTAL, "fund.applicant_deposits": -TOTAL}


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_two_workers_would_pay_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the proof above: with the order's lock taken out, both workers pay, and only the database's
    constraints stand between the order and a second payment."""
    order = waiting_order(make.make_fund(on=APPLIED.date()))
    barrier, real = threading.Barrier(2), transfer.locks.lock_one

    def unlocked(model: Any, pk: Any) -> Any:
        return model.objects.get(pk=pk)

    def together(*args: Any, **kwargs: Any) -> Any:
        barrier.wait(120)
        return "sold"

    with monkeypatch.context() as patch:
        patch.setattr(banking, "_offer", lambda line_id, at: None)
        [line] = receive(transfer_of(order))
    monkeypatch.setattr(transfer.locks, "lock_one", unlocked)
    monkeypatch.setattr(transfer.locks, "lock", lambda model, pks: list(model.objects.filter(pk__in=list(pks))))
    monkeypatch.setattr(transfer.orders, "mark_paid", together)
    results = at_once(*[lambda: transfer.claim(line.pk, at=NEXT_DAY)] * 2)
    assert real is not unlocked
    assert [type(result).__name__ for result in results].count("IntegrityError") == 1, results


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_file_at_once_are_one_import() -> None:
    order = waiting_order(make.make_fund(on=APPLIED.date()))
    content = csv_file(transfer_of(order))

    def load() -> int:
        return banking.import_statement(content=content, name="s", actor=None, at=make.at_noon(date(2026, 7, 2))).pk

    results = at_once(load, load, load)
    assert len(set(results)) == 1 and isinstance(results[0], int), results
    assert StatementLine.objects.count() == 1 and Entry.objects.filter(kind="bank_receipt").count() == 1
    assert states(order)[0] == "paid"


@pytest.mark.django_db(transaction=True)
def test_sending_back_and_applying_at_once_never_use_more_than_there_is() -> None:
    order = waiting_order(make.make_fund(on=APPLIED.date()))
    [line] = receive({"amount": TOTAL})
    payee = {"bank": "0999", "branch": "001", "type": "1", "number": "1234567", "holder": "イトウ ハルカ"}
    staff = make.make_user(is_staff=True)
    results = at_once(
        lambda: transfer.apply_to_order(line, order, actor=None, at=NEXT_DAY, reason="called"),
        lambda: banking.send_back(line, amount=TOTAL, payee=payee, actor=staff, at=NEXT_DAY, reason="called"),
    )
    assert len([result for result in results if isinstance(result, DomainError)]) == 1, results
    line.refresh_from_db()
    assert ReceiptUse.objects.count() + OutgoingTransfer.objects.count() == 1 and line.free == 0


# --- Staff ----------------------------------------------------------------------------------------------------


def apply(line: StatementLine, order: Order, **values: Any) -> Order:
    return transfer.apply_to_order(
        line, order, **{"actor": None, "at": NEXT_DAY, "reason": "the payer called", **values}
    )


def test_staff_apply_an_unknown_receipt(order: Order) -> None:
    staff = make.make_user()
    [line] = receive({"payer_name": "ｲﾄｳ ｼﾖｳ"})
    assert apply(line, order, actor=staff).state == "paid"
    assert problems(line) == [(0, "")]
    use = ReceiptUse.objects.get()
    assert (use.actor, use.reason, use.amount) == (staff, "the payer called", TOTAL)


def test_staff_apply_exactly_what_the_order_needs_and_the_rest_is_sent_back(order: Order) -> None:
    [line] = receive(transfer_of(order, 12_000))
    assert apply(line, order).state == "paid"
    assert problems(line) == [(1_500, "twice")]
    assert order.attempts.get().captured == TOTAL
    payee = {"bank": "0999", "branch": "001", "type": "1", "number": "1234567", "holder": "ｲﾄｳ ﾊﾙｶ"}
    staff = make.make_user(is_staff=True)
    back = banking.send_back(line, amount=1_500, payee=payee, actor=staff, at=NEXT_DAY, reason="too much")
    make.carry_out(back, at=NEXT_DAY)
    assert problems(line) == [(0, "")] and balances(f"receipt:{line.pk}") == {}


def test_staff_top_up_a_short_order_with_an_unknown_receipt(order: Order) -> None:
    [short] = receive(transfer_of(order, 10_000))
    [line] = receive({"amount": 700})
    assert apply(line, order).state == "paid"
    assert problems(line, short) == [(0, ""), (200, "twice")]


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda order, line: {"reason": " "}, "reason_needed"),
        (lambda order, line: receive(transfer_of(order)) and {}, "twice"),
        (lambda order, line: services.cancel_order(order, at=NEXT_DAY, actor=None) and {}, "late"),
        (lambda order, line: StatementLine.objects.filter(pk=line.pk).update(remaining=0) and {}, "used"),
        (lambda order, line: StatementLine.objects.filter(pk=line.pk).update(remaining=10_499) and {}, "short"),
        (lambda order, line: Order.objects.filter(pk=order.pk).update(method="card") and {}, "method"),
    ],
)
def test_staff_cannot_apply_what_does_not_fit(
    order: Order, prepare: Callable[[Order, StatementLine], dict[str, Any]], code: str
) -> None:
    [line] = receive({"payer_name": "ｲﾄｳ ｼﾖｳ"})
    values = prepare(order, line)
    before = ReceiptUse.objects.count()
    with pytest.raises(DomainError) as caught:
        apply(line, order, **values)
    assert caught.value.code == code
    assert ReceiptUse.objects.count() == before


def test_staff_cannot_apply_to_an_expired_order_of_a_closed_fund(order: Order) -> None:
    expired(order)
    at = make.at_noon(order.fund.closes_on + timedelta(days=1))
    [line] = receive({}, at=at)
    with pytest.raises(DomainError) as caught:
        apply(line, order, at=at)
    assert caught.value.code == "late"
    assert states(order) == ("expired", ["expired"]) and problems(line) == [(TOTAL, "unknown")]


# --- The whole way --------------------------------------------------------------------------------------------


def test_a_cancelled_transfer_order_is_refunded_by_bank(order: Order) -> None:
    receive(transfer_of(order))
    order.refresh_from_db()
    services.cancel_order(order, at=NEXT_DAY, actor=order.investor.user)
    made = order.refunds.get()
    assert (made.by_bank, made.amount, made.state) == (True, TOTAL, "requested")
    payee = {"bank": "0999", "branch": "001", "type": "1", "number": "1234567", "holder": "イトウ ハルカ"}
    staff = make.make_user(is_staff=True)
    make.carry_out(refund.pay_by_bank(made, payee=payee, actor=staff, at=NEXT_DAY, reason="cancelled"), at=NEXT_DAY)
    assert balances(f"order:{order.pk}") == {}


@pytest.mark.parametrize("format", ["csv", "zengin"])
def test_a_transfer_at_the_sandbox_bank_pays_the_order(sandbox: SandboxProcess, fund: Fund, format: str) -> None:
    first, second = waiting_order(fund), waiting_order(fund, units=2)
    sandbox.control("clock", at=NEXT_DAY.isoformat())
    sandbox.control(
        "bank/transfers",
        transfers=[
            {"payer_name": "イトウ ハルカ", "payer_code": first.payer_code, "amount": TOTAL},
            {"payer_name": f"{second.payer_code} イトウ ハルカ", "amount": 21_000},
            {"payer_name": "ｶ)ｻﾝﾄﾞﾎﾞﾂｸｽｹﾂｻｲ", "amount": 77_000},
        ],
    )
    _status, content = sandbox.request("GET", f"/bank/statement.{format}")
    file = banking.import_statement(content=content, name=f"statement.{format}", actor=None, at=NEXT_DAY)
    assert (file.format, file.rows) == (format, 3)
    assert states(first)[0] == states(second)[0] == "paid"
    assert [line.provider_payout for line in file.lines.order_by("row")] == [False, False, True]
    assert PaymentAttempt.objects.filter(state="succeeded").count() == 2
    assert FundCounter.objects.get(fund=fund).sold == 3


def test_the_books_hold_whatever_came(fund: Fund) -> None:
    """Exact, short, over, twice, unknown, late, applied by staff, sent back, the provider's payout: every check of the
    books is green."""
    exact, short, over, late, called = (waiting_order(fund) for _order in range(5))
    services.cancel_order(late, at=NEXT_DAY, actor=None)
    lines = receive(
        transfer_of(exact),
        transfer_of(exact),
        transfer_of(short, 500),
        transfer_of(over, 20_000),
        transfer_of(late),
        {"amount": 11_000},
        {"amount": 77_000, "payer_name": "ｶ)ｻﾝﾄﾞﾎﾞﾂｸｽｹﾂｻｲ"},
    )
    apply(lines[5], called)
    payee = {"bank": "0999", "branch": "001", "type": "1", "number": "1234567", "holder": "ｲﾄｳ ﾊﾙｶ"}
    for line, amount in ((lines[1], TOTAL), (lines[3], 9_500)):
        staff = make.make_user(is_staff=True)
        back = banking.send_back(
            line, amount=amount, payee=payee, actor=staff, at=NEXT_DAY, reason="not for this order"
        )
        make.carry_out(back, at=NEXT_DAY, reference=f"T{line.pk}")
    assert problems(*lines) == [
        (0, ""),
        (0, ""),
        (500, "short"),
        (10_500, "over"),
        (TOTAL, "late"),
        (500, "unknown"),
        (0, ""),
    ]
    banking.claim_pending(on=NEXT_DAY.date(), at=NEXT_DAY)
    assert states(over)[0] == "paid", "what staff left of it is the exact sum"
    assert [(outcome.check.name, outcome.differences) for outcome in integrity.run() if outcome.differences] == []
