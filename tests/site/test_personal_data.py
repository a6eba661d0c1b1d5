"""One's own data: a file of everything that is held, and an account that ends without losing what the law keeps."""

import io
import json
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from businesses.following import services as following
from businesses.models import Comment, Follow, Membership, Thanks
from businesses.news import answers
from investments.banking import accounts
from investments.distributions.services import approve, prepare_wind_up
from investments.investors import calendar, documents, queries
from investments.models import (
    Acceptance,
    BankAccount,
    CalendarAddress,
    Holding,
    IdentityDocument,
    Investor,
    Order,
    PaymentAttempt,
    Refund,
    StatementLine,
)
from investments.payouts import records
from microfund.kernel import clock
from microfund.kernel.accounts.models import FormerAddress
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox.services import dispatch
from microfund.site import closing, personal_data, privacy_pages
from tests import make, repay
from tests.businesses import hostile_files as files
from tests.flows.test_profile import browser_of
from tests.site.staff import SECRET, make_staff

pytestmark = pytest.mark.django_db


def sure(user) -> Client:
    """A browser in which this person has just shown who they are."""
    client = browser_of(user)
    assert client.post(reverse("account_reauthenticate"), {"password": make.PASSWORD}).status_code == 302
    return client


def full(**values) -> Investor:
    """An investor with an account, a document, a second factor, a former address and a calendar, who reads news."""
    investor = make.make_investor(verified=False, **values)
    now = timezone.now()
    accounts.change(
        investor, bank="0001", branch="001", kind="1", number="1234567", holder=investor.name_kana, at=now,
        actor=investor.user,
    )  # fmt: skip
    front = {"front": io.BytesIO(files.jpeg())}
    documents.submit(investor, kind="licence", files=front, at=now, actor=investor.user)
    TOTP.activate(investor.user, SECRET)
    FormerAddress.objects.create(user=investor.user, email="before@example.com")
    calendar.make_address(investor.user, at=now)
    post = make.make_post(at=now)
    following.follow_by_account(post.business, investor.user, cadence="weekly", language="ja", at=now)
    answers.thank(post, investor.user, at=now)
    answers.comment(
        post, author=investor.user, name="遥", text="うれしい知らせ", form_token=uuid.uuid4(), may_comment=True,
        from_business=False, at=now,
    )  # fmt: skip
    dispatch()
    return investor


# --- The file -----------------------------------------------------------------------------------------------------


def test_the_file_holds_what_we_hold_and_not_what_could_hurt() -> None:
    investor = full()
    order = make.make_order(investor=investor)
    client = sure(investor.user)
    assert client.get(reverse("privacy_mine")).status_code == 200
    answer = client.post(reverse("export_mine"))
    assert answer["Content-Type"] == "application/json" and "attachment" in answer["Content-Disposition"]
    assert "no-store" in answer["Cache-Control"]
    text = answer.content.decode()
    data = json.loads(text)
    assert data["investor"]["birth_date"] == investor.birth_date
    assert data["investor"]["address"]["city"] == "仙台市青葉区" and data["investor"]["phone"] == investor.phone
    assert data["orders"][0]["reference"] == order.reference and data["orders"][0]["acceptances"]
    assert data["bank_accounts"][0]["number"] == "••••567"
    assert data["identity_checks"][0]["documents"][0]["side"] == "front"
    assert data["account"]["former_addresses"][0]["email"] == "before@example.com"
    assert data["account"]["second_factors"] and data["account"]["sessions"] and data["account"]["calendar"]
    assert data["account"]["follows"][0]["cadence"] == "weekly" and data["words"]["thanks"]
    assert data["words"]["comments"][0]["text"] == "うれしい知らせ"
    assert data["mails"][0]["subject"] == "A bank account was added to your account"
    assert "investments.BankAccount.added" in [act["action"] for act in data["acts"]]
    stored = IdentityDocument.objects.get()
    for secret in ("1234567", SECRET, stored.key, stored.name, investor.person_hash or "∅", "pbkdf2", "md5$"):
        assert secret not in text


def test_the_file_is_of_one_person_alone() -> None:
    mine, other = full(), full(name="森 二郎")
    make.make_order(investor=other)
    text = sure(mine.user).post(reverse("export_mine")).content.decode()
    assert other.user.email not in text and "森 二郎" not in text and json.loads(text)["orders"] == []


def test_the_file_is_for_who_shows_who_they_are_a_few_times_a_day() -> None:
    investor = make.make_investor()
    unsure = browser_of(investor.user)
    for answer in (unsure.get(reverse("export_mine")), unsure.post(reverse("export_mine"))):
        assert answer.status_code == 302 and "reauthenticate" in answer["Location"]
    client = sure(investor.user)
    for _time in range(privacy_pages.PER_DAY):
        assert client.post(reverse("export_mine"))["Content-Type"] == "application/json"
    answer = client.post(reverse("export_mine"))
    assert answer.status_code == 429 and "You can ask again from" in answer.content.decode()
    assert AuditRow.objects.filter(action=privacy_pages.EXPORTED, actor=investor.user).count() == privacy_pages.PER_DAY
    assert sure(make.make_user()).post(reverse("export_mine")).status_code == 200


def test_every_table_about_a_person_is_in_the_file_or_left_out_for_a_reason() -> None:
    people = {get_user_model(), Investor, Order, Holding}
    of_a_login = {"account", "mfa", "usersessions"}
    found = set()
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.get_fields():
            one = field.concrete and (field.many_to_one or field.one_to_one)
            if one and field.related_model in people:
                found.add(model._meta.label)
    # Through their parents.
    found |= {"investments.IdentityDocument"}
    named = set(personal_data.KEPT_IN) | set(personal_data.NOT_IN)
    assert found - named == set(), "say in microfund/site/personal_data.py where these are, or why they are not"
    assert {label for label in found if label.split(".")[0] in of_a_login} <= named
    parts = personal_data.export(full().user)
    assert set(personal_data.KEPT_IN.values()) <= set(parts)
    assert all(len(reason) >= 10 for reason in personal_data.NOT_IN.values())


# --- The end ------------------------------------------------------------------------------------------------------


@pytest.fixture
def own_folder(tmp_path: Path, settings) -> Path:
    settings.PRIVATE_ROOT = tmp_path
    return tmp_path


def test_who_never_paid_leaves_nothing_that_says_who_they_were(own_folder, django_capture_on_commit_callbacks) -> None:
    investor = full(phone="022-111-2222")
    user = investor.user
    email = user.email
    order = make.make_order(investor=investor)
    order.supporter_message = "がんばれ"
    order.state = "expired"
    order.ended_at = timezone.now()
    order.save()
    client, elsewhere = sure(user), browser_of(user)
    page = client.get(reverse("close_account")).content.decode()
    assert "you have no contract with us" in page and "the law asks us to keep contracts" not in page
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(reverse("close_account"), {"sure": "yes"})
    assert (answer.status_code, answer["Location"]) == (302, reverse("home"))
    assert "Your account is closed" in client.get(reverse("home")).content.decode()
    for browser in (client, elsewhere):
        assert browser.get(reverse("me"))["Location"].startswith(reverse("account_login"))
    assert not Client().login(email=email, password=make.PASSWORD)
    user.refresh_from_db()
    investor.refresh_from_db()
    order.refresh_from_db()
    account = BankAccount.objects.get()
    document = IdentityDocument.objects.get()
    assert not user.is_active and user.email.endswith("@closed.invalid") and not user.has_usable_password()
    assert investor.closed_at and investor.name == closing.CLOSED_NAME
    assert [investor.name_kana, investor.birth_date, investor.phone, investor.person_hash, investor.phone_hash] == [
        ""
    ] * 5
    assert investor.address == {} and order.supporter_message == ""
    assert (account.number, account.holder, account.number_hash) == ("", "", "") and account.ended_at
    assert document.deleted_at and document.key == ""
    assert [path for path in own_folder.rglob("*") if path.is_file()] == []
    for table in (EmailAddress, Authenticator, FormerAddress, CalendarAddress, Follow, Thanks):
        assert not table.objects.filter(user=user).exists()
    assert Comment.objects.get(author=user).name == closing.CLOSED_NAME
    notice = Notice.objects.get(user=user, kind="account_closed")
    assert notice.recipient == email and "Everything that said who you are is erased" in notice.text
    audit = AuditRow.objects.get(action="accounts.User.closed")
    assert audit.actor_id == user.pk and audit.changes == {"contracts_kept": False} and email not in str(audit.changes)
    assert investor not in queries.waiting_for_check()


def paid(investor: Investor, state: str = "cancelled") -> Order:
    order = make.make_order(investor=investor)
    now = timezone.now()
    Order.objects.filter(pk=order.pk).update(
        state=state, paid_at=now - timedelta(days=3), cooling_off_ends_at=now, ended_at=now
    )
    return order


def test_who_has_paid_once_stays_on_the_contract_and_loses_the_rest() -> None:
    investor = full()
    paid(investor)
    client = sure(investor.user)
    assert "the law asks us to keep contracts" in client.get(reverse("close_account")).content.decode()
    client.post(reverse("close_account"), {"sure": "yes"})
    investor.refresh_from_db()
    assert investor.name == "伊藤 遥" and investor.birth_date == "1986-05-01" and investor.address["city"]
    assert investor.phone == "" and BankAccount.objects.get().number == ""
    assert "are kept for as long as the law says" in Notice.objects.get(kind="account_closed").text
    assert Acceptance.objects.filter(order__investor=investor).exists()


@pytest.mark.parametrize(
    ("make_open", "words"),
    [
        (lambda own: make.make_order(investor=own), "1 order is open."),
        (lambda own: paid(own, "paid"), "1 order is open."),
        (
            lambda own: Holding.objects.create(
                investor=own, fund=make.make_fund(), reference="H-1", units=2, created_at=timezone.now()
            ),
            "You hold units of 1 fund",
        ),
        (lambda own: Membership.objects.create(user=own.user, business=make.make_business()), "speak for a business"),
        (lambda own: make_staff("support", email="s@example.com"), None),
    ],
    ids=["reserved", "paid", "holding", "owner", "nothing"],
)
def test_what_is_open_stands_against_it_and_nothing_is_touched(make_open, words) -> None:
    investor = full()
    make_open(investor)
    client = sure(investor.user)
    page = client.get(reverse("close_account")).content.decode()
    if words is None:
        assert 'name="sure"' in page
        return
    assert words in page and 'name="sure"' not in page
    answer = client.post(reverse("close_account"), {"sure": "yes"})
    assert answer.status_code == 422 and words in answer.content.decode()
    investor.refresh_from_db()
    assert investor.user.is_active and investor.phone and BankAccount.objects.get().number == "1234567"
    assert not Notice.objects.filter(kind="account_closed").exists()


def test_where_payments_went_is_kept_for_ten_years_after_the_last_and_then_forgotten() -> None:
    """A fund that was wound up: closing waits for its last payment; the account that it went to is the record of it."""
    fund = repay.operating(30, 19)
    own = Investor.objects.get(holdings__fund=fund, holdings__units=30)
    first = BankAccount.objects.get(investor=own)
    at = repay.after(repay.period(fund, 1))
    assert any("You hold units" in reason for reason in closing.blockers(own.user))
    made = prepare_wind_up(fund, residual_per_unit=300, actor=repay.staff(), at=at, reason="The business has closed.")
    made = approve(made, actor=repay.staff("checker"), at=at)
    assert closing.blockers(own.user) == ["1 payment is owed to you."]
    repay.pay_in(made, at=at)
    run = repay.send_run(at=at)
    repay.give_account(own, number="7654321", at=at)
    assert closing.blockers(own.user) == ["1 payment is owed to you."]
    arrived = repay.settle(run)
    assert closing.blockers(own.user) == []
    number, holder = first.number, first.holder
    closing.close(own.user, at=arrived)
    first.refresh_from_db()
    assert (first.number, first.holder, first.number_hash) == (number, holder, "")
    assert BankAccount.objects.get(investor=own, created_at=at).number == ""
    old = clock.add_months(run.pay_on, 120)
    for on, left in ((old, number), (old + timedelta(days=1), "")):
        records.forget_accounts_due(on=on, at=make.at_noon(on))
        first.refresh_from_db()
        assert first.number == left
    assert AuditRow.objects.filter(action="investments.BankAccount.forgotten").count() == 1
    assert BankAccount.objects.exclude(investor=own).get().number


def test_an_open_refund_stands_against_it() -> None:
    investor = make.make_investor()
    order = paid(investor)
    attempt = PaymentAttempt.objects.create(
        order=order,
        method="bank_transfer",
        amount=order.total,
        captured=order.total,
        currency="JPY",
        created_at=timezone.now(),
    )
    refund = Refund.objects.create(
        order=order, attempt=attempt, amount=1, currency="JPY", reason="staff", requested_at=timezone.now()
    )
    assert closing.blockers(investor.user) == ["1 refund is on its way to you."]
    Refund.objects.filter(pk=refund.pk).update(state="paid_by_bank")
    assert closing.blockers(investor.user) == []
    assert not StatementLine.objects.exists()


def test_staff_do_not_close_their_account_here() -> None:
    user = make_staff("support")
    with pytest.raises(DomainError) as refused:
        closing.close(user, at=timezone.now())
    assert "staff account" in refused.value.data["reasons"][0]


def test_it_takes_a_tick_and_somebody_who_shows_who_they_are() -> None:
    investor = make.make_investor()
    unsure = browser_of(investor.user)
    answer = unsure.post(reverse("close_account"), {"sure": "yes"})
    assert answer.status_code == 302 and "reauthenticate" in answer["Location"]
    answer = sure(investor.user).post(reverse("close_account"), {})
    assert answer.status_code == 422 and "Tick the box" in answer.content.decode()
    investor.user.refresh_from_db()
    assert investor.user.is_active


def test_closing_twice_is_closing_once() -> None:
    investor = make.make_investor()
    for _time in range(2):
        closing.close(investor.user, at=timezone.now())
    assert Notice.objects.filter(kind="account_closed").count() == 1
    assert AuditRow.objects.filter(action="accounts.User.closed").count() == 1
    # The address is free again.
    assert make.make_user(email=Notice.objects.get(kind="account_closed").recipient).pk


def test_the_pages_ask_for_a_login_and_link_to_the_sessions() -> None:
    for name in ("privacy_mine", "export_mine", "close_account"):
        assert Client().get(reverse(name))["Location"].startswith(reverse("account_login"))
    page = browser_of(make.make_user()).get(reverse("privacy_mine")).content.decode()
    assert reverse("usersessions_list") in page and settings.LANGUAGE_CODE == "en"
