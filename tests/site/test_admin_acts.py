"""What staff do in the console: each act calls its service, says what was refused, and leaves one audit row."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from businesses.models import Business, Picture
from investments.banking import accounts
from investments.ledger.models import Entry
from investments.models import (
    Fund,
    FundCounter,
    Order,
    OutgoingTransfer,
    PaymentAttempt,
    PolicyProfile,
    ProviderPayout,
    ReceiptUse,
    Refund,
    StatementFile,
    StatementLine,
    TaxRate,
    Terms,
    UnrecordedObject,
    WebhookDelivery,
)
from investments.orders import services as orders
from investments.payments import gateway, reconcile, services
from microfund.kernel import clock, queues
from microfund.kernel.accounts.models import User
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox.models import Event
from tests import make
from tests.investments.banking.files import csv_file
from tests.sandbox_client import SandboxProcess
from tests.site import books
from tests.site.staff import act_of, console, do, list_of, make_staff, page_of

pytestmark = pytest.mark.django_db
ACCOUNT = {"bank": "0001", "branch": "001", "type": "1", "number": "1234567"}


def noted(user: User, action: str, reason: str = "A good reason.") -> AuditRow:
    """The one audit row of an act."""
    row = AuditRow.objects.get(action=action, actor=user)
    assert row.reason == reason
    return row


# --- Funds ----------------------------------------------------------------------------------------------------


def test_a_fund_goes_from_draft_to_open_and_closed_by_acts_alone() -> None:
    reviewer, operations = make_staff("reviewer"), make_staff("operations")
    fund = make.make_fund(state="draft", opens_on=clock.today_in())
    for user, name, state in [
        (operations, "submit", "in_review"),
        (reviewer, "send_back", "draft"),
        (reviewer, "submit", "in_review"),
        (reviewer, "schedule", "scheduled"),
        (operations, "open", "open"),
        (operations, "close", "closed"),
    ]:
        page = do(console(user), fund, name)
        fund.refresh_from_db()
        assert fund.state == state, page
        assert (
            AuditRow.objects.filter(action=f"investments.Fund.{state}", actor=user, reason="A good reason.").count()
            == 1
        )
    assert Terms.objects.get(fund=fund).frozen_at and not FundCounter.objects.get(fund=fund).accepting


def test_what_forbids_scheduling_is_said_and_the_fund_stays_in_review() -> None:
    user = make_staff("reviewer")
    fund = make.make_fund(state="in_review", risks=[])
    page = do(console(user), fund, "schedule")
    assert "The risks are missing." in page and "<title>Error:" in page
    fund.refresh_from_db()
    assert fund.state == "in_review" and not AuditRow.objects.filter(actor=user).exists()


def test_a_fund_cannot_be_opened_before_its_day() -> None:
    client = console(make_staff("operations"))
    fund = make.make_fund(state="scheduled")
    assert act_of(fund, "open") not in client.get(page_of(fund)).content.decode()
    assert "This is not possible any more." in do(client, fund, "open")


def test_a_fund_that_has_succeeded_is_not_offered_for_failing() -> None:
    client = console(make_staff("operations"))
    fund = make.make_fund()
    assert act_of(fund, "fail") not in client.get(page_of(fund)).content.decode()
    assert "This is not possible any more." in do(client, fund, "fail", reason="The owner died.")


def test_failing_a_fund_needs_a_reason_and_a_confirmation() -> None:
    user = make_staff("operations")
    client = console(user)
    fund = make.make_fund(units_minimum=10)
    assert "This field is required." in client.post(act_of(fund, "fail"), {"reason": " "}).content.decode()
    page = client.post(act_of(fund, "fail"), {"reason": "The owner died."}).content.decode()
    assert "Please check once more" in page and "Confirm: Fail and refund everyone" in page
    fund.refresh_from_db()
    assert fund.state == "open"
    client.post(act_of(fund, "fail"), {"reason": "The owner died.", "confirmed": "1"})
    fund.refresh_from_db()
    assert fund.state == "failed"
    noted(user, "investments.Fund.failed", "The owner died.")


def test_terms_are_amended_by_a_new_version() -> None:
    user = make_staff("reviewer")
    client = console(user)
    fund = make.make_fund()
    page = client.get(act_of(fund, "amend")).content.decode()
    assert "Another storm may take the rafts." in page
    terms = Terms.objects.get(fund=fund)
    values = {
        "plan_revenue": "[" + ",".join(["1000"] * terms.periods) + "]",
        "uses": "[]",
        "risks": '[{"en": "Storms.", "ja": "嵐。"}]',
        "revenue_basis_en": terms.revenue_basis_en,
        "revenue_basis_ja": terms.revenue_basis_ja,
    }
    do(client, fund, "amend", **values)
    newest = Terms.objects.get(fund=fund, version=2)
    assert newest.risks == [{"en": "Storms.", "ja": "嵐。"}] and newest.frozen_at
    assert noted(user, "investments.Fund.amended").changes["fields"] == ["plan_revenue", "risks", "uses"]


def fund_form(client: Client, fund: Fund | None, **changes: Any) -> dict[str, Any]:
    """The fields of the fund's form as the browser would send them back."""
    address = page_of(fund) if fund else reverse("admin:investments_fund_add")
    context = client.get(address).context
    data: dict[str, Any] = {}
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            data[bound.html_name] = "" if value is None else value
    return {**data, **changes}


def test_a_draft_and_its_terms_are_edited_until_the_fund_is_scheduled() -> None:
    user = make_staff("reviewer")
    client = console(user)
    fund = make.make_fund(state="in_review")
    data = fund_form(client, fund, name_en="Another name", **{"terms-0-units_offered": 2_000, "terms-0-uses": "[]"})
    for name, text, said in [
        ("uses", '{"en": "Rafts"}', "Write a list like"),
        ("uses", '[{"en": "Rafts", "ja": "筏", "amount": 1.5}]', "Write a list like"),
        ("risks", '[{"en": "Storms", "ja": " "}]', "Write a list like"),
        ("plan_revenue", "[-1]", "Write a list of whole yen"),
        ("period_cap", '["x"]', "Write a list of whole yen or null"),
        ("risks", "none", "Enter a valid JSON"),
    ]:
        assert said in client.post(page_of(fund), {**data, f"terms-0-{name}": text}).content.decode(), text
    answer = client.post(page_of(fund), data)
    assert answer.status_code == 302, answer.context["errors"]
    fund.refresh_from_db()
    terms = Terms.objects.get(fund=fund)
    assert (fund.name_en, terms.units_offered) == ("Another name", 2_000)
    changes = AuditRow.objects.get(action="investments.Fund.edited", actor=user).changes
    assert set(changes) == {"name_en"} and changes["name_en"][1] == "Another name"
    assert AuditRow.objects.get(action="investments.Terms.edited", actor=user).changes["units_offered"] == [
        3_000,
        2_000,
    ]
    do(client, fund, "schedule")
    fund.refresh_from_db()
    assert fund.state == "scheduled"
    assert client.post(page_of(fund), {**data, "name_en": "Too late"}).status_code == 403
    fund.refresh_from_db()
    assert (fund.name_en, fund.state) == ("Another name", "scheduled")


def test_a_form_that_was_opened_before_the_fund_opened_writes_nothing_over_it() -> None:
    client = console(make_staff("reviewer"))
    fund = make.make_fund(state="in_review", opens_on=clock.today_in())
    data = fund_form(client, fund, name_en="Too late", **{"terms-0-units_offered": 1})
    do(client, fund, "schedule")
    do(console(make_staff("operations")), fund, "open")
    assert client.post(page_of(fund), data).status_code == 403
    fund.refresh_from_db()
    assert fund.state == "open" and fund.name_en != "Too late"
    assert Terms.objects.get(fund=fund).units_offered == 3_000


def test_a_new_fund_is_a_draft_with_terms() -> None:
    user = make_staff("operations")
    client = console(user)
    business = make.make_business()
    today = clock.today_in()
    data = fund_form(
        client, None,
        business=business.pk, slug="new-fund", name_en="New", name_ja="新",
        opens_on=today + timedelta(days=5), closes_on=today + timedelta(days=60),
        term_starts_on=today + timedelta(days=90),
        **{"terms-0-units_offered": 10, "terms-0-rate_before_recoup": "0.02", "terms-0-rate_after_recoup": "0.01",
           "terms-0-plan_revenue": "[1]", "terms-0-uses": "[]", "terms-0-risks": "[]"},
    )  # fmt: skip
    answer = client.post(reverse("admin:investments_fund_add"), data)
    assert answer.status_code == 302, [answer.context["errors"]]
    fund = Fund.objects.get(slug="new-fund")
    assert fund.state == "draft" and fund.terms.get().units_offered == 10
    assert AuditRow.objects.get(action="investments.Fund.added").actor_id == user.pk


# --- People ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "state"), [("verify", "verified"), ("reject", "rejected")])
def test_an_identity_check_is_decided_with_a_trace(name: str, state: str) -> None:
    user = make_staff("reviewer")
    investor = make.make_investor(verified=False)
    do(console(user), investor, name, cause="name")
    investor.refresh_from_db()
    assert investor.identity_state == state
    assert noted(user, f"investments.Investor.{state}").object_id == str(investor.pk)


def test_a_rejection_needs_a_reason_and_nobody_judges_themselves() -> None:
    user = make_staff("reviewer")
    client = console(user)
    investor = make.make_investor(verified=False)
    assert "This field is required." in client.post(act_of(investor, "reject"), {"reason": ""}).content.decode()
    own = make.make_investor(user=user, verified=False)
    assert "Nobody judges their own identity check." in do(client, own, "verify")
    own.refresh_from_db()
    assert own.identity_state == "submitted"


def test_only_a_superuser_puts_somebody_on_the_staff() -> None:
    target = make.make_user()
    data = {"is_active": "on", "is_staff": "on", "groups": [Group.objects.get(name="support").pk]}
    assert console(make_staff("operations")).post(page_of(target), data).status_code == 403
    boss = make_staff(is_superuser=True)
    assert console(boss).post(page_of(target), {**data, "is_superuser": "on", "email": "x@y.z"}).status_code == 302
    target.refresh_from_db()
    assert target.is_staff and not target.is_superuser and target.email != "x@y.z"
    assert [group.name for group in target.groups.all()] == ["support"]
    assert set(AuditRow.objects.get(action="accounts.User.edited", actor=boss).changes) == {"is_staff", "groups"}


# --- Orders and refunds -----------------------------------------------------------------------------------------


def test_support_cancels_an_order_after_checking_once_more(sandbox: SandboxProcess) -> None:
    user = make_staff("support")
    client = console(user)
    order = make.make_order(method="card", units=2)
    books.pay(sandbox, order)
    page = client.post(act_of(order, "cancel"), {"reason": "They called."}).content.decode()
    assert "Please check once more" in page and "¥21,000" in page and order.reference in page
    assert not Refund.objects.exists()
    page = do(client, order, "cancel", reason="They called.")
    order.refresh_from_db()
    assert order.state == "cancelled" and "Done." in page
    assert Refund.objects.get(order=order).amount == 21_000
    noted(user, "investments.Order.cancelled", "They called.")
    assert "This is not possible any more." in do(client, order, "cancel"), "a second click"
    assert Refund.objects.count() == 1


def test_cooling_off_that_is_over_is_said(sandbox: SandboxProcess) -> None:
    order = make.make_order(method="card")
    books.pay(sandbox, order)
    Order.objects.filter(pk=order.pk).update(cooling_off_ends_at=timezone.now())
    assert "Cooling-off is over; the order can no longer be cancelled." in do(
        console(make_staff("support")), order, "cancel"
    )
    user = make_staff("finance maker")
    do(console(user), order, "refund")
    order.refresh_from_db()
    assert order.state == "refunded" and Refund.objects.get().reason == "staff"
    noted(user, "investments.Order.refunded")


def test_a_confirmed_order_cannot_be_refunded_by_staff(sandbox: SandboxProcess) -> None:
    order = make.make_order(method="card")
    books.pay(sandbox, order)
    order.refresh_from_db()
    orders.confirm_due(on=order.cooling_off_ends_at.date(), at=order.cooling_off_ends_at)
    client = console(make_staff("finance maker"))
    assert "This is not possible any more." in do(client, order, "refund")
    assert not Refund.objects.exists()


def test_money_that_does_not_match_is_given_back_after_a_confirmation(sandbox: SandboxProcess) -> None:
    operations, finance = make_staff("operations"), make_staff("finance maker")
    with mock.patch.object(gateway, "to_provider", lambda amount, currency: amount + 100):
        attempt = services.start_payment(make.make_order(method="card"), at=timezone.now())
    sandbox.control("pay", session=attempt.session_id, how="card")
    do(console(operations), attempt, "ask")
    attempt.refresh_from_db()
    assert (attempt.state, attempt.captured) == ("mismatch", 10_800)
    # Who only runs the site cannot give money back, and nobody can call it done while it is held.
    offered = console(operations).get(page_of(attempt)).content.decode()
    assert act_of(attempt, "give_back") not in offered and act_of(attempt, "seen_to") not in offered
    assert act_of(attempt, "seen_to") not in console(finance).get(page_of(attempt)).content.decode()
    do(console(finance), attempt, "give_back")
    attempt.refresh_from_db()
    assert attempt.state == "reviewed" and Refund.objects.get().amount == 10_800
    noted(finance, "investments.PaymentAttempt.reviewed")


def test_a_wrong_page_that_nobody_paid_is_looked_at(sandbox: SandboxProcess) -> None:
    user = make_staff("operations")
    with mock.patch.object(gateway, "to_provider", lambda amount, currency: amount + 100):
        attempt = services.start_payment(make.make_order(method="card"), at=timezone.now())
    do(console(user), attempt, "ask")
    do(console(user), attempt, "seen_to")
    attempt.refresh_from_db()
    assert attempt.state == "reviewed"
    noted(user, "investments.PaymentAttempt.reviewed")


def test_a_payout_with_lines_of_others_and_an_object_that_cannot_be_recorded_are_looked_at() -> None:
    user = make_staff("finance maker")
    payout = ProviderPayout.objects.create(
        provider_id="po_1",
        amount=500,
        fees=0,
        currency="JPY",
        arrived_on=clock.today_in(),
        unmatched=[{"id": "txn_1", "kind": "charge", "amount": 500, "source": "ch_1"}],
    )
    kept = UnrecordedObject.objects.create(
        kind="refund", provider_id="re_1", problem="too much", seen_at=timezone.now(), tried_at=timezone.now()
    )
    for row, action in ((payout, "ProviderPayout"), (kept, "UnrecordedObject")):
        do(console(user), row, "looked_at")
        noted(user, f"investments.{action}.reviewed")
        assert "This is not possible any more." in do(console(user), row, "looked_at")
    payout.refresh_from_db()
    kept.refresh_from_db()
    assert payout.reviewed_at is not None and kept.state == "reviewed"


def test_a_refund_is_tried_again_and_paid_by_bank_only_to_the_payer(sandbox: SandboxProcess) -> None:
    user = make_staff("finance maker")
    client = console(user)
    order = make.make_order(method="card")
    books.pay(sandbox, order)
    sandbox.control("payouts/make")
    reconcile.payouts_due(on=clock.today_in(), at=timezone.now())
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    refund = Refund.objects.get()
    sandbox.control("refund_policy", next="failed")
    do(client, refund, "send")
    do(client, refund, "send")
    refund.refresh_from_db()
    assert refund.state == "failed"
    assert AuditRow.objects.filter(action="investments.Refund.tried_again", actor=user).count() == 2
    assert "The account must be in the name of the payer." in do(
        client, refund, "pay_by_bank", holder="サトウ ケン", **ACCOUNT
    )
    assert "Enter 7 digits." in do(client, refund, "pay_by_bank", holder="イトウ ハルカ", **{**ACCOUNT, "number": "12"})
    assert not OutgoingTransfer.objects.exists()
    do(client, refund, "pay_by_bank", holder="イトウ ハルカ", **ACCOUNT)
    refund.refresh_from_db()
    assert refund.state == "failed", "nothing has left yet"
    noted(user, "investments.OutgoingTransfer.prepared")
    sent = OutgoingTransfer.objects.get()
    assert sent.payee == {**ACCOUNT, "holder": "イトウ ハルカ"} and sent.maker_id == user.pk
    page = client.get(page_of(sent)).content.decode()
    assert "1234567" not in page and "••••567" in page
    assert "1234567" in do(client, sent, "unmask")
    noted(user, "investments.OutgoingTransfer.unmasked")
    made = {"transferred_on": clock.today_in().isoformat(), "bank_reference": "T-7"}
    assert "This is not possible any more." in do(client, sent, "sent", **made), "it is not approved yet"
    checker = make_staff("finance checker")
    do(console(checker), sent, "approve")
    noted(checker, "investments.OutgoingTransfer.approved")
    later = (clock.today_in() + timedelta(days=1)).isoformat()
    assert "The transfer date has not come yet." in do(client, sent, "sent", **{**made, "transferred_on": later})
    do(client, sent, "sent", **made)
    refund.refresh_from_db()
    assert refund.state == "paid_by_bank"
    noted(user, "investments.Refund.paid_by_bank")
    noted(user, "investments.OutgoingTransfer.sent")


def test_a_refund_by_bank_is_offered_to_the_account_that_the_investor_gave(sandbox: SandboxProcess) -> None:
    client = console(make_staff("finance maker"))
    order = make.make_order(method="card")
    books.pay(sandbox, order)
    sandbox.control("payouts/make")
    reconcile.payouts_due(on=clock.today_in(), at=timezone.now())
    given = {"bank": "0001", "branch": "001", "kind": "1", "holder": order.investor.name_kana}
    own = order.investor
    before = accounts.change(own, **given, number="1111111", at=timezone.now(), actor=own.user)
    services.cancel_order(order, at=timezone.now(), actor=own.user)
    refund = Refund.objects.get()
    sandbox.control("refund_policy", next="failed")
    do(client, refund, "send")
    do(client, refund, "send")
    page = client.get(act_of(refund, "pay_by_bank")).content.decode()
    assert f'value="{before.pk}"' in page and "••••111" in page and "1111111" not in page
    known = accounts.change(own, **given, number="7654321", at=timezone.now(), actor=own.user)
    page = do(client, refund, "pay_by_bank", account=before.pk, type="1")
    assert "<title>Error:" in page and not OutgoingTransfer.objects.exists(), "it is not the account any more"
    page = do(client, refund, "pay_by_bank", account=known.pk, type="1", number="1234567")
    assert "another account" in page and not OutgoingTransfer.objects.exists()
    asked = client.post(act_of(refund, "pay_by_bank"), {"account": known.pk, "type": "1", "reason": "It failed."})
    assert "Please check once more" in asked.content.decode() and "7654321" not in asked.content.decode()
    do(client, refund, "pay_by_bank", account=known.pk, type="1")
    assert OutgoingTransfer.objects.get().payee == known.payee


def test_a_provider_that_does_not_answer_is_said(sandbox: SandboxProcess) -> None:
    user = make_staff("operations")
    order = make.make_order(method="card")
    attempt = services.start_payment(order, at=timezone.now())
    sandbox.control("faults", faults=[{"match": "GET /v1/checkout/sessions/*", "kind": "500", "times": None}])
    assert "The provider gave no answer; nothing changed." in do(console(user), attempt, "ask")
    sandbox.control("faults", "DELETE")
    sandbox.control("pay", session=attempt.session_id, how="card")
    do(console(user), attempt, "ask")
    assert PaymentAttempt.objects.get(pk=attempt.pk).state == "succeeded"


def test_a_fund_is_topped_up_once_for_a_dispute(sandbox: SandboxProcess) -> None:
    user = make_staff("finance maker")
    client = console(user)
    order = make.make_order(method="card")
    attempt = books.pay(sandbox, order)
    sandbox.control("disputes/open", payment_intent=attempt.intent_id)
    reconcile.objects_due(on=clock.today_in(), at=timezone.now())
    dispute = order.disputes.get()
    assert act_of(dispute, "top_up") in client.get(page_of(dispute)).content.decode()
    do(client, dispute, "top_up")
    assert not Entry.objects.filter(kind="dispute_topped_up").exists()
    assert "A transfer for this is under way already." in do(client, dispute, "top_up")
    make.carry_out(OutgoingTransfer.objects.get(), at=timezone.now())
    assert Entry.objects.get(kind="dispute_topped_up").lines.count() == 4
    assert act_of(dispute, "top_up") not in client.get(page_of(dispute)).content.decode()
    assert "This is not possible any more." in do(client, dispute, "top_up")
    assert OutgoingTransfer.objects.count() == 1


def test_the_fees_of_a_fund_are_swept_once(sandbox: SandboxProcess) -> None:
    client = console(make_staff("finance maker"))
    order = make.make_order(method="card", units=2)
    books.pay(sandbox, order)
    order.refresh_from_db()
    assert act_of(order.fund, "sweep_fees") not in client.get(page_of(order.fund)).content.decode()
    orders.confirm_due(on=order.cooling_off_ends_at.date(), at=order.cooling_off_ends_at)
    assert "holds 0 yen" in do(client, order.fund, "sweep_fees"), "the provider has not paid out yet"
    sandbox.control("payouts/make")
    reconcile.payouts_due(on=clock.today_in(), at=timezone.now())
    do(client, order.fund, "sweep_fees")
    transfer = OutgoingTransfer.objects.get()
    assert (transfer.amount, transfer.payee) == (1_000, {})
    assert "our own" in client.get(page_of(transfer)).content.decode()
    make.carry_out(transfer, at=timezone.now())
    assert Entry.objects.get(kind="fees_swept").lines.count() == 4
    assert act_of(order.fund, "sweep_fees") not in client.get(page_of(order.fund)).content.decode()


@pytest.mark.parametrize(
    ("act", "decision", "state"), [("keep_units", "kept", "paid"), ("rescind", "rescinded", "refunded")]
)
def test_staff_decide_once_on_the_units_of_a_dispute_that_was_lost_for_a_part(
    sandbox: SandboxProcess, act: str, decision: str, state: str
) -> None:
    user = make_staff("finance maker")
    client = console(user)
    order = make.make_order(method="card")
    attempt = books.pay(sandbox, order)
    made = sandbox.control("disputes/open", payment_intent=attempt.intent_id, amount=4_000)
    reconcile.objects_due(on=clock.today_in(), at=timezone.now())
    dispute = order.disputes.get()
    assert act_of(dispute, act) not in client.get(page_of(dispute)).content.decode()
    sandbox.control("disputes/close", dispute=made["id"], outcome="lost")
    reconcile.objects_due(on=clock.today_in(), at=timezone.now())
    waiting = next(queue for queue in queues.queues() if queue.key == "disputes")
    assert list(waiting.rows()) == [dispute]
    assert act_of(dispute, act) in client.get(page_of(dispute)).content.decode()
    assert console(make_staff("support")).post(act_of(dispute, act), {"reason": "Mine."}).status_code == 403
    do(client, dispute, act)
    order.refresh_from_db()
    assert (order.state, order.frozen_at) == (state, None)
    noted(user, f"investments.Dispute.{decision}")
    assert not waiting.rows().exists()
    assert "This is not possible any more." in do(client, dispute, act)


def test_an_inquiry_waits_for_staff_and_cannot_be_topped_up(sandbox: SandboxProcess) -> None:
    order = make.make_order(method="card")
    attempt = books.pay(sandbox, order)
    sandbox.control("disputes/open", payment_intent=attempt.intent_id, inquiry=True)
    reconcile.objects_due(on=clock.today_in(), at=timezone.now())
    dispute = order.disputes.get()
    assert dispute in next(queue for queue in queues.queues() if queue.key == "disputes").rows()
    assert "/act/" not in console(make_staff("finance maker")).get(page_of(dispute)).content.decode()


# --- Bank -----------------------------------------------------------------------------------------------------


def upload(client: Client, content: bytes, name: str = "statement.csv", **data: Any) -> str:
    address = reverse("admin:investments_statementfile_list_act", args=["import"])
    file = SimpleUploadedFile(name, content)
    return client.post(address, {"file": file, "format": "auto", **data}, follow=True).content.decode()


def test_a_statement_is_imported_and_its_receipts_applied_or_sent_back() -> None:
    user = make_staff("finance maker")
    client = console(user)
    order = make.make_order(units=2)
    services.start_payment(order, at=timezone.now())
    day = clock.today_in().isoformat()
    content = csv_file({"date": day, "amount": 25_000, "payer_code": "", "payer_name": "ｲﾄｳ ﾊﾙｶ"})
    page = upload(client, content)
    assert "new receipts" in page.lower() and StatementFile.objects.get().imported_by_id == user.pk
    line = StatementLine.objects.get()
    assert (line.remaining, line.problem) == (25_000, "unknown")
    assert "There is no order with this reference." in do(client, line, "apply", order="NO-SUCH")
    do(client, line, "apply", order=order.reference.lower())
    order.refresh_from_db()
    line.refresh_from_db()
    assert order.state == "paid" and line.remaining == 4_000
    noted(user, "investments.StatementLine.applied")
    form = {**ACCOUNT, "holder": "イトウ ハルカ"}
    assert 'value="4000"' in client.get(act_of(line, "send_back")).content.decode()
    assert "Between 1 and 4000 yen of this receipt can be sent back." in do(
        client, line, "send_back", amount=4_001, **form
    )
    do(client, line, "send_back", amount=4_000, **form)
    line.refresh_from_db()
    assert (line.remaining, line.held) == (4_000, 4_000)
    make.carry_out(OutgoingTransfer.objects.get(), at=timezone.now())
    line.refresh_from_db()
    assert line.remaining == 0 and ReceiptUse.objects.count() == 2
    noted(user, "investments.OutgoingTransfer.prepared")


def test_a_file_that_is_no_statement_is_refused_in_the_form() -> None:
    client = console(make_staff("finance maker"))
    page = upload(client, b"row_id,date\r\n1,2")
    assert "errornote" in page and "<title>Error:" in page
    assert "The file is larger than 5 MB." in upload(client, b"x" * (5 * 1024 * 1024 + 1))
    assert (
        "This field is required."
        in client.post(
            reverse("admin:investments_statementfile_list_act", args=["import"]), {"format": "auto"}
        ).content.decode()
    )
    assert not StatementFile.objects.exists()


# --- Machinery ------------------------------------------------------------------------------------------------


def test_a_webhook_is_replayed_and_says_what_failed(sandbox: SandboxProcess) -> None:
    user = make_staff("operations")
    client = console(user)
    order = make.make_order(method="card")
    attempt = services.start_payment(order, at=timezone.now())
    sandbox.control("pay", session=attempt.session_id, how="card")
    event = {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": {"id": attempt.session_id}}}
    delivery = WebhookDelivery.objects.create(
        event_id="evt_1", kind="checkout.session.completed", object_id=attempt.session_id, livemode=False,
        body=json.dumps(event),
        received_at=timezone.now(), state="failed", error="the database was away",
    )  # fmt: skip
    sandbox.control("faults", faults=[{"match": "GET /v1/checkout/sessions/*", "kind": "500", "times": 1}])
    assert "It failed again: ProviderUnreachable" in do(client, delivery, "replay")
    do(client, delivery, "replay")
    delivery.refresh_from_db()
    order.refresh_from_db()
    assert (delivery.state, order.state) == ("done", "paid")
    assert AuditRow.objects.filter(action="investments.WebhookDelivery.replayed", actor=user).count() == 2


def test_a_mail_and_an_event_that_failed_are_due_again() -> None:
    user = make_staff("operations")
    client = console(user)
    now = timezone.now()
    notice = Notice.objects.create(
        key="k", kind="tests", recipient="a@example.com", language="en", subject="s", text="t", html="h",
        happened_at=now, state="failed", attempts=8,
    )  # fmt: skip
    event = Event.objects.create(
        kind="Nothing", key="Nothing:1", payload={}, happened_at=now, attempts=3, next_try_at=now + timedelta(days=1)
    )
    do(client, notice, "retry")
    do(client, event, "retry")
    notice.refresh_from_db()
    event.refresh_from_db()
    assert (notice.state, notice.attempts, event.attempts) == ("queued", 0, 0) and event.next_try_at <= timezone.now()
    noted(user, "notices.Notice.retried")
    noted(user, "outbox.Event.retried")


# --- Businesses, policy -----------------------------------------------------------------------------------------


def picture(kind: str = "JPEG", size: tuple[int, int] = (640, 400)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


def business_form(client: Client, business: Business, **changes: Any) -> dict[str, Any]:
    context = client.get(page_of(business)).context
    data: dict[str, Any] = {}
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            if bound.name not in ("file", "DELETE"):
                data[bound.html_name] = "" if value is None else value
    return {**data, **changes}


def test_a_picture_is_uploaded_through_the_pipeline_and_refusals_stand_by_the_field() -> None:
    user = make_staff("reviewer")
    client = console(user)
    business = make.make_business()
    described = {"pictures-0-alt_en": "A raft", "pictures-0-alt_ja": "筏", "pictures-0-role": "hero"}
    for content, message in [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Only JPEG, PNG and WebP pictures are accepted"),
        (picture()[:2_000], "The picture is damaged or incomplete."),
        (b"", "empty"),
    ]:
        data = business_form(client, business, **described)
        answer = client.post(page_of(business), {**data, "pictures-0-file": SimpleUploadedFile("raft.jpg", content)})
        assert answer.status_code == 200 and not Picture.objects.exists()
        form = answer.context["inline_admin_formsets"][0].formset.forms[0]
        assert message in form.errors["file"][0]
    data = business_form(client, business, **described)
    answer = client.post(page_of(business), {**data, "pictures-0-file": SimpleUploadedFile("raft.jpg", picture())})
    assert answer.status_code == 302, answer.context["errors"]
    made = Picture.objects.get()
    assert (made.widths, made.width, made.height, made.alt_ja) == ([320, 640], 640, 400, "筏")
    assert AuditRow.objects.get(action="businesses.Picture.added").actor_id == user.pk
    assert f"/{made.digest}/" in client.get(page_of(business)).content.decode()


def test_a_business_is_reviewed_published_and_withdrawn_with_reasons() -> None:
    user = make_staff("reviewer")
    client = console(user)
    business = make.make_business(state=Business.State.DRAFT, published_at=None)
    for name, state in [
        ("submit", "in_review"),
        ("send_back", "draft"),
        ("submit", "in_review"),
        ("publish", "published"),
    ]:
        do(client, business, name)
        business.refresh_from_db()
        assert business.state == state
    do(client, business, "withdraw", reason_en="The owner retired.", reason_ja="店主が引退しました。")
    business.refresh_from_db()
    assert (business.state, business.withdrawn_reason_ja) == ("withdrawn", "店主が引退しました。")
    assert AuditRow.objects.filter(object_type="businesses.Business", actor=user).count() == 5


def test_a_policy_is_added_as_the_next_version_from_today_on() -> None:
    user = make_staff("finance checker")
    client = console(user)
    add = reverse("admin:investments_policyprofile_add")
    form = client.get(add).context["adminform"].form
    data = {bound.html_name: bound.value() for bound in form if bound.value() not in (None, False)}
    data |= {"reason": "Counsel's letter of May", "units_per_person": 30, "payment_methods": '{"card": "opinion 7"}'}
    past = (clock.today_in() - timedelta(days=1)).isoformat()
    page = client.post(add, {**data, "effective_from": past}).content.decode()
    assert "What has happened was judged by the rules of its day" in page
    newest = PolicyProfile.objects.order_by("-version")[0]
    assert client.post(add, {**data, "effective_from": clock.today_in().isoformat()}).status_code == 302
    made = PolicyProfile.objects.order_by("-version")[0]
    assert (made.version, made.units_per_person, made.reason) == (newest.version + 1, 30, "Counsel's letter of May")
    assert made.cooling_off_days == newest.cooling_off_days
    assert AuditRow.objects.get(action="investments.PolicyProfile.added").actor_id == user.pk


def test_a_tax_rate_is_added_from_today_on() -> None:
    client = console(make_staff("finance checker"))
    add = reverse("admin:investments_taxrate_add")
    data = {"kind": "consumption", "payee_class": "", "valid_from": "2019-10-02", "rate": "0.12"}
    assert "What has happened was judged by the rules of its day" in client.post(add, data).content.decode()
    client.post(add, {**data, "valid_from": (clock.today_in() + timedelta(days=30)).isoformat()})
    assert TaxRate.objects.filter(rate="0.12").count() == 1


def test_the_lists_of_the_journal_cannot_be_written_to() -> None:
    client = console(make_staff(is_superuser=True))
    order = make.make_order()
    entry_list = list_of(Entry)
    assert client.post(entry_list, {"action": "delete_selected"}).status_code == 200
    for model in (Entry, StatementLine, Refund):
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_add"
        assert client.get(reverse(name)).status_code == 403
    assert client.get(page_of(order)).status_code == 200
