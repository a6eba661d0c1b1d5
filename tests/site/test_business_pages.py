"""The list of businesses and the pages of one: what they show, to whom, and what they answer to nonsense."""

import html
import re
import uuid
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import translation

from businesses.models import Business, Membership, Picture
from businesses.questions import services as questions
from investments.models import Document, Fund, FundCounter, Order, Period
from investments.offerings import services as offerings
from investments.offerings.queries import rule_terms
from investments.offerings.rule import PeriodResult, Report, run
from microfund.kernel import clock
from rewards.models import Offer
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh() -> Any:
    """English addresses, and counters that no other test has left behind."""
    cache.clear()
    with translation.override("en"):
        yield


def text(response: Any) -> str:
    """What a reader sees: no tags, no character references, single spaces."""
    page = re.sub(r"<(script|style|head)\b.*?</\1>", " ", response.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def markup(response: Any) -> str:
    """The page's source with every run of white space as one space: how templates are laid out is not its meaning."""
    return re.sub(r"\s+", " ", response.content.decode())


def sell(fund: Fund, *, sold: int, reserved: int = 0) -> None:
    """Set the counter as orders would: these tests are about what a page says of it."""
    FundCounter.objects.filter(fund=fund).update(sold=sold, reserved=reserved)


def shown(response: Any) -> list[str]:
    """Slugs of the businesses on a list, in order."""
    return [card.business.slug for card in response.context["cards"]]


# --- what every page has ----------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["", "/ja"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/businesses/",
        "/businesses/hinode/",
        "/businesses/hinode/terms/",
        "/businesses/hinode/simulator/",
        "/how-it-works/",
        "/risks/",
        "/fees/",
        "/glossary/",
    ],
)
def test_every_page_has_one_heading_a_description_and_its_twin(client: Client, language: str, path: str) -> None:
    make.make_fund(business=make.make_business(slug="hinode"))
    response = client.get(language + path)
    page = markup(response)
    assert response.status_code == 200
    assert len(re.findall(r"<h1\b", page)) == 1
    assert re.search(r"<title>\s*\S", page)
    assert re.search(r'<meta name="description" content="[^"]{20,}', page)
    assert f'<link rel="canonical" href="http://testserver{language}{path}">' in page
    assert f'hreflang="en" href="http://testserver{path}"' in page
    assert f'hreflang="ja" href="http://testserver/ja{path}"' in page
    assert ('class="breadcrumb"' in page) == (path != "/")
    identifiers = re.findall(r'\sid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers)), "an id stands twice on the page"
    inline = r"\sstyle=|<style|<script(?![^>]*(?:\ssrc=|application/ld\+json))|\son\w+="
    assert not re.search(inline, page), "inline style or script"
    assert "unsafe" not in response.headers["Content-Security-Policy"]


def test_a_name_with_markup_is_shown_as_text(client: Client) -> None:
    evil = '"><script>alert(1)</script>'
    business = make.make_business(slug="evil", name_en=evil, use_line_en=evil, story_en=evil, town_en=evil[:80])
    fund = make.make_fund(business=business, risks=[{"en": evil, "ja": evil}], revenue_basis_en=evil)
    Offer.objects.create(fund=fund, text_en=evil, text_ja=evil, when_en=evil)
    for path in ("/", f"/businesses/?q={evil}", "/businesses/evil/", "/businesses/evil/terms/"):
        assert b"<script>alert" not in client.get(path).content, path
    for document in Document.objects.filter(fund=fund):
        assert b"<script" not in bytes(document.html)


# --- first page -------------------------------------------------------------------------------------


def test_the_first_page_shows_three_raising_funds_those_closing_first_in_front(client: Client) -> None:
    today = clock.today_in()
    for days in (40, 10, 30, 20):
        make.make_fund(business=make.make_business(slug=f"in-{days}"), closes_on=today + timedelta(days=days))
    make.make_fund(state="scheduled")
    response = client.get("/")
    assert [card.business.slug for card in response.context["raising"]] == ["in-10", "in-20", "in-30"]
    assert "Half a gift. Half a stake." in text(response)


def test_a_sold_out_fund_gives_way_to_one_that_still_sells(client: Client) -> None:
    first = make.make_fund(business=make.make_business(slug="first"), closes_on=clock.today_in() + timedelta(days=2))
    make.make_fund(business=make.make_business(slug="second"))
    sell(first, sold=3_000)
    assert [card.business.slug for card in client.get("/").context["raising"]] == ["second", "first"]


def test_without_an_open_fund_the_first_page_says_so_and_shows_others(client: Client) -> None:
    assert "Nothing is raising today" in text(client.get("/"))
    make.make_fund(state="scheduled", business=make.make_business(slug="soon"))
    response = client.get("/")
    assert "Nothing is raising today" in text(response)
    assert [card.business.slug for card in response.context["others"]] == ["soon"]


# --- list -------------------------------------------------------------------------------------------


def test_the_list_shows_one_fund_of_each_published_business(client: Client) -> None:
    business = make.make_business(slug="two-funds", name_en="Two Funds")
    make.make_fund(business=business, state="scheduled")
    opened = make.make_fund(business=business, state="open", units_offered=100)
    make.make_fund(state="draft")
    make.make_fund(business=make.make_business(state=Business.State.DRAFT, slug="hidden"), state="draft")
    make.make_business(slug="no-fund")
    response = client.get("/businesses/")
    assert [card.fund.pk for card in response.context["cards"]] == [opened.pk]
    assert "1 business" in text(response)


def test_of_several_funds_the_newest_is_shown_when_none_is_open(client: Client) -> None:
    business = make.make_business()
    today = clock.today_in()
    older = make.make_fund(business=business, state="scheduled", opens_on=today + timedelta(days=5))
    newer = make.make_fund(business=business, state="scheduled", opens_on=today + timedelta(days=9))
    assert [card.fund.pk for card in client.get("/businesses/").context["cards"]] == [newer.pk]
    page = client.get(f"/businesses/{business.slug}/")
    assert page.context["fund"].pk == newer.pk
    assert f"?fund={older.slug}" in page.content.decode(), "the other fund can be reached"
    assert client.get(f"/businesses/{business.slug}/?fund={older.slug}").context["fund"].pk == older.pk


def test_filters_work_together_and_stand_in_the_address(client: Client) -> None:
    make.make_fund(business=make.make_business(slug="oyster-open", trade="oyster"))
    make.make_fund(business=make.make_business(slug="oyster-soon", trade="oyster"), state="scheduled")
    make.make_fund(business=make.make_business(slug="sake-open", trade="sake"))
    response = client.get("/businesses/?trade=oyster&stage=raising")
    assert shown(response) == ["oyster-open"]
    page = response.content.decode()
    assert 'href="/businesses/?stage=raising"' in page and 'href="/businesses/?trade=oyster"' in page
    assert "Remove filter:" in page
    assert re.search(r'<option value="oyster"\s+selected', page), "the form keeps what was asked"


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ("q=homachi", ["brewery"]),
        ("q=帆待", ["brewery"]),
        ("q=ＨＯＭＡＣＨＩ+brew", ["brewery"]),
        ("q=cedar", ["farm"]),
        ("q=cedar+homachi", []),
        ("q=%25", []),
        ("area=Homachi", ["brewery"]),
        ("disaster=quake", ["brewery"]),
        ("price=to-11000", ["farm"]),
        ("price=11001-22000", ["brewery"]),
        ("price=from-22001", []),
        ("sort=newest", ["farm", "brewery"]),
    ],
)
def test_search_and_filters_find_what_they_name(client: Client, query: str, slugs: list[str]) -> None:
    today = clock.today_in()
    quake = make.make_disaster(slug="quake", name_en="Earthquake")
    make.make_fund(business=make.make_business(slug="farm"), opens_on=today - timedelta(days=3))
    make.make_fund(
        business=make.make_business(
            slug="brewery",
            trade="sake",
            name_en="Homachi Brewery",
            name_ja="帆待酒造",
            town_en="Homachi",
            use_line_en="A bottling line",
            disaster=quake,
        ),
        investment=10_000,
        donation=10_000,
        fee=1_000,
        opens_on=today - timedelta(days=8),
    )
    assert shown(client.get(f"/businesses/?{query}")) == slugs


def test_rewards_and_answers_filter_and_the_feed_follows_the_search(client: Client) -> None:
    voucher = make.make_fund(business=make.make_business(slug="voucher"))
    Offer.objects.create(fund=voucher, kind="voucher", text_en="Tea", text_ja="お茶")
    make.make_fund(business=make.make_business(slug="plain"))
    asker, business = make.make_user(), voucher.business
    asked = questions.ask(business, asker=asker, name="H", text="Insured?", form_token=uuid.uuid4(), at=clock.now())
    assert shown(client.get("/businesses/?reward=voucher")) == ["voucher"]
    assert shown(client.get("/businesses/?questions=answered")) == []
    questions.answer(asked, "Yes.", actor=make.make_member(business), at=clock.now())
    cache.clear()
    page = client.get("/businesses/?questions=answered")
    assert shown(page) == ["voucher"] and "<details open>" in markup(page), "a filter in force is never folded away"
    feed = client.get("/feeds/funds.rss?reward=voucher&stage=raising")
    root = ElementTree.fromstring(feed.content)  # noqa: S314 (our own page)
    assert feed.headers["Content-Type"].startswith("application/rss+xml") and root.get("version") == "2.0"
    guids = [item.findtext("guid") for item in root.iter("item")]
    assert (
        len(guids) == 1
        and guids[0].endswith(f",2026:funds/{voucher.pk}/opened/en")
        and "voucher" in str(root.find("channel/item/link").text)
    )
    empty = ElementTree.fromstring(client.get("/feeds/funds.rss?q=nothing").content)  # noqa: S314
    assert not list(empty.iter("item")) and empty.findtext("channel/title")


def test_the_map_gathers_neighbours_and_lists_who_has_no_place(client: Client) -> None:
    for slug, x, y in (("north", 300, 200), ("near-a", 280, 366), ("near-b", 290, 352), ("nowhere", 0, 0)):
        make.make_fund(business=make.make_business(slug=slug, map_x=x, map_y=y, name_en=f"House {slug}"))
    page = client.get("/map/")
    pins = page.context["pins"]
    assert [[card.business.slug for card in pin.cards] for pin in pins] == [["north"], ["near-b", "near-a"]]
    assert pins[0].href == "/businesses/north/" and pins[1].href == "#place-2"
    assert 'id="place-2"' in markup(page) and "House near-a" in pins[1].label
    assert [card.business.slug for card in page.context["unplaced"]] == ["nowhere"]
    assert "House nowhere" in text(page) and len(client.get("/map/?q=north").context["pins"]) == 1


def test_supporters_are_named_only_if_they_wish_it(client: Client) -> None:
    fund = make.make_fund()
    for name, seen in (("Open Hand", True), ("Quiet Hand", False)):
        order = make.make_order(fund=fund, investor=make.make_investor(name=name))
        Order.objects.filter(pk=order.pk).update(
            state="paid", paid_at=clock.now(), cooling_off_ends_at=clock.now(), supporter_name_shown=seen
        )
    for address in (f"/businesses/{fund.business.slug}/", f"/businesses/{fund.business.slug}/supporters/"):
        page = text(client.get(address))
        assert "2 people have paid for units." in page and "Open Hand" in page and "Quiet Hand" not in page


def test_most_needed_puts_the_largest_unsold_share_first(client: Client) -> None:
    for slug, sold in (("half", 50), ("most", 90), ("none", 0)):
        sell(make.make_fund(business=make.make_business(slug=slug), units_offered=100), sold=sold)
    assert shown(client.get("/businesses/?sort=needed")) == ["none", "half", "most"]


def test_an_unknown_value_is_left_out_and_told(client: Client) -> None:
    make.make_fund(business=make.make_business(slug="farm"))
    response = client.get("/businesses/?trade=dragons&sort=upwards&q=" + "x" * 200)
    assert response.status_code == 200
    assert shown(response) == ["farm"]
    assert "“dragons” is not known as a value of “Trade”" in text(response)
    assert response.context["chips"] == []
    assert client.get("/businesses/?q=%00").status_code == 200


def test_an_empty_list_names_the_filter_that_empties_it(client: Client) -> None:
    make.make_fund(business=make.make_business(slug="farm", trade="oyster"))
    response = client.get("/businesses/?trade=oyster&stage=repaying")
    assert "No business matches" in text(response)
    assert [(chip.href, chip.count) for chip in response.context["culprits"]] == [("/businesses/?trade=oyster", 1)]
    both = client.get("/businesses/?trade=sake&stage=repaying")
    assert both.context["culprits"] == []
    assert "Taking away any one of the filters leaves nothing either." in text(both)


def test_pages_of_twelve_keep_the_filters(client: Client) -> None:
    for _number in range(13):
        make.make_fund()
    first = client.get("/businesses/?trade=oyster")
    assert len(shown(first)) == 12
    assert 'href="?trade=oyster&amp;page=2"' in first.content.decode()
    second = client.get("/businesses/?trade=oyster&page=2")
    assert len(shown(second)) == 1
    assert not set(shown(first)) & set(shown(second))


@pytest.mark.parametrize("number", ["2", "0", "-1", "x", "99999999999999999999"])
def test_a_page_that_is_not_there_answers_404_with_a_way_to_the_first(client: Client, number: str) -> None:
    make.make_fund()
    response = client.get(f"/businesses/?trade=oyster&page={number}")
    assert response.status_code == 404
    assert 'href="/businesses/?trade=oyster"' in response.content.decode()


# --- one business -----------------------------------------------------------------------------------


def test_the_page_says_how_far_the_fund_is(client: Client) -> None:
    fund = make.make_fund(closes_on=clock.today_in() + timedelta(days=31))
    sell(fund, sold=2_340, reserved=60)
    page = text(client.get(f"/businesses/{fund.business.slug}/"))
    assert "78% ¥23,400,000 of ¥30,000,000" in page
    assert "31 days left" in page
    assert "units left 600" in page
    assert "the donation is never repaid" in page


def test_units_are_offered_only_while_they_can_be_bought(client: Client) -> None:
    fund = make.make_fund(units_offered=100)
    address = f"/businesses/{fund.business.slug}/"
    button = reverse("investments:units", args=[fund.slug])
    assert f'action="{button}"' in client.get(address).content.decode()
    sell(fund, sold=90, reserved=10)
    held = client.get(address)
    assert button not in held.content.decode() and "All units left are reserved right now." in text(held)
    sell(fund, sold=100)
    gone = client.get(address)
    assert button not in gone.content.decode() and "Sold out." in text(gone)
    sell(fund, sold=10)
    FundCounter.objects.filter(fund=fund).update(accepting=False)
    assert button not in client.get(address).content.decode()


def test_a_fund_past_its_closing_instant_sells_nothing_even_before_the_sweep(client: Client) -> None:
    fund = make.make_fund()
    FundCounter.objects.filter(fund=fund).update(closes_at=clock.now() - timedelta(seconds=1))
    page = client.get(f"/businesses/{fund.business.slug}/").content.decode()
    assert reverse("investments:units", args=[fund.slug]) not in page


def test_the_page_holds_terms_risks_uses_documents_and_rewards(client: Client) -> None:
    fund = make.make_fund(grace_periods=1, revenue_floor=1_000_000, period_cap=[700, *[None] * 9])
    Offer.objects.create(fund=fund, minimum_units=3, text_en="Breakfast on the raft", text_ja="朝ごはん", when_en="May")
    response = client.get(f"/businesses/{fund.business.slug}/")
    page = text(response)
    for words in (
        "Another storm may take the rafts.",
        "Cedar and bamboo for rafts ¥15,000,000 50%",
        "Repayment rate until recoup 3.36%",
        "Repayment rate after recoup 0.84%",
        "Recoup: revenue at which the investment is back ¥446,428,572",
        "Grace periods 1",
        "Revenue floor of a period ¥1,000,000",
        "period 1: ¥700",
        "from 3 units Breakfast on the raft May",
        "Terms version 1",
    ):
        assert words in page, words
    markup = response.content.decode()
    assert "<details" not in markup.split('id="risks"')[1].split("</section>")[0], "risks are never folded away"
    for document in Document.objects.filter(fund=fund):
        assert document.sha256 in markup
    assert 'href="/glossary/#recoup"' in markup


def test_every_definition_that_terms_link_to_exists(client: Client) -> None:
    fund = make.make_fund()
    words = set(
        re.findall(r'href="/glossary/#([^"]+)"', client.get(f"/businesses/{fund.business.slug}/").content.decode())
    )
    anchors = set(re.findall(r'<div id="([^"]+)"><dt>', client.get("/glossary/").content.decode()))
    assert words and words <= anchors


def test_the_page_tells_the_loss_before_the_gain_and_no_yearly_rate(client: Client) -> None:
    fund = make.make_fund()
    page = text(client.get(f"/businesses/{fund.business.slug}/"))
    back = sum(result.per_unit for result in _at_sixty(fund))
    loss = f"you lose ¥{5_000 - back:,} of your ¥5,000: only ¥{back:,} comes back over 10 years."
    assert f"If sales come to 60% of plan, {loss}" in page
    assert page.index(loss) < page.index("150% —")
    for word in ("yield", "guaranteed return", "per year", "p.a.", "earn "):
        assert word not in page


def _at_sixty(fund: Fund) -> list[PeriodResult]:
    terms = fund.terms.get()
    plan = enumerate(terms.plan_revenue, start=1)
    return run(rule_terms(terms), [Report(number, sales * 60 // 100) for number, sales in plan])


def test_pictures_come_with_sizes_and_their_description(client: Client) -> None:
    fund = make.make_fund()
    Picture.objects.create(
        business=fund.business, digest="d" * 32, widths=[320, 640], width=640, height=400, alt_en="Rafts", alt_ja="筏"
    )
    page = markup(client.get(f"/businesses/{fund.business.slug}/"))
    assert 'alt="Rafts"' in page and "320w" in page and "640w" in page
    assert 'property="og:image" content="http' in page


def test_periods_appear_once_the_fund_operates(client: Client) -> None:
    fund = make.make_fund()
    address = f"/businesses/{fund.business.slug}/"
    assert "Payment due on" not in text(client.get(address))
    starts = clock.today_in() - timedelta(days=400)
    Fund.objects.filter(pk=fund.pk).update(
        state="operating", opens_on=starts - timedelta(90), closes_on=starts - timedelta(9), term_starts_on=starts
    )
    for number in (1, 2):
        first, last = clock.period_bounds(starts, 12, number)
        Period.objects.create(
            fund=fund,
            number=number,
            starts_on=first,
            ends_on=last,
            record_on=last,
            report_due_on=last + timedelta(days=90),
            payment_due_on=last + timedelta(days=120),
        )
    page = text(client.get(address))
    assert "Repaying, year 2" in page
    assert "Every period of the term with its dates" in page
    assert "Choose units" not in page


def test_a_draft_does_not_exist_for_the_public_and_leaks_no_name(client: Client) -> None:
    business = make.make_business(
        state=Business.State.DRAFT, name_en="Secret Kiln", name_ja="秘密の窯", slug="secret-kiln"
    )
    make.make_fund(business=business, state="draft")
    for path in ("", "terms/", "simulator/"):
        draft = client.get(f"/businesses/secret-kiln/{path}")
        unknown = client.get(f"/businesses/nobodys-kiln/{path}")
        assert draft.status_code == unknown.status_code == 404
        assert "Secret" not in draft.content.decode() and "秘密" not in draft.content.decode()
        told, nothing = (re.sub(r'value="\w{64}"', "", page.content.decode()) for page in (draft, unknown))
        assert told.replace("secret", "nobodys") == nothing, path


def test_members_and_staff_preview_a_draft(client: Client) -> None:
    business = make.make_business(state=Business.State.DRAFT, slug="kiln")
    make.make_fund(business=business, state="draft")
    owner, stranger = make.make_user(), make.make_user()
    Membership.objects.create(business=business, user=owner)
    client.force_login(stranger)
    assert client.get("/businesses/kiln/").status_code == 404
    client.force_login(owner)
    response = client.get("/businesses/kiln/")
    assert response.status_code == 200
    assert "A preview" in text(response)
    assert response.headers["X-Robots-Tag"] == "noindex" and "no-store" in response.headers["Cache-Control"]
    assert "These terms can still change" in text(response)
    assert shown(client.get("/businesses/")) == []


def test_an_unchecked_fund_of_a_published_business_is_for_its_members_only(client: Client) -> None:
    opened = make.make_fund()
    draft = make.make_fund(business=opened.business, state="draft")
    address = f"/businesses/{opened.business.slug}/?fund={draft.slug}"
    assert client.get(address).status_code == 404
    owner = make.make_user()
    Membership.objects.create(business=opened.business, user=owner)
    client.force_login(owner)
    assert client.get(address).context["fund"].pk == draft.pk
    assert client.get(f"/businesses/{opened.business.slug}/?fund=nothing").status_code == 404


def test_a_withdrawn_business_answers_410_with_the_reason(client: Client) -> None:
    business = make.make_business(slug="gone")
    fund = make.make_fund(business=business)
    Business.objects.filter(pk=business.pk).update(
        state=Business.State.WITHDRAWN,
        withdrawn_reason_en="The owner has retired.",
        withdrawn_reason_ja="代表が引退しました。",
    )
    response = client.get("/businesses/gone/")
    assert response.status_code == 410
    assert "The owner has retired." in text(response)
    assert "代表が引退しました。" in text(client.get("/ja/businesses/gone/"))
    assert shown(client.get("/businesses/")) == []
    document = Document.objects.filter(fund=fund).first()
    assert document is not None
    assert client.get(f"/businesses/gone/documents/{document.sha256}/").status_code == 200, "holders may still read it"


def test_a_business_without_a_fund_has_a_page_but_no_simulator(client: Client) -> None:
    make.make_business(slug="alone")
    assert "No fund yet" in text(client.get("/businesses/alone/"))
    assert client.get("/businesses/alone/simulator/").status_code == 404
    assert client.get("/businesses/alone/terms/").status_code == 404


def test_pages_are_read_only(client: Client) -> None:
    fund = make.make_fund()
    for path in (
        "/",
        "/businesses/",
        f"/businesses/{fund.business.slug}/",
        f"/businesses/{fund.business.slug}/simulator/",
    ):
        assert client.post(path).status_code == 405
        assert client.head(path).status_code == 200


# --- terms ------------------------------------------------------------------------------------------


def test_the_terms_page_shows_what_a_new_version_changed(client: Client) -> None:
    fund = make.make_fund(state="scheduled")
    older = fund.terms.get()
    older.pk = None
    older.version, older.reason, older.revenue_floor = 2, "The floor was missing", 2_000_000
    older.save(force_insert=True)
    page = text(client.get(f"/businesses/{fund.business.slug}/terms/"))
    assert "Version 2 , not frozen yet: The floor was missing" in page
    assert "Revenue floor of a period none ¥2,000,000" in page
    assert "¥465,100,000" in page, "the plan's total"


def test_the_rule_stands_in_words_with_the_funds_own_figures(client: Client) -> None:
    fund = make.make_fund(rate_after_recoup="0")
    page = text(client.get(f"/businesses/{fund.business.slug}/terms/"))
    assert "Until the sum reaches ¥446,428,572, 3.36% of it is for the investors." in page
    assert "nothing more is paid" in page
    assert "divided by the 3,000 units offered" in page


def test_documents_of_amended_terms_say_that_they_were_replaced_and_stay(client: Client) -> None:
    fund = make.make_fund()
    path = reverse("businesses:terms", args=[fund.business.slug])
    assert "replaced" not in text(client.get(path))
    old = Document.objects.filter(fund=fund, language="en").values_list("sha256", flat=True)
    risks = [{"en": "A third storm may come.", "ja": "三度目の嵐が来るかもしれません。"}]
    offerings.amend_terms(
        fund, changes={"risks": risks}, actor=make.make_user(is_staff=True), at=clock.now(), reason="A survey"
    )
    response = client.get(path)
    assert "were replaced by those of version 2" in text(response)
    assert text(response).count("replaced by a later version") == Document.objects.filter(terms__version=1).count()
    for sha256 in list(old):
        assert client.get(reverse("businesses:document", args=[fund.business.slug, sha256])).status_code == 200
