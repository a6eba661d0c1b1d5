"""One period in a browser, from the owner's phone to the sum that an investor reads, and rewards on a phone: claimed,
packed and sent, a voucher used at the till. In both languages; axe-core finds nothing on the pages of people.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import translation

from investments.models import Allocation, Distribution, Fund, PayoutRun, RevenueReport, StatementFile
from investments.payouts import outcome
from investments.payouts import services as payouts
from investments.revenue import reports
from microfund.kernel import clock
from rewards.models import Batch, Cycle, Entitlement, Offer, Voucher
from tests import make, repay
from tests.browser.conftest import Shop
from tests.browser.test_axe import violations
from tests.browser.visitor import Visitor
from tests.rewards import build
from tests.site.staff import make_staff

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = (390, 844)
LANGUAGES = pytest.mark.parametrize("language", ["en", "ja"])


def in_term(*units: int) -> Fund:
    """A fund whose first period ended a month ago and waits for its report."""
    today = clock.today_in()
    bought = clock.add_months(today.replace(day=1), -16)
    fund = repay.operating(*units, on=bought, term_starts_on=clock.add_months(today.replace(day=1), -13))
    reports.await_reports_due(on=today, at=clock.now())
    return fund


def looked_at(visitor: Visitor) -> None:
    """The page fits the window and shuts nobody out."""
    assert not visitor.sideways(), visitor.page.url
    found = violations(visitor.page)
    assert not found, f"{visitor.page.url}\n" + "\n".join(found)


def act(visitor: Visitor, address: str, *, fill: Callable[[Any], None] = lambda page: None) -> None:
    """An act of the console: fill the form in, and confirm it where it asks once more."""
    visitor.page.goto(visitor.site + address)
    fill(visitor.page)
    visitor.page.locator(".submit-row input[type=submit]").click()
    visitor.loaded()
    if visitor.page.locator("[name=confirmed]").count():
        visitor.page.locator(".submit-row input[type=submit]").click()
        visitor.loaded()
    assert not visitor.page.locator(".errornote, .errorlist").count(), visitor.page.locator("#content").inner_text()


def act_at(visitor: Visitor, row: Any, name: str) -> str:
    with translation.override(visitor.language):
        return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_act", args=[row.pk, name])


def list_act_at(visitor: Visitor, model: Any, name: str) -> str:
    with translation.override(visitor.language):
        return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_list_act", args=[name])


def person(user: Any, language: str) -> Any:
    user.language = language
    user.save(update_fields=["language"])
    return user


@LANGUAGES
def test_a_period_from_the_owners_phone_to_the_sum_that_an_investor_understands(
    language: str, shop: Shop, visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    fund = in_term(2, 30)
    period, slug = repay.period(fund, 1), fund.business.slug

    # The owner, on a phone: figures, what they would pay, the signature.
    owner = visit(user=person(repay.owner(fund), language), language=language, size=PHONE)
    owner.open("studio:report", slug, period.pk)
    looked_at(owner)
    for month in range(12):
        owner.page.fill(f"[name=month_0_{month}]", "2325000")
    owner.page.fill("[name=comment]", "筏が遅れました。 The boats came late.")
    owner.page.locator("[name=do][value=save]").click()
    owner.loaded()
    assert owner.money(312) in owner.main
    looked_at(owner)
    owner.page.check("[name=signed]")
    owner.page.locator("[name=do][value=sign]").click()
    owner.loaded()
    # Whoever signs shows once more who they are.
    assert RevenueReport.objects.get().state == "draft"
    looked_at(owner)
    owner.page.fill("[name=password]", make.PASSWORD)
    owner.page.locator("main form:has([name=password]) button[type=submit]").first.click()
    owner.loaded()
    report = RevenueReport.objects.get()
    assert (report.state, report.revenue) == ("submitted", 27_900_000)

    # Staff: one accepts, one calculates, another approves.
    reviewer, maker, checker = (
        visit(user=make_staff(role), language=language) for role in ("reviewer", "finance maker", "finance checker")
    )
    act(reviewer, act_at(reviewer, report, "accept"))
    act(maker, act_at(maker, period, "calculate"))
    made = Distribution.objects.get()
    act(checker, act_at(checker, made, "approve"))
    made.refresh_from_db()
    assert made.state == "approved" and made.gross == 312 * 32

    # The business reads what it owes and pays at its bank; staff fetch the statement there and give it in.
    owner.open("studio:payments", slug)
    assert owner.money(made.gross) in owner.main and made.payer_code in owner.main
    looked_at(owner)
    today = clock.today_in().isoformat()
    transfer = {"payer_name": "ﾋﾉﾃﾞ", "amount": made.gross, "payer_code": made.payer_code, "date": today}
    shop.sandbox.control("bank/transfers", transfers=[transfer])
    statement = tmp_path / "statement.csv"
    status, content = shop.sandbox.request("GET", f"/bank/statement.csv?from={today}&to={today}")
    assert status == 200
    statement.write_bytes(content)
    act(
        maker,
        list_act_at(maker, StatementFile, "import"),
        fill=lambda page: page.set_input_files("[name=file]", str(statement)),
    )
    made.refresh_from_db()
    assert made.owed == 0
    owner.open("studio:payments", slug)
    assert owner.money(made.gross) in owner.main

    # The run: prepared, approved by another, downloaded, sent.
    act(maker, list_act_at(maker, PayoutRun, "prepare"))
    run = PayoutRun.objects.get()
    act(checker, act_at(checker, run, "approve"))
    maker.page.goto(maker.site + act_at(maker, run, "download"))
    maker.page.fill("[name=reason]", "For the bank.")
    with maker.page.expect_download() as download:
        maker.page.locator(".submit-row input[type=submit]").click()
    file = tmp_path / "bank.txt"
    download.value.save_as(file)
    records = file.read_bytes().split(b"\r\n")
    assert download.value.suggested_filename == f"zengin-{run.pk}-1.txt"
    # One transfer: ¥624 is under the minimum and waits for the year's end.
    assert [record[:1] for record in records if record.strip(b"\x1a")] == [b"1", b"2", b"8", b"9"]
    act(maker, act_at(maker, run, "send"))
    run.refresh_from_db()
    assert run.state == "sent"
    arrived = make.at_noon(clock.add_bank_days(run.pay_on, payouts.BANK_DAYS_TO_RETURN + 1))
    outcome.paid_due(on=arrived.date(), at=arrived)

    # The investor, on a phone: ¥624, and why.
    line = Allocation.objects.select_related("holding__investor__user").get(units=2)
    investor = visit(user=person(line.holding.investor.user, language), language=language, size=PHONE)
    investor.open("distributions")
    looked_at(investor)
    investor.page.locator(f"a[href='{investor.path('distribution', line.pk)}']").first.click()
    investor.arrive("distribution", line.pk)
    text = re.sub(r"\s+", " ", investor.main)
    for part in (investor.money(624), investor.money(312), "27,900,000", "3.36", "3,000"):
        assert part in text, f"{part} is not in: {text}"
    looked_at(investor)
    repay.books_are_right()


# --- Rewards on a phone -------------------------------------------------------------------------------------------


def now_open(*units: int, **offer: Any) -> Cycle:
    """A reward that can be claimed since yesterday."""
    fund, day = in_term(*units), clock.today_in()
    day = clock.add_months(day, 0) if day.day == 1 else day.replace(day=day.day - 1)
    given = {"season_month": day.month, "season_day": day.day, "starts_on": day, **offer}
    made = build.make_offer(fund, **given)
    build.open_cycles(clock.now())
    return made.cycles.get()


def before_the_season() -> dict[str, int]:
    """Claims that are open now, for a season that begins in forty days."""
    days = {"claim": 0, "claim_until": 20, "season": 40, "season_until": 100}
    found = {name: clock.today_in() + timedelta(days=later) for name, later in days.items()}
    return {
        **{f"{name}_month": day.month for name, day in found.items()},
        **{f"{name}_day": day.day for name, day in found.items()},
    }


@LANGUAGES
def test_a_reward_is_claimed_packed_and_sent_on_phones(
    language: str, shop: Shop, visit: Callable[..., Visitor]
) -> None:
    cycle = now_open(2, **before_the_season())
    assert cycle.dispatch_from == clock.today_in() + timedelta(days=40)
    row = build.row_of(cycle)
    fund, slug = cycle.offer.fund, cycle.offer.fund.business.slug
    investor = visit(user=person(row.holding.investor.user, language), language=language, size=PHONE)
    investor.open("rewards:list")
    looked_at(investor)
    investor.page.locator(f"a[href='{investor.path('rewards:claim', row.pk)}']").first.click()
    investor.arrive("rewards:claim", row.pk)
    looked_at(investor)
    form = investor.page.locator("form").filter(has=investor.page.locator("[name=to]"))
    form.locator("[name=to][value=new]").check()
    form.locator("summary").click()
    for name, value in build.HOME.items():
        field = form.locator(f"[name={name}]")
        if name == "prefecture":
            field.select_option(value)
        else:
            field.fill(value)
    form.locator("button[type=submit]").click()
    investor.loaded()
    row.refresh_from_db()
    assert row.state == "claimed" and "仙台市青葉区" in investor.main
    looked_at(investor)

    owner = visit(user=person(repay.owner(fund), language), language=language, size=PHONE)
    owner.open("rewards:season", slug)
    looked_at(owner)
    owner.page.locator(f"form[action='{owner.path('rewards:pack', slug, cycle.pk)}'] button[type=submit]").click()
    owner.loaded()
    batch = Batch.objects.get()
    owner.arrive("rewards:batch", slug, batch.pk)
    looked_at(owner)
    owner.page.check(f"[name=parcel][value='{row.pk}']")
    owner.page.fill(f"[name='tracking-{row.pk}']", "1234-5678")
    owner.page.select_option("[name=carrier]", "post")
    owner.page.fill("[name=shipped_on]", clock.today_in().isoformat())
    owner.press("Mark as sent")
    assert Entitlement.objects.get(pk=row.pk).state == "shipped"
    looked_at(owner)
    investor.open("rewards:list")
    assert "1234-5678" in investor.main
    looked_at(investor)
    investor.open("rewards:claim", row.pk)
    looked_at(investor)
    investor.press("It has arrived")
    assert Entitlement.objects.get(pk=row.pk).state == "delivered"


@LANGUAGES
def test_a_voucher_is_taken_and_used_at_the_till_on_phones(
    language: str, shop: Shop, visit: Callable[..., Visitor]
) -> None:
    cycle = now_open(2, kind=Offer.Kind.VOUCHER, value=2_000)
    row = build.row_of(cycle)
    fund, slug = cycle.offer.fund, cycle.offer.fund.business.slug
    investor = visit(user=person(row.holding.investor.user, language), language=language, size=PHONE)
    investor.open("rewards:claim", row.pk)
    looked_at(investor)
    decline = investor.path("rewards:decline", row.pk)
    investor.page.locator(f"main form:not([action='{decline}']) button[type=submit]").click()
    investor.loaded()
    voucher = Voucher.objects.get()
    assert f"{voucher.code[:4]}-{voucher.code[4:8]}" in investor.main
    looked_at(investor)

    owner = visit(user=person(repay.owner(fund), language), language=language, size=PHONE)
    owner.open("rewards:till", slug)
    looked_at(owner)
    owner.page.fill("[name=code]", voucher.code.lower())
    owner.press("Look up")
    assert owner.money(2_000) in owner.main
    looked_at(owner)
    owner.page.fill("[name=amount]:visible", "800")
    owner.press("Use the amount")
    assert owner.money(1_200) in owner.main
    voucher.refresh_from_db()
    assert voucher.balance == 1_200
    looked_at(owner)
    # The picture of the code leads here; the rest is one press.
    owner.page.goto(f"{owner.page.url}?code={voucher.code}#till")
    owner.page.locator("button.button--wide").click()
    owner.loaded()
    voucher.refresh_from_db()
    assert voucher.balance == 0
