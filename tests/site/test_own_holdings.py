"""A person's holdings: one set of figures on the overview, in the list and in its CSV, and nobody else's."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import translation

from businesses.models import Business
from investments.models import Fund, Holding, Order, Period
from investments.revenue.services import period_rows
from microfund.kernel import clock, sheets
from microfund.kernel.money import format_money
from microfund.site.own_holdings import Amounts
from rewards.models import Entitlement
from tests import make
from tests.copies import copy_fund, copy_holding, counted_queries
from tests.rewards import build as rewards

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Addresses and words in English, whatever language the last request of another test was in."""
    with translation.override("en"):
        yield


def browser_of(investor: Any) -> Client:
    client = Client()
    client.force_login(investor.user)
    return client


def hold(many: int, *, units: int = 2) -> Any:
    """An investor with an unpaid order and `many` holdings of funds that are copies of its fund."""
    order = make.make_order(units=units)
    copy_fund(order.fund_id, first=1, last=many)
    copy_holding(order.pk, first=1, last=many, today=clock.today_in())
    return order.investor


def sums_of(text: str) -> dict[str, str]:
    """The sums of a page by their name."""
    found = re.findall(r'data-sum="(\w+)">\s*(\S+)\s*</dd>', text)
    assert found, "no sums on the page"
    return dict(found)


def lines_of(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def rows_in(text: str) -> list[str]:
    """The references of the holdings in a page's table, in its order."""
    return re.findall(r"(H-COPY\d+)</span>", text)


# --- One set of figures -------------------------------------------------------------------------------------------


def test_the_sums_are_the_same_on_the_overview_in_the_list_and_in_its_csv() -> None:
    investor = hold(7, units=3)
    hold_of_another = make.make_order()
    copy_fund(hold_of_another.fund_id, first=8, last=9)
    copy_holding(hold_of_another.pk, first=8, last=9, today=clock.today_in())
    client = browser_of(investor)
    sums = sums_of(client.get(reverse("me")).content.decode())
    assert sums == {
        "invested": "¥105,000",
        "donated": "¥105,000",
        "fees": "¥10,500",
        "received": "¥0",
        "outstanding": "¥105,000",
    }
    page = client.get(reverse("holdings")).content.decode()
    foot = page[page.index("<tfoot") : page.index("</tfoot>")]
    assert [sums["invested"], sums["donated"], sums["received"]] == re.findall(r"¥[\d,]+", foot)
    assert ">21<" in foot
    head, *rows, total = lines_of(client.get(reverse("holdings_csv")))
    assert len(rows) == 7 and {row[0] for row in rows} == {f"H-COPY{number}" for number in range(1, 8)}
    for column in (4, 5, 6, 7, 8):
        assert int(total[column]) == sum(int(row[column]) for row in rows), head[column]
    assert [format_money(int(total[column]), "JPY", "en") for column in (5, 6, 7, 8)] == [
        sums[name] for name in ("invested", "donated", "fees", "received")
    ]


def test_amounts_say_what_is_outstanding_and_what_share_is_back() -> None:
    some = Amounts(invested=10_000, donated=10_000, fees=1_000, received=2_550, principal=2_550)
    assert (some.outstanding, some.share_back) == (7_450, "25.50")
    assert Amounts(invested=5_000, received=6_000, principal=5_000).outstanding == 0
    assert Amounts().share_back == "0.00"
    assert some + some == Amounts(20_000, 20_000, 2_000, 5_100, 5_100)


def test_an_order_that_is_not_confirmed_is_in_no_sum() -> None:
    investor = hold(1)
    client = browser_of(investor)
    before = sums_of(client.get(reverse("me")).content.decode())
    make.make_order(investor=investor, units=9)
    assert sums_of(client.get(reverse("me")).content.decode()) == before
    Order.objects.filter(reference="COPY-1").update(state="refunded")
    assert sums_of(client.get(reverse("me")).content.decode())["invested"] == "¥0"


# --- The list -----------------------------------------------------------------------------------------------------


def test_a_holding_stands_in_the_list_with_its_fund_date_state_and_next_date() -> None:
    investor = hold(2)
    text = browser_of(investor).get(reverse("holdings")).content.decode()
    operating = Holding.objects.select_related("fund").get(reference="H-COPY2")
    report = Period.objects.get(fund=operating.fund, number=1).report_due_on
    assert f'datetime="{report}"' in text and "sales report due" in text
    waiting = Fund.objects.get(slug="copy-1")
    assert f'datetime="{waiting.term_starts_on}"' in text and "term begins" in text
    assert "Term not begun" in text and "Repaying" in text
    assert text.count("0.00%") == 3, "two rows and the total"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?state=repaying", {"H-COPY2", "H-COPY4"}),
        ("?state=before", {"H-COPY1", "H-COPY3", "H-COPY5"}),
        ("?state=ended", set()),
        ("?q=H-COPY3", {"H-COPY3"}),
        ("?q=OYSTER+farm", {"H-COPY1", "H-COPY2", "H-COPY3", "H-COPY4", "H-COPY5"}),
        ("?q=ｏｙｓｔｅｒ&state=repaying", {"H-COPY2", "H-COPY4"}),
        ("?q=%25", set()),
        ("?q='+OR+1=1--", set()),
    ],
)
def test_search_and_filter_leave_what_they_say_in_the_list_and_in_the_csv(query: str, found: set[str]) -> None:
    investor = hold(5)
    client = browser_of(investor)
    assert set(rows_in(client.get(reverse("holdings") + query).content.decode())) == found
    lines = lines_of(client.get(reverse("holdings_csv") + query))
    assert {row[0] for row in lines[1:-1]} == found
    assert int(lines[-1][5]) == 10_000 * len(found)


def test_the_sorts_sort() -> None:
    investor = hold(4)
    Business.objects.filter(slug="copy-3").update(name_en="Aardvark Bakery")
    Order.objects.filter(reference="COPY-2").update(
        units=9, investment=45_000, donation=45_000, fee=4_500, total=94_500
    )
    client = browser_of(investor)

    def first(sort: str) -> str:
        return rows_in(client.get(reverse("holdings") + f"?sort={sort}").content.decode())[0]

    assert first("name") == "H-COPY3"
    assert first("investment") == "H-COPY2"
    assert first("newest") == "H-COPY4"
    soonest = min(
        (min(fund.term_starts_on for fund in [holding.fund]), holding.reference)
        for holding in Holding.objects.filter(fund__state="open").select_related("fund")
    )
    assert first("next") == soonest[1], "a term begins before any report is due"


def test_what_nobody_knows_is_left_out_and_said() -> None:
    client = browser_of(hold(1))
    text = client.get(reverse("holdings") + "?state=<script>&sort=up").content.decode()
    assert "It was left out." in text and "<script>&" not in text and "H-COPY1" in text
    for page in ("0", "2", "x", "-1", "1e9"):
        assert client.get(reverse("holdings") + f"?page={page}").status_code == 404
    assert client.get(reverse("holdings") + "?q=%00").status_code == 200


def test_fifty_stand_on_a_page_and_the_total_is_of_all() -> None:
    client = browser_of(hold(60))
    first = client.get(reverse("holdings")).content.decode()
    second = client.get(reverse("holdings") + "?page=2").content.decode()
    assert (len(rows_in(first)), len(rows_in(second))) == (50, 10)
    assert set(rows_in(first)) | set(rows_in(second)) == {f"H-COPY{number}" for number in range(1, 61)}
    for text in (first, second):
        assert "¥600,000" in text[text.index("<tfoot") :] and "The total is of all pages." in text
    assert len(lines_of(client.get(reverse("holdings_csv")))) == 62


def test_a_person_without_holdings_is_told_how_one_comes_about() -> None:
    client = browser_of(make.make_investor())
    assert "No holdings yet" in client.get(reverse("holdings")).content.decode()
    assert "No orders yet" in client.get(reverse("orders")).content.decode()
    nobody = Client()
    nobody.force_login(make.make_user())
    assert "No holdings yet" in nobody.get(reverse("holdings")).content.decode()
    assert len(lines_of(nobody.get(reverse("holdings_csv")))) == 2


# --- CSV ----------------------------------------------------------------------------------------------------------


def test_the_csv_has_iso_dates_whole_yen_and_a_mark_only_if_asked_for() -> None:
    client = browser_of(hold(1))
    plain = client.get(reverse("holdings_csv"))
    assert plain["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="tomobune-holdings-' in plain["Content-Disposition"]
    assert "no-store" in plain["Cache-Control"]
    assert not plain.content.startswith(b"\xef\xbb\xbf") and b"\r\n" in plain.content
    marked = client.get(reverse("holdings_csv") + "?bom=1")
    assert marked.content == b"\xef\xbb\xbf" + plain.content
    head, row, _total = lines_of(plain)
    assert len(head) == len(row) == 13
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", row[3]) and re.fullmatch(r"\d{4}-\d\d-\d\d", row[11])
    assert row[4:10] == ["2", "10000", "10000", "1000", "0", "0.00"]
    japanese = lines_of(client.get("/ja" + reverse("holdings_csv")))
    assert japanese[0][5] == "出資金（円）" and "日の出" in japanese[1][1]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t=", " =", "\r"])
def test_no_text_in_the_csv_is_a_formula(first: str) -> None:
    investor = hold(1)
    Business.objects.filter(slug="copy-1").update(name_en=f'{first}HYPERLINK("http://evil.example","x")')
    row = lines_of(browser_of(investor).get(reverse("holdings_csv")))[1]
    assert row[1].startswith("'") and "HYPERLINK" in row[1]


def test_cells_are_plain() -> None:
    assert [sheets.cell(value) for value in (None, -5, "-", "", "a=b", "日本")] == ["", "-5", "'-", "", "a=b", "日本"]
    assert sheets.write([["a,b", 'say "x"']], bom=True) == '\ufeff"a,b","say ""x"""\r\n'


# --- Orders -------------------------------------------------------------------------------------------------------


def test_every_order_stands_in_the_history_and_can_be_found_by_state() -> None:
    investor = hold(3)
    waiting = Order.objects.get(state="reserved")
    make.make_order()
    client = browser_of(investor)
    every = client.get(reverse("orders")).content.decode()
    assert every.count('<th scope="row"') == 4
    for order in Order.objects.filter(investor=investor):
        assert reverse("order", args=[order.reference]) in every
    some = client.get(reverse("orders") + "?state=reserved").content.decode()
    assert some.count('<th scope="row"') == 1 and waiting.reference in some
    assert "No order matches" in client.get(reverse("orders") + "?state=failed").content.decode()
    assert client.get(reverse("orders") + "?page=2").status_code == 404


# --- Nobody else's ------------------------------------------------------------------------------------------------


def test_the_lists_hold_nothing_of_another_person() -> None:
    hold(2)
    strangers = [make.make_investor().user, make.make_user(), make.make_user(is_staff=True, is_superuser=True)]
    for user in strangers:
        client = Client()
        client.force_login(user)
        for name in ("me", "holdings", "holdings_csv", "orders"):
            for query in ("", "?q=oyster", "?state=repaying", "?sort=investment"):
                assert b"COPY" not in client.get(reverse(name) + query).content, (name, query)
        for name in ("holding", "holding_sheet"):
            assert client.get(reverse(name, args=["H-COPY1"])).status_code == 404
        assert client.post(reverse("holding_supporter", args=["H-COPY1"]), {"name_shown": "on"}).status_code == 404
    assert not Order.objects.filter(supporter_name_shown=True).exists()


@pytest.mark.parametrize("name", ["holdings", "holdings_csv", "orders", "calendar"])
def test_who_is_not_logged_in_is_sent_to_log_in(name: str) -> None:
    answer = Client().get(reverse(name))
    assert (answer.status_code, answer["Location"]) == (302, f"{reverse('account_login')}?next={reverse(name)}")


# --- One holding --------------------------------------------------------------------------------------------------


def test_the_whole_term_stands_on_the_page_before_it_has_begun() -> None:
    investor = hold(1, units=2)
    fund = Fund.objects.select_related("policy").get(slug="copy-1")
    client = browser_of(investor)
    text = client.get(reverse("holding", args=["H-COPY1"])).content.decode()
    planned = period_rows(fund, fund.terms.get(), fund.policy)
    table = text[text.index("The whole term, period by period") :]
    assert table.count("not yet begun") == len(planned) == 10
    for period in planned:
        assert f"{period.report_due_on:%Y}" in table
    # The rule on the plan: the first period pays floor(15,500,000 · 3.36 % / 3,000) = 173 per unit.
    assert "¥15,500,000" in table and "¥173<" in re.sub(r"\s", "", table) and "¥346<" in re.sub(r"\s", "", table)
    assert "a plan, not a promise" in text and "Nothing has been paid to you yet." in text


def test_a_running_term_shows_its_rows_and_how_far_each_is() -> None:
    investor = hold(2)
    fund = Fund.objects.get(slug="copy-2")
    today = clock.today_in()
    shifted = {1: (-500, -136), 2: (-135, 230), 3: (231, 595)}
    for number, (start, end) in shifted.items():
        Period.objects.filter(fund=fund, number=number).update(
            starts_on=today + timedelta(days=start),
            ends_on=today + timedelta(days=end),
            report_due_on=today + timedelta(days=end + 90),
            payment_due_on=today + timedelta(days=end + 120),
        )
    Period.objects.filter(fund=fund, number=4).update(state="paid")
    text = browser_of(investor).get(reverse("holding", args=["H-COPY2"])).content.decode()
    table = text[text.index("The whole term, period by period") :]
    words = re.findall(r"(not yet reported|running|not yet begun|paid)\s*</span>", table)
    assert words[:4] == ["not yet reported", "running", "not yet begun", "paid"]


def test_the_sheet_has_the_figures_and_no_navigation() -> None:
    investor = hold(1)
    text = browser_of(investor).get(reverse("holding_sheet", args=["H-COPY1"])).content.decode()
    assert "H-COPY1" in text and "¥10,000" in text and "The whole term" in text
    assert "<nav" not in text and "site-header" not in text


def test_a_holder_shows_or_hides_their_name_and_each_change_leaves_a_trace() -> None:
    from microfund.kernel.audit.models import AuditRow

    investor = hold(1)
    client = browser_of(investor)
    address = reverse("holding_supporter", args=["H-COPY1"])
    order = Order.objects.get(reference="COPY-1")
    assert client.get(address).status_code == 405
    answer = client.post(address, {"name_shown": "on"}, follow=True)
    assert "Your name may be shown" in answer.content.decode() and " checked>" in answer.content.decode()
    order.refresh_from_db()
    assert order.supporter_name_shown
    client.post(address, {"name_shown": "on"})
    client.post(address, {"name_shown": "yes; DROP"})
    order.refresh_from_db()
    assert not order.supporter_name_shown
    rows = AuditRow.objects.filter(action="investments.Order.supporter").order_by("pk")
    assert [row.changes for row in rows] == [
        {"supporter_name_shown": [False, True]},
        {"supporter_name_shown": [True, False]},
    ]
    assert {row.actor_id for row in rows} == {investor.user_id}
    assert not Order.objects.exclude(pk=order.pk).filter(supporter_name_shown=True).exists()


def test_a_name_is_not_changed_without_the_token_of_the_form() -> None:
    investor = hold(1)
    client = Client(enforce_csrf_checks=True)
    client.force_login(investor.user)
    assert client.post(reverse("holding_supporter", args=["H-COPY1"]), {"name_shown": "on"}).status_code == 403


# --- Queries ------------------------------------------------------------------------------------------------------


def queries_of(client: Client, address: str) -> int:
    client.get(address)
    cache.clear()
    with counted_queries() as statements:
        assert client.get(address).status_code == 200
    return len(statements)


def test_every_page_makes_as_many_queries_for_60_holdings_as_for_3() -> None:
    investor = hold(3)
    client = browser_of(investor)
    names = ("me", "holdings", "holdings_csv", "orders", "calendar")
    few = {name: queries_of(client, reverse(name)) for name in names}
    few["holding"] = queries_of(client, reverse("holding", args=["H-COPY2"]))
    # Every section of the overview has a query or two of its own.
    assert few["me"] <= 31 and max(number for name, number in few.items() if name != "me") <= 20, few
    template = Order.objects.get(state="reserved")
    copy_fund(template.fund_id, first=4, last=60)
    copy_holding(template.pk, first=4, last=60, today=clock.today_in())
    many = {name: queries_of(client, reverse(name)) for name in names}
    many["holding"] = queries_of(client, reverse("holding", args=["H-COPY2"]))
    assert many == few


def test_the_count_would_notice_a_query_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: rows that each ask for their fund's periods."""
    from microfund.site import own_pages

    client = browser_of(hold(3))
    sound = queries_of(client, reverse("holdings"))
    own = own_pages.own_holdings.rows

    def careless(investor: Any, holdings: Any) -> Any:
        made = own(investor, holdings)
        for row in made:
            row.holding.fund.periods.count()
        return made

    monkeypatch.setattr(own_pages.own_holdings, "rows", careless)
    assert queries_of(client, reverse("holdings")) == sound + 3


def test_the_overview_names_the_next_dates_of_a_term_that_has_not_begun() -> None:
    investor = hold(1)
    fund = Fund.objects.select_related("policy").get(slug="copy-1")
    first = period_rows(fund, fund.terms.get(), fund.policy)[0]
    text = browser_of(investor).get(reverse("me")).content.decode()
    dates = text[text.index("Next dates") :]
    for on, words in (
        (fund.term_starts_on, "The term begins."),
        (first.report_due_on, "The sales report of period 1 is due."),
        (first.payment_due_on, "The payment of period 1 is due, if there is one."),
    ):
        assert f'datetime="{on}"' in dates and words in dates


# --- Groups, rewards, PDF -----------------------------------------------------------------------------------------


def towns(investor: Any) -> None:
    """The holdings of this person in two towns and of two disasters, by turns."""
    flood = make.make_disaster(slug="flood", name_en="Spring flood", name_ja="春の洪水", happened_on=date(2020, 5, 1))
    for number, holding in enumerate(Holding.objects.filter(investor=investor).order_by("pk")):
        place = {"town_en": "Aonae", "town_ja": "青苗", "disaster": flood} if number % 2 else {}
        Fund.objects.filter(pk=holding.fund_id).update(business=make.make_business(**place))


def headed(text: str) -> list[str]:
    return re.findall(r'<th scope="rowgroup"[^>]*>([^<]+)</th>', text)


def test_holdings_stand_together_by_disaster_or_town_with_the_sums_of_each() -> None:
    investor = hold(5, units=2)
    towns(investor)
    client = browser_of(investor)
    by_town = client.get(reverse("holdings"), {"group": "area"}).content.decode()
    assert headed(by_town) == ["Aonae", "Yonezaki"]
    assert headed(client.get("/ja/me/holdings/", {"group": "area"}).content.decode()) == ["米崎", "青苗"]
    by_disaster = client.get("/me/holdings/", {"group": "disaster"}).content.decode()
    assert headed(by_disaster) == ["Autumn storm surge", "Spring flood"]
    first, second = by_disaster.split('class="table__group"')[1:]
    assert (len(rows_in(first)), len(rows_in(second))) == (3, 2)
    assert re.findall(r"¥[\d,]+", first)[0] == "¥30,000" and re.findall(r"¥[\d,]+", second)[0] == "¥20,000"
    assert headed(client.get("/me/holdings/").content.decode()) == []
    assert "was left out" in client.get("/me/holdings/", {"group": "moon"}).content.decode()
    # Grouping leaves nothing out, so it is no chip, and it stays when a filter goes.
    chosen = client.get("/me/holdings/", {"group": "area", "state": "before"}).content.decode()
    assert chosen.count('class="chip"') == 1 and 'href="/me/holdings/?group=area"' in chosen


def test_the_pdf_holds_what_the_list_shows_in_its_groups_and_nobody_elses(typeset: None) -> None:
    investor = hold(3)
    towns(investor)
    client = browser_of(investor)
    answer = client.get(reverse("holdings_pdf"), {"group": "area", "state": "before"})
    assert answer.status_code == 200 and answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF") and 'filename="tomobune-holdings-' in answer["Content-Disposition"]
    assert browser_of(make.make_investor()).get(reverse("holdings_pdf")).status_code == 404
    assert client.get(reverse("holdings_pdf"), {"q": "nothing like it"}).status_code == 404


def test_the_pdf_says_the_words_and_sums_of_the_list() -> None:
    investor = hold(3)
    towns(investor)
    client = browser_of(investor)
    said = client.get("/ja/me/holdings.pdf", {"group": "area"}).content.decode()
    assert '"landscape": true' in said and investor.name in said
    for words in ("青苗", "米崎", "H-COPY1", "H-COPY3", "10,000円", "20,000円", "30,000円"):
        assert words in said, words
    only = client.get("/me/holdings.pdf", {"q": "H-COPY2"}).content.decode()
    assert "H-COPY2" in only and "H-COPY1" not in only and "“H-COPY2”" in only


def test_a_row_counts_the_rewards_of_its_holding() -> None:
    cycle, _at = rewards.opened(3)
    own = rewards.row_of(cycle)
    client = browser_of(own.holding.investor)
    page = client.get(reverse("holdings")).content.decode()
    assert f"{own.quantity} to claim" in page and f'href="{reverse("rewards:list")}"' in page
    Entitlement.objects.filter(pk=own.pk).update(state="shipped")
    assert f"{own.quantity} on " in client.get(reverse("holdings")).content.decode()
    Entitlement.objects.filter(pk=own.pk).update(state="delivered")
    assert f"{own.quantity} received" in client.get(reverse("holdings")).content.decode()
