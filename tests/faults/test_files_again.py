"""Row 4 of the proofs, its files: a statement and a list of returns given twice, shuffled and cut; and files that are
too large or of another encoding. In the end the books say what one clean file makes them say, or the file is refused
whole and its line is named.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from investments.admin.forms import StatementForm
from investments.admin.returns import _from_file
from investments.banking import parsers
from investments.banking import services as banking
from investments.models import BankReturn, Distribution, Fund, PayoutAttempt, StatementLine
from investments.payouts import returns_csv
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from tests import make, repay
from tests.faults import books
from tests.faults.scale import Tally, rng, rounds
from tests.investments.banking.files import csv_file, zengin_file

pytestmark = [pytest.mark.faults, pytest.mark.django_db]

FUNDS = 3


@contextmanager
def undone() -> Iterator[None]:
    """What is done inside is forgotten."""
    point = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)


def payday() -> tuple[list[Fund], list[Distribution], datetime]:
    """Three funds whose businesses are to pay today."""
    funds = [repay.operating(20, 7) for _fund in range(FUNDS)]
    made = []
    for fund in funds:
        repay.report(fund, 1, 27_900_000)
        made.append(repay.distribute(fund, 1))
    return funds, made, repay.after(made[0].period, 40)


def states(funds: list[Fund]) -> list[books.State]:
    rows = StatementLine.objects.order_by("amount", "pk").values_list("amount", "remaining", "problem", "payer_code")
    backs = BankReturn.objects.order_by("attempt_id").values_list("attempt_id", "cause", "returned_on")
    return [
        *(books.state_of(fund.pk) for fund in funds),
        {"lines": [str(row) for row in rows], "backs": [str(b) for b in backs]},
    ]


class Files:
    """Gives files to a service and keeps count of what was taken and what refused; a refusal names the line."""

    def __init__(self, take: Callable[[bytes], Any], tally: Tally) -> None:
        self.take, self.tally, self.unnamed = take, tally, list[str]()

    def give(self, content: bytes) -> str:
        """ "taken", or the code of the refusal; the books are as before then."""
        point = transaction.savepoint()
        before = StatementLine.objects.count(), BankReturn.objects.count()
        try:
            self.take(content)
        except DomainError as refused:
            assert (StatementLine.objects.count(), BankReturn.objects.count()) == before, "a part of it was kept"
            transaction.savepoint_rollback(point)
            self.tally.add("refused")
            if not refused.data.get("row"):
                self.unnamed.append(f"{refused.code}: {refused}")
            return refused.code
        self.tally.add("taken")
        return "taken"


def shuffled(content: bytes, chance: Any) -> bytes:
    """The rows in another order, the head first."""
    head, *rows = content.splitlines(keepends=True)
    chance.shuffle(rows)
    return head + b"".join(rows)


def statement(made: list[Distribution], at: datetime) -> bytes:
    day = clock.today_in(None, at).isoformat()
    return csv_file(*({"date": day, "amount": own.gross, "payer_code": own.payer_code} for own in made), first=50_000)


def test_a_statement_twice_shuffled_in_another_format_and_cut_is_one_set_of_receipts() -> None:
    funds, made, at = payday()
    tally, chance = Tally("4 statement again"), rng("statement")
    files = Files(lambda content: banking.import_statement(content=content, name="s", actor=None, at=at), tally)
    clean = statement(made, at)
    with undone():
        assert files.give(clean) == "taken"
        expected = states(funds)
    assert Distribution.objects.filter(state="approved", received=0).count() == FUNDS
    day = clock.today_in(None, at)
    other = zengin_file(
        *({"day": day, "amount": own.gross, "code": own.payer_code, "name": "ｲﾄｳ ﾊﾙｶ"} for own in made), days=(day, day)
    )
    for number in rounds(short=24, long=3_000):
        with undone():
            kind = ("twice", "shuffled", "cut", "other format")[number % 4]
            if kind == "twice":
                files.give(clean)
            elif kind == "shuffled":
                # The running balance does not follow any more: rows are missing or changed.
                mixed = shuffled(clean, chance)
                assert mixed == clean or files.give(mixed) == "balance"
            elif kind == "cut":
                files.give(clean[: chance.randint(1, len(clean) - 1)])
            else:
                files.give(other)
            tally.add(kind)
            for _again in range(2):
                files.give(clean)
            for first, second in zip(expected, states(funds), strict=True):
                assert not (found := books.difference(first, second)), f"{kind}\n{found}"
    # A file that is empty or of an unknown kind has no line to name.
    assert all(text.split(":")[0] in ("format", "empty") for text in files.unnamed), files.unnamed
    for kind in ("twice", "shuffled", "cut", "other format", "refused", "taken"):
        tally.require(kind, 5)
    tally.show(hash=books.state_hash({"all": [books.state_hash(state) for state in expected]}))
    repay.books_are_right()


def test_a_list_of_returns_twice_shuffled_and_cut_is_one_set_of_returns() -> None:
    funds, made, at = payday()
    repay.receive(*({"amount": own.gross, "payer_code": own.payer_code} for own in made), at=at)
    run = repay.send_run(at=at)
    repay.settle(run)
    later = make.at_noon(run.pay_on + timedelta(days=12))
    rows = [
        f"{own.pk:020},{own.amount},{later.date()},{('name', 'closed', 'other')[own.pk % 3]},remark {own.pk}\n"
        for own in PayoutAttempt.objects.filter(run=run).order_by("pk")[: 2 * FUNDS - 2]
    ]
    clean = ("code,amount,returned_on,cause,remark\n" + "".join(rows)).encode()
    tally, chance = Tally("4 returns again"), rng("returns")
    files = Files(lambda content: returns_csv.record_file(content, actor=repay.staff(), at=later), tally)
    with undone():
        assert files.give(clean) == "taken"
        expected = states(funds)
    for number in rounds(short=24, long=3_000):
        with undone():
            kind = ("thrice", "shuffled", "cut")[number % 3]
            if kind == "thrice":
                files.give(clean)
            elif kind == "shuffled":
                assert files.give(shuffled(clean, chance)) == "taken"
            else:
                files.give(clean[: chance.randint(1, len(clean) - 1)])
            tally.add(kind)
            for _again in range(2):
                assert files.give(clean) == "taken"
            for first, second in zip(expected, states(funds), strict=True):
                assert not (found := books.difference(first, second)), f"{kind}\n{found}"
    assert all("holds no transfer" in text for text in files.unnamed), files.unnamed
    for kind in ("thrice", "shuffled", "cut", "refused", "taken"):
        tally.require(kind, 5)
    tally.show(hash=books.state_hash({"all": [books.state_hash(state) for state in expected]}))
    repay.books_are_right()


def test_control_deposits_known_by_their_place_in_the_file_alone_are_booked_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reader that does not look for a deposit among those that are here."""
    funds, made, at = payday()
    monkeypatch.setattr(banking, "_match", lambda deposits, stored, format: (deposits, []))
    clean = statement(made, at)
    day = clock.today_in(None, at)
    other = zengin_file(*({"day": day, "amount": own.gross, "code": own.payer_code} for own in made), days=(day, day))
    for content in (clean, other):
        banking.import_statement(content=content, name="s", actor=None, at=at)
    assert StatementLine.objects.filter(payer_code__in=[own.payer_code for own in made]).count() == 2 * FUNDS
    assert funds


# --- Files of another kind ----------------------------------------------------------------------------------------


class Endless(io.RawIOBase):
    """A file of a gigabyte that nobody has in memory, and that says how much of it was read."""

    size = 1024**3

    def __init__(self, head: bytes) -> None:
        self.head, self.taken = head, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = self.size if size < 0 else size
        assert size <= 64 * 1024 * 1024, "somebody reads all of it"
        start, self.taken = self.taken, min(self.size, self.taken + size)
        return (self.head[start:] + b"x" * size)[: self.taken - start]


def test_a_gigabyte_is_refused_without_being_read() -> None:
    head = b"row_id,date,kind,amount,payer_name,payer_code,balance,memo\r\n"
    content = Endless(head)
    file = UploadedFile(content, name="s.csv", content_type="text/csv", size=content.size)
    form = StatementForm({"format": "auto"}, {"file": file})
    assert not form.is_valid() and "larger than 5 MB" in str(form.errors)
    assert content.taken == 0
    returned = Endless(b"code,amount,returned_on\n")
    with pytest.raises(DomainError) as refused:
        _from_file(None, actor=repay.staff(), at=make.at_noon(make.clock.today_in()), file=returned)
    assert "too large" in str(refused.value) and returned.taken == returns_csv.MOST_BYTES + 1
    with pytest.raises(DomainError) as refused:
        parsers.parse(b"x" * (parsers.MAX_BYTES + 1), today=make.clock.today_in())
    assert refused.value.code == "too_large"


SPOILT: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int | None]] = {
    "half a letter": (lambda rows: [*rows[:3], rows[3].replace(b",credit,", b",cr\x81edit,")], 4),
    "not text": (lambda rows: [*rows[:2], b"\x81\xff\xfe\xa0" + rows[2], *rows[3:]], 3),
    "UTF-16": (lambda rows: [b"".join(rows).decode().encode("utf-16")], None),
}


def test_a_byte_order_mark_and_shift_jis_are_read_and_other_encodings_refused_with_the_line() -> None:
    _funds, made, at = payday()
    clean = statement(made, at)
    mine = StatementLine.objects.filter(payer_code__in=[own.payer_code for own in made])
    for name, (spoil, row) in SPOILT.items():
        content = b"".join(spoil(clean.splitlines(keepends=True)))
        with undone(), pytest.raises(DomainError) as refused:
            banking.import_statement(content=content, name="s", format="csv", actor=None, at=at)
        named = refused.value.data.get("row")
        assert named == row if row else named is not None, f"{name}: {refused.value}"
        assert f"Row {named}" in str(refused.value) and not mine.exists(), name
    for encoding in ("utf-8", "utf-8-sig", "cp932"):
        with undone():
            content = clean.decode().encode(encoding)
            assert banking.import_statement(content=content, name="s", actor=None, at=at).rows == FUNDS
            assert mine.count() == FUNDS
