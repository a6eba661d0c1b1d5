"""The account an investor is paid to: found in the bank list, in their own name, one at a time, never shown whole."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from investments.banking import accounts, bank_list, names
from investments.models import BankAccount
from microfund.kernel.accounts.models import FormerAddress
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox.services import dispatch
from tests import make

ACCOUNT = {"bank": "0001", "branch": "001", "kind": "1", "number": "1234567", "holder": "イトウ ハルカ"}


def given(investor, **changes) -> BankAccount:
    return accounts.change(investor, **{**ACCOUNT, **changes}, at=timezone.now(), actor=investor.user)


# --- The list of banks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["0001", "みずほ", "ミズホ", "ﾐｽﾞﾎ", "みずほ銀行", "ミズホギンコウ", "mizuho", "  Mizuho "]
)
def test_a_bank_is_found_by_number_name_reading_and_letters(text: str) -> None:
    assert bank_list.banks(text).places[0] == bank_list.Place("0001", "みずほ", "ミズホ")


@pytest.mark.parametrize("text", ["", "   ", "<script>", "'; DROP TABLE", "9" * 500, "\x00"])
def test_a_search_for_nothing_finds_nothing(text: str) -> None:
    assert bank_list.banks(text).count == 0


def test_a_search_shows_a_part_and_says_how_many_there_are() -> None:
    found = bank_list.branches("0001", "")
    assert len(found.places) == bank_list.MOST < found.count
    assert bank_list.branches("0001", "東京営業部").places[0].code == "001"
    assert bank_list.branches("9999", "").count == 0 and bank_list.branch("9999", "001") is None


# --- Names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("holder", "kana", "company", "same"),
    [
        ("ｲﾄｳ ﾊﾙｶ", "イトウ ハルカ", False, True),
        ("イトウハルカ", "イトウ ハルカ", False, True),
        ("ハルカ イトウ", "イトウ ハルカ", False, True),
        ("イトウ ハルコ", "イトウ ハルカ", False, False),
        ("カ)イトウ ハルカ", "イトウ ハルカ", False, False),
        ("カ）アオバシカ", "アオバシカ", True, True),
        ("アオバシカ（カ", "アオバシカ", True, True),
        ("カ)アオバシカ", "カブシキガイシャ アオバシカ", True, True),
        ("イ）アオバシカ", "イリョウホウジンシャダン アオバシカ", True, True),
        ("ユ)アオバシカ", "アオバ", True, False),
        ("カ)", "アオバシカ", True, False),
    ],
)
def test_the_holder_is_the_investor(holder: str, kana: str, company: bool, same: bool) -> None:
    assert names.same_holder(holder, kana, company=company) is same


# --- Giving and changing ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_account_is_kept_encrypted_with_the_names_of_its_bank() -> None:
    investor = make.make_investor()
    account = given(investor, number="１２３-４５６７", holder="いとう　はるか")
    assert (account.number, account.holder, account.masked) == ("1234567", "イトウ ハルカ", "••••567")
    assert (account.bank_name, account.branch_name) == ("みずほ", "東京営業部")
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM investments_bankaccount")
        assert "1234567" not in cursor.fetchone()[0]
    audit = AuditRow.objects.get(action="investments.BankAccount.added")
    assert audit.actor == investor.user and "1234567" not in str(audit.changes)


@pytest.mark.django_db
def test_a_change_ends_the_account_before_and_the_same_again_is_nothing() -> None:
    investor = make.make_investor()
    first = given(investor)
    second = given(investor, number="7654321")
    assert given(investor, number="7654321").pk == second.pk
    first.refresh_from_db()
    assert first.ended_at == second.created_at and second.ended_at is None
    assert BankAccount.objects.count() == 2
    assert list(AuditRow.objects.filter(object_type="investments.BankAccount").values_list("action", flat=True)) == [
        "investments.BankAccount.added",
        "investments.BankAccount.changed",
    ]


@pytest.mark.django_db
def test_the_database_keeps_one_current_account() -> None:
    account = given(make.make_investor())
    account.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        account.save()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"bank": "9999"}, "bank", "bank"),
        ({"bank": "1; --"}, "bank", "bank"),
        ({"branch": "999"}, "branch", "branch"),
        ({"kind": "9"}, "choice", "kind"),
        ({"number": "123456"}, "number", "number"),
        ({"number": "12345678"}, "number", "number"),
        ({"number": "12345a7"}, "number", "number"),
        ({"number": "٠١٢٣٤٥٦"}, "number", "number"),
        ({"number": "0000000"}, "number", "number"),
        ({"holder": "<script>alert(1)</script>"}, "kana", "holder"),
        ({"holder": "伊藤 遥"}, "kana", "holder"),
        ({"holder": ""}, "kana", "holder"),
        ({"holder": "ア" * 49}, "too_long", "holder"),
        ({"holder": "イトウ ジロウ"}, "holder", "holder"),
    ],
)
def test_a_wrong_account_is_refused_by_its_field(changes, code, field) -> None:
    investor = make.make_investor()
    with pytest.raises(DomainError) as refused:
        given(investor, **changes)
    assert (refused.value.code, refused.value.data["field"]) == (code, field)
    assert not BankAccount.objects.exists() and not AuditRow.objects.exists()


# --- The mail -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_change_is_mailed_once_and_never_names_the_number() -> None:
    investor = make.make_investor()
    given(investor)
    dispatch()
    given(investor, number="7654321")
    dispatch()
    dispatch()
    subjects = Notice.objects.order_by("pk").values_list("subject", "recipient")
    assert list(subjects) == [
        ("A bank account was added to your account", investor.user.email),
        ("Your bank account was changed", investor.user.email),
    ]
    for notice in Notice.objects.all():
        assert "1234567" not in notice.text + notice.html and "7654321" not in notice.text + notice.html
    assert "••••321" in Notice.objects.last().text


@pytest.mark.django_db
def test_an_address_that_was_left_within_the_month_is_told_too() -> None:
    investor = make.make_investor()
    FormerAddress.objects.create(user=investor.user, email="old@example.com")
    long_ago = FormerAddress.objects.create(user=investor.user, email="older@example.com")
    FormerAddress.objects.filter(pk=long_ago.pk).update(replaced_at=timezone.now() - timedelta(days=31))
    FormerAddress.objects.create(user=make.make_user(), email="stranger@example.com")
    given(investor)
    dispatch()
    assert set(Notice.objects.values_list("recipient", flat=True)) == {investor.user.email, "old@example.com"}


@pytest.mark.django_db
def test_the_mail_speaks_the_language_of_the_login() -> None:
    investor = make.make_investor(user=make.make_user(language="ja"))
    given(investor)
    dispatch()
    notice = Notice.objects.get()
    assert notice.language == "ja" and "銀行口座" in notice.subject and "bank account" not in notice.text
