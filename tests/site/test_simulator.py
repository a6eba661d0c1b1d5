"""The simulator: the address says it all, the loss comes first, nonsense is answered, the chart is drawn right."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from investments.offerings.queries import rule_terms
from investments.offerings.rule import Report, run
from microfund.site import simulation
from microfund.site.yearly_rate import in_percent, xirr
from tests import make

from .test_business_pages import text

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture
def address() -> str:
    make.make_fund(business=make.make_business(slug="farm"), grace_periods=1)
    return "/businesses/farm/simulator/"


def test_the_page_pays_what_the_rule_pays(client: Client, address: str) -> None:
    response = client.get(f"{address}?sales_pct=60&units=2")
    terms = response.context["terms"]
    results = run(
        rule_terms(terms), [Report(number, plan * 60 // 100) for number, plan in enumerate(terms.plan_revenue, start=1)]
    )
    assert [row.per_unit for _planned, row in response.context["years"]] == [result.per_unit for result in results]
    total = sum(result.per_unit for result in results) * 2
    page = text(response)
    assert f"you lose ¥{10_000 - total:,} of your ¥10,000: only ¥{total:,} comes back over 10 years." in page
    assert "Your donation of ¥10,000 is never repaid, and neither is the fee of ¥1,000." in page
    assert "Total: ¥21,000" in page


def test_the_loss_is_told_before_the_gain(client: Client, address: str) -> None:
    page = text(client.get(f"{address}?sales_pct=150&units=1"))
    assert page.index("your whole investment of ¥5,000 is lost") < page.index("comes back over 10 years, and ¥")
    rows = re.findall(r"(\d+)% (¥[\d,]+|—) ¥[\d,]+ [\d.]+%", page)
    assert [share for share, _lost in rows] == ["0", "60", "100", "150"]
    assert [lost for _share, lost in rows][-1] == "—"


def test_without_a_query_it_is_the_plan_and_one_unit(client: Client, address: str) -> None:
    response = client.get(address)
    assert "1 unit at 100% of planned sales" in text(response)
    page = response.content.decode()
    assert 'value="100"' in page and "(optional)" not in page
    for preset in (60, 100, 150):
        assert f'href="?sales_pct={preset}&amp;units=1"' in page


@pytest.mark.parametrize(
    ("query", "percent", "units"),
    [
        ("sales_pct=80%25", 80, 1),
        ("sales_pct=８０&units=３", 80, 3),
        ("sales_pct=&units=", 100, 1),
        ("sales_pct=0", 0, 1),
    ],
)
def test_figures_are_read_as_people_write_them(
    client: Client, address: str, query: str, percent: int, units: int
) -> None:
    response = client.get(f"{address}?{query}")
    assert (response.context["percent"], response.context["units"]) == (percent, units)
    assert not response.context["form"].errors


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("sales_pct=abc", "sales_pct"),
        ("sales_pct=-5", "sales_pct"),
        ("sales_pct=1.5", "sales_pct"),
        ("sales_pct=²", "sales_pct"),
        ("units=0", "units"),
        ("units=50", "units"),
        ("units=two", "units"),
        ("units=" + "9" * 5000, "units"),
    ],
)
def test_nonsense_is_an_error_of_its_field(client: Client, address: str, query: str, field: str) -> None:
    response = client.get(f"{address}?{query}")
    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    page = response.content.decode()
    assert "<title>Error:" in page
    assert f'href="#id_{field}"' in page
    assert 'aria-invalid="true"' in page


def test_more_than_three_hundred_percent_is_clipped_and_told(client: Client, address: str) -> None:
    response = client.get(f"{address}?sales_pct=301")
    assert response.context["percent"] == 300
    assert "More than 300% of plan is not worked out; this is 300%." in text(response)
    assert "not worked out" not in text(client.get(f"{address}?sales_pct=300"))


def test_a_yearly_rate_is_shown_to_nobody_who_has_not_asked(client: Client, address: str) -> None:
    whole = client.get(f"{address}?sales_pct=300&units=49").content.decode()
    parts = re.fullmatch(r'(.*)<details class="[^"]*yearly">(.*?)</details>(.*)', whole, re.S)
    assert parts
    before, folded, after = parts.groups()
    for word in ("annual", "per year", "a year.", "yield", "irr", "p.a."):
        assert word not in (before + after).lower()
    assert "On everything you pay (¥514,500)" in folded and "XIRR" in folded and "Careful" in folded


def test_the_yearly_rate_is_that_of_the_textbook() -> None:
    day = date(2026, 4, 1)
    in_a_year = date(2027, 4, 1)
    assert in_percent(xirr(day, 100, [(in_a_year, 110)])) == "10.0%"
    assert in_percent(xirr(day, 100, [(in_a_year, 50)])) == "−50.0%"
    assert in_percent(xirr(day, 10_000, [(in_a_year, 4_000), (date(2028, 3, 31), 7_000)])) == "6.0%"
    assert in_percent(xirr(day, 100, [(in_a_year, 0)])) == "−100%"


def test_the_chart_can_be_read_without_seeing_it(client: Client, address: str) -> None:
    page = client.get(f"{address}?sales_pct=60").content.decode()
    chart = page.split('<svg viewBox="0 0 480')[1].split("</svg>")[0]
    assert 'role="img"' in page and "<title" in chart and "<desc" in chart
    assert "url(#hatch-loss)" in chart and "url(#hatch-gain)" in chart
    assert ">loss<" in chart and ">gain<" in chart
    assert "% of planned sales part of the ¥5,000 is lost" in chart


def test_break_even_is_the_least_share_that_returns_everything() -> None:
    terms = rule_terms(make.make_fund(state="draft").terms.get())
    plan = tuple(make.PLAN)
    even = simulation.break_even(terms, plan)
    assert even is not None
    points = dict(simulation.curve(terms, plan, 200))
    assert points[even] >= 5_000
    assert simulation.project(terms, plan, even - 1, 1).per_unit < 5_000
    assert list(points.values()) == sorted(points.values()), "more sales never pay less"


def test_a_fund_that_cannot_return_everything_has_no_break_even_and_no_gain() -> None:
    terms = rule_terms(make.make_fund(state="draft", rate_before_recoup=Decimal("0.0001")).terms.get())
    drawn = simulation.chart(terms, make.PLAN, percent=100, units=1)
    assert (drawn.even_percent, drawn.gain) == (None, "")


@pytest.mark.parametrize("units", [1, 7, 49])
@pytest.mark.parametrize("percent", [0, 60, 100, 200, 250, 300])
def test_everything_drawn_lies_inside_the_chart(units: int, percent: int) -> None:
    terms = rule_terms(make.make_fund(state="draft").terms.get())
    drawn = simulation.chart(terms, make.PLAN, percent=percent, units=units)
    for points in (drawn.line, drawn.loss, drawn.gain):
        for pair in points.split():
            across, down = map(Decimal, pair.split(","))
            assert drawn.left <= across <= drawn.right and drawn.top <= down <= drawn.bottom
    assert drawn.left <= drawn.here_x <= drawn.right and drawn.top <= drawn.here_y <= drawn.bottom
    assert 2 <= len(drawn.y_ticks) <= 6
    assert drawn.y_ticks[0].value == 0 and drawn.y_ticks[-1].at == drawn.top
