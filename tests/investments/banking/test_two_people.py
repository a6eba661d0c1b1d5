"""Row 17 of the proofs: money leaves by bank only by the hand of two people, whichever way it is tried."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from investments.banking import outgoing
from investments.banking import services as banking
from investments.banking.models import OutgoingTransfer, ReceiptUse, StatementLine
from investments.ledger.models import Entry
from microfund.kernel import clock, integrity
from microfund.kernel.accounts.models import User
from microfund.kernel.errors import DomainError
from tests import make
from tests.investments.banking.files import csv_file
from tests.site.staff import console, do, make_staff

pytestmark = pytest.mark.django_db

PAYEE = {"bank": "0001", "branch": "001", "type": "1", "number": "1234567", "holder": "サトウ ケン"}


def prepared(maker: User, amount: int = 3_000) -> OutgoingTransfer:
    """A transfer back of a receipt that pays nothing."""
    row = {"date": clock.today_in().isoformat(), "amount": amount, "payer_code": "", "payer_name": "サトウ ケン"}
    banking.import_statement(content=csv_file(row), name="s.csv", actor=None, at=timezone.now())
    line = StatementLine.objects.get(payer_name="サトウ ケン")
    return banking.send_back(line, amount=amount, payee=PAYEE, actor=maker, at=timezone.now(), reason="nobody's")


def nothing_left(transfer: OutgoingTransfer) -> bool:
    """Neither the row, nor the receipt, nor the journal says that money left."""
    transfer.refresh_from_db()
    return (
        transfer.transferred_on is None
        and not ReceiptUse.objects.exists()
        and not Entry.objects.filter(kind="receipt_sent_back").exists()
    )


def both() -> User:
    """Somebody who has both roles, and still is one person."""
    return make_staff("finance maker", "finance checker")


# --- One person ----------------------------------------------------------------------------------------------------


def by_service(transfer: OutgoingTransfer) -> str:
    with pytest.raises(DomainError) as caught:
        outgoing.approve(transfer, actor=transfer.maker, at=timezone.now())
    return caught.value.code


def by_screen(transfer: OutgoingTransfer) -> str:
    page = do(console(transfer.maker), transfer, "approve")
    assert "another person must approve it" in page
    return "same_person"


def sent_at_once(transfer: OutgoingTransfer) -> str:
    with pytest.raises(DomainError) as caught:
        outgoing.record_sent(
            transfer, transferred_on=clock.today_in(), bank_reference="T", actor=transfer.maker, at=timezone.now()
        )
    return caught.value.code


@pytest.mark.parametrize(
    ("attempt", "code"), [(by_service, "same_person"), (by_screen, "same_person"), (sent_at_once, "wrong_state")]
)
def test_nobody_approves_what_they_prepared(attempt: Callable[[OutgoingTransfer], str], code: str) -> None:
    transfer = prepared(both())
    assert attempt(transfer) == code
    transfer.refresh_from_db()
    assert (transfer.state, transfer.checker) == ("prepared", None) and nothing_left(transfer)


STATEMENTS = {
    "approved by nobody": "UPDATE investments_outgoingtransfer SET state = 'approved'",
    "approved by the maker": "UPDATE investments_outgoingtransfer SET state = 'approved', checker_id = maker_id",
    "sent by the maker": "UPDATE investments_outgoingtransfer SET state = 'sent', checker_id = maker_id,"
    " transferred_on = current_date, bank_reference = 'T'",
    "sent without a date": "UPDATE investments_outgoingtransfer SET state = 'sent', checker_id ="
    " (SELECT min(id) FROM accounts_user WHERE id <> maker_id), bank_reference = 'T'",
    "another maker": "UPDATE investments_outgoingtransfer SET maker_id ="
    " (SELECT min(id) FROM accounts_user WHERE id <> maker_id)",
    "more money": "UPDATE investments_outgoingtransfer SET amount = amount + 1",
    "for something else": "UPDATE investments_outgoingtransfer SET target = 'receipt:0'",
    "taken away": "DELETE FROM investments_outgoingtransfer",
    "made up": "INSERT INTO investments_outgoingtransfer (target, state, amount, currency, payee, reason, maker_id,"
    " prepared_at, checker_id, bank_reference) SELECT 'receipt:0', 'approved', 1, 'JPY', payee, 'x', maker_id, now(),"
    " maker_id, '' FROM investments_outgoingtransfer",
}


def refused(statement: str) -> bool:
    """Whether the database refuses it."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError:
        return True
    return False


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_database_refuses_one_person_and_whatever_changes_what_was_prepared(name: str) -> None:
    make.make_user()
    transfer = prepared(both())
    assert refused(STATEMENTS[name])
    assert nothing_left(transfer) and OutgoingTransfer.objects.count() == 1


def test_control_without_the_check_one_person_is_enough() -> None:
    transfer = prepared(both())
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE investments_outgoingtransfer DROP CONSTRAINT outgoing_transfer_two_people")
    assert not refused(STATEMENTS["approved by the maker"])
    transfer.refresh_from_db()
    assert transfer.state == "approved" and transfer.checker_id == transfer.maker_id
    (outcome,) = integrity.run(["banking.outgoing_transfers"])
    assert [line.split(":")[0] for line in outcome.differences] == [
        f"investments_outgoingtransfer {transfer.pk} (receipt"
    ], "and verify_ledger names the row"


# --- Two people ----------------------------------------------------------------------------------------------------


def test_two_people_send_it_once() -> None:
    maker, checker, at = make_staff("finance maker"), make_staff("finance checker"), timezone.now()
    transfer = prepared(maker)
    outgoing.approve(transfer, actor=checker, at=at, reason="looked at the statement")
    assert nothing_left(transfer)
    facts: dict[str, Any] = {"transferred_on": clock.today_in(), "bank_reference": " T-9 ", "actor": maker, "at": at}
    outgoing.record_sent(transfer, **facts)
    outgoing.record_sent(transfer, **facts)
    transfer.refresh_from_db()
    assert (transfer.state, transfer.maker, transfer.checker) == ("sent", maker, checker)
    assert Entry.objects.filter(kind="receipt_sent_back").count() == 1
    for changed in ({"bank_reference": "T-10"}, {"transferred_on": clock.today_in().replace(year=2020)}):
        with pytest.raises(DomainError) as caught:
            outgoing.record_sent(transfer, **{**facts, **changed})
        assert caught.value.code == "bank_reference"
    for statement in ("SET state = 'prepared'", "SET bank_reference = 'T-10'", "SET checker_id = NULL"):
        assert refused(f"UPDATE investments_outgoingtransfer {statement}"), statement
    assert [outcome for outcome in integrity.run() if outcome.differences] == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"bank_reference": "  "}, "bank_reference"),
        ({"transferred_on": "tomorrow"}, "future"),
        ({"transferred_on": "yesterday"}, "before_approval"),
    ],
)
def test_what_is_recorded_of_the_bank_must_be_possible(changed: dict[str, Any], code: str) -> None:
    at = make.at_noon(clock.today_in())
    transfer = prepared(make_staff("finance maker"))
    outgoing.approve(transfer, actor=make_staff("finance checker"), at=at)
    days = {"tomorrow": 1, "yesterday": -1}
    if "transferred_on" in changed:
        changed = {"transferred_on": clock.today_in(None, at) + timedelta(days=days[changed["transferred_on"]])}
    facts: dict[str, Any] = {"transferred_on": clock.today_in(None, at), "bank_reference": "T", **changed}
    with pytest.raises(DomainError) as caught:
        outgoing.record_sent(transfer, **facts, actor=transfer.maker, at=at)
    assert caught.value.code == code and nothing_left(transfer)


def test_a_withdrawn_transfer_is_never_sent() -> None:
    transfer = prepared(make_staff("finance maker"))
    checker, at = make_staff("finance checker"), timezone.now()
    outgoing.approve(transfer, actor=checker, at=at)
    outgoing.withdraw(transfer, actor=checker, at=at, reason="the account is closed")
    with pytest.raises(DomainError) as caught:
        outgoing.approve(transfer, actor=checker, at=at)
    assert caught.value.code == "wrong_state"
    assert sent_at_once(transfer) == "wrong_state" and nothing_left(transfer)


# --- Everything that two people decide -------------------------------------------------------------------------------

#: The states that only a second person brings about, by the CHECK that says so.
DECIDED = {
    "compensation_two_people": {"approved", "funded", "paid", "lost"},
    "distribution_two_people": {"approved"},
    "inheritance_two_people": {"done"},
    "instalment_two_people": {"approved"},
    "moratorium_two_people": {"approved", "ended"},
    "outgoing_transfer_two_people": {"approved", "sent"},
    "payout_run_two_people": {"approved", "sent", "done"},
    "report_two_people": {"accepted", "returned"},
    "write_off_two_people": {"approved"},
}


def test_every_check_of_two_people_refuses_one_in_each_state_that_is_decided() -> None:
    """The CHECKs as the database has them, asked about a row of one person and about one of two."""
    at = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, conrelid::regclass::text, pg_get_expr(conbin, conrelid) FROM pg_constraint"
            " WHERE conname LIKE '%two\\_people'"
        )
        checks = {name: (table, text) for name, table, text in cursor.fetchall()}
        assert set(checks) == set(DECIDED)
        models = {model._meta.db_table: model for model in apps.get_models()}
        for name, (table, check) in checks.items():
            people = sorted(set(re.findall(r"\b\w+_id\b", check)))
            assert len(people) == 2, f"{name} compares {people}"
            dates = dict.fromkeys(re.findall(r"\b\w+_(?:at|on)\b", check), at.date().isoformat())

            def holds(state: str, one: int, other: int, table: str = table, check: str = check) -> bool:
                row = {"state": state, people[0]: one, people[1]: other, **dates}  # noqa: B023 - called in this round
                cursor.execute(f"SELECT {check} FROM jsonb_populate_record(NULL::{table}, %s)", [json.dumps(row)])
                return bool(cursor.fetchone()[0])

            states = {str(value) for value, _label in models[table]._meta.get_field("state").choices}
            assert {state for state in states if not holds(state, 1, 1)} == DECIDED[name], name
            assert all(holds(state, 1, 2) for state in states), name
