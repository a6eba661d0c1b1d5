"""The journal as a state machine: whatever is posted, reversed, replayed or tried by raw SQL, the books stay balanced,
append-only and sealed. Hypothesis draws the runs; the database judges them."""

import uuid
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from investments.ledger import post as ledger
from investments.ledger.accounts import FUND_CHART
from investments.ledger.models import Account, Book, Entry, Line

CODES = sorted(FUND_CHART)
AMOUNTS = st.integers(min_value=1, max_value=10**12)
REFUSALS = [
    "UPDATE investments_line SET amount = amount + 1",
    "UPDATE investments_entry SET memo = 'changed'",
    "DELETE FROM investments_line",
    "DELETE FROM investments_entry",
    "UPDATE investments_account SET code = 'other'",
    "DELETE FROM investments_book",
]


def balances() -> dict[tuple[str, str], int]:
    """Debit minus credit by book and currency, as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT book.code, line.currency,"
            " sum(CASE line.side WHEN 'D' THEN line.amount ELSE -line.amount END)::bigint"
            " FROM investments_line AS line JOIN investments_account AS account ON account.id = line.account_id"
            " JOIN investments_book AS book ON book.id = account.book_id GROUP BY 1, 2"
        )
        return {(code, currency): total for code, currency, total in cursor.fetchall()}


class Journal(RuleBasedStateMachine):
    """Posts into two books of yen; `expected` is a plain model of every account's balance."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: dict[tuple[int, str], int] = {}
        self.postings: dict[str, list[ledger.Leg]] = {}
        self.entries: list[int] = []
        self.reversed: set[int] = set()

    @initialize()
    def open_books(self) -> None:
        run = uuid.uuid4().hex[:12]
        self.books = [ledger.open_book(f"test:{run}:{n}", kind="fund", currency="JPY").pk for n in range(2)]
        self.dollars = ledger.open_book(f"test:{run}:usd", kind="fund", currency="USD").pk

    def _legs(self, data: Any, book: int) -> list[ledger.Leg]:
        """A balanced set of lines in one book: some debits, their sum on the other side in one or two credits."""
        debits = data.draw(st.lists(st.tuples(st.sampled_from(CODES), AMOUNTS), min_size=1, max_size=3))
        total = sum(amount for _code, amount in debits)
        legs = [ledger.debit(book, code, amount) for code, amount in debits]
        first = data.draw(st.integers(min_value=0, max_value=total))
        return legs + [
            ledger.credit(book, data.draw(st.sampled_from(CODES)), part) for part in (first, total - first) if part
        ]

    def _book(self, legs: list[ledger.Leg], sign: int = 1) -> None:
        for leg in legs:
            change = leg.amount if leg.side == "D" else -leg.amount
            key = (leg.book_id, leg.code)
            self.expected[key] = self.expected.get(key, 0) + sign * change

    def _post(self, source: str, legs: list[ledger.Leg]) -> int | None:
        at = timezone.now()
        with transaction.atomic():
            return ledger.post(kind="test", source=("case", source), legs=legs, on=at.date(), at=at)

    @rule(data=st.data(), across=st.booleans())
    def post(self, data: Any, across: bool) -> None:
        legs = self._legs(data, self.books[0]) + (self._legs(data, self.books[1]) if across else [])
        source = uuid.uuid4().hex
        entry_id = self._post(source, legs)
        assert entry_id is not None
        self.entries.append(entry_id)
        self.postings[source] = legs
        self._book(legs)

    @rule(data=st.data(), count=st.integers(min_value=1, max_value=5))
    def post_many(self, data: Any, count: int) -> None:
        at = timezone.now()
        batch = [
            ledger.Posting("test", ("many", uuid.uuid4().hex), self._legs(data, self.books[1]), at.date(), at)
            for _n in range(count)
        ]
        with transaction.atomic():
            assert ledger.post_many(batch) == count
        for posting in batch:
            self._book(list(posting.legs))
        with pytest.raises(ledger.PostingError), transaction.atomic():
            ledger.post_many(batch)

    @precondition(lambda self: self.postings)
    @rule(data=st.data())
    def replay(self, data: Any) -> None:
        source = data.draw(st.sampled_from(sorted(self.postings)))
        assert self._post(source, self.postings[source]) is None
        with pytest.raises(ledger.PostingError, match="other amounts"):
            self._post(source, [ledger.debit(self.books[0], "bank", 1), ledger.credit(self.books[0], "bank", 1)])

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def reverse(self, data: Any) -> None:
        entry = Entry.objects.get(pk=data.draw(st.sampled_from(self.entries)))
        legs = [
            ledger.Leg(line.account.book_id, line.account.code, line.side, line.amount)
            for line in entry.lines.select_related("account")
        ]
        at = timezone.now()
        with transaction.atomic():
            made = ledger.reverse(entry, on=at.date(), at=at, reason="a test")
        assert (made is None) == (entry.pk in self.reversed)
        if made is not None:
            self.reversed.add(entry.pk)
            self._book(legs, -1)

    @rule(data=st.data(), off_by=st.integers(min_value=1, max_value=5))
    def an_unbalanced_posting_is_refused(self, data: Any, off_by: int) -> None:
        legs = self._legs(data, self.books[0])
        legs[0] = ledger.debit(self.books[0], legs[0].code, legs[0].amount + off_by)
        with pytest.raises(ledger.PostingError, match="balance"):
            self._post(uuid.uuid4().hex, legs)

    @rule()
    def balanced_over_two_books_is_not_balanced_within_each(self) -> None:
        legs = [ledger.debit(self.books[0], "bank", 5), ledger.credit(self.books[1], "bank", 5)]
        with pytest.raises(ledger.PostingError, match="each book"):
            self._post(uuid.uuid4().hex, legs)
        self._refused_at_commit([(self.books[0], "bank", "D", 5), (self.books[1], "bank", "C", 5)])

    @rule(data=st.data(), lines=st.integers(min_value=0, max_value=3), off_by=st.integers(min_value=1, max_value=9))
    def raw_sql_that_does_not_balance_is_refused_at_commit(self, data: Any, lines: int, off_by: int) -> None:
        rows = [
            (self.books[0], "bank", "D", 10 + off_by),
            (self.books[0], "bank", "C", 10),
            (self.books[0], "bank", "D", 1),
        ]
        self._refused_at_commit(rows[:lines])

    def _refused_at_commit(self, rows: list[tuple[int, str, str, int]]) -> None:
        """The statements themselves pass; the commit does not."""
        with pytest.raises(DatabaseError, match="does not balance"), transaction.atomic():
            entry_id = self._raw_entry()
            for book, code, side, amount in rows:
                self._raw_line(entry_id, book, code, side, amount, "JPY")

    @rule(in_two_statements=st.booleans())
    def raw_sql_that_balances_passes_in_one_statement_or_in_two(self, in_two_statements: bool) -> None:
        book = self.books[0]
        with transaction.atomic():
            entry_id = self._raw_entry()
            if in_two_statements:
                self._raw_line(entry_id, book, "bank", "D", 7, "JPY")
                self._raw_line(entry_id, book, "psp_clearing", "C", 7, "JPY")
            else:
                with connection.cursor() as cursor:
                    cursor.execute(
                        "INSERT INTO investments_line (entry_id, account_id, side, amount, currency, subject)"
                        " SELECT %s, id, CASE code WHEN 'bank' THEN 'D' ELSE 'C' END, 7, 'JPY', ''"
                        " FROM investments_account"
                        " WHERE book_id = %s AND code IN ('bank', 'psp_clearing')",
                        [entry_id, book],
                    )
        self.entries.append(entry_id)
        self._book([ledger.debit(book, "bank", 7), ledger.credit(book, "psp_clearing", 7)])

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def no_line_joins_an_entry_after_its_commit(self, data: Any) -> None:
        entry_id = data.draw(st.sampled_from(self.entries))
        with pytest.raises(DatabaseError, match="sealed"), transaction.atomic():
            self._raw_line(entry_id, self.books[0], "bank", "D", 3, "JPY")
            self._raw_line(entry_id, self.books[0], "bank", "C", 3, "JPY")

    @rule(statement=st.sampled_from(REFUSALS))
    def nothing_is_changed_or_deleted(self, statement: str) -> None:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)

    @rule(wrong=st.sampled_from(["currency", "account", "entry", "zero", "negative", "side"]))
    def a_line_that_points_nowhere_is_refused(self, wrong: str) -> None:
        with pytest.raises(DatabaseError), transaction.atomic():
            entry_id = self._raw_entry()
            account = Account.objects.get(book=self.dollars if wrong == "currency" else self.books[0], code="bank").pk
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO investments_line (entry_id, account_id, side, amount, currency, subject)"
                    " VALUES (%s, %s, %s, %s, 'JPY', '')",
                    [
                        entry_id + (10**9 if wrong == "entry" else 0),
                        account + (10**9 if wrong == "account" else 0),
                        "X" if wrong == "side" else "D",
                        {"zero": 0, "negative": -5}.get(wrong, 5),
                    ],
                )

    def _raw_entry(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO investments_entry (kind, reference, effective_on, happened_at, memo)"
                " VALUES ('raw', %s, current_date, now(), '') RETURNING id",
                [f"raw:case:{uuid.uuid4().hex}"],
            )
            return int(cursor.fetchone()[0])

    def _raw_line(self, entry_id: int, book: int, code: str, side: str, amount: int, currency: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO investments_line (entry_id, account_id, side, amount, currency, subject)"
                " SELECT %s, id, %s, %s, %s, '' FROM investments_account WHERE book_id = %s AND code = %s",
                [entry_id, side, amount, currency, book, code],
            )

    @invariant()
    def books_balance_and_accounts_say_what_the_model_says(self) -> None:
        if not hasattr(self, "books"):
            return
        assert not any(balances().values())
        stored: dict[tuple[int, str], int] = {}
        for line in Line.objects.filter(account__book__in=self.books).select_related("account"):
            key = (line.account.book_id, line.account.code)
            stored[key] = stored.get(key, 0) + (line.amount if line.side == "D" else -line.amount)
        assert {k: v for k, v in stored.items() if v} == {k: v for k, v in self.expected.items() if v}


@pytest.mark.django_db(transaction=True)
def test_the_journal_keeps_its_promises_in_every_run() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Journal,
        settings=settings(
            max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "guard", ["ledger_entries_written ON investments_entry", "ledger_lines_joined ON investments_line"]
)
def test_without_one_of_its_guards_the_journal_would_be_wrong(guard: str) -> None:
    """The negative control: each guard taken out lets a wrong book pass."""
    book = ledger.open_book(f"test:{uuid.uuid4().hex[:12]}", kind="fund", currency="JPY").pk
    machine = Journal()
    at = timezone.now()
    with transaction.atomic():
        entry_id = ledger.post(
            kind="test",
            source=("control", uuid.uuid4().hex),
            legs=[ledger.debit(book, "bank", 5), ledger.credit(book, "psp_clearing", 5)],
            on=at.date(),
            at=at,
        )
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER {guard}")
        target = entry_id if "joined" in guard else machine._raw_entry()
        machine._raw_line(target, book, "bank", "D", 9, "JPY")
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert any(balances().values()), "the wrong line stands"
        raise ZeroDivisionError  # put the trigger back
    assert not any(balances().values())
    assert Book.objects.filter(pk=book).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("cheat", ["DELETE FROM ledger_unchecked", "UPDATE ledger_unchecked SET entries = '{}'"])
def test_the_check_that_waits_for_the_commit_cannot_be_taken_away(cheat: str) -> None:
    book = ledger.open_book(f"test:{uuid.uuid4().hex[:12]}", kind="fund", currency="JPY").pk
    machine = Journal()
    with pytest.raises(IntegrityError, match="does not balance"), transaction.atomic():
        machine._raw_line(machine._raw_entry(), book, "bank", "D", 9, "JPY")
        with connection.cursor() as cursor:
            cursor.execute(cheat)
            assert cursor.rowcount == 1
    assert not any(balances().values())
