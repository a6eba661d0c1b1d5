"""Payouts that came back: from the bank's list, whole or not at all, or by the deposit on the statement."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from investments.ledger.post import balance
from investments.models import BankReturn, Payout, PayoutAttempt, StatementLine
from investments.payouts import outcome, returns_csv
from microfund.kernel.errors import DomainError
from tests import repay
from tests.site.staff import console, make_staff

pytestmark = pytest.mark.django_db

HEAD = "code,amount,returned_on,cause,remark"


def paid() -> tuple[list[PayoutAttempt], datetime, Any]:
    """Two payouts that were sent, and a day after."""
    fund = repay.operating(40, 20)
    made = repay.whole_period(fund, 1, 27_900_000)
    return list(PayoutAttempt.objects.order_by("pk")), repay.after(made.period, 40), made


def record(text: str | bytes, at: datetime) -> tuple[int, int]:
    content = text if isinstance(text, bytes) else text.encode()
    return returns_csv.record_file(content, actor=repay.staff(), at=at)


def row(attempt: PayoutAttempt, at: datetime, **more: Any) -> str:
    values = {"code": f"{attempt.pk:020}", "amount": attempt.amount, "on": at.date(), "cause": "name", **more}
    return "{code},{amount},{on},{cause},氏名相違".format(**values)


def test_a_list_of_the_bank_is_recorded_once_whatever_is_given_again() -> None:
    (one, two), at, made = paid()
    assert record(f"{HEAD}\n{row(one, at)}\n\n", at) == (1, 0)
    both = f"{HEAD}\n{row(one, at)}\n{row(two, at, cause='')}\n".encode("cp932")
    assert record(both, at) == (1, 1)
    found = BankReturn.objects.order_by("attempt_id")
    assert [(own.cause, own.reason) for own in found] == [("name", "氏名相違"), ("other", "氏名相違")]
    assert set(Payout.objects.values_list("state", flat=True)) == {"returned"}
    assert balance(made.fund.book_id, "distributions_payable") == made.net
    repay.books_are_right()


def test_one_wrong_row_and_nothing_is_recorded() -> None:
    (one, two), at, _made = paid()
    good = row(one, at)
    for bad, words in (
        (row(two, at, amount=two.amount + 1), "the transfer was of another amount."),
        (row(two, at, code=999_999_999), "no transfer of ours"),
        (row(two, at, code="1e3"), "not a number"),
        (row(two, at, on="01.02.2027"), "its date"),
        (row(two, at, on="2001-01-01"), "lies before the transfer"),
        (row(two, at, on="2999-01-01"), "has not come"),
        (row(two, at, cause="moon"), "none of no_account"),
        (row(two, at, amount="-5"), "whole number of yen"),
        (good, "twice"),
        ("7", "not a whole number"),
    ):
        with pytest.raises(DomainError) as error:
            record(f"{HEAD}\n{good}\n{bad}\n", at)
        assert words in str(error.value) and error.value.data["row"] == 3
    for text in (b"", b"a,b\n1,2", HEAD.encode(), b"\xff\xfe\x00", b"x" * (returns_csv.MOST_BYTES + 1)):
        with pytest.raises(DomainError):
            record(text, at)
    assert not BankReturn.objects.exists()


def test_a_deposit_is_said_to_be_a_return_that_was_known_or_not() -> None:
    (one, two), at, made = paid()
    repay.receive(*({"amount": own.amount, "payer_name": "ﾌﾘｺﾐﾌﾉｳ"} for own in (one, two)), at=at)
    lines = {line.amount: line for line in StatementLine.objects.filter(remaining__gt=0)}
    outcome.record_return(one, returned_on=at.date(), actor=repay.staff(), at=at)
    for attempt in (one, two):
        line = lines[attempt.amount]
        back = outcome.return_by_deposit(line, attempt.pk, actor=repay.staff(), at=at, cause="closed")
        line.refresh_from_db()
        assert back.use is not None and line.remaining == 0
    for pk, code in ((one.pk, "attached"), (10**9, "unknown")):
        with pytest.raises(DomainError) as error:
            outcome.return_by_deposit(lines[one.amount], pk, actor=repay.staff(), at=at, cause="closed")
        assert error.value.code == code
    assert balance(made.fund.book_id, "distributions_payable") == made.net
    repay.books_are_right()


def test_staff_do_both_in_the_console() -> None:
    (one, two), at, _made = paid()
    client = console(make_staff("finance maker"))
    page = reverse("admin:investments_bankreturn_list_act", args=["file"])
    file = SimpleUploadedFile("list.csv", f"{HEAD}\n{row(one, at)}\n".encode())
    assert "Newly recorded" in client.post(page, {"file": file}).content.decode()
    assert BankReturn.objects.get().attempt == one
    bad = SimpleUploadedFile("list.csv", b"nothing")
    assert "the column code is missing" in client.post(page, {"file": bad}).content.decode()
    repay.receive({"amount": two.amount, "payer_name": "ﾌﾘｺﾐﾌﾉｳ"}, at=at)
    line = StatementLine.objects.get(remaining__gt=0)
    page = reverse("admin:investments_statementline_act", args=[line.pk, "returned"])
    client.post(page, {"code": two.pk, "cause": "closed", "reason": "解約", "confirmed": "1"})
    assert BankReturn.objects.get(attempt=two).use is not None
