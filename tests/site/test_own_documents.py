"""An investor's documents by fund and date, and the terms of two versions side by side."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from businesses.models import Membership
from investments.models import Document, Fund, Order
from investments.offerings import services as offerings
from tests import make
from tests.copies import counted_queries

pytestmark = pytest.mark.django_db


def browser_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def amend(fund: Fund, **changes: Any) -> None:
    offerings.amend_terms(
        fund,
        changes=changes,
        actor=make.make_user(is_staff=True),
        at=timezone.now(),
        reason="The shed was smaller than thought",
    )


def text_of(content: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content.decode()))


def test_every_accepted_document_is_listed_with_both_forms_size_hash_date_and_order() -> None:
    order = make.make_order(language="ja")
    content = browser_of(order.investor.user).get("/ja/me/documents/").content
    page = content.decode()
    rows = Document.objects.filter(fund=order.fund, language="ja")
    assert len(rows) == 3
    for row in rows:
        address = f"/ja/businesses/{order.fund.business.slug}/documents/{row.sha256}/"
        assert f'href="{address}"' in page and f'href="{address}pdf/"' in page
        assert row.sha256 in text_of(content) and row.pdf_sha256 in text_of(content)
        assert f"{-(-len(row.html) // 1000)} kB" in page and f"PDF, {-(-len(row.pdf) // 1000)} kB" in page
    assert f'href="/ja/orders/{order.reference}/"' in page
    assert order.fund.business.name_ja in page
    for row in Document.objects.filter(fund=order.fund, language="en"):
        assert row.sha256 not in page, "not accepted, and not in the language of the order"


def test_the_newest_order_comes_first_and_a_fund_stands_once() -> None:
    now = timezone.now()
    investor = make.make_investor()
    first, second = make.make_fund(), make.make_fund()
    for fund, hours in ((first, 30), (second, 20), (first, 10)):
        make.make_order(investor=investor, fund=fund, at=now - timedelta(hours=hours))
    page = browser_of(investor.user).get("/me/documents/").content.decode()
    headings = re.findall(r'<h2 id="fund-([^"]+)"', page)
    assert headings == [first.slug, second.slug]
    assert page.count("Accepted on") == 9


def test_amended_terms_are_listed_as_not_accepted() -> None:
    order = make.make_order(language="en")
    amend(order.fund, revenue_basis_en="Sales of oysters alone")
    page = text_of(browser_of(order.investor.user).get("/me/documents/").content)
    new = Document.objects.filter(fund=order.fund, terms__version=2)
    assert [row.sha256 in page for row in new.filter(language="en")] == [True] * 3
    assert [row.sha256 in page for row in new.filter(language="ja")] == [False] * 3
    assert page.count("Amended terms of") == 3 and page.count("Accepted on") == 3


def test_nobody_sees_what_another_accepted() -> None:
    order = make.make_order()
    owner = make.make_user()
    Membership.objects.create(business=order.fund.business, user=owner)
    staff = make.make_user(is_staff=True, is_superuser=True)
    for user in (make.make_investor().user, make.make_user(), owner, staff):
        response = browser_of(user).get("/me/documents/")
        assert response.status_code == 200
        assert order.fund.business.slug not in response.content.decode()
        assert "You have no order yet." in response.content.decode()
    answer = Client().get("/me/documents/")
    assert answer.status_code == 302 and answer.headers["Location"].startswith("/accounts/login/")


def test_it_is_private_and_not_for_search_engines() -> None:
    response = browser_of(make.make_order().investor.user).get("/me/documents/")
    assert "no-store" in response.headers["Cache-Control"] and b'content="noindex"' in response.content
    assert b'href="/me/documents/" aria-current="page"' in re.sub(rb"\s+", b" ", response.content)


def test_queries_do_not_grow_with_orders() -> None:
    investor = make.make_investor()
    client = browser_of(investor.user)

    def queries() -> int:
        with counted_queries() as statements:
            assert client.get("/me/documents/").status_code == 200
        # The log-in's own (session, activity) depend on how often it was here.
        return len([statement for statement in statements if 'FROM "investments_' in str(statement)])

    make.make_order(investor=investor)
    few = queries()
    assert few == 10
    for _more in range(4):
        make.make_order(investor=investor)
    assert Order.objects.filter(investor=investor).count() == 5
    assert queries() == few


# --- Two versions side by side ------------------------------------------------------------------------------------


@pytest.fixture
def fund() -> Fund:
    """Terms of three versions: the second plans less and has another use, the third another risk."""
    fund = make.make_fund(business=make.make_business(slug="farm"))
    first = fund.terms.get()
    plan = [*first.plan_revenue[:9], 1_234_567]
    uses = [first.uses[0], {"en": "A smaller shed", "ja": "小さめの作業場", "amount": first.uses[1]["amount"]}]
    amend(fund, plan_revenue=plan, uses=uses)
    risk = {"en": "Water <warms>", "ja": "海水温の上昇"}
    amend(fund, risks=[*first.risks, risk])
    return fund


def rows_of(page: str) -> list[str]:
    section = page[page.index('id="compare"') :]
    return [text_of(row.encode()).strip() for row in re.findall(r"<tr>(.*?)</tr>", section, re.S)[1:]]


def test_the_newest_two_are_compared_unless_the_address_says_otherwise(client: Client, fund: Fund) -> None:
    page = client.get("/businesses/farm/terms/").content.decode()
    assert rows_of(page) == ["Risk not there Water &lt;warms&gt;"]
    between = client.get("/businesses/farm/terms/?from=1&to=2").content.decode()
    assert rows_of(between) == [
        "Planned sales, period 10 ¥63,900,000 ¥1,234,567",
        "Use of funds Roof and chiller of the shed: ¥15,000,000 A smaller shed: ¥15,000,000",
    ]
    assert len(rows_of(client.get("/businesses/farm/terms/?from=1&to=3").content.decode())) == 3
    assert rows_of(client.get("/businesses/farm/terms/?from=2&to=1").content.decode()) == rows_of(between)
    japanese = client.get("/ja/businesses/farm/terms/?from=1&to=2").content.decode()
    assert "小さめの作業場" in japanese and "1,234,567円" in japanese


@pytest.mark.parametrize("query", ["from=x&to=y", "from=99&to=-1", "from=" + "9" * 5000, "from=%00", "from=²"])
def test_what_names_no_version_is_taken_as_the_newest_two(client: Client, fund: Fund, query: str) -> None:
    response = client.get(f"/businesses/farm/terms/?{query}")
    assert response.status_code == 200 and rows_of(response.content.decode()) == ["Risk not there Water &lt;warms&gt;"]


def test_one_version_is_not_compared_with_itself(client: Client, fund: Fund) -> None:
    page = client.get("/businesses/farm/terms/?from=2&to=2").content.decode()
    assert "This is one version." in page
    make.make_fund(business=make.make_business(slug="other"))
    assert 'id="compare"' not in client.get("/businesses/other/terms/").content.decode()
