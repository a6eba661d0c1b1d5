"""How many queries a page makes: few, and the same however many businesses there are (pages.md section 3)."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from investments.models import Release
from microfund.kernel import clock
from tests import make, repay
from tests.copies import copy_fund, counted_queries

#: Address, queries, and the most that the design allows. An anonymous visitor's session costs none.
PAGES = [
    ("/", 8, 12),
    ("/businesses/", 7, 12),
    ("/ja/businesses/?page=2", 7, 12),
    ("/businesses/?q=oyster&stage=raising&trade=oyster&sort=needed&price=to-11000", 6, 12),
    ("/businesses/?trade=boat&stage=raising&area=Town+1&disaster=storm-surge&price=to-11000&q=x", 9, 12),
    ("/businesses/copy-1/", 15, 20),
    ("/businesses/copy-1/news/", 5, 20),
    ("/stories/", 2, 12),
    ("/map/?reward=goods&questions=answered&sort=reported", 3, 12),
    ("/feeds/funds.rss?stage=raising", 3, 12),
    ("/businesses/copy-1/supporters/", 6, 20),
    ("/businesses/copy-1/terms/", 6, 20),
    ("/businesses/copy-1/simulator/?sales_pct=60&units=2", 6, 20),
]


def queries_of(client: Client, path: str) -> int:
    cache.clear()
    with counted_queries() as statements:
        response = client.get(path)
    assert response.status_code == 200
    return len(statements)


@pytest.mark.django_db
def test_every_page_makes_as_many_queries_for_3000_businesses_as_for_30(client: Client) -> None:
    fund = make.make_fund()
    copy_fund(fund.pk, first=1, last=30)
    few = {path: queries_of(client, path) for path, _exact, _most in PAGES}
    assert few == {path: exact for path, exact, _most in PAGES}
    assert all(exact <= most for _path, exact, most in PAGES)
    copy_fund(fund.pk, first=31, last=3_000)
    assert {path: queries_of(client, path) for path, _exact, _most in PAGES} == few


@pytest.mark.django_db
def test_the_page_of_a_business_that_repays_and_has_spent_keeps_within_the_budget(client: Client) -> None:
    fund = repay.operating(40, 45, periods=4)
    released = {"created_at": timezone.now(), "released_on": clock.today_in()}
    Release.objects.create(fund=fund, part=Release.Part.DONATION, amount=1_000, **released)
    assert queries_of(client, f"/businesses/{fund.business.slug}/") == 20


@pytest.mark.django_db
def test_the_count_would_notice_a_query_for_each_card(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: without its prefetch the list asks for each picture."""
    from microfund.site import list_pages

    fund = make.make_fund()
    copy_fund(fund.pk, first=1, last=30)
    sound = queries_of(client, "/businesses/")

    def careless(keys, *, on, at):
        made = sound_cards(keys, on=on, at=at)
        for card in made:
            card.business.pictures.count()
        return made

    sound_cards = list_pages.cards_of
    monkeypatch.setattr(list_pages, "cards_of", careless)
    assert queries_of(client, "/businesses/") == sound + list_pages.PAGE_SIZE
