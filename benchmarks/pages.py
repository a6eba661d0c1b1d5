"""`page_list_growth`, `page_detail_growth`: how much longer a page takes with 3,000 businesses and funds than with 30;
`page_me_growth`: an investor's own pages with 300 holdings against 3; `page_holding`: how many queries the list of 200
holdings of ten paid periods takes against that of one.

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
MOST_QUERIES = {LIST: 12, DETAIL: 20, OWN: 20}
#: What somebody holds, and one of it with everything that ten periods paid.
HOLDINGS = ("/me/holdings/", "/ja/me/holdings/")
HOLDING = ("/me/holdings/H-ONE/", "/ja/me/holdings/H-ONE/")
MOST_OF_HOLDINGS = 15


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
    """The list of somebody's holdings, in both languages, each with ten paid periods: 200 take as many queries as one,
    and so does the page of one of them. `ours` is the most of the list, `floor` what it may take."""
    with override_settings(STORAGES=_storages(), ALLOWED_HOSTS=["testserver"]):
        client = Client()
        fund = repay.operating(20)
        for number in range(1, PERIODS + 1):
            repay.whole_period(fund, number, 27_900_000)
        Holding.objects.update(reference="H-ONE")
        client.force_login(fund.holdings.get().investor.user)
        name, counts = connection.settings_dict["NAME"], []
        for copies in (0, HELD - 1):
            copy_term(fund.pk, first=1, last=copies)
            for path in (*HOLDINGS, *HOLDING):
                _ask(client, path, 1)
            counts.append(_queries(client, name, (*HOLDINGS, *HOLDING)))
    if counts[0] != counts[1]:
        raise AssertionError(f"queries grow: {counts[0]} for one holding, {counts[1]} for {HELD}")
    most = max(counts[1][: len(HOLDINGS)])
    return answer(
        ours=most, floor=MOST_OF_HOLDINGS, goal=1, at_least=False,
        unit=f"queries for {HELD} holdings of {PERIODS} periods; {max(counts[1])} for the page of one",
    )  # fmt: skip


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
    # No page is kept: what grows is the making of one.
    with override_settings(STORAGES=_storages(), ALLOWED_HOSTS=["testserver"], VISITOR_PAGE_SECONDS=0):
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


def _storages() -> dict[str, Any]:
    """The hashed names of static files are looked up in memory; without collectstatic there is nothing to look up."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    return {**settings.STORAGES, "staticfiles": plain}


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
