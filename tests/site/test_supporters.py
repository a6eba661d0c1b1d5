"""Who supports a business, as the public sees it (pages.md P3 item 13, P10): counted by prefecture, named by choice."""

import html
import re
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from investments.investors import services as investors
from investments.models import Fund, Investor, Order
from investments.orders import supporter
from microfund.kernel import clock, crypto
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from microfund.site import closing
from microfund.site.figures import Supporters, supporter_words, supporters_of
from tests import make
from tests.copies import counted_queries

pytestmark = pytest.mark.django_db


def text(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def live(prefecture: str, **values: Any) -> Investor:
    return make.make_investor(prefecture=prefecture, **values)


def support(fund: Fund, investor: Investor, *, message: str = "", shown: bool = False, **values: Any) -> Order:
    order = make.make_order(fund=fund, investor=investor, message=message, name_shown=shown)
    now = clock.now()
    Order.objects.filter(pk=order.pk).update(**{"state": "paid", "paid_at": now, "cooling_off_ends_at": now, **values})
    order.refresh_from_db()
    return order


def crowd(fund: Fund, **people: int) -> None:
    for prefecture, number in people.items():
        for _ in range(number):
            support(fund, live(prefecture))


def page_of(client: Client, fund: Fund, name: str = "supporters", language: str = "") -> str:
    cache.clear()
    return text(client.get(language + reverse(f"businesses:{name}", args=[fund.business.slug])))


def test_prefectures_with_three_supporters_are_named_and_the_others_are_one_line(client: Client) -> None:
    fund = make.make_fund()
    crowd(fund, 宮城県=3, 東京都=4, 岩手県=2, 北海道=1)
    support(fund, live(""))
    assert supporters_of(fund).named() == [("東京都", 4), ("宮城県", 3), ("", 4)]
    for name in ("supporters", "detail"):
        page = page_of(client, fund, name)
        assert "Tokyo 4 Miyagi 3 Elsewhere 4" in page and "11 people have paid" in page
        assert "Iwate" not in page and "Hokkaido" not in page
    assert "東京都 4 宮城県 3 その他 4" in page_of(client, fund, language="/ja")


def test_nothing_is_told_of_where_a_few_supporters_live(client: Client) -> None:
    fund = make.make_fund()
    crowd(fund, 宮城県=2, 東京都=2)
    page = page_of(client, fund)
    assert "4 people have paid" in page and not re.search("Miyagi|Tokyo|Elsewhere", page)


def test_somebody_counts_once_and_only_for_units_that_stand() -> None:
    fund, other = make.make_fund(), make.make_fund(business=make.make_business(slug="other"))
    crowd(fund, 宮城県=2)
    twice = live("宮城県")
    support(fund, twice)
    support(fund, twice)
    support(fund, live("宮城県"), state="refunded")
    support(other, live("宮城県"))
    make.make_order(fund=fund, investor=live("宮城県"))
    assert supporters_of(fund) == Supporters(people=3, by_prefecture=(("宮城県", 3),))


def test_a_company_counts_at_its_seat_and_the_page_of_the_business_names_six() -> None:
    fund = make.make_fund()
    company = {"kind": "company", "corporate_number": "7000012050002", "birth_date": ""}
    crowd(fund, 宮城県=2)
    support(fund, live("宮城県", **company))
    assert supporters_of(fund).named() == [("宮城県", 3)]
    many = Supporters(
        24, tuple((name, 3) for name in ("北海道", "青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県", ""))
    )
    assert [name for name, _n in many.named(6)] == ["北海道", "青森県", "岩手県", "宮城県", "秋田県", "山形県", ""]
    assert many.named(6)[-1] == ("", 6)


def test_a_profile_keeps_its_prefecture_where_it_can_be_counted_and_closing_takes_it_away() -> None:
    user = make.make_user()
    data = {
        "kind": "person", "name": "伊藤 遥", "name_kana": "イトウ ハルカ", "birth_date": "1986-05-01",
        "corporate_number": "", "representative": "", "phone": "022-000-0000", "purpose": "support",
        "experience": "none", "funds_origin": "salary",
        "address": {"postal_code": "980-0811", "prefecture": "宮城県", "city": "仙台市", "street": "一番町1"},
    }  # fmt: skip
    investor = investors.save_profile(user, data, at=clock.now())
    assert investor.prefecture == "宮城県"
    data["address"] = {**data["address"], "prefecture": "東京都"}
    investors.save_profile(user, data, at=clock.now())
    investor.refresh_from_db()
    assert investor.prefecture == "東京都"
    Investor.objects.filter(pk=investor.pk).update(prefecture="")
    investors.save_profile(user, data, at=clock.now())
    investor.refresh_from_db()
    assert investor.prefecture == "東京都", "saving the same mends a row that the former version wrote"
    closing.close(user, at=clock.now())
    investor.refresh_from_db()
    assert investor.prefecture == ""


def test_the_migration_fills_prefectures_in_batches_and_goes_on_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = import_module("investments.migrations.0025_fill_prefectures")
    monkeypatch.setattr(step, "BATCH", 2)
    people = [make.make_investor() for _ in range(5)]
    without, closed, known = make.make_investor(address={}), make.make_investor(closed_at=clock.now()), live("東京都")
    broken = make.make_investor()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE investments_investor SET address = 'not a token' WHERE id = %s", [broken.pk])
    opened, sound = [], crypto.decrypt

    def cut_off(token: str) -> str:
        opened.append(token)
        if len(opened) == 4:
            raise KeyboardInterrupt
        return sound(token)

    monkeypatch.setattr(step.crypto, "decrypt", cut_off)
    with pytest.raises(KeyboardInterrupt):
        step.fill(apps, None)
    rows = Investor.objects.defer("address")
    assert rows.filter(prefecture="宮城県").count() == 2
    step.fill(apps, None)
    assert len(opened) == 4 + 3 + 1, "the two that were done are not read again"
    assert set(rows.filter(prefecture="宮城県")) == set(people)
    assert not rows.filter(pk__in=[without.pk, closed.pk, broken.pk]).exclude(prefecture="").exists()
    assert rows.get(pk=known.pk).prefecture == "東京都"


def test_messages_stand_with_the_names_of_those_who_show_theirs(client: Client) -> None:
    fund = make.make_fund()
    support(fund, live("宮城県", name="Open Hand"), message="Until <b>spring</b>!", shown=True)
    support(fund, live("宮城県", name="Quiet Hand"), message="A secret wish.")
    support(fund, live("宮城県", name="Plain Hand"), shown=True)
    page = client.get(reverse("businesses:supporters", args=[fund.business.slug])).content.decode()
    assert "Until &lt;b&gt;spring&lt;/b&gt;!" in page and "Open Hand" in page and "Plain Hand" in page
    assert "Quiet Hand" not in page and "A secret wish." not in page


def test_staff_hide_a_message_with_a_reason_that_its_writer_reads(client: Client) -> None:
    fund = make.make_fund()
    order = support(fund, live("宮城県", name="Open Hand"), message="Buy cheap pills!", shown=True)
    staff = make.make_user(is_staff=True)
    with pytest.raises(DomainError, match="Give a reason"):
        supporter.hide_message(order, actor=staff, at=clock.now(), reason=" ")
    for _ in range(2):
        supporter.hide_message(order, actor=staff, at=clock.now(), reason="An advertisement.")
    assert AuditRow.objects.filter(action="investments.Order.message_hidden", reason="An advertisement.").count() == 1
    page = page_of(client, fund)
    assert "Open Hand" in page and "pills" not in page and supporter_words(fund.business) == []
    client.force_login(order.investor.user)
    own = text(client.get(reverse("order", args=[order.reference])))
    assert "Buy cheap pills!" in own and "Staff do not show this message: An advertisement." in own


def test_an_order_without_a_message_has_none_to_hide() -> None:
    order = support(make.make_fund(), live("宮城県"))
    with pytest.raises(DomainError, match="There is no message"):
        supporter.hide_message(order, actor=make.make_user(is_staff=True), at=clock.now(), reason="Well.")


def test_the_page_makes_as_many_queries_for_one_supporter_as_for_many(client: Client) -> None:
    fund = make.make_fund()
    address = reverse("businesses:supporters", args=[fund.business.slug])

    def count() -> int:
        cache.clear()
        with counted_queries() as statements:
            client.get(address)
        return len(statements)

    support(fund, live("宮城県"), message="For you.", shown=True)
    few = count()
    for prefecture in ("宮城県", "東京都", "北海道"):
        for number in range(4):
            support(fund, live(prefecture), message=f"For you, {number}.", shown=True)
    assert count() == few == 8
