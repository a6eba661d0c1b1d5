"""What will not be paid, or later, in the console and on every page that tells of it (domain.md section 5)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from investments.distributions import moratorium, write_off
from investments.models import (
    Allocation,
    Distribution,
    Fund,
    Moratorium,
    OutgoingTransfer,
    PayoutRun,
    TaxRate,
    WriteOff,
)
from microfund.kernel import clock
from microfund.kernel.notices.models import Notice
from tests import make, repay
from tests.investments.test_mails import deliver
from tests.site.staff import act_of, console, do, list_of, make_staff, page_of

pytestmark = pytest.mark.django_db
WHY = "The works were washed away."


def as_user(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def mails(kind: str) -> list[Notice]:
    deliver()
    return list(Notice.objects.filter(kind=kind).order_by("pk"))


@pytest.fixture
def owed() -> Distribution:
    """A distribution of ¥312 for each of 40 units, of which the business paid ¥10,033."""
    fund = repay.operating(40, periods=5)
    repay.owner(fund)
    repay.report(fund, 1, 27_900_000)
    return repay.pay_in(repay.distribute(fund, 1), 10_033)


def test_arrears_are_written_off_by_acts_of_two_people_and_told_on_every_page(owed: Distribution) -> None:
    maker, checker = console(make_staff("finance maker")), console(make_staff("finance checker"))
    page = maker.post(act_of(owed, "write_off"), {"reason": WHY}).content.decode()
    assert "Please check once more" in page and not WriteOff.objects.exists()
    # Will be paid 250 × 40, will not be paid 62 × 40; the claim that is given up, the credit.
    for amount in ("¥10,000", "¥2,480", "¥2,447", "¥33"):
        assert amount in page
    do(maker, owed, "write_off", reason=WHY)
    row = WriteOff.objects.get()
    assert checker.get(f"{list_of(WriteOff)}?queue=write_offs_to_approve").context["cl"].result_count == 1
    assert maker.get(act_of(row, "approve")).status_code == 403
    both = make_staff("finance maker", "finance checker")
    WriteOff.objects.filter(pk=row.pk).update(state="prepared")
    do(checker, row, "approve")
    assert "This is not possible any more." in do(console(both), row, "approve")
    row.refresh_from_db()
    owed.refresh_from_db()
    assert (row.state, owed.owed) == ("approved", 0)
    assert "¥2,447" in maker.get(page_of(row)).content.decode() and WHY in maker.get(page_of(owed)).content.decode()

    fund, line = owed.fund, Allocation.objects.get()
    public = Client().get(reverse("businesses:results", args=[fund.business.slug])).content.decode()
    assert "¥62 of it written off" in public and WHY in public
    data = Client().get(reverse("businesses:results_json", args=[fund.business.slug])).json()
    assert (data["decided_per_unit"], data["written_off_per_unit"]) == (312, 62)
    own = data["periods"][0]["distributions"][0]
    assert (own["written_off_per_unit"], own["received_in_full"]) == (62, False)
    holder = as_user(line.holding.investor.user)
    payment = holder.get(reverse("distribution", args=[line.pk])).content.decode()
    assert WHY in payment and "¥2,480" in payment and "¥10,000" in payment
    assert WHY in holder.get(reverse("holding", args=[line.holding.reference])).content.decode()
    studio = as_user(repay.owner(fund)).get(reverse("studio:payments", args=[fund.business.slug])).content.decode()
    assert "You owe nothing now." in studio and "¥2,447 of it written off" in studio and "¥33" in studio


def test_the_final_statement_says_what_was_written_off_even_if_nothing_was_paid() -> None:
    fund = repay.operating(40, periods=5)
    repay.report(fund, 1, 27_900_000)
    made = repay.distribute(fund, 1)
    maker, checker = console(make_staff("finance maker")), console(make_staff("finance checker"))
    do(maker, made, "write_off", reason=WHY)
    do(checker, WriteOff.objects.get(), "approve")
    holding = fund.holdings.get()
    answer = as_user(holding.investor.user).get(reverse("holding_statement", args=[holding.reference]))
    assert answer.status_code == 200 and answer.content.startswith(b"%PDF")


def test_holders_and_owners_are_told_of_a_write_off(owed: Distribution) -> None:
    at = timezone.now()
    row = write_off.prepare(owed, actor=repay.staff("maker"), at=at, reason=WHY)
    write_off.approve(row, actor=repay.staff("checker"), at=at)
    found = mails("written_off")
    assert {notice.recipient for notice in found} == {
        owed.allocations.get().holding.investor.user.email,
        repay.owner(owed.fund).email,
    }
    told = {notice.recipient: notice for notice in found}
    mine = told[owed.allocations.get().holding.investor.user.email]
    for words in (WHY, "¥62 per unit", "¥2,480", "¥10,000"):
        assert words in mine.text and words in mine.html
    assert "¥33" in told[repay.owner(owed.fund).email].text
    deliver()
    assert len(mails("written_off")) == 2


def test_a_credit_goes_back_by_an_act_once_nothing_follows() -> None:
    fund = repay.operating(40, periods=1)
    repay.report(fund, 1, 27_900_000)
    made = repay.pay_in(repay.distribute(fund, 1), 33)
    maker, checker = console(make_staff("finance maker")), console(make_staff("finance checker"))
    do(maker, made, "write_off")
    row = WriteOff.objects.get()
    do(checker, row, "approve")
    assert maker.get(f"{list_of(WriteOff)}?queue=credits_to_return").context["cl"].result_count == 1
    account = {"bank": "0001", "branch": "001", "type": "1", "number": "7654321", "holder": "ヒノデ"}
    do(maker, row, "give_back", **account)
    transfer = OutgoingTransfer.objects.get()
    assert (transfer.amount, transfer.target) == (33, f"credit:{row.pk}")
    do(checker, transfer, "approve")
    do(maker, transfer, "sent", transferred_on=clock.today_in().isoformat(), bank_reference="B1")
    row.refresh_from_db()
    assert (row.credit_left, row.returned) == (0, 33)


def test_the_preview_of_a_run_says_what_is_taxed_at_another_rate() -> None:
    fund = repay.operating(
        40, periods=3, units_offered=300, rate_before_recoup=Decimal("0.5"), rate_after_recoup=Decimal("0.25")
    )
    repay.report(fund, 1, 3_600_000)
    made = repay.pay_in(repay.distribute(fund, 1))
    day = clock.add_bank_days(clock.today_in(), 1)
    TaxRate.objects.create(kind="withholding", payee_class="", valid_from=day, rate=Decimal("0.2553"))
    maker = console(make_staff("finance maker"))
    prepare = list_of(PayoutRun) + "act/prepare/"
    page = maker.post(prepare, {"pay_on": day.isoformat()}).content.decode()
    assert "Taxed at another rate on this date" in page and "¥4,084" in page and "¥5,106" in page
    assert "¥214,894" in page and not made.retaxes.exists()
    maker.post(prepare, {"pay_on": day.isoformat(), "confirmed": "1"})
    assert PayoutRun.objects.get().amount == 214_894
    assert "25.53" in maker.get(page_of(made)).content.decode()
    line = Allocation.objects.get()
    payment = as_user(line.holding.investor.user).get(reverse("distribution", args=[line.pk])).content.decode()
    assert "25.53 %" in payment and "¥5,106" in payment


# --- Moratoria ----------------------------------------------------------------------------------------------------


def declared(*funds: Fund) -> Moratorium:
    maker, checker = console(make_staff("operations")), console(make_staff("finance checker"))
    ends = [repay.period(funds[0], number).ends_on.isoformat() for number in (1, 2)]
    data = {
        "title": "Storm of May", "reason": WHY, "action": "defer", "from_on": ends[0], "until_on": ends[1],
        "businesses": ", ".join(fund.business.slug for fund in funds),
    }  # fmt: skip
    address = list_of(Moratorium) + "act/prepare/"
    page = maker.post(address, data).content.decode()
    assert "Please check once more" in page and not Moratorium.objects.exists()
    assert all(fund.slug in page for fund in funds) and "holders, each once" in page.lower()
    maker.post(address, {**data, "confirmed": "1"})
    row = Moratorium.objects.get()
    assert maker.get(act_of(row, "approve")).status_code == 403
    assert "not paid by these periods" in checker.get(page_of(row)).content.decode()
    do(checker, row, "approve")
    at = timezone.now()
    assert moratorium.steps_due(on=at.date(), at=at)["errors"] == 0
    row.refresh_from_db()
    return row


def test_a_moratorium_is_declared_by_acts_and_told_on_every_page_and_once_to_each_holder() -> None:
    at = make.at_noon(repay.BOUGHT_ON)
    reader = repay.holder(at=at)
    funds = [repay.operating(40, investors=[reader], periods=5), repay.operating(7, investors=[reader], periods=5)]
    for fund in funds:
        repay.owner(fund)
    row = declared(*funds)
    slug = funds[0].business.slug
    assert WHY in Client().get(reverse("businesses:results", args=[slug])).content.decode()
    holding = funds[0].holdings.get()
    assert WHY in as_user(reader.user).get(reverse("holding", args=[holding.reference])).content.decode()
    owner = as_user(repay.owner(funds[0]))
    assert WHY in owner.get(reverse("studio:reports", args=[slug])).content.decode()
    found = mails("moratorium")
    mine = [notice for notice in found if notice.user_id == reader.user_id]
    assert len(mine) == 1 and len(found) == 3
    assert mine[0].subject == "Moratorium: Storm of May"
    for words in (WHY, "periods 1, 2", "40 units", "7 units"):
        assert words in mine[0].text
    do(console(make_staff("finance maker")), row, "prepare_end", reason="The harbour is open again.")
    do(console(make_staff("finance checker")), row, "end")
    now = timezone.now()
    moratorium.steps_due(on=now.date(), at=now)
    ended = mails("moratorium_ended")
    assert len(ended) == 3 and all("The harbour is open again." in notice.text for notice in ended)
    assert WHY not in Client().get(reverse("businesses:results", args=[slug])).content.decode()


def test_the_form_of_a_moratorium_refuses_what_names_no_fund() -> None:
    fund = repay.operating(4, periods=5)
    browser = console(make_staff("finance maker"))
    address = list_of(Moratorium) + "act/prepare/"
    data = {
        "title": "Storm", "reason": WHY, "action": "defer", "from_on": "2020-01-01", "until_on": "2040-01-01",
    }  # fmt: skip
    assert "Say which funds" in browser.post(address, data).content.decode()
    assert (
        "There is none of this name: nobody" in browser.post(address, {**data, "businesses": "nobody"}).content.decode()
    )
    nothing = {**data, "businesses": fund.business.slug, "from_on": "2040-01-01", "until_on": "2041-01-01"}
    assert "No fund has a period" in browser.post(address, nothing).content.decode()
    assert not Moratorium.objects.exists()
