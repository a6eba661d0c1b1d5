"""Importing statements: each deposit is one receipt, whatever files it stands in; nothing is kept, nothing twice."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from investments.banking import outgoing
from investments.banking import services as banking
from investments.banking.models import OutgoingTransfer, ReceiptUse, StatementFile, StatementLine
from investments.ledger.models import Entry, Line
from microfund.kernel import clock
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from tests import make

from .files import csv_file, zengin_file

pytestmark = pytest.mark.django_db

DAY = date(2026, 7, 2)
AT = make.at_noon(date(2026, 7, 3))
PAYEE = {"bank": "0999", "branch": "001", "type": "1", "number": "1234567", "holder": "イトウ ハルカ"}


@pytest.fixture(autouse=True)
def claimers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """No claimer but those a test registers."""
    mine: list[tuple[str, Any]] = []
    monkeypatch.setattr(banking, "_claimers", mine)
    return mine


def load(content: bytes, **values: Any) -> StatementFile:
    return banking.import_statement(**{"content": content, "name": "statement", "actor": None, "at": AT, **values})


def balances() -> dict[str, int]:
    """Debit minus credit of every account of the operator's book, zero ones left out."""
    found: dict[str, int] = {}
    for line in Line.objects.select_related("account__book").filter(account__book__kind="operator"):
        found[line.account.code] = found.get(line.account.code, 0) + (line.amount if line.side == "D" else -line.amount)
    return {code: amount for code, amount in found.items() if amount}


def test_each_credit_is_a_receipt_with_an_entry() -> None:
    file = load(csv_file({"payer_code": "0077"}, {"kind": "debit", "amount": 500}, {"amount": 7, "memo": "x"}))
    assert (file.rows, file.format, file.problems) == (2, "csv", [])
    first, second = StatementLine.objects.order_by("row")
    assert (first.row, first.amount, first.remaining, first.payer_code, first.problem) == (2, 10_500, 10_500, "77", "")
    assert (second.row, second.amount, second.memo) == (4, 7, "x")
    assert balances() == {"trust_bank": 10_507, "unallocated_receipts": -10_507}
    entry = Entry.objects.get(reference=f"bank_receipt:receipt:{first.pk}")
    assert entry.effective_on == DAY and entry.happened_at == AT
    assert set(entry.lines.values_list("subject", flat=True)) == {f"receipt:{first.pk}"}
    assert AuditRow.objects.get(action="investments.StatementFile.imported").changes["new"] == 2


def test_the_same_file_is_the_same_import() -> None:
    content = csv_file({}, {})
    assert load(content) == load(content, name="again")
    assert StatementFile.objects.count() == 1 and StatementLine.objects.count() == 2
    assert balances()["trust_bank"] == 21_000


@pytest.mark.parametrize("order", [("early", "late"), ("late", "early")])
def test_a_deposit_in_two_overlapping_files_is_one_receipt(order: tuple[str, str]) -> None:
    same = [{"payer_code": "1"}, {"payer_code": "2"}, {"payer_code": "2"}]
    files = {
        "early": csv_file(*same),
        "late": csv_file(
            *same[1:], {"payer_code": "3"}, {"payer_code": "2", "date": "2026-07-03"}, first=2, balance=10_500
        ),
    }
    for name in order:
        load(files[name])
    assert StatementFile.objects.count() == 2
    assert sorted(StatementLine.objects.values_list("payer_code", flat=True)) == ["1", "2", "2", "2", "3"]
    assert balances()["trust_bank"] == 5 * 10_500


@pytest.mark.parametrize("order", [("csv", "zengin"), ("zengin", "csv"), ("csv", "zengin", "csv+", "zengin+")])
def test_a_deposit_in_both_formats_is_one_receipt(order: tuple[str, ...]) -> None:
    twice = [{"payer_code": "1234567897"}] * 2
    alike = [{"code": "1234567897"}, {"number": 2, "code": "1234567897"}]
    files = {
        "csv": csv_file(*twice, {"amount": 3}),
        "zengin": zengin_file(*alike, {"number": 3, "amount": 3}),
        "csv+": csv_file(*twice, {"amount": 3}, {"payer_code": "1234567897"}),
        "zengin+": zengin_file(*alike, {"number": 3, "amount": 3}, {"number": 4, "code": "1234567897"}),
    }
    for name in order:
        load(files[name])
    more = "csv+" in order
    assert StatementLine.objects.filter(amount=10_500).count() == (3 if more else 2)
    assert StatementLine.objects.filter(amount=3).count() == 1
    assert all(set(line.bank_rows) == {"csv", "zengin"} for line in StatementLine.objects.all())


def test_parts_of_one_day_in_two_files_lose_no_deposit() -> None:
    """Two equal deposits, one in each file: the bank's numbers tell them apart."""
    load(csv_file({}))
    load(csv_file({}, first=2))
    assert StatementLine.objects.count() == 2
    load(csv_file({}, {}))
    assert StatementLine.objects.count() == 2


def test_a_number_that_the_bank_gives_to_another_deposit_is_refused() -> None:
    load(csv_file({}))
    with pytest.raises(DomainError) as caught:
        load(csv_file({"amount": 10_501}))
    assert (caught.value.code, caught.value.data["row"]) == ("changed", 2)
    assert StatementFile.objects.count() == 1


def test_a_bad_file_changes_nothing(claimers: list[Any]) -> None:
    banking.register_claimer("none", lambda line_id, at: pytest.fail("nothing may be offered"))
    with pytest.raises(DomainError, match="Row 3"):
        load(csv_file({}, {"amount": 0}))
    assert not StatementFile.objects.exists() and not StatementLine.objects.exists() and not Entry.objects.exists()
    assert not AuditRow.objects.filter(action__startswith="investments.Statement").exists()


def test_what_the_provider_pays_out_is_stored_without_an_entry(settings: Any) -> None:
    settings.PROVIDER_PAYER_NAME = "カ）ケツサイ"
    load(csv_file({"payer_name": "ｶ)ｹﾂｻｲ", "amount": 99_000}, {}))
    payout = StatementLine.objects.get(amount=99_000)
    assert payout.provider_payout and payout.remaining == 0 and payout.problem == ""
    assert balances() == {"trust_bank": 10_500, "unallocated_receipts": -10_500}


def test_the_provider_is_known_by_the_sandboxs_name_at_first(settings: Any) -> None:
    from microfund.sandbox.bank import PROVIDER_NAME

    assert settings.PROVIDER_PAYER_NAME == PROVIDER_NAME


# --- What the bank took back ----------------------------------------------------------------------------------


def test_a_cancelled_deposit_goes_back_once() -> None:
    content = zengin_file({}, {"number": 2, "cancelled": True}, {"number": 3, "amount": 7})
    load(content)
    load(zengin_file({}, {"number": 2, "cancelled": True}, {"number": 3, "amount": 7}, {"number": 4, "amount": 9}))
    line = StatementLine.objects.get(amount=10_500)
    assert line.remaining == 0
    use = ReceiptUse.objects.get()
    assert (use.line_id, use.purpose, use.amount) == (line.pk, "sent_back", 10_500)
    assert balances() == {"trust_bank": 16, "unallocated_receipts": -16}


def test_a_deposit_cancelled_in_a_later_file_goes_back() -> None:
    load(zengin_file({}))
    assert balances() != {}
    load(zengin_file({}, {"number": 2, "cancelled": True}))
    assert balances() == {}


def test_a_cancelled_deposit_that_is_used_waits_for_a_person() -> None:
    load(zengin_file({}))
    line = StatementLine.objects.get()
    back(line, amount=500, reason="asked")
    file = load(zengin_file({}, {"number": 2, "cancelled": True}, {"number": 3, "amount": 7}))
    assert [(problem["row"], problem["problem"], problem["amount"]) for problem in file.problems] == [
        (3, "cancelled", 10_500)
    ]
    assert StatementLine.objects.get(amount=7).remaining == 7
    line.refresh_from_db()
    assert line.remaining == 10_000


# --- Claimers -------------------------------------------------------------------------------------------------


def test_new_receipts_are_offered_in_order_until_one_takes_them() -> None:
    seen: list[tuple[str, int]] = []

    def claimer(name: str, takes: bool) -> Any:
        def claim(line_id: int, *, at: datetime) -> bool:
            assert at == AT and StatementLine.objects.filter(pk=line_id).exists()
            seen.append((name, StatementLine.objects.get(pk=line_id).amount))
            return takes and seen[-1][1] == 7

        return claim

    banking.register_claimer("first", claimer("first", True))
    banking.register_claimer("second", claimer("second", False))
    load(csv_file({"amount": 7}, {"amount": 9}))
    assert seen == [("first", 7), ("first", 9), ("second", 9)]
    load(csv_file({"amount": 7}, {"amount": 9}, {"amount": 11}))
    assert seen[3:] == [("first", 11), ("second", 11)]


def test_a_claimer_registered_again_is_replaced() -> None:
    banking.register_claimer("one", lambda line_id, at: pytest.fail("replaced"))
    banking.register_claimer("one", lambda line_id, at: True)
    load(csv_file({}))
    assert StatementLine.objects.get().remaining == 10_500


def test_a_claimer_that_fails_loses_nothing_and_the_sweep_offers_again() -> None:
    failing = True
    seen: list[int] = []

    def claim(line_id: int, *, at: datetime) -> bool:
        if failing and StatementLine.objects.get(pk=line_id).amount == 7:
            raise RuntimeError("killed")
        seen.append(StatementLine.objects.get(pk=line_id).amount)
        return False

    banking.register_claimer("one", claim)
    load(csv_file({"amount": 7}, {"amount": 9}))
    assert seen == [9]
    assert banking.claim_pending(on=DAY, at=AT) == {"claimed": 0, "errors": 1}
    failing = False
    assert banking.claim_pending(on=DAY, at=AT) == {"claimed": 0, "errors": 0}
    assert seen == [9, 9, 7, 9]


def test_the_sweep_leaves_what_is_used_up(settings: Any) -> None:
    settings.PROVIDER_PAYER_NAME = "PAYOUT"
    load(csv_file({"payer_name": "PAYOUT"}, {"amount": 9}))
    seen: list[int] = []
    banking.register_claimer("one", lambda line_id, at: seen.append(line_id) or True)
    assert banking.claim_pending(on=DAY, at=AT) == {"claimed": 1, "errors": 0}
    assert seen == [StatementLine.objects.get(amount=9).pk]


# --- Sending back ---------------------------------------------------------------------------------------------


@pytest.fixture
def line() -> Iterator[StatementLine]:
    load(csv_file({"payer_name": "1234567897 ｲﾄｳ ﾊﾙｶ"}))
    yield StatementLine.objects.get()


def back(line: StatementLine, *, sent: bool = True, **values: Any) -> OutgoingTransfer:
    """A transfer back: prepared, and made by two people unless said otherwise."""
    transfer = banking.send_back(
        line,
        **{
            "amount": 10_500,
            "payee": PAYEE,
            "actor": make.make_user(is_staff=True),
            "at": AT,
            "reason": "unknown payer code",
            **values,
        },
    )
    return make.carry_out(transfer, at=AT) if sent else transfer


def test_a_receipt_is_sent_back_in_parts_and_journaled(line: StatementLine) -> None:
    staff = make.make_user(is_staff=True)
    back(line, amount=500, actor=staff)
    line.refresh_from_db()
    assert line.remaining == 10_000
    second = back(line, amount=10_000, actor=staff)
    line.refresh_from_db()
    assert (line.remaining, line.held) == (0, 0)
    assert set(ReceiptUse.objects.values_list("purpose", flat=True)) == {"sent_back"}
    assert balances() == {}
    use = ReceiptUse.objects.get(target=f"transfer:{second.pk}")
    entry = Entry.objects.get(reference=f"receipt_sent_back:use:{use.pk}")
    assert entry.effective_on == second.transferred_on == clock.today_in(None, AT)
    assert (second.amount, second.payee, second.maker) == (10_000, PAYEE, staff)
    assert AuditRow.objects.filter(action="investments.OutgoingTransfer.sent", reason="").count() == 2


def test_what_is_on_its_way_back_pays_no_order_and_is_free_again_when_withdrawn(line: StatementLine) -> None:
    transfer = back(line, amount=10_000, sent=False)
    line.refresh_from_db()
    assert (line.remaining, line.held, line.free) == (10_500, 10_000, 500)
    assert balances() != {}, "nothing has left yet"
    with pytest.raises(DomainError) as caught:
        back(line, amount=500, sent=False)
    assert caught.value.code == "under_way"
    outgoing.withdraw(transfer, actor=transfer.maker, at=AT, reason="the payer wants the units after all")
    line.refresh_from_db()
    assert (line.remaining, line.held) == (10_500, 0) and not ReceiptUse.objects.exists()
    with pytest.raises(DomainError) as caught:
        outgoing.withdraw(transfer, actor=transfer.maker, at=AT, reason="again")
    assert caught.value.code == "wrong_state"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"amount": 10_501}, "amount"),
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"reason": " "}, "reason_needed"),
        ({"payee": {**PAYEE, "holder": "モリタ ケンジ"}}, "holder"),
        ({"payee": {}}, "holder"),
    ],
)
def test_a_wrong_return_is_refused(line: StatementLine, values: dict[str, Any], code: str) -> None:
    with pytest.raises(DomainError) as caught:
        back(line, **values)
    assert caught.value.code == code
    line.refresh_from_db()
    assert (line.remaining, line.held) == (10_500, 0) and not OutgoingTransfer.objects.exists()


def test_never_more_goes_back_than_remains(line: StatementLine) -> None:
    back(line, amount=10_000)
    with pytest.raises(DomainError) as caught:
        back(line, amount=501)
    assert (caught.value.code, caught.value.data["free"]) == ("amount", 500)
