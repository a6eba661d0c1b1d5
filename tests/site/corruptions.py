"""Hand-made corruptions of the books: for every check of verify_ledger what somebody with a database prompt could do.

Each corrupter runs with triggers and foreign keys off, changes rows, and answers with what the check must name.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import F

from investments.ledger import post as ledger
from investments.models import (
    Acceptance,
    Allocation,
    BankAccount,
    Distribution,
    Document,
    ElectedLine,
    ElectedReturn,
    Entry,
    Holding,
    Inheritance,
    Line,
    Moratorium,
    Movement,
    OutgoingTransfer,
    Payout,
    PayoutAttempt,
    PayoutItem,
    PayoutRun,
    Period,
    ProviderPayout,
    RetaxedAllocation,
    RevenueReport,
    Terms,
    UnclaimedPart,
    WriteOff,
)
from microfund.kernel import clock
from rewards.models import Compensation, Cycle, Entitlement, Voucher
from tests.site.books import Books

Corrupter = Callable[[Books], str]
CORRUPTERS: list[tuple[str, str, Corrupter]] = []


def corrupts(check: str) -> Callable[[Corrupter], Corrupter]:
    """Register a corrupter of one check under its function's name."""

    def add(corrupter: Corrupter) -> Corrupter:
        CORRUPTERS.append((check, corrupter.__name__, corrupter))
        return corrupter

    return add


def sql(statement: str, *params: Any) -> Any:
    """Run one statement, which must touch at least one row; answers its first RETURNING value."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        assert cursor.rowcount != 0, f"corrupts nothing: {statement}"
        return cursor.fetchone()[0] if cursor.description else None


def entry(reference: str) -> Entry:
    """A journal entry by its reference, or the first of a kind (`kind:%`)."""
    found = Entry.objects.filter(reference__startswith=reference.rstrip("%")).order_by("pk").first()
    assert found is not None, reference
    return found


def named(row: Entry) -> str:
    """How the checks name an entry."""
    return f"investments_entry {row.pk} ({row.reference})"


def post(*legs: ledger.Leg, kind: str = "forged") -> None:
    """A balanced entry that no rule of the house would write."""
    at = datetime(2026, 1, 5, tzinfo=UTC)
    assert ledger.post(kind=kind, source=("hand", 1), legs=legs, on=at.date(), at=at)


def drop_entry(reference: str) -> Entry:
    """Delete an entry with its lines."""
    row = entry(reference)
    sql("DELETE FROM investments_line WHERE entry_id = %s", row.pk)
    sql("DELETE FROM investments_entry WHERE id = %s", row.pk)
    return row


# --- Journal ----------------------------------------------------------------------------------------------------


@corrupts("ledger.entries")
def an_amount_is_changed(books: Books) -> str:
    row = entry("order_confirmed:")
    sql("UPDATE investments_line SET amount = amount + 1 WHERE id = %s", row.lines.order_by("pk")[0].pk)
    return named(row)


@corrupts("ledger.entries")
def a_line_is_deleted(books: Books) -> str:
    row = entry("payment_received:")
    sql("DELETE FROM investments_line WHERE id = %s", row.lines.order_by("pk")[0].pk)
    return f"{named(row)}: debits less credits are -21000 JPY in book {books.fund.book_id}"


@corrupts("ledger.entries")
def an_entry_has_no_lines(books: Books) -> str:
    row = entry("payment_received:")
    sql("DELETE FROM investments_line WHERE entry_id = %s", row.pk)
    return f"{named(row)}: has no lines"


@corrupts("ledger.entries")
def a_line_is_moved_to_another_book(books: Books) -> str:
    row = entry("order_confirmed:")
    sql(
        "UPDATE investments_line SET account_id = (SELECT id FROM investments_account WHERE code = 'bank'"
        " AND book_id = %s) WHERE id = %s",
        ledger.operator_book_id(),
        row.lines.order_by("pk")[0].pk,
    )
    return named(row)


@corrupts("ledger.lines")
def a_line_loses_its_entry(books: Books) -> str:
    line = entry("payment_received:").lines.order_by("pk")[0]
    sql("UPDATE investments_line SET entry_id = 999999 WHERE id = %s", line.pk)
    return f"investments_line {line.pk}: entry 999999 does not exist"


@corrupts("ledger.lines")
def a_line_loses_its_account(books: Books) -> str:
    line = entry("payment_received:").lines.order_by("pk")[0]
    sql("UPDATE investments_line SET account_id = 999999 WHERE id = %s", line.pk)
    return f"investments_line {line.pk}: account 999999 does not exist"


@corrupts("ledger.lines")
def an_account_loses_its_book(books: Books) -> str:
    line = entry("payment_received:").lines.order_by("pk")[0]
    sql("UPDATE investments_account SET book_id = 999999 WHERE id = %s", line.account_id)
    return f"investments_line {line.pk}: book 999999 does not exist"


@corrupts("ledger.lines")
def an_entry_is_in_dollars(books: Books) -> str:
    row = entry("payment_received:")
    sql("UPDATE investments_line SET currency = 'USD' WHERE entry_id = %s", row.pk)
    return f"investments_line {row.lines.order_by('pk')[0].pk}: USD in a book of JPY"


@corrupts("ledger.lines")
def an_amount_is_negative(books: Books) -> str:
    sql("ALTER TABLE investments_line DROP CONSTRAINT ledger_line_positive")
    row = entry("payment_received:")
    sql("UPDATE investments_line SET amount = -amount WHERE entry_id = %s", row.pk)
    return f"investments_line {row.lines.order_by('pk')[0].pk}:"


@corrupts("ledger.references")
def an_entry_is_renamed(books: Books) -> str:
    row = entry("payment_received:")
    sql("UPDATE investments_entry SET reference = 'gift:attempt:1' WHERE id = %s", row.pk)
    return f"investments_entry {row.pk} (gift:attempt:1)"


@corrupts("ledger.references")
def a_reversal_is_half(books: Books) -> str:
    row = entry("payment_received:")
    pk = ledger.reverse(row, on=row.effective_on, at=row.happened_at, reason="typed twice")
    sql("UPDATE investments_line SET amount = amount / 2 WHERE entry_id = %s", pk)
    return f"is not the opposite of entry {row.pk}"


@corrupts("ledger.charts")
def an_account_is_deleted(books: Books) -> str:
    sql("DELETE FROM investments_account WHERE book_id = %s AND code = 'withholding_payable'", books.fund.book_id)
    return f"investments_book {books.fund.book_id} (fund:{books.fund.pk}): has no account withholding_payable"


@corrupts("ledger.charts")
def a_suspense_account_is_added(books: Books) -> str:
    pk = sql("INSERT INTO investments_account (book_id, code) VALUES (%s, 'suspense') RETURNING id", books.fund.book_id)
    return f"investments_account {pk} (suspense)"


@corrupts("ledger.charts")
def there_are_two_operators(books: Books) -> str:
    ledger.open_book("operator:2", kind="operator", currency="JPY")
    return "2 books of the operator"


@corrupts("ledger.totals")
def money_appears_in_a_book(books: Books) -> str:
    sql("UPDATE investments_line SET amount = amount + 7 WHERE id = %s", entry("order_confirmed:").lines.first().pk)
    return "debits less credits are"


@corrupts("ledger.sides")
def a_refund_leaves_twice(books: Books) -> str:
    book = books.fund.book_id
    post(ledger.debit(book, "refunds_payable", 10_500), ledger.credit(book, "psp_clearing", 10_500))
    return f"(fund:{books.fund.pk} refunds_payable): balance 10500 JPY"


@corrupts("ledger.sides")
def the_funds_bank_is_overdrawn(books: Books) -> str:
    book = books.fund.book_id
    post(ledger.debit(book, "donation_payable", 10_000), ledger.credit(book, "bank", 10_000))
    post_more = 5_000_000
    ledger.post(
        kind="forged",
        source=("hand", 2),
        legs=[ledger.debit(book, "receivable_from_business", post_more), ledger.credit(book, "bank", post_more)],
        on=datetime(2026, 1, 5, tzinfo=UTC).date(),
        at=datetime(2026, 1, 5, tzinfo=UTC),
    )
    return f"(fund:{books.fund.pk} bank): balance -"


@corrupts("ledger.coverage")
def deposits_are_lent_to_the_business(books: Books) -> str:
    book = books.fund.book_id
    post(ledger.debit(book, "receivable_from_business", 1_000), ledger.credit(book, "bank", 1_000))
    return f"investments_book {book} (fund:{books.fund.pk}): holds "


@corrupts("ledger.clearing")
def the_provider_pays_out_what_it_does_not_hold(books: Books) -> str:
    book = books.fund.book_id
    post(ledger.debit(book, "bank", 900_000), ledger.credit(book, "psp_clearing", 900_000))
    return f"(fund:{books.fund.pk} psp_clearing): balance -"


@corrupts("ledger.between_books")
def the_operator_forgets_what_it_is_owed(books: Books) -> str:
    book = books.fund.book_id
    post(ledger.debit(book, "due_to_operator", 500), ledger.credit(book, "bank", 500))
    return "the funds' due_to_operator and the operator's due_from_fund differ by 500 JPY"


# --- Bank receipts ----------------------------------------------------------------------------------------------


@corrupts("banking.receipts")
def a_receipt_is_used_up_by_hand(books: Books) -> str:
    row = books.receipt("unknown")
    sql("UPDATE investments_statementline SET remaining = 0 WHERE id = %s", row.pk)
    return f"investments_statementline {row.pk} ({row.booked_on} {row.bank_key}): 3000 is not 0 remaining and 1000 used"


@corrupts("banking.receipts")
def a_receipt_is_not_journaled(books: Books) -> str:
    row = books.receipt("unknown")
    drop_entry(f"bank_receipt:receipt:{row.pk}")
    return f"investments_statementline {row.pk} ({row.bank_key}): 2000 remaining, unallocated in the journal -1000"


@corrupts("banking.receipts")
def a_receipt_is_deleted(books: Books) -> str:
    row = books.receipt("unknown")
    sql("DELETE FROM investments_statementline WHERE id = %s", row.pk)
    return f"investments_statementline receipt:{row.pk} (does not exist): 0 remaining"


@corrupts("banking.receipt_uses")
def a_use_is_not_journaled(books: Books) -> str:
    use = books.receipt("transferred").uses.get()
    drop_entry(f"receipt_applied:use:{use.pk}")
    return f"investments_receiptuse {use.pk} (line {use.line_id}, {use.target}): 10500, journaled 0 for nothing"


@corrupts("banking.receipt_uses")
def a_use_is_deleted(books: Books) -> str:
    use = books.receipt("transferred").uses.get()
    row = entry(f"receipt_applied:use:{use.pk}")
    sql("DELETE FROM investments_receiptuse WHERE id = %s", use.pk)
    return f"{named(row)}: no such use of a receipt"


@corrupts("banking.receipt_uses")
def a_transfer_back_is_deleted(books: Books) -> str:
    use = books.receipt("unknown").uses.get()
    sql("DELETE FROM investments_outgoingtransfer WHERE id = %s", use.target.partition(":")[2])
    return f"investments_outgoingtransfer missing: 0 yen sent for {use.target}, of which 1000 were sent back"


@corrupts("banking.receipt_uses")
def a_receipt_is_held_for_nothing(books: Books) -> str:
    row = books.receipt("unknown")
    sql("UPDATE investments_statementline SET held = 500 WHERE id = %s", row.pk)
    return f"investments_statementline {row.pk}: 500 held, transfers of 0 under way"


@corrupts("banking.outgoing_transfers")
def a_transfer_is_approved_by_its_maker(books: Books) -> str:
    sql("ALTER TABLE investments_outgoingtransfer DROP CONSTRAINT outgoing_transfer_two_people")
    pk, maker = _transfer("receipt")
    sql("UPDATE investments_outgoingtransfer SET checker_id = maker_id WHERE id = %s", pk)
    return f"investments_outgoingtransfer {pk} (receipt:{books.receipt('unknown').pk}): is sent, prepared by {maker}"


@corrupts("banking.outgoing_transfers")
def money_left_without_a_transfer(books: Books) -> str:
    pk, _maker = _transfer("refund")
    target = sql("DELETE FROM investments_outgoingtransfer WHERE id = %s RETURNING target", pk)
    day = clock.today_in()
    return f"investments_outgoingtransfer missing (-): 0 sent on -, journaled 10500 on {day} (refund_by_bank:{target})"


@corrupts("banking.outgoing_transfers")
def a_transfer_is_of_another_day(books: Books) -> str:
    pk, _maker = _transfer("refund")
    sql("UPDATE investments_outgoingtransfer SET transferred_on = '2020-02-29' WHERE id = %s", pk)
    return f"investments_outgoingtransfer {pk} (refund:"


def _transfer(kind: str) -> tuple[int, int]:
    """A transfer of this kind that was sent: its id and who prepared it."""
    return OutgoingTransfer.objects.values_list("pk", "maker_id").get(target__startswith=f"{kind}:", state="sent")


@corrupts("banking.claims")
def a_bank_line_is_imported_twice(books: Books) -> str:
    sql("ALTER TABLE investments_statementline DROP CONSTRAINT investments_statementline_bank_key_key")
    row = books.receipt("unknown")
    first, row.pk, row.row = row.pk, None, 900
    row.save(force_insert=True)
    return f"investments_statementline {first}, {row.pk}: the same bank line {row.bank_key}"


@corrupts("banking.claims")
def a_bank_line_is_claimed_twice(books: Books) -> str:
    sql("ALTER TABLE investments_receiptuse DROP CONSTRAINT receipt_use_once")
    use = books.receipt("transferred").uses.get()
    first, use.pk = use.pk, None
    use.save(force_insert=True)
    return f"investments_receiptuse {first}, {use.pk}: line {use.line_id} is applied to {use.target} twice"


# --- Funds ------------------------------------------------------------------------------------------------------


@corrupts("offerings.documents")
def a_document_is_rewritten(books: Books) -> str:
    document = Document.objects.filter(fund=books.fund, kind="contract", language="en").get()
    sql("UPDATE investments_document SET html = html || ' '::bytea WHERE id = %s", document.pk)
    return f"investments_document {document.pk} (fund {books.fund.pk} contract en)"


@corrupts("offerings.documents")
def a_pdf_is_rewritten(books: Books) -> str:
    document = Document.objects.filter(fund=books.fund, kind="risk", language="ja").get()
    sql("UPDATE investments_document SET pdf = pdf || ' '::bytea WHERE id = %s", document.pk)
    return f"investments_document {document.pk} (fund {books.fund.pk} risk ja): the bytes of its PDF"


@corrupts("offerings.document_sets")
def a_pdf_is_lost(books: Books) -> str:
    document = Document.objects.filter(fund=books.fund).order_by("pk")[0]
    sql("UPDATE investments_document SET pdf = NULL, pdf_sha256 = '' WHERE id = %s", document.pk)
    return f"investments_terms {document.terms_id}: 5 of its 6 documents have a PDF"


@corrupts("offerings.document_sets")
def a_document_is_deleted(books: Books) -> str:
    sql("DELETE FROM investments_document WHERE fund_id = %s AND kind = 'risk' AND language = 'ja'", books.fund.pk)
    return f"investments_terms {Terms.objects.get(fund=books.fund).pk} (fund {books.fund.pk} v1): has no risk in ja"


@corrupts("offerings.document_sets")
def a_document_is_given_to_another_fund(books: Books) -> str:
    document = Document.objects.filter(fund=books.fund).order_by("pk")[0]
    sql("UPDATE investments_document SET fund_id = 999999 WHERE id = %s", document.pk)
    return f"investments_document {document.pk}: is of fund 999999"


@corrupts("offerings.frozen_terms")
def a_frozen_rate_is_changed(books: Books) -> str:
    pk = sql("UPDATE investments_terms SET rate_after_recoup = 0.0001 WHERE fund_id = %s RETURNING id", books.fund.pk)
    return f"investments_terms {pk} ({books.fund.pk} v1): changed after they were frozen"


@corrupts("offerings.frozen_terms")
def a_second_version_is_frozen_by_hand(books: Books) -> str:
    terms = Terms.objects.get(fund=books.fund)
    terms.pk, terms.version = None, 2
    terms.save(force_insert=True)
    return f"investments_terms {terms.pk} ({books.fund.pk} v2): frozen without a digest"


@corrupts("offerings.open_funds")
def more_units_are_offered_than_the_terms_say(books: Books) -> str:
    sql("UPDATE investments_fundcounter SET offered = offered + 1 WHERE fund_id = %s", books.fund.pk)
    return f"investments_fund {books.fund.pk} ({books.fund.slug}): offers 101 units, its terms 100"


@corrupts("offerings.open_funds")
def a_closed_fund_goes_on_selling(books: Books) -> str:
    sql("UPDATE investments_fund SET state = 'closed' WHERE id = %s", books.fund.pk)
    return f"investments_fund {books.fund.pk} ({books.fund.slug}): is closed, its counter accepts orders"


@corrupts("offerings.open_funds")
def the_counter_sells_a_day_longer(books: Books) -> str:
    sql("UPDATE investments_fundcounter SET closes_at = closes_at + interval '1 day'")
    return f"investments_fundcounter {books.fund.pk} ({books.fund.slug}): sells until"


@corrupts("offerings.open_funds")
def a_fund_loses_its_book(books: Books) -> str:
    sql("UPDATE investments_fund SET book_id = %s WHERE id = %s", ledger.operator_book_id(), books.fund.pk)
    return f"investments_fund {books.fund.pk} ({books.fund.slug}): has no book of its own"


# --- Holdings and orders ------------------------------------------------------------------------------------------


@corrupts("holdings.movements")
def a_holding_grows(books: Books) -> str:
    holding = Holding.objects.filter(fund=books.fund, units__gt=0).order_by("pk")[0]
    sql("UPDATE investments_holding SET units = units + 1 WHERE id = %s", holding.pk)
    return f"investments_holding {holding.pk} ({holding.reference}): holds 3 units, its movements make 2"


def _order(books: Books, name: str) -> str:
    order = books.order(name)
    return f"investments_order {order.pk} ({order.reference})"


@corrupts("orders.amounts")
def a_fee_is_lowered(books: Books) -> str:
    sql("UPDATE investments_order SET fee = fee - 1, total = total - 1 WHERE id = %s", books.order("paid").pk)
    return _order(books, "paid")


@corrupts("orders.amounts")
def an_order_is_larger_than_allowed(books: Books) -> str:
    sql(
        "UPDATE investments_order SET units = 50, investment = 250000, donation = 250000, fee = 25000, total = 525000"
        " WHERE id = %s",
        books.order("reserved").pk,
    )
    return _order(books, "reserved")


@corrupts("orders.fund_counters")
def a_unit_is_sold_by_nobody(books: Books) -> str:
    sql("UPDATE investments_fundcounter SET sold = sold + 1 WHERE fund_id = %s", books.fund.pk)
    return f"investments_fundcounter {books.fund.pk} ({books.fund.slug}): reserved 2, delayed 1, sold 10"


@corrupts("orders.fund_counters")
def a_reservation_is_forgotten(books: Books) -> str:
    sql("UPDATE investments_order SET state = 'expired' WHERE id = %s", books.order("awaiting").pk)
    return f"investments_fundcounter {books.fund.pk} ({books.fund.slug}): reserved 2, delayed 1"


@corrupts("orders.person_funds")
def a_persons_units_shrink(books: Books) -> str:
    order = books.order("paid")
    sql("UPDATE investments_personfund SET units = 0 WHERE investor_id = %s", order.investor_id)
    return f"investor {order.investor_id} in fund {books.fund.pk}: 0 units, the orders say 1"


@corrupts("orders.person_funds")
def a_persons_units_are_gone(books: Books) -> str:
    order = books.order("paid")
    sql("DELETE FROM investments_personfund WHERE investor_id = %s", order.investor_id)
    return f"investments_personfund missing: investor {order.investor_id} in fund {books.fund.pk}"


@corrupts("orders.person_businesses")
def a_persons_total_shrinks(books: Books) -> str:
    order = books.order("confirmed")
    sql("UPDATE investments_personbusiness SET invested = invested - 5000 WHERE investor_id = %s", order.investor_id)
    return f"investor {order.investor_id} in business {books.fund.business_id}: 5000 yen, the orders say 10000"


@corrupts("orders.person_businesses")
def an_order_is_no_longer_counted(books: Books) -> str:
    order = books.order("confirmed")
    sql("UPDATE investments_order SET counted = false WHERE id = %s", order.pk)
    return f"investor {order.investor_id} in business {books.fund.business_id}: 10000 yen, the orders say 0"


@corrupts("orders.acceptances")
def an_acceptance_is_of_other_bytes(books: Books) -> str:
    row = Acceptance.objects.filter(order=books.order("paid")).order_by("pk")[0]
    sql("UPDATE investments_acceptance SET sha256 = repeat('0', 64) WHERE id = %s", row.pk)
    return f"investments_acceptance {row.pk} (order {row.order_id})"


@corrupts("orders.acceptances")
def an_acceptance_is_deleted(books: Books) -> str:
    row = Acceptance.objects.filter(order=books.order("paid")).order_by("pk")[0]
    sql("DELETE FROM investments_acceptance WHERE id = %s", row.pk)
    return f"{_order(books, 'paid')}: has accepted 2 of 3"


@corrupts("gifts.contracts")
def a_gift_confirmed_before_it_is_accepted(books: Books) -> str:
    order = books.order("gift")
    sql("UPDATE investments_order SET cleared_at = now() WHERE id = %s", order.pk)
    return _order(books, "gift")


@corrupts("gifts.contracts")
def an_order_of_another_without_a_gift(books: Books) -> str:
    order, other = books.order("paid"), books.order("gift")
    sql("UPDATE investments_order SET payer_id = %s WHERE id = %s", other.investor_id, order.pk)
    return _order(books, "paid")


@corrupts("gifts.contracts")
def an_accepted_gift_that_is_still_the_givers(books: Books) -> str:
    order = books.order("accepted")
    sql("UPDATE investments_order SET investor_id = payer_id WHERE id = %s", order.pk)
    return _order(books, "accepted")


@corrupts("orders.dates")
def an_order_was_confirmed_in_cooling_off(books: Books) -> str:
    sql("UPDATE investments_order SET confirmed_at = paid_at WHERE id = %s", books.order("confirmed").pk)
    return _order(books, "confirmed")


@corrupts("orders.dates")
def a_fund_never_succeeded(books: Books) -> str:
    sql("UPDATE investments_fund SET succeeded_at = NULL WHERE id = %s", books.fund.pk)
    return _order(books, "confirmed")


@corrupts("orders.dates")
def an_order_never_ended(books: Books) -> str:
    sql("UPDATE investments_order SET ended_at = NULL WHERE id = %s", books.order("cancelled").pk)
    return _order(books, "cancelled")


@corrupts("orders.confirmations")
def a_movement_is_deleted(books: Books) -> str:
    sql("DELETE FROM investments_movement WHERE source = %s", f"order:{books.order('confirmed').pk}")
    return f"{_order(books, 'confirmed')}: has no movement confirm"


@corrupts("orders.confirmations")
def a_rescission_is_deleted(books: Books) -> str:
    sql("DELETE FROM investments_movement WHERE kind = 'rescind' AND source = %s", f"order:{books.order('lost').pk}")
    return f"{_order(books, 'lost')}: has no movement rescind"


@corrupts("orders.confirmations")
def units_come_from_no_order(books: Books) -> str:
    row = Movement.objects.get(kind="confirm", source=f"order:{books.order('confirmed').pk}")
    pk = sql(
        "INSERT INTO investments_movement (holding_id, kind, units, source, effective_on, happened_at)"
        " VALUES (%s, 'confirm', 3, 'order:999999', %s, %s) RETURNING id",
        row.holding_id,
        row.effective_on,
        row.happened_at,
    )
    return f"investments_movement {pk}: confirm order:999999"


@corrupts("orders.confirmations")
def units_are_given_to_another_person(books: Books) -> str:
    row = Movement.objects.get(kind="confirm", source=f"order:{books.order('confirmed').pk}")
    other = Holding.objects.exclude(pk=row.holding_id).order_by("pk")[0]
    sql("UPDATE investments_movement SET holding_id = %s WHERE id = %s", other.pk, row.pk)
    return f"investments_movement {row.pk}: 2 units of investor {other.investor_id}"


@corrupts("orders.confirmed_money")
def a_confirmation_is_not_journaled(books: Books) -> str:
    drop_entry(f"order_confirmed:order:{books.order('confirmed').pk}")
    return f"{_order(books, 'confirmed')}: confirmed without an entry"


@corrupts("orders.confirmed_money")
def a_confirmation_is_of_no_order(books: Books) -> str:
    row = entry(f"order_confirmed:order:{books.order('confirmed').pk}")
    sql("UPDATE investments_entry SET reference = 'order_confirmed:order:999999' WHERE id = %s", row.pk)
    return f"investments_entry {row.pk} (order_confirmed:order:999999): no such order"


@corrupts("orders.confirmed_money")
def the_donation_becomes_investment(books: Books) -> str:
    row = entry(f"order_confirmed:order:{books.order('confirmed').pk}")
    donation = Line.objects.get(entry=row, account__code="donation_payable")
    investment = Line.objects.get(entry=row, account__code="investment_payable")
    sql("UPDATE investments_line SET account_id = %s WHERE id = %s", investment.account_id, donation.pk)
    return f"{named(row)}: is not the confirmation of order {books.order('confirmed').reference}"


# --- Payments -----------------------------------------------------------------------------------------------------


@corrupts("payments.attempts")
def less_was_captured_than_asked(books: Books) -> str:
    row = books.attempt("paid")
    sql("UPDATE investments_paymentattempt SET captured = captured - 1 WHERE id = %s", row.pk)
    return f"investments_paymentattempt {row.pk} (order {books.order('paid').reference})"


@corrupts("payments.attempts")
def an_order_waits_for_two_payments(books: Books) -> str:
    sql("DROP INDEX attempt_one_unresolved")
    row = books.attempt("awaiting")
    row.pk = None
    row.save(force_insert=True)
    return f"{_order(books, 'awaiting')}: has 2 unresolved attempts"


@corrupts("payments.received")
def a_payment_is_not_journaled(books: Books) -> str:
    row = books.attempt("paid")
    drop_entry(f"payment_received:attempt:{row.pk}")
    return (
        f"investments_paymentattempt {row.pk} (order {books.order('paid').reference}): captured 10500 without an entry"
    )


@corrupts("payments.received")
def a_payment_is_booked_for_another_order(books: Books) -> str:
    row = entry(f"payment_received:attempt:{books.attempt('paid').pk}")
    sql("UPDATE investments_line SET subject = %s WHERE entry_id = %s", f"order:{books.order('reserved').pk}", row.pk)
    return named(row)


@corrupts("payments.received")
def a_payment_is_of_no_attempt(books: Books) -> str:
    row = entry(f"payment_received:attempt:{books.attempt('paid').pk}")
    sql("UPDATE investments_entry SET reference = 'payment_received:attempt:999999' WHERE id = %s", row.pk)
    return f"investments_entry {row.pk} (payment_received:attempt:999999): no such attempt"


@corrupts("payments.received")
def a_transfer_is_captured_without_a_receipt(books: Books) -> str:
    row = books.attempt("transferred")
    sql("DELETE FROM investments_receiptuse WHERE target = %s", f"attempt:{row.pk}")
    return f"investments_paymentattempt {row.pk}: captured 10500, receipts of 0 were applied to it"


@corrupts("payments.one_capture")
def an_order_is_charged_twice(books: Books) -> str:
    row = books.attempt("paid")
    row.pk, row.session_id, row.intent_id = None, "cs_again", "pi_again"
    row.save(force_insert=True)
    return f"{_order(books, 'paid')}: is paid, captured and kept by attempts"


@corrupts("payments.one_capture")
def a_cancelled_order_keeps_the_money(books: Books) -> str:
    sql("DELETE FROM investments_refund WHERE id = %s", books.refund("cancelled").pk)
    return f"{_order(books, 'cancelled')}: is cancelled, captured and kept by attempts"


@corrupts("payments.one_capture")
def money_that_did_not_match_is_kept(books: Books) -> str:
    row = books.attempt("paid")
    sql("UPDATE investments_paymentattempt SET state = 'reviewed' WHERE id = %s", row.pk)
    return f"investments_paymentattempt {row.pk} (order {row.order_id}): did not match and was seen to, 0 of 10500"


@corrupts("payments.order_money")
def a_paid_order_is_ended_by_hand(books: Books) -> str:
    sql("UPDATE investments_order SET state = 'cancelled', ended_at = now() WHERE id = %s", books.order("paid").pk)
    return f"{_order(books, 'paid')}: is cancelled, deposits 10500 instead of 0"


@corrupts("payments.order_money")
def a_deposit_belongs_to_nobody(books: Books) -> str:
    row = entry(f"payment_received:attempt:{books.attempt('paid').pk}")
    sql("UPDATE investments_line SET subject = 'order:999999' WHERE entry_id = %s", row.pk)
    return "order:999999 in book"


@corrupts("payments.order_money")
def a_refund_in_the_queue_is_closed_by_hand(books: Books) -> str:
    drop_entry(f"refund_by_bank:refund:{books.refund('by_bank').pk}")
    return f"{_order(books, 'by_bank')}: is cancelled, deposits 0 instead of 0, refunds payable 10500 instead of 0"


@corrupts("payments.refunds")
def more_is_given_back_than_came(books: Books) -> str:
    row = books.refund("cancelled")
    sql("UPDATE investments_refund SET amount = amount + 1 WHERE id = %s", row.pk)
    return f"investments_paymentattempt {row.attempt_id}: refunds of 10501 exceed the captured 10500"


@corrupts("payments.refunds")
def a_refund_is_given_to_another_order(books: Books) -> str:
    row = books.refund("cancelled")
    sql("UPDATE investments_refund SET order_id = %s WHERE id = %s", books.order("paid").pk, row.pk)
    return f"investments_refund {row.pk}: is of order {books.order('paid').pk}"


@corrupts("payments.refund_entries")
def a_refund_is_said_to_be_open(books: Books) -> str:
    row = books.refund("cancelled")
    sql("UPDATE investments_refund SET state = 'pending' WHERE id = %s", row.pk)
    return f"investments_refund {row.pk} (order {row.order_id}): pending of 10500"


@corrupts("payments.refund_entries")
def a_refund_was_never_decided(books: Books) -> str:
    row = books.refund("rescinded")
    drop_entry(f"refund_decided:refund:{row.pk}")
    return f"investments_refund {row.pk} (order {row.order_id}): succeeded of 21000; journal: decided 0"


@corrupts("payments.refund_entries")
def a_refund_is_deleted(books: Books) -> str:
    row = books.refund("cancelled")
    sql("DELETE FROM investments_refund WHERE id = %s", row.pk)
    return f"investments_refund {row.pk} (does not exist)"


@corrupts("payments.refund_entries")
def the_transfer_of_a_refund_is_deleted(books: Books) -> str:
    row = books.refund("by_bank")
    sql("DELETE FROM investments_outgoingtransfer WHERE target = %s", f"refund:{row.pk}")
    return f"investments_refund {row.pk} (order {row.order_id}): paid_by_bank of 10500"


@corrupts("payments.disputes")
def a_lost_dispute_is_said_to_be_won(books: Books) -> str:
    row = books.dispute("lost")
    sql("UPDATE investments_dispute SET state = 'won' WHERE id = %s", row.pk)
    return f"investments_dispute {row.pk} ({row.provider_id}): won of 21000"


@corrupts("payments.frozen")
def a_disputed_order_is_not_frozen(books: Books) -> str:
    row = books.dispute("disputed")
    sql("UPDATE investments_order SET frozen_at = NULL WHERE id = %s", row.order_id)
    return f"{_order(books, 'disputed')}: is not frozen, disputes open or undecided: {row.pk}"


@corrupts("payments.frozen")
def a_holding_is_frozen_without_a_dispute(books: Books) -> str:
    order = books.order("confirmed")
    holding = Holding.objects.get(investor=order.investor_id, fund=order.fund_id)
    sql("UPDATE investments_holding SET frozen_at = now() WHERE id = %s", holding.pk)
    return f"investments_holding {holding.pk} ({holding.reference}): is frozen, disputes open or undecided: none"


@corrupts("payments.frozen")
def a_holding_is_thawed_while_its_order_is_disputed(books: Books) -> str:
    order, row = books.order("confirmed"), books.dispute("disputed")
    sql("UPDATE investments_dispute SET order_id = %s WHERE id = %s", order.pk, row.pk)
    holding = Holding.objects.get(investor=order.investor_id, fund=order.fund_id)
    return (
        f"investments_holding {holding.pk} ({holding.reference}): is not frozen, disputes open or undecided: {row.pk}"
    )


@corrupts("payments.disputes")
def an_inquiry_is_journaled(books: Books) -> str:
    row = books.dispute("disputed")
    sql("UPDATE investments_dispute SET state = 'inquiry' WHERE id = %s", row.pk)
    return f"investments_dispute {row.pk} ({row.provider_id}): inquiry of 10500; journal: opened 10500"


@corrupts("payments.disputes")
def a_refund_is_said_to_be_taken_back(books: Books) -> str:
    row = books.refund("cancelled")
    sql("UPDATE investments_refund SET state = 'charged_back' WHERE id = %s", row.pk)
    return f"investments_paymentattempt {row.attempt_id}: lost disputes took 0 from its refunds, 10500 of them"


@corrupts("payments.disputes")
def a_dispute_is_deleted(books: Books) -> str:
    row = books.dispute("disputed")
    sql("DELETE FROM investments_dispute WHERE id = %s", row.pk)
    return f"investments_dispute {row.pk} (does not exist)"


@corrupts("payments.payouts")
def a_payout_is_credited_to_no_fund(books: Books) -> str:
    row = ProviderPayout.objects.get()
    sql("UPDATE investments_providerpayout SET by_fund = '{}' WHERE id = %s", row.pk)
    return f"investments_providerpayout {row.pk} (does not exist): 0 of book {books.fund.book_id}"


@corrupts("payments.payouts")
def a_payout_is_said_to_have_failed(books: Books) -> str:
    row = ProviderPayout.objects.get()
    sql("UPDATE investments_providerpayout SET state = 'failed' WHERE id = %s", row.pk)
    gross = row.by_fund[f"fund:{books.fund.pk}"]
    return (
        f"investments_providerpayout {row.pk} ({row.provider_id}): -{gross} of book {books.fund.book_id}, "
        "journaled 0 as provider_payout_failed"
    )


@corrupts("payments.payout_sums")
def a_payout_brings_less_than_its_lines(books: Books) -> str:
    row = ProviderPayout.objects.get()
    sql("UPDATE investments_providerpayout SET amount = amount - 100 WHERE id = %s", row.pk)
    return f"investments_providerpayout {row.pk} ({row.provider_id}): brought {row.amount - 100}; by fund"


@corrupts("payments.payout_sums")
def a_payout_has_what_nobody_has_explained(books: Books) -> str:
    row = ProviderPayout.objects.get()
    sql("UPDATE investments_providerpayout SET own = own - 100, difference = 100 WHERE id = %s", row.pk)
    return f"investments_providerpayout {row.pk} ({row.provider_id}): brought {row.amount}; by fund"


@corrupts("payments.payouts")
def a_payouts_fees_are_changed(books: Books) -> str:
    row = ProviderPayout.objects.get()
    sql("UPDATE investments_providerpayout SET fees = fees + 1 WHERE id = %s", row.pk)
    return f"investments_providerpayout {row.pk} ({row.provider_id}): fees of"


# --- Repayment ----------------------------------------------------------------------------------------------------


def _distribution(books: Books, number: int) -> Distribution:
    """The live distribution of a period of the repaying fund."""
    return Distribution.objects.exclude(state="discarded").get(period__fund=books.repaying, period__number=number)


@corrupts("revenue.periods")
def a_period_begins_late(books: Books) -> str:
    row = Period.objects.get(fund=books.repaying, number=4)
    sql("UPDATE investments_period SET starts_on = starts_on + 1 WHERE id = %s", row.pk)
    return f"investments_period {row.pk} (fund {row.fund_id} #4): begins on"


@corrupts("revenue.periods")
def a_period_is_gone(books: Books) -> str:
    sql("DELETE FROM investments_period WHERE fund_id = %s AND number = 5", books.repaying.pk)
    return f"investments_fund {books.repaying.pk} ({books.repaying.slug}): is operating with 4 of 5 periods"


@corrupts("revenue.reports")
def a_reported_figure_is_raised(books: Books) -> str:
    row = RevenueReport.objects.get(period__fund=books.repaying, period__number=1)
    sql("UPDATE investments_revenuereport SET revenue = revenue + 1 WHERE id = %s", row.pk)
    return f"investments_revenuereport {row.pk} (period {row.period_id} v1): says 3600001, its figures make 3600000"


@corrupts("revenue.reports")
def an_owner_accepts_the_own_report(books: Books) -> str:
    row = RevenueReport.objects.get(period__fund=books.repaying, period__number=1)
    sql("ALTER TABLE investments_revenuereport DROP CONSTRAINT report_two_people")
    sql("UPDATE investments_revenuereport SET decided_by_id = submitted_by_id WHERE id = %s", row.pk)
    return f"investments_revenuereport {row.pk}: is accepted, signed by {row.submitted_by_id}"


@corrupts("distributions.allocations")
def a_line_is_enlarged(books: Books) -> str:
    line = Allocation.objects.filter(distribution=_distribution(books, 1)).order_by("pk")[0]
    sql(
        "UPDATE investments_allocation SET gross = gross + 1, profit = profit + 1, net = net + 1 WHERE id = %s",
        line.pk,
    )
    return f"investments_allocation {line.pk} (distribution {line.distribution_id}, holding {line.holding_id})"


@corrupts("distributions.allocations")
def a_holder_is_left_out(books: Books) -> str:
    line = Allocation.objects.filter(distribution=_distribution(books, 3)).order_by("pk")[0]
    sql("DELETE FROM investments_allocation WHERE id = %s", line.pk)
    return f"investments_distribution {line.distribution_id}: holding {line.holding_id} had 30 units"


@corrupts("distributions.rule")
def a_period_pays_a_yen_more(books: Books) -> str:
    row = _distribution(books, 1)
    sql(
        "UPDATE investments_distribution SET per_unit = per_unit + 1, gross = gross + units, profit = profit + units,"
        " net = net + units WHERE id = %s",
        row.pk,
    )
    return f"investments_distribution {row.pk} (fund {row.fund_id}): 5501 per unit"


@corrupts("distributions.decisions")
def one_person_calculates_and_approves(books: Books) -> str:
    row = _distribution(books, 1)
    sql("ALTER TABLE investments_distribution DROP CONSTRAINT distribution_two_people")
    sql("UPDATE investments_distribution SET approved_by_id = calculated_by_id WHERE id = %s", row.pk)
    return f"investments_distribution {row.pk}: calculated by {row.calculated_by_id}, approved by"


@corrupts("distributions.decisions")
def a_period_is_ahead_of_its_distribution(books: Books) -> str:
    row = _distribution(books, 3).period
    sql("UPDATE investments_period SET state = 'funded' WHERE id = %s", row.pk)
    return f"investments_period {row.pk} (fund {row.fund_id} #3): is funded, its distribution is calculated"


@corrupts("distributions.journal")
def a_distribution_is_not_journaled(books: Books) -> str:
    row = _distribution(books, 1)
    posted = entry(f"distribution_approved:distribution:{row.pk}")
    sql("DELETE FROM investments_line WHERE entry_id = %s", posted.pk)
    sql("DELETE FROM investments_entry WHERE id = %s", posted.pk)
    return f"investments_distribution {row.pk}: {row.gross} = {row.net} + {row.tax}, journaled 0 = 0 + 0"


@corrupts("distributions.received")
def a_business_is_said_to_have_paid_more(books: Books) -> str:
    row = _distribution(books, 2)
    sql("UPDATE investments_distribution SET received = received + 1 WHERE id = %s", row.pk)
    return (
        f"investments_distribution {row.pk}: received {row.received + 1} of {row.gross}, receipts make {row.received}"
    )


@corrupts("distributions.received")
def more_is_released_than_is_there(books: Books) -> str:
    row = _distribution(books, 2)
    sql("UPDATE investments_distribution SET instalment_per_unit = per_unit WHERE id = %s", row.pk)
    return f"investments_distribution {row.pk}: {row.per_unit} of {row.per_unit} per unit released"


@corrupts("distributions.write_offs")
def arrears_are_written_off_by_one_person(books: Books) -> str:
    row = WriteOff.objects.get()
    sql("ALTER TABLE investments_writeoff DROP CONSTRAINT write_off_two_people")
    sql("UPDATE investments_writeoff SET checker_id = maker_id WHERE id = %s", row.pk)
    own = row.distribution
    return f"investments_distribution {own.pk}: {own.written_off} written off, {own.written_off_per_unit} per unit"


@corrupts("distributions.write_offs")
def a_write_off_is_not_in_the_journal(books: Books) -> str:
    row = WriteOff.objects.get()
    drop_entry(f"written_off:write_off:{row.pk}")
    return f"investments_writeoff {row.pk}: {row.amount} = {row.net} + {row.tax} less {row.credit}, journaled  ="


@corrupts("distributions.write_offs")
def a_credit_is_used_twice(books: Books) -> str:
    row = WriteOff.objects.get()
    sql("UPDATE investments_payin SET amount = amount + 1 WHERE credit_id = %s", row.pk)
    return f"investments_writeoff {row.pk}: credit 29, of which 30 used, 0 transferred back, 0 left"


@corrupts("distributions.write_offs")
def a_credit_is_back_in_the_row_only(books: Books) -> str:
    row = WriteOff.objects.get()
    sql("UPDATE investments_writeoff SET credit_left = 29 WHERE id = %s", row.pk)
    fund = row.distribution.fund
    return f"investments_fund {fund.pk} ({fund.slug}): its book holds a credit of 0, its write-offs say 29"


@corrupts("revenue.relief")
def a_moratorium_is_declared_by_one_person(books: Books) -> str:
    row = Moratorium.objects.get()
    sql("ALTER TABLE investments_moratorium DROP CONSTRAINT moratorium_two_people")
    sql("UPDATE investments_moratorium SET checker_id = maker_id WHERE id = %s", row.pk)
    return f"investments_moratorium {row.pk}: is approved, prepared by {row.maker_id}, approved by {row.maker_id}"


@corrupts("revenue.relief")
def the_last_period_is_put_off(books: Books) -> str:
    row = Moratorium.objects.get()
    pk = sql(
        "UPDATE investments_period SET relief = 'defer', moratorium_id = %s WHERE number = 5 AND fund_id = %s"
        " RETURNING id",
        row.pk,
        row.funds.get().fund_id,
    )
    return f"investments_period {pk} (fund {row.funds.get().fund_id} #5): is under “defer” by moratorium {row.pk}"


@corrupts("revenue.relief")
def a_period_is_put_off_by_nobody(books: Books) -> str:
    row = Moratorium.objects.get()
    pk = sql(
        "UPDATE investments_period SET relief = 'waive', moratorium_id = %s WHERE number = 4 AND fund_id = %s"
        " RETURNING id",
        row.pk,
        books.repaying.pk,
    )
    return f"by moratorium {row.pk}, which is approved to “defer”, its fund missing" if pk else ""


@corrupts("payouts.unclaimed")
def a_part_that_is_set_aside_is_claimed_in_its_row_only(books: Books) -> str:
    row = UnclaimedPart.objects.get()
    sql("UPDATE investments_unclaimedpart SET claimed_at = now() WHERE id = %s", row.pk)
    return f"({row.fund.slug}): {row.net} set aside, its unclaimed payouts make 0"


@corrupts("payouts.unclaimed")
def what_came_back_of_a_voucher_is_said_to_be_set_aside(books: Books) -> str:
    row = ElectedReturn.objects.filter(amount__gt=0).select_related("distribution__fund").order_by("pk")[0]
    sql("UPDATE investments_electedreturn SET released_at = now(), set_aside_at = now() WHERE id = %s", row.pk)
    return f"({row.distribution.fund.slug}): 0 set aside, its unclaimed payouts make {row.amount}"


@corrupts("payouts.taxed")
def the_tax_of_a_line_is_lowered(books: Books) -> str:
    row = RetaxedAllocation.objects.get()
    sql("UPDATE investments_retaxedallocation SET tax = tax - 1 WHERE id = %s", row.pk)
    return f"investments_retaxedallocation {row.pk} (allocation {row.allocation_id}): tax {row.tax - 1} after"


@corrupts("payouts.taxed")
def what_was_withheld_before_is_forgotten(books: Books) -> str:
    row = RetaxedAllocation.objects.get()
    sql("UPDATE investments_retaxedallocation SET tax = tax - taken, taken = 0 WHERE id = %s", row.pk)
    return f"of which 0 withheld; it was {row.tax_before}, its parts make {row.taken}"


@corrupts("payouts.taxed")
def taxing_again_is_not_in_the_journal(books: Books) -> str:
    row = RetaxedAllocation.objects.get()
    drop_entry(f"distribution_retaxed:retax:{row.retax_id}")
    return f"investments_retax {row.retax_id}: net {row.retax.net}, tax {row.retax.tax}; journaled net , tax "


@corrupts("payouts.parts")
def a_payout_is_enlarged(books: Books) -> str:
    row = Payout.objects.filter(fund=books.repaying).order_by("pk")[0]
    sql("UPDATE investments_payout SET gross = gross + 1, profit = profit + 1, net = net + 1 WHERE id = %s", row.pk)
    return f"investments_payout {row.pk}: {row.gross + 1} = {row.principal} + {row.profit + 1}"


@corrupts("payouts.parts")
def a_line_is_paid_twice(books: Books) -> str:
    row = PayoutItem.objects.filter(payout__fund=books.repaying).order_by("pk")[0]
    sql("ALTER TABLE investments_payoutitem DROP CONSTRAINT payout_item_once")
    sql(
        "INSERT INTO investments_payoutitem"
        " (payout_id, instalment_id, allocation_id, gross, principal, profit, tax, net)"
        " SELECT payout_id, instalment_id, allocation_id, gross, principal, profit, tax, net"
        " FROM investments_payoutitem WHERE id = %s",
        row.pk,
    )
    return f"allocation {row.allocation_id} is in payouts twice for instalment {row.instalment_id}"


@corrupts("payouts.attempts")
def a_returned_transfer_is_paid(books: Books) -> str:
    row = PayoutAttempt.objects.get(payout__fund=books.repaying, state="returned")
    sql("DROP INDEX payout_attempt_one_live")
    sql("UPDATE investments_payoutattempt SET state = 'paid' WHERE id = %s", row.pk)
    return f"investments_payout {row.payout_id}: is paid with 2 live attempts (paid paid)"


@corrupts("payouts.attempts")
def a_run_counts_one_payment_less(books: Books) -> str:
    row = PayoutRun.objects.order_by("pk")[0]
    sql("UPDATE investments_payoutrun SET payments = payments - 1 WHERE id = %s", row.pk)
    return f"investments_payoutrun {row.pk}: {row.payments - 1} payments of {row.amount}"


@corrupts("payouts.journal")
def a_run_is_not_journaled(books: Books) -> str:
    row = PayoutRun.objects.order_by("pk")[0]
    posted = entry(f"payouts_sent:run:{row.pk}:{books.repaying.pk}")
    sql("DELETE FROM investments_line WHERE entry_id = %s", posted.pk)
    sql("DELETE FROM investments_entry WHERE id = %s", posted.pk)
    return f"investments_payoutrun {row.pk}:{books.repaying.pk}: {row.amount} sent"


@corrupts("payouts.journal")
def a_return_is_forgotten(books: Books) -> str:
    row = PayoutAttempt.objects.get(payout__fund=books.repaying, state="returned")
    sql("DELETE FROM investments_bankreturn WHERE attempt_id = %s", row.pk)
    return f"investments_payoutattempt {row.pk}: is returned, returned on -, journaled 0 of {row.amount}"


@corrupts("payouts.unclaimed")
def a_payout_is_said_to_be_set_aside(books: Books) -> str:
    row = Payout.objects.filter(fund=books.repaying, state="paid").order_by("pk")[0]
    sql("UPDATE investments_payout SET state = 'unclaimed' WHERE id = %s", row.pk)
    return f"0 set aside, its unclaimed payouts make {row.net}"


# --- Rewards ------------------------------------------------------------------------------------------------------


@corrupts("rewards.vouchers")
def a_voucher_is_worth_more_than_its_items(books: Books) -> str:
    row = Voucher.objects.filter(line=None).select_related("entitlement__cycle__offer").order_by("pk")[0]
    sql("UPDATE rewards_voucher SET value = value + 1, balance = balance + 1 WHERE id = %s", row.pk)
    offer = row.entitlement.cycle.offer
    return f"rewards_voucher {row.pk}: is worth {row.value + 1}, for {row.entitlement.quantity} items of {offer.value}"


@corrupts("rewards.entitlements")
def a_holder_is_left_out_of_a_season(books: Books) -> str:
    row = Entitlement.objects.filter(state="claimable").order_by("pk")[0]
    sql("DELETE FROM rewards_entitlement WHERE id = %s", row.pk)
    return f"rewards_cycle {row.cycle_id}: holding {row.holding_id} has no entitlement"


@corrupts("rewards.entitlements")
def somebody_without_units_gets_a_reward(books: Books) -> str:
    row = Entitlement.objects.order_by("pk")[0]
    sql("UPDATE rewards_entitlement SET holding_id = 0 WHERE id = %s", row.pk)
    return f"rewards_cycle {row.cycle_id}: holding 0 has an entitlement without units"


@corrupts("rewards.stock")
def a_season_forgets_what_it_promised(books: Books) -> str:
    row = Cycle.objects.get(stock=10)
    sql("UPDATE rewards_cycle SET promised = promised - 1 WHERE id = %s", row.pk)
    return f"rewards_cycle {row.pk}: says 1 of 10 promised, its entitlements make 2"


@corrupts("rewards.parcels")
def a_sent_parcel_is_gone(books: Books) -> str:
    row = Entitlement.objects.get(state="shipped")
    sql("DELETE FROM rewards_parcel WHERE entitlement_id = %s", row.pk)
    return f"rewards_entitlement {row.pk}: is shipped with no parcel"


@corrupts("rewards.vouchers")
def a_voucher_is_full_again(books: Books) -> str:
    pk = sql("UPDATE rewards_voucher SET balance = value WHERE line_id IS NULL RETURNING id")
    return f"rewards_voucher {pk}: 2000 of 2000 are left, its uses make 500"


@corrupts("rewards.in_kind")
def a_voucher_in_kind_is_worth_more_than_was_taken(books: Books) -> str:
    pk = sql(
        "UPDATE rewards_voucher SET value = value + 1, balance = balance + 1 WHERE line_id IS NOT NULL RETURNING id"
    )
    return f"net 3120 and a bonus of 0.1000; voucher {pk} is worth 3433"


@corrupts("rewards.in_kind")
def a_voucher_lives_for_a_year(books: Books) -> str:
    pk = sql("UPDATE rewards_voucher SET valid_until = valid_until + 180 WHERE line_id IS NOT NULL RETURNING id")
    return f"voucher {pk} is worth 3432 until"


@corrupts("rewards.in_kind")
def a_voucher_comes_back_and_is_spent_all_the_same(books: Books) -> str:
    pk = sql("UPDATE rewards_voucher SET ended_at = NULL WHERE line_id IS NOT NULL RETURNING id")
    return f"rewards_voucher {pk}: 2288 of 3432 are left, ended -, 2080 of 3120 came back to cash"


@corrupts("distributions.elections")
def a_choice_is_made_afterwards(books: Books) -> str:
    line = ElectedLine.objects.get(choice="in_kind")
    sql("UPDATE investments_election SET choice = 'cash', bonus = 0 WHERE id = %s", line.election_id)
    return f"investments_allocation {line.allocation_id} (distribution {line.distribution_id}): choice none says cash"


@corrupts("distributions.elections")
def a_choice_has_a_bonus_that_nobody_offered(books: Books) -> str:
    pk = sql("UPDATE investments_election SET bonus = 0.5 WHERE choice = 'in_kind' RETURNING id")
    return f"investments_election {pk}: in_kind with 0.5000, its offer"


@corrupts("distributions.taken")
def a_gift_to_the_business_is_not_counted(books: Books) -> str:
    own = ElectedLine.objects.get(choice="give_back").distribution
    sql("UPDATE investments_distribution SET given_back = 0, elected_units = 10 WHERE id = %s", own.pk)
    return f"investments_distribution {own.pk}: 3120 in kind, 0 given back, 10 units, tax 0; its lines make 3120, 6240"


@corrupts("distributions.taken")
def what_is_taken_in_kind_is_not_journaled(books: Books) -> str:
    own = ElectedLine.objects.get(choice="in_kind").distribution
    posted = entry(f"distribution_elected:distribution:{own.pk}")
    sql("DELETE FROM investments_line WHERE entry_id = %s", posted.pk)
    sql("DELETE FROM investments_entry WHERE id = %s", posted.pk)
    return f"investments_distribution {own.pk}: 3120 in kind, 6240 given back"


@corrupts("distributions.returned")
def less_comes_back_than_was_left(books: Books) -> str:
    pk = sql("UPDATE investments_electedreturn SET amount = amount - 1 RETURNING id")
    return f"investments_electedreturn {pk}"


@corrupts("distributions.returned")
def what_came_back_is_released_before_it_is_paid_in(books: Books) -> str:
    own = ElectedLine.objects.get(choice="in_kind").distribution
    sql("UPDATE investments_electedreturn SET released_at = now() RETURNING id")
    return f"investments_distribution {own.pk}: 2080 came back, its vouchers make 2080, of which 2080 are released"


@corrupts("distributions.returned")
def a_payout_says_that_something_came_back(books: Books) -> str:
    row = Payout.objects.filter(fund=books.repaying, state="paid").order_by("pk")[0]
    sql("UPDATE investments_payout SET returned = 5, net = net + 5 WHERE id = %s", row.pk)
    return f"investments_payout {row.pk}: 5 of vouchers, they make 0"


@corrupts("rewards.visits")
def a_visit_counts_a_seat_that_nobody_booked(books: Books) -> str:
    pk = sql("UPDATE rewards_visit SET taken = taken + 1 RETURNING id")
    return f"rewards_visit {pk}: says 2 of 3 seats taken, its bookings make 1"


@corrupts("rewards.replaced")
def more_is_given_instead_than_was_promised(books: Books) -> str:
    row = Entitlement.objects.filter(replaces__isnull=False).exclude(cycle=F("replaces__cycle")).get()
    sql("UPDATE rewards_entitlement SET quantity = quantity + 1 WHERE id = %s", row.pk)
    return f"rewards_entitlement {row.replaces_id}: is moved, worth 3000, 1 items; what replaces it is worth 4500, 3"


@corrupts("rewards.replaced")
def what_went_to_an_heir_is_claimed_as_well(books: Books) -> str:
    row = Entitlement.objects.filter(replaces__cycle=F("cycle")).order_by("pk")[0]
    sql("UPDATE rewards_entitlement SET state = 'delivered' WHERE id = %s", row.replaces_id)
    return f"rewards_entitlement {row.replaces_id}: is delivered, worth 3000"


@corrupts("rewards.compensations")
def less_is_paid_instead_than_was_decided(books: Books) -> str:
    pk = sql("UPDATE rewards_compensation SET amount = amount - 1 RETURNING id")
    return f"rewards_compensation {pk}: 2999 of 3000 is approved for an entitlement that is compensated; journaled 3000"


@corrupts("rewards.compensations")
def money_is_owed_for_what_was_sent(books: Books) -> str:
    row = Compensation.objects.get()
    sql("UPDATE rewards_entitlement SET state = 'delivered' WHERE id = %s", row.entitlement_id)
    return f"rewards_compensation {row.pk}: 3000 of 3000 is approved for an entitlement that is delivered"


@corrupts("rewards.compensations")
def a_decided_compensation_is_withdrawn(books: Books) -> str:
    fund = Compensation.objects.get().entitlement.holding.fund
    sql("UPDATE rewards_compensation SET state = 'withdrawn'")
    return f"investments_fund {fund.pk} ({fund.slug}): owes 3000 instead of rewards, the compensations make 0"


@corrupts("rewards.compensations")
def money_instead_is_given_up_beside_the_books(books: Books) -> str:
    pk = sql(
        "UPDATE rewards_compensation SET state = 'lost', loss_maker_id = maker_id, loss_checker_id = checker_id,"
        " loss_reason = 'x', lost_on = due_on RETURNING id"
    )
    return f"rewards_compensation {pk}: 3000 of 3000 is lost for an entitlement that is compensated; journaled 3000, 0"


# --- Heirs --------------------------------------------------------------------------------------------------------


@corrupts("inheritance.movements")
def an_heir_gets_a_unit_more(books: Books) -> str:
    row = Movement.objects.filter(kind="inherit", units=2).get()
    sql("UPDATE investments_movement SET units = 3 WHERE id = %s", row.pk)
    return f"investments_movement ({row.source}): 3 units of investor {row.holding.investor_id}, the inheritance says 2"


@corrupts("inheritance.movements")
def a_share_is_gone(books: Books) -> str:
    row = Inheritance.objects.get()
    sql("DELETE FROM investments_inheritanceshare WHERE inheritance_id = %s AND units = 2", row.pk)
    return f"investments_inheritance {row.pk}: 5 units, its shares make 3"


@corrupts("inheritance.payees")
def what_the_deceased_is_owed_goes_to_nobody(books: Books) -> str:
    row = Inheritance.objects.get()
    sql("UPDATE investments_holding SET paid_to_id = NULL WHERE id = %s", row.holding_id)
    return f"investments_holding {row.holding_id} ({row.holding.reference}): is paid to investor nobody else"


@corrupts("inheritance.payees")
def a_payout_goes_to_another_persons_account(books: Books) -> str:
    row = PayoutAttempt.objects.filter(payout__fund=books.repaying).order_by("pk")[0]
    other = BankAccount.objects.exclude(investor=row.payout.investor_id).order_by("pk")[0]
    sql("UPDATE investments_payoutattempt SET account_id = %s WHERE id = %s", other.pk, row.pk)
    return f"investments_payoutattempt {row.pk}: payout {row.payout_id} of investor {row.payout.investor_id} goes to"


@corrupts("payments.frozen")
def the_holding_of_the_deceased_thaws(books: Books) -> str:
    holding = Inheritance.objects.get().holding
    sql("UPDATE investments_holding SET frozen_at = NULL WHERE id = %s", holding.pk)
    return f"investments_holding {holding.pk} ({holding.reference}): is not frozen, disputes open or undecided: none"
