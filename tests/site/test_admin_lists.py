"""The console's lists: at most twelve queries each, as many for 30 rows as for 3; queues, pages, drill-down."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection, models, transaction
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from businesses.models import Comment, Follow, Proposal, Question
from investments.banking import accounts
from investments.models import (
    Account,
    BankAccount,
    BankReturn,
    Book,
    Distribution,
    Document,
    Entry,
    Fund,
    Holding,
    Inheritance,
    Instalment,
    Investor,
    Line,
    MoratoriumFund,
    Order,
    PaymentAttempt,
    Payout,
    PayoutAttempt,
    Period,
    PersonBusiness,
    PersonFund,
    ProviderCursor,
    Refund,
    Resemblance,
    RevenueReport,
    StatementLine,
    TaxPayment,
    TaxRate,
    Terms,
    UnclaimedPart,
    UnrecordedObject,
    WebhookDelivery,
    WriteOff,
)
from microfund.kernel import queues
from microfund.kernel.accounts.models import User
from microfund.kernel.admin import StaffAdmin
from microfund.kernel.audit import services as audit
from microfund.kernel.money import format_money
from microfund.kernel.notices.models import Notice
from microfund.kernel.schedule.models import Heartbeat, JobRun, Journey
from rewards import visits
from rewards.models import Batch, Compensation, Cycle, Entitlement, Letter, Offer, Voucher
from tests import make
from tests.rewards.build import visit_values
from tests.sandbox_client import SandboxProcess
from tests.site import books as library
from tests.site import repaid
from tests.site.books import Books
from tests.site.staff import console, list_of, make_staff, page_of

pytestmark = pytest.mark.django_db

QUERIES = 12
REGISTERED: list[type[models.Model]] = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.fixture(scope="module")
def books(django_db_setup: None, django_db_blocker: Any, sandbox_process: SandboxProcess) -> Iterator[Books]:
    """The books of verify_ledger's tests with a row of every other table, made once and rolled back."""
    sandbox_process.control("reset")
    own = {"SANDBOX_URL": sandbox_process.url, "STRIPE_SECRET_KEY": sandbox_process.secret_key}
    with django_db_blocker.unblock():
        block = transaction.atomic()
        block._from_testcase = True
        with block:
            with override_settings(**own):
                made = library.build(sandbox_process)
            now = timezone.now()
            WebhookDelivery.objects.create(
                event_id="evt_1", kind="charge.updated", body="{}", livemode=False, received_at=now
            )
            JobRun.objects.create(name="tests", business_date=now.date(), as_of=now, started_at=now, duration_ms=1)
            Journey.objects.create(
                started_on=now.date(), reached=now.date(), until=now.date(), with_crew=True, ended=True
            )
            Heartbeat.objects.create(name="tests", last_run_at=now, last_ok_at=now)
            Notice.objects.create(
                key="k",
                kind="tests",
                recipient="a@example.com",
                language="en",
                subject="s",
                text="t",
                html="h",
                happened_at=now,
            )
            Offer.objects.create(fund=made.fund, text_en="Oysters", text_ja="牡蠣")
            period = Period.objects.create(
                fund=made.fund, number=1, starts_on=date(2027, 1, 1), ends_on=date(2027, 12, 31),
                record_on=date(2027, 12, 31), report_due_on=date(2028, 3, 1), payment_due_on=date(2028, 5, 1),
            )  # fmt: skip
            accounts.change(
                Investor.objects.get(pk=_investor(9_001)),
                bank="0001", branch="001", kind="1", number="1234567", holder="コピー", at=now, actor=None,
            )  # fmt: skip
            repaid.build(
                made.fund, period, Investor.objects.get(pk=_investor(9_001)),
                User.objects.get(pk=_user(9_003)), User.objects.get(pk=_user(9_004)),
            )  # fmt: skip
            Resemblance.objects.create(
                first_id=_investor(9_001), second_id=_investor(9_002), by_phone=True, found_at=now, state="same"
            )
            ProviderCursor.objects.get_or_create(name="tests", defaults={"seen_until": now})
            UnrecordedObject.objects.create(kind="refund", provider_id="re_1", problem="p", seen_at=now, tried_at=now)
            post = make.make_post(business=made.fund.business)
            Question.objects.create(
                business=post.business, asker=post.author, name="Ann", text="When?", asked_at=now, state="answered",
                answer="Soon.", answered_at=now, answered_by=post.author,
            )  # fmt: skip
            Letter.objects.create(
                fund=made.fund, moment="funded", text_en="Thanks.", written_by=post.author, saved_at=now
            )
            visits.make(made.fund, values=visit_values(), actor=post.author, at=now)
            Comment.objects.create(post=post, author=post.author, name="Ann", text="Well", created_at=now)
            Follow.objects.create(business=post.business, user=post.author, asked_at=now, confirmed_at=now)
            Proposal.objects.create(
                business=post.business, section="uses", author=post.author, state="published",
                texts={"uses_note_en": "a", "uses_note_ja": "b"}, created_at=now, edited_at=now,
            )  # fmt: skip
            audit.record(action="tests.happened", subject=("tests.Thing", 1), at=now)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            yield made
            transaction.set_rollback(True)


def unlike(field: models.Field[Any, Any], value: Any, number: int) -> Any:
    """Another value for a unique field."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, uuid.UUID):
        return uuid.uuid4()
    if isinstance(value, str):
        suffix = f"~{number}"
        return value[: (field.max_length or 200) - len(suffix)] + suffix
    return value + 1_000_000 + number


def _user(number: int) -> int:
    return User.objects.get_or_create(email=f"copy{number}@example.com")[0].pk


def _investor(number: int) -> int:
    own = {"name": f"写し {number}", "name_kana": "コピー", "created_at": timezone.now()}
    return Investor.objects.get_or_create(user_id=_user(number), defaults=own)[0].pk


#: What a copy must have of its own, besides its unique fields.
OWN: dict[type[models.Model], Callable[[int], dict[str, Any]]] = {
    Investor: lambda n: {"user_id": _user(n)},
    Fund: lambda n: {"state": "draft", "book_id": None},
    Terms: lambda n: {"version": 100 + n, "frozen_at": None},
    Document: lambda n: {"language": f"x{n}"},
    Period: lambda n: {"number": 10 + n},
    RevenueReport: lambda n: {"version": 10 + n},
    Distribution: lambda n: {"supplement": 10 + n},
    Instalment: lambda n: {"number": 10 + n},
    WriteOff: lambda n: {"state": "withdrawn", "credit": 0, "credit_left": 0, "amount": 1, "net": 1, "tax": 0},
    MoratoriumFund: lambda n: {"fund_id": 1_000_000 + n},
    UnclaimedPart: lambda n: {"allocation_id": 1_000_000 + n},
    Payout: lambda n: {"investor_id": _investor(n)},
    PayoutAttempt: lambda n: {"number": 10 + n, "state": "withdrawn"},
    BankReturn: lambda n: {"attempt_id": 1_000_000 + n},
    TaxPayment: lambda n: {"month": date(2030 + n, 1, 1)},
    Account: lambda n: {"code": f"code{n}"},
    TaxRate: lambda n: {"payee_class": f"class{n}"},
    StatementLine: lambda n: {"row": 1_000 + n},
    Order: lambda n: {"state": "expired", "ended_at": timezone.now()},
    PaymentAttempt: lambda n: {"state": "expired", "captured": 0},
    Holding: lambda n: {"investor_id": _investor(n)},
    Inheritance: lambda n: {"holding_id": 1_000_000 + n},
    Compensation: lambda n: {"entitlement_id": 1_000_000 + n},
    BankAccount: lambda n: {"investor_id": _investor(n)},
    Resemblance: lambda n: {"first_id": _investor(n), "second_id": _investor(n + 10_000)},
    Follow: lambda n: {"user_id": _user(n)},
    Cycle: lambda n: {"number": 10_000 + n},
    Entitlement: lambda n: {"holding_id": 1_000_000 + n, "cycle_id": 1_000_000 + n},
    Batch: lambda n: {"number": 100 + n},
    Letter: lambda n: {"fund_id": 1_000_000 + n},
    Voucher: lambda n: {"entitlement_id": 1_000_000 + n, "line_id": None, "ended_at": None},
    PersonFund: lambda n: {"investor_id": _investor(n)},
    PersonBusiness: lambda n: {"investor_id": _investor(n)},
}


def copy(model: type[models.Model], numbers: range) -> None:
    """Give a table that many more rows like its newest, with triggers and foreign keys off."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    row = model._default_manager.order_by("-pk").first()
    assert row is not None, f"no row of {model.__name__} to begin with"
    made = []
    for number in numbers:
        values = {
            field.attname: unlike(field, getattr(row, field.attname), number)
            if field.unique
            else getattr(row, field.attname)
            for field in model._meta.concrete_fields
            if not isinstance(field, models.AutoField)
        }
        made.append(model(**{**values, **OWN.get(model, lambda number: {})(number)}))
    model._default_manager.bulk_create(made)


def queries_of(client: Client, address: str) -> list[str]:
    """The statements that one page costs."""
    with CaptureQueriesContext(connection) as caught:
        answer = client.get(address)
    assert answer.status_code == 200
    return [query["sql"] for query in caught.captured_queries]


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_a_list_costs_as_many_queries_for_thirty_rows_as_for_three(books: Books, model: type[models.Model]) -> None:
    client = console(make_staff(is_superuser=True))
    client.get(reverse("admin:index"))  # the first page of a session notes the session
    copy(model, range(3))
    before = model._default_manager.count()
    few = queries_of(client, list_of(model))
    copy(model, range(3, 30))
    assert model._default_manager.count() == before + 27
    many = queries_of(client, list_of(model))
    assert len(many) <= QUERIES, "\n".join(many)
    assert len(many) == len(few), "\n".join(sorted(set(many) - set(few)))


def test_every_table_is_in_the_console_or_shown_with_its_parent() -> None:
    """Nothing that the house keeps is out of the staff's sight."""
    with_parent = {
        "audit.AuditSeal", "outbox.Delivery", "businesses.Membership", "businesses.Picture", "businesses.PostPhoto",
        "businesses.TeamPerson",
        "businesses.Milestone",
        "businesses.Spending",
        "businesses.Thanks", "businesses.Wonder", "investments.Acceptance",
        "investments.FundCounter", "investments.Movement", "investments.ReceiptUse", "investments.IdentityCase",
        "investments.IdentityDocument", "accounts.FormerAddress", "notices.NoticeChoice",
        "businesses.DigestDay",  # when somebody reads their mails
        "accounts.Opened",  # what somebody has read: nobody else's business
        "investments.Evidence", "investments.Allocation", "investments.PayIn", "investments.PayoutItem",
        "investments.Retax", "investments.RetaxedAllocation", "investments.ElectedLine", "investments.ElectedReturn",
        "investments.PayoutFile", "investments.WaitingEntry", "investments.InheritanceShare",
        "rewards.Booking", "rewards.Parcel", "rewards.Redemption", "rewards.DigitalFile", "rewards.Download",
        "investments.Address",  # where somebody lives or whom they send gifts to: not the staff's to browse
        "investments.CalendarAddress",  # a secret of its owner's that opens their dates: nobody else's to see
    }  # fmt: skip
    ours = {
        model._meta.label
        for model in apps.get_models()
        if model.__module__.split(".")[0] in ("microfund", "businesses", "investments", "rewards")
    }
    assert ours == with_parent | {model._meta.label for model in REGISTERED}


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_each_list_and_page_opens_and_can_be_searched(books: Books, model: type[models.Model]) -> None:
    client = console(make_staff(is_superuser=True))
    own: StaffAdmin = admin.site._registry[model]  # type: ignore[assignment]
    row = model._default_manager.order_by("-pk").first()
    assert row is not None
    assert client.get(page_of(row)).status_code == 200
    assert client.get(list_of(model)).status_code == 200
    if own.search_fields:
        assert client.get(list_of(model), {"q": "no such thing 123"}).status_code == 200
    history = client.get(page_of(row).replace("/change/", "/history/"), follow=True)
    assert history.status_code == 200 and "audit" in history.redirect_chain[-1][0]


# --- Queues ---------------------------------------------------------------------------------------------------


def test_the_index_shows_every_queue_with_its_length_age_and_list(books: Books) -> None:
    client = console(make_staff("finance maker"))
    page = client.get(reverse("admin:index"))
    text = " ".join(page.content.decode().split())
    mine, others = text.split("Waiting for others")
    for queue in queues.queues():
        assert queue.url in text, queue.key
        assert (queue.url in mine) is ("finance maker" in queue.roles), queue.key
    lengths = {length.queue.key: length for length in page.context["mine"] + page.context["others"]}
    waiting = {key: length.count for key, length in lengths.items() if length.count}
    assert waiting == {
        "receipts": 1,
        "disputes": 1,
        "unrecorded": 1,
        "reports_late": 24,
        "distributions_to_approve": 1,
        "distributions_owed": 3,
        "rewards_late": 1,
        "compensations_overdue": 1,
    }
    assert lengths["receipts"].oldest == StatementLine.objects.get(remaining__gt=0).booked_on


def test_a_queue_leads_to_the_rows_that_wait(books: Books) -> None:
    client = console(make_staff("finance maker"))
    for queue in queues.queues():
        answer = client.get(queue.url)
        assert answer.status_code == 200, queue.key
        assert set(answer.context["cl"].queryset) == set(queue.rows()), queue.key
    assert (
        client.get(list_of(StatementLine)).context["cl"].queryset.count()
        > StatementLine.objects.filter(remaining__gt=0).count()
    )


def test_a_refund_stays_in_the_queue_until_the_money_has_left(books: Books) -> None:
    rows = next(queue for queue in queues.queues(Refund) if queue.key == "refunds_open").rows
    refund = books.refund("cancelled")
    for state in Refund.State.values:
        Refund.objects.filter(pk=refund.pk).update(state=state)
        assert (refund in rows()) is (state not in ("succeeded", "paid_by_bank", "charged_back")), state


def test_sweeps_that_failed_or_are_late_wait_for_somebody(books: Books) -> None:
    rows = next(queue for queue in queues.queues(Heartbeat)).rows
    now = timezone.now()
    assert not rows().exists()
    Heartbeat.objects.create(name="payments.refunds", last_run_at=now - timedelta(minutes=11), last_ok_at=now)
    Heartbeat.objects.create(name="payments.expire", last_run_at=now, last_ok_at=now - timedelta(minutes=1))
    Heartbeat.objects.create(name="payments.payouts", last_run_at=now - timedelta(hours=2), last_ok_at=now)
    Heartbeat.objects.create(name="site.verify", last_run_at=now - timedelta(hours=40), last_ok_at=now)
    Heartbeat.objects.create(name="orders.confirm", last_run_at=now, last_ok_at=None)
    assert {row.name for row in rows()} == {"payments.refunds", "payments.expire", "site.verify", "orders.confirm"}


def test_a_site_without_a_worker_says_so() -> None:
    Heartbeat.objects.all().delete()
    text = console(make_staff("operations")).get(reverse("admin:index")).content.decode()
    assert "No sweep has run yet: is the worker running?" in text


# --- Drilling down --------------------------------------------------------------------------------------------


def test_one_can_go_from_a_fund_to_a_line_of_its_journal_and_back_to_the_order(books: Books) -> None:
    client = console(make_staff("auditor"))
    fund_page = client.get(page_of(books.fund)).content.decode()
    deposits = Account.objects.get(book=books.fund.book, code="applicant_deposits")
    assert page_of(deposits) in fund_page
    account_page = client.get(page_of(deposits)).content.decode()
    order = books.order("paid")
    entry = Entry.objects.get(reference=f"payment_received:attempt:{books.attempt('paid').pk}")
    assert page_of(entry) in account_page
    entry_page = client.get(page_of(entry)).content.decode()
    assert entry_page.count("¥10,500") == 2 and "psp_clearing" in entry_page
    lines = client.get(f"{list_of(Line)}?subject__exact=order:{order.pk}").content.decode()
    assert page_of(order) in lines
    order_page = client.get(page_of(order)).content.decode()
    assert page_of(entry) in order_page and f"subject__exact=order:{order.pk}" in order_page


def test_the_balances_shown_are_the_sums_of_the_lines(books: Books) -> None:
    client = console(make_staff("auditor"))
    for book in Book.objects.all():
        page = client.get(page_of(book)).content.decode()
        for account in book.accounts.all():
            sums = {"D": 0, "C": 0}
            for line in account.lines.all():
                sums[line.side] += line.amount
            row = re.search(rf'{re.escape(page_of(account))}">.*?</tr>', page, re.DOTALL)
            assert row, account
            shown = re.findall(r'class="num">([^<]*)<', row.group())
            figures = [sums["D"], sums["C"], sums["D"] - sums["C"]]
            assert shown == [format_money(figure, book.currency, "en") for figure in figures], account


def test_an_account_shows_its_balance_after_each_line(books: Books) -> None:
    client = console(make_staff("auditor"))
    account = Account.objects.get(book=books.fund.book, code="applicant_deposits")
    balance, after = 0, []
    for line in account.lines.order_by("pk"):
        balance += line.amount if line.side == "D" else -line.amount
        after.append(format_money(balance, "JPY", "en"))
    page = client.get(page_of(account)).content.decode()
    rows = re.findall(r"<tr>(.*?)</tr>", page.split("Lines, newest first")[1], re.DOTALL)[1:]
    assert [re.findall(r'class="num">([^<]*)<', row)[-1] for row in rows] == after[::-1]
