"""What investors are written: one mail each, in the order's language, with the amounts and dates of the pages."""

import html
import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.urls import resolve
from django.utils import timezone, translation
from django.utils.formats import date_format

from businesses.models import Membership
from investments import mails
from investments.banking import services as banking
from investments.models import Fund, FundCounter, Order, Refund, StatementLine
from investments.offerings import services as offerings
from investments.orders import services as orders
from investments.payments import refund, services
from investments.payments.settle import settle
from microfund.kernel import clock
from microfund.kernel.money import format_money
from microfund.kernel.notices import services as notices
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox import services as outbox
from microfund.kernel.outbox.models import Delivery, Event
from tests import make
from tests.investments.banking.files import csv_file
from tests.sandbox_client import SandboxProcess

pytestmark = pytest.mark.django_db

APPLIED = make.at_noon(date(2026, 7, 1))
NEXT_DAY = make.at_noon(date(2026, 7, 2))
PAYEE = {"bank": "0999", "branch": "001", "type": "1", "number": "1234567", "holder": "イトウ ハルカ"}


@pytest.fixture
def fund() -> Fund:
    return make.make_fund(on=APPLIED.date())


def deliver() -> None:
    """Dispatch until nothing is due, batches of batches included; an error is the test's failure."""
    while outbox.dispatch()["events"]:
        pass
    assert not Event.objects.filter(done_at=None).exclude(last_error="").values_list("last_error", flat=True)


def mails_of(kind: str) -> list[Notice]:
    deliver()
    return list(Notice.objects.filter(kind=kind).order_by("pk"))


def the_mail(kind: str) -> Notice:
    found = mails_of(kind)
    assert len(found) == 1, [notice.kind for notice in Notice.objects.all()]
    check(found[0])
    return found[0]


def words(notice: Notice) -> str:
    """The HTML part as read: without its head, tags and entities."""
    body = notice.html.split("<body", 1)[1]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def check(notice: Notice) -> None:
    """What holds of every mail: one line of subject, two parts that say the same, links of the reader's language that
    lead somewhere, nothing fetched from outside, nothing unrendered."""
    assert notice.subject and "\n" not in notice.subject
    for part in (notice.subject, notice.text, words(notice)):
        assert not re.search(r"\{[{%]|%\(|\bNone\b|&amp;|&#", part), part
    links = re.findall(r'href="([^"]+)"', notice.html)
    assert {link for link in links if not link.startswith("mailto:")} == set(re.findall(r"https?://\S+", notice.text))
    for link in links:
        if link.startswith("mailto:"):
            continue
        assert link.startswith(settings.SITE_URL), link
        path = link.removeprefix(settings.SITE_URL).partition("?")[0]
        assert path.startswith("/ja/") == (notice.language == "ja") or path == ""
        with translation.override(notice.language):
            assert path == "" or resolve(path)
    assert not re.search(r"<(link|script|iframe)\b|url\(|@import", notice.html)
    assert all(picture.startswith("cid:") for picture in re.findall(r'<img\b[^>]*\bsrc="([^"]*)"', notice.html))
    assert f'<html lang="{notice.language}">' in notice.html
    assert settings.OPERATOR["email"] in notice.text and settings.OPERATOR["email"] in notice.html


def both_parts_say(notice: Notice, *texts: str) -> None:
    for text in texts:
        assert text in " ".join(notice.text.split()), f"{text!r} is not in {notice.text}"
        assert text in words(notice), f"{text!r} is not in {words(notice)}"


def waiting_order(fund: Fund, **values: Any) -> Order:
    order = make.make_order(fund=fund, **{"at": APPLIED, **values})
    services.start_payment(order, at=APPLIED)
    order.refresh_from_db()
    return order


def receive(order: Order, amount: int | None = None, *, at: datetime = NEXT_DAY, first: int = 1) -> StatementLine:
    row = {
        "payer_code": order.payer_code,
        "amount": amount or order.total,
        "date": clock.today_in(None, at).isoformat(),
    }
    content = csv_file(row, first=first)
    return banking.import_statement(content=content, name="s", actor=None, at=at).lines.get()


def paid_order(fund: Fund, **values: Any) -> Order:
    order = waiting_order(fund, **values)
    receive(order, first=order.pk)
    order.refresh_from_db()
    assert order.state == "paid"
    return order


# --- E6, E7 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ja"])
def test_an_order_by_transfer_is_told_the_amount_the_account_the_code_and_the_day(fund: Fund, language: str) -> None:
    order = waiting_order(fund, units=2, language=language)
    notice = the_mail("transfer_awaited")
    assert (notice.recipient, notice.language, notice.user) == (
        order.investor.user.email,
        language,
        order.investor.user,
    )
    amount = format_money(21_000, "JPY", language)
    day = "July 8, 2026" if language == "en" else "2026年7月8日"
    assert amount in notice.subject and day in notice.subject
    operator = settings.OPERATOR
    account = (operator[f"bank_{language}"], operator[f"account_{language}"], operator["holder"])
    both_parts_say(notice, amount, day, order.payer_code, *account, order.reference)
    assert f"/orders/{order.reference}/cancel/" in notice.text and f"/orders/{order.reference}/cancel/" in notice.html


def test_an_order_by_card_is_told_nothing_before_it_is_paid(fund: Fund) -> None:
    make.make_order(fund=fund, method="card", at=APPLIED)
    deliver()
    assert not Notice.objects.exists()


def test_an_order_cancelled_before_the_mail_is_not_asked_for_money(fund: Fund) -> None:
    order = waiting_order(fund)
    services.cancel_order(order, at=APPLIED, actor=None)
    assert mails_of("transfer_awaited") == []
    assert len(mails_of("order_ended")) == 1


def test_every_delivery_again_and_again_is_one_mail(fund: Fund) -> None:
    paid_order(fund)
    deliver()
    before = Notice.objects.count()
    for _again in range(2):
        Delivery.objects.all().delete()
        Event.objects.update(done_at=None)
        deliver()
    assert Notice.objects.count() == before > 0


def test_a_transfer_is_reminded_of_once_after_three_days(fund: Fund) -> None:
    order = waiting_order(fund)
    receive(order, 500)
    for day, expected in ((3, 0), (4, 1), (5, 0), (9, 0)):
        at = make.at_noon(date(2026, 7, day))
        assert mails.remind_transfers_due(on=at.date(), at=at) == {"reminded": expected, "errors": 0}, day
    notice = the_mail("transfer_reminder")
    both_parts_say(notice, "¥500 has arrived. ¥10,000 is still missing.", "Amount", order.payer_code, "July 8, 2026")
    assert "¥10,500" not in notice.text and "¥10,000" in notice.subject


def test_a_reminder_missed_for_days_is_made_up_for_but_not_after_the_deadline(fund: Fund) -> None:
    waiting_order(fund)
    late = make.at_noon(date(2026, 7, 9))
    assert mails.remind_transfers_due(on=late.date(), at=late)["reminded"] == 0
    last = make.at_noon(date(2026, 7, 8))
    assert mails.remind_transfers_due(on=last.date(), at=last)["reminded"] == 1


def test_who_paid_enough_is_not_reminded(fund: Fund) -> None:
    paid_order(fund)
    receive(waiting_order(fund), 99_000, first=9_000)
    at = make.at_noon(date(2026, 7, 6))
    assert mails.remind_transfers_due(on=at.date(), at=at) == {"reminded": 0, "errors": 0}


@pytest.mark.parametrize("received", [0, 500])
def test_an_expired_transfer_is_told_what_came_and_what_becomes_of_it(fund: Fund, received: int) -> None:
    order = waiting_order(fund)
    if received:
        receive(order, received)
    assert order.reserved_until is not None
    services.expire_due(on=order.reserved_until.date(), at=order.reserved_until)
    notice = the_mail("order_expired")
    both_parts_say(notice, "did not arrive by July 8, 2026", order.reference)
    assert ("¥500 has arrived" in notice.text) == ("¥500 has arrived" in words(notice)) == bool(received)


def test_an_expired_card_order_is_told_that_nothing_was_charged(fund: Fund) -> None:
    order = make.make_order(fund=fund, method="card", at=APPLIED)
    services.expire_due(on=NEXT_DAY.date(), at=NEXT_DAY)
    both_parts_say(the_mail("order_expired"), "You have not been charged.", order.reference)


def test_money_that_took_the_units_again_is_not_followed_by_the_news_of_the_end(fund: Fund) -> None:
    order = waiting_order(fund)
    assert order.reserved_until is not None
    services.expire_due(on=order.reserved_until.date(), at=order.reserved_until)
    receive(order, at=order.reserved_until + timedelta(hours=1))
    assert mails_of("order_expired") == [] and len(mails_of("order_paid")) == 1


# --- E8 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_paid_order_is_told_the_split_the_documents_and_the_dates(fund: Fund, language: str) -> None:
    order = paid_order(fund, units=3, language=language)
    notice = the_mail("order_paid")
    for amount in (15_000, 1_500, 31_500):
        both_parts_say(notice, format_money(amount, "JPY", language))
    # Paid on 2 July, which is day 1 of eight.
    last = "July 9, 2026" if language == "en" else "2026年7月9日"
    both_parts_say(notice, last)
    for acceptance in order.acceptances.all():
        assert acceptance.sha256 in notice.text and acceptance.sha256 in notice.html
    assert order.acceptances.count() == 3
    with translation.override(language):
        both_parts_say(
            notice,
            date_format(fund.closes_on, "DATE_FORMAT"),
            date_format(fund.term_starts_on, "DATE_FORMAT"),
            fund.name_ja if language == "ja" else fund.name_en,
        )


def test_who_is_not_verified_is_told_until_when(fund: Fund) -> None:
    paid_order(fund, investor=make.make_investor(verified=False, at=APPLIED))
    notice = the_mail("order_paid")
    day = services.identity_deadline(fund)
    both_parts_say(notice, f"by {date_format(day, 'DATE_FORMAT')}, you get everything back.")


def test_the_first_payment_day_is_that_of_the_first_period_after_grace() -> None:
    fund = make.make_fund(on=APPLIED.date(), grace_periods=2)
    order = paid_order(fund)
    starts_on, ends_on = clock.period_bounds(fund.term_starts_on, 12, 3)
    assert mails._first_payment(order) == clock.next_bank_day(ends_on + timedelta(days=120))
    assert starts_on < ends_on


def test_names_with_markup_are_text_in_both_parts(fund: Fund) -> None:
    investor = make.make_investor(name="<b>O'Neil & Söhne</b>", at=APPLIED)
    paid_order(fund, investor=investor)
    notice = mails_of("order_paid")[0]
    assert "<b>O'Neil & Söhne</b>" in notice.text
    assert "<b>" not in notice.html and "&lt;b&gt;O" in notice.html


# --- E9 -------------------------------------------------------------------------------------------------------


def test_a_cancelled_transfer_order_is_told_the_amount_then_the_day_it_was_sent(fund: Fund) -> None:
    order = paid_order(fund)
    services.cancel_order(order, at=NEXT_DAY, actor=order.investor.user)
    notice = the_mail("order_ended")
    assert "¥10,500" in notice.subject
    both_parts_say(notice, "You get ¥10,500 back, the fee included.", "We transfer it to an account in your name")
    staff = make.make_user(is_staff=True)
    transfer = refund.pay_by_bank(order.refunds.get(), payee=PAYEE, actor=staff, at=NEXT_DAY, reason="cancelled")
    make.carry_out(transfer, at=NEXT_DAY)
    sent = the_mail("refund_settled")
    both_parts_say(sent, "¥10,500 for your order", "was transferred to an account in your name on July 2, 2026.")


def test_cancelling_before_paying_is_told_that_nothing_goes_back(fund: Fund) -> None:
    order = waiting_order(fund)
    services.cancel_order(order, at=NEXT_DAY, actor=order.investor.user)
    notice = the_mail("order_ended")
    both_parts_say(notice, "You had not paid, so nothing has to go back.")
    assert "¥" not in notice.subject


def test_cancelling_with_a_part_transferred_is_told_that_it_goes_back(fund: Fund) -> None:
    order = waiting_order(fund)
    receive(order, 500)
    services.cancel_order(order, at=NEXT_DAY, actor=order.investor.user)
    both_parts_say(the_mail("order_ended"), "¥500 has arrived for this order. It is sent back to you in full.")


def test_an_order_refunded_for_identity_is_told_why(fund: Fund) -> None:
    order = paid_order(fund, investor=make.make_investor(verified=False, at=APPLIED))
    after = make.at_noon(services.identity_deadline(fund) + timedelta(days=1))
    fund.refresh_from_db()
    offerings.close_fund(fund, at=clock.start_of_day(fund.closes_on + timedelta(days=1)))
    assert services.identity_deadline_due(on=after.date(), at=after)["refunded"] == 1
    notice = the_mail("order_ended")
    both_parts_say(notice, "We could not verify your identity in time", order.reference, "You get ¥10,500 back")


def test_a_card_refund_is_told_in_two_parts(sandbox: SandboxProcess) -> None:
    order = make.make_order(method="card")
    attempt = services.start_payment(order, at=timezone.now())
    sandbox.control("pay", session=attempt.session_id, how="card")
    settle(attempt.pk, at=timezone.now())
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    both_parts_say(the_mail("order_ended"), "It goes back to the card you paid with, usually within ten days")
    refund.send(Refund.objects.get().pk, at=timezone.now())
    both_parts_say(the_mail("refund_settled"), "went back the way it came. Card statements show it")


def test_money_sent_back_without_an_order_is_told_to_the_one_whose_code_it_bore(fund: Fund) -> None:
    order = paid_order(fund)
    line = receive(order, 700, first=9_000)
    staff = make.make_user(is_staff=True)
    transfer = banking.send_back(line, amount=700, payee=PAYEE, actor=staff, at=NEXT_DAY, reason="paid twice")
    make.carry_out(transfer, at=NEXT_DAY)
    notice = the_mail("receipt_sent_back")
    both_parts_say(notice, "We sent ¥700 of it back to your account on July 2, 2026.", order.reference)


# --- E10 ------------------------------------------------------------------------------------------------------


def crowd(fund: Fund, count: int) -> list[Order]:
    return [paid_order(fund, language=("en", "ja")[number % 2]) for number in range(count)]


def test_everyone_with_a_paid_order_hears_once_that_the_fund_succeeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mails, "BATCH", 2)
    fund = make.make_fund(on=APPLIED.date(), units_minimum=3)
    made = crowd(fund, 5)
    paid_order(fund, investor=made[0].investor, language="ja")
    waiting_order(fund)
    assert mails_of("fund_succeeded") == []
    at = max(order.cooling_off_ends_at for order in made if order.cooling_off_ends_at)
    orders.confirm_due(on=at.date(), at=at)
    # Joins after the success, before its mails are written: no news to them.
    paid_order(fund, at=at + timedelta(minutes=1))
    found = mails_of("fund_succeeded")
    assert sorted(notice.recipient for notice in found) == sorted(order.investor.user.email for order in made)
    for notice in found:
        check(notice)
    assert Event.objects.filter(kind="FundMailBatch").count() == 3
    first = next(notice for notice in found if notice.user_id == made[0].investor.user_id)
    assert first.language == "ja", "the newest order's language"
    assert len(re.findall(r"/orders/", first.text)) == 2


def test_a_failed_fund_writes_the_plan_then_each_order(fund: Fund) -> None:
    short = make.make_fund(on=APPLIED.date(), units_minimum=100)
    made = crowd(short, 3)
    paid_order(fund)
    deliver()
    Notice.objects.all().delete()
    end = make.at_noon(short.closes_on + timedelta(days=1))
    orders.confirm_due(on=end.date(), at=end)
    offerings.close_fund(short, at=end)
    assert services.fail_due(on=end.date(), at=end) == {"failed": 1, "refunded": 3, "errors": 0}
    found = mails_of("fund_failed")
    assert sorted(notice.recipient for notice in found) == sorted(order.investor.user.email for order in made)
    for notice in found:
        check(notice)
        both_parts_say(notice, format_money(10_500, "JPY", notice.language))
    both_parts_say(found[0], "You get ¥10,500:", "by bank transfer to an account in your name")
    ended = mails_of("order_ended")
    assert len(ended) == 3
    both_parts_say(ended[0], "did not reach what it needed")
    assert FundCounter.objects.get(fund=short).sold == 0


def own(fund: Fund, language: str = "en", **values: Any) -> Any:
    """One more person who speaks for the fund's business."""
    user = make.make_user(language=language)
    Membership.objects.create(business=fund.business, user=user, **values)
    return user


def deliver_again() -> None:
    """As after a crash that lost every proof of delivery."""
    Delivery.objects.all().delete()
    Event.objects.update(done_at=None)
    deliver()


def test_every_owner_hears_once_in_their_language_that_the_fund_succeeded() -> None:
    fund = make.make_fund(on=APPLIED.date(), units_minimum=3)
    owners = [own(fund, "en"), own(fund, "ja")]
    own(fund, role=Membership.Role.EDITOR)
    own(make.make_fund(on=APPLIED.date(), state="draft"))
    made = crowd(fund, 3)
    assert mails_of("owner_fund_succeeded") == []
    at = max(order.cooling_off_ends_at for order in made if order.cooling_off_ends_at)
    orders.confirm_due(on=at.date(), at=at)
    deliver()
    deliver_again()
    found = mails_of("owner_fund_succeeded")
    assert [(notice.user, notice.recipient, notice.language) for notice in found] == [
        (owner, owner.email, owner.language) for owner in owners
    ]
    for notice in found:
        check(notice)
        assert not re.search(r"/orders/", notice.text), "an owner is told of no order"
    dear = f"Dear {fund.business.name_en},"
    both_parts_say(found[0], dear, "3 units are past cooling-off", "3 of 3000 units are sold so far.", "Aug. 1, 2026")
    assert found[0].subject == f"{fund.name_en} has reached its goal"
    assert found[1].subject == f"{fund.name_ja}が目標に達しました"
    both_parts_say(found[1], f"{fund.business.name_ja} 様", "3000口のうち3口")


def test_the_owner_of_a_fund_without_a_minimum_hears_that_it_is_open_and_not_of_a_goal() -> None:
    fund = make.make_fund(on=APPLIED.date(), state="scheduled")
    own(fund)
    offerings.open_fund(fund, at=make.at_noon(fund.opens_on))
    notice = the_mail("owner_fund_succeeded")
    both_parts_say(notice, "It has no minimum to reach", "0 of 3000 units")
    assert notice.subject == f"{fund.name_en} is open" and "goal" not in notice.text


@pytest.mark.parametrize("left", ["short", "nothing"])
def test_every_owner_hears_once_that_the_fund_was_not_funded_and_what_it_means_to_them(left: str) -> None:
    fund = make.make_fund(on=APPLIED.date(), units_minimum=100 if left == "short" else 0)
    owners = [own(fund, "en"), own(fund, "ja")]
    order = paid_order(fund)
    end = make.at_noon(fund.closes_on + timedelta(days=1))
    if left == "nothing":
        services.cancel_order(order, at=NEXT_DAY, actor=order.investor.user)
    orders.confirm_due(on=end.date(), at=end)
    offerings.close_fund(fund, at=end)
    for _again in range(2):
        services.fail_due(on=end.date(), at=end)
    deliver()
    deliver_again()
    found = mails_of("owner_fund_failed")
    assert [(notice.user, notice.language) for notice in found] == [(owner, owner.language) for owner in owners]
    for notice in found:
        check(notice)
    why = "without the 100 units that it needed" if left == "short" else "no unit of it is left"
    both_parts_say(found[0], why, "you owe the investors nothing", "Everyone who paid gets everything back from us")
    assert found[1].subject == f"{fund.name_ja}は不成立となりました"


def test_an_owner_who_also_bought_gets_both_mails() -> None:
    fund = make.make_fund(on=APPLIED.date(), units_minimum=1)
    user = own(fund)
    order = paid_order(fund, investor=make.make_investor(user=user, at=APPLIED))
    orders.confirm_due(on=NEXT_DAY.date(), at=order.cooling_off_ends_at)
    deliver()
    kinds = Notice.objects.filter(user=user, kind__contains="fund_succeeded").values_list("kind", flat=True)
    assert sorted(kinds) == ["fund_succeeded", "owner_fund_succeeded"]


# --- Sending --------------------------------------------------------------------------------------------------


def test_what_is_queued_goes_out_with_both_parts(fund: Fund) -> None:
    waiting_order(fund, language="ja")
    deliver()
    assert notices.send_due() == {"sent": 1, "errors": 0}
    [sent] = mail.outbox
    assert sent.alternatives and sent.alternatives[0][1] == "text/html"
    assert sent.extra_headers["Content-Language"] == "ja"
