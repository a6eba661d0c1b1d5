"""`page_list_growth`, `page_detail_growth`: how much longer a page takes with 3,000 businesses and funds than with 30;
`page_me_growth`: an investor's own pages with 300 holdings against 3; `page_holding`: one holding of ten paid periods,
of somebody who has 200 such against one.

The floor is the page itself over the few, so the figures say what growth costs and nothing else. Both sizes stand in
databases of the same cluster and are asked in turn, in short rounds, through the whole stack of middleware, so that a
machine that is busy for a while is busy for both. Each figure is the median of all requests of a kind, summed over the
addresses that stand for the page.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client, override_settings

from benchmarks.scratch import answer
from investments.models import Holding
from microfund.kernel import clock
from tests import repay
from tests.copies import copy_fund, copy_holding, copy_term, counted_queries
from tests.make import make_fund, make_order

FEW, MANY = 30, 3_000
FEW_HELD, MANY_HELD = 3, 300
HELD, PERIODS = 200, 10
ROUNDS, REQUESTS = 12, 15
WARM_UP = 5
GOAL = 1.3

#: Each shows twelve cards at both sizes, and every one of the copies matches the search: the most there is to find.
LIST = (
    "/businesses/",
    "/businesses/?page=2&sort=newest",
    "/businesses/?q=oyster&stage=raising&sort=needed",
    "/ja/businesses/?disaster=storm-surge&price=to-11000",
)
DETAIL = ("/businesses/copy-1/", "/ja/businesses/copy-30/")
#: The overview shows five holdings at most and the six next dates; what it sums and looks through are all of them.
OWN = ("/me/", "/ja/me/")
#: One holding, with everything that ten periods paid.
HOLDING = ("/me/holdings/H-ONE/", "/ja/me/holdings/H-ONE/")
MOST_QUERIES = {LIST: 12, DETAIL: 20, OWN: 20, HOLDING: 15}


def run() -> list[dict[str, Any]]:
    """All benchmarks, each on rows of its own."""
    return [
        {"name": "page_list_growth", **run_list()},
        {"name": "page_detail_growth", **run_detail()},
        {"name": "page_me_growth", **run_me()},
        {"name": "page_holding", **run_holding()},
    ]


def run_list() -> dict[str, Any]:
    """The list: its first page, another order, a search, filters on the Japanese page."""
    return _growth_of_funds(LIST)


def run_detail() -> dict[str, Any]:
    """The page of one business with its open fund, in both languages."""
    return _growth_of_funds(DETAIL)


def run_me() -> dict[str, Any]:
    """The overview of one person, in both languages: what waits for them, sums, holdings, next dates."""

    def begin(client: Client) -> Callable[[int, int], None]:
        order = make_order()
        client.force_login(order.investor.user)

        def grow(first: int, last: int) -> None:
            copy_fund(order.fund_id, first=first, last=last)
            copy_holding(order.pk, first=first, last=last, today=clock.today_in())

        return grow

    return _growth(OWN, begin, few=FEW_HELD, many=MANY_HELD)


def run_holding() -> dict[str, Any]:
    """The page of one holding, in both languages."""

    def begin(client: Client) -> Callable[[int, int], None]:
        fund = repay.operating(20, on=repay.BOUGHT_ON)
        for number in range(1, PERIODS + 1):
            repay.whole_period(fund, number, 27_900_000)
        Holding.objects.update(reference="H-ONE")
        client.force_login(fund.holdings.get().investor.user)
        return lambda first, last: copy_term(fund.pk, first=first, last=last)

    return _growth(HOLDING, begin, few=0, many=HELD - 1)


def _growth_of_funds(addresses: tuple[str, ...]) -> dict[str, Any]:
    def begin(client: Client) -> Callable[[int, int], None]:
        fund = make_fund()
        return lambda first, last: copy_fund(fund.pk, first=first, last=last)

    return _growth(addresses, begin, few=FEW, many=MANY)


def _growth(
    addresses: tuple[str, ...], begin: Callable[[Client], Callable[[int, int], None]], *, few: int, many: int
) -> dict[str, Any]:
    """Time the addresses over `few` and over `many` rows. `begin` makes what the rows are copies of and may log the
    client in; it answers what makes copies number `first` to `last`."""
    storages = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    # The hashed names of static files are looked up in memory; without collectstatic there is nothing to look up. No
    # page is kept: what grows is the making of one.
    with override_settings(STORAGES=storages, ALLOWED_HOSTS=["testserver"], VISITOR_PAGE_SECONDS=0):
        client = Client()
        grow = begin(client)
        grow(1, few)
        small = connection.settings_dict["NAME"]
        with _clone(small) as large:
            _use(large)
            grow(few + 1, many)
            for name in (small, large):
                _use(name)
                with connection.cursor() as cursor:
                    cursor.execute("VACUUM ANALYZE")  # as the server does by itself after a minute
            times: dict[tuple[str, str], list[float]] = {
                (name, path): [] for name in (small, large) for path in addresses
            }
            for _round in range(ROUNDS):
                for name in (small, large):
                    _use(name)
                    for path in addresses:
                        _ask(client, path, WARM_UP)
                        times[name, path] += _ask(client, path, REQUESTS)
            counts = {name: _queries(client, name, addresses) for name in (small, large)}
            _use(small)
    if counts[small] != counts[large] or max(counts[large]) > MOST_QUERIES[addresses]:
        raise AssertionError(f"queries grow or are too many: {counts[small]} for {few}, {counts[large]} for {many}")
    ours, floor = (sum(statistics.median(times[name, path]) for path in addresses) * 1_000 for name in (large, small))
    return answer(ours=ours, floor=floor, goal=GOAL, at_least=False, unit=f"ms for {len(addresses)} pages")


def _ask(client: Client, path: str, times: int) -> list[float]:
    """Seconds of each of `times` requests. Raises AssertionError unless every one is answered with 200."""
    taken = []
    for _time in range(times):
        began = time.perf_counter()
        response = client.get(path)
        taken.append(time.perf_counter() - began)
        if response.status_code != 200:
            raise AssertionError(f"{path} answered {response.status_code}")
    return taken


def _queries(client: Client, name: str, addresses: tuple[str, ...]) -> list[int]:
    _use(name)
    counts = []
    for path in addresses:
        with counted_queries() as statements:
            client.get(path)
        counts.append(len(statements))
    return counts


@contextmanager
def _clone(name: str) -> Iterator[str]:
    """A copy of the database `name`, dropped at the end; leaves the connection on `name`."""
    copy = f"{name}_many"
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{copy}"')
        cursor.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')
    try:
        yield copy
    finally:
        _use(name)
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{copy}"')


def _use(name: str) -> None:
    """Connect to another database of the cluster."""
    connection.close()
    connection.settings_dict["NAME"] = name
    connection.ensure_connection()
