"""Cash at a convenience store, and a transfer at the bank."""

from collections.abc import Callable
from pathlib import Path

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import Group

from microfund.kernel.accounts import roles
from tests import make
from tests.browser.conftest import Shop
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_konbini_slip_waits_until_it_is_paid_at_the_counter(shop: Shop, visit: Callable[..., Visitor]) -> None:
    fund = make.make_fund()
    user = make.make_user()
    make.make_investor(user=user)
    visitor = visit(user=user)
    page = visitor.page
    visitor.go_to_check(fund, 1)
    visitor.apply(10_500, "konbini")
    visitor.at_provider()
    page.fill("#konbini-name", "イトウ ハルカ")
    page.get_by_role("button", name="Get a payment slip for ¥10,500").click()
    page.wait_for_url("**/konbini/**")
    slip = page.url
    page.get_by_role("link", name="Return to the shop").click()
    page.wait_for_url("**/orders/**")
    order = visitor.order()
    assert visitor.heading == "Waiting for your payment at the convenience store"
    shop.work()
    page.reload()
    assert visitor.heading == "Waiting for your payment at the convenience store"

    page.goto(slip)
    page.get_by_role("button", name="Pay at the counter").click()
    page.get_by_text("This slip is paid.").wait_for()
    shop.work()
    visitor.open("order", order.reference)
    assert visitor.heading == "Paid"
    order.refresh_from_db()
    assert order.state == "paid"


def test_a_transfer_at_the_bank_pays_the_order_once_staff_import_the_statement(
    shop: Shop, visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    fund = make.make_fund()
    user = make.make_user()
    make.make_investor(user=user)
    visitor = visit(user=user)
    page = visitor.page
    visitor.go_to_check(fund, 2)
    visitor.apply(21_000, "bank_transfer")
    page.wait_for_url("**/transfer/")
    order = visitor.order()
    code = page.locator("main code").inner_text()
    assert code == order.payer_code and "¥21,000" in visitor.main
    visitor.follow("To the order")
    assert visitor.heading == "Waiting for your transfer"

    bank = visitor.context.new_page()
    bank.goto(f"{shop.sandbox.url}/bank/?lang=en")
    bank.fill("[name=payer_name]", "イトウ ハルカ")
    bank.fill("[name=payer_code]", code)
    bank.fill("[name=amount]", "21,000")
    bank.get_by_role("button", name="Transfer").click()
    bank.get_by_text("¥21,000 was transferred.").wait_for()
    with bank.expect_download() as download:
        bank.get_by_role("button", name="Download CSV").click()
    statement = tmp_path / download.value.suggested_filename
    download.value.save_as(statement)

    clerk = make.make_user(is_staff=True)
    clerk.groups.add(Group.objects.get(name=roles.FINANCE_MAKER))
    TOTP.activate(clerk, "JBSWY3DPEHPK3PXPCCCCCCCCCCCCCCCC")
    desk = visit(user=clerk)
    desk.open("admin:investments_statementfile_changelist")
    desk.page.get_by_role("link", name="Import a statement").click()
    desk.page.set_input_files("[name=file]", statement)
    desk.page.get_by_role("button", name="Import a statement").click()
    desk.page.get_by_text("new receipts: 1").or_(
        desk.page.locator("#content", has_text="new receipts")
    ).first.wait_for()
    shop.work()
    visitor.open("order", order.reference)
    assert visitor.heading == "Paid"
    order.refresh_from_db()
    assert order.state == "paid"
