"""Thousands of businesses, funds and holdings by a few statements, for counting queries and for timing pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

#: Copies number %(first)s to %(last)s of an open fund that the services made, with its business, counter, terms and a
#: picture; names, slugs, trades, towns, dates and units sold differ.
COPIES = (
    """
    INSERT INTO businesses_business (slug, state, name_en, name_ja, trade, town_en, town_ja, disaster_id,
        owner_name_en, owner_name_ja, founded_year, staff_before, staff_now, revenue_before, use_line_en, use_line_ja,
        story_en, story_ja, damage_en, damage_ja, map_x, map_y, published_at, checked_on, withdrawn_reason_en,
        withdrawn_reason_ja)
    SELECT 'copy-' || n, state, name_en || ' ' || n, name_ja || n,
        (ARRAY['oyster', 'sake', 'soy', 'fish', 'tofu', 'ramen'])[1 + n %% 6],
        'Town ' || (n %% 12), '町' || (n %% 12), disaster_id, owner_name_en, owner_name_ja, founded_year, staff_before,
        staff_now, revenue_before, use_line_en, use_line_ja, story_en, story_ja, damage_en, damage_ja, map_x, map_y,
        published_at, checked_on, '', ''
    FROM businesses_business, generate_series(%(first)s, %(last)s) AS n
    WHERE businesses_business.id = (SELECT business_id FROM investments_fund WHERE id = %(fund)s)
    """,
    """
    INSERT INTO investments_book (code, kind, currency)
    SELECT 'copy-' || n, 'fund', 'JPY' FROM generate_series(%(first)s, %(last)s) AS n
    """,
    """
    INSERT INTO investments_fund (business_id, slug, name_en, name_ja, state, currency, policy_id, book_id, opens_on,
        closes_on, term_starts_on, units_minimum, opened_at, closed_at, succeeded_at, ended_at)
    SELECT b.id, b.slug, f.name_en, f.name_ja, 'open', 'JPY', f.policy_id, k.id, f.opens_on,
        f.closes_on + (n %% 50), f.term_starts_on + 60, 0, f.opened_at, NULL, f.succeeded_at, NULL
    FROM generate_series(%(first)s, %(last)s) AS n
    JOIN businesses_business b ON b.slug = 'copy-' || n
    JOIN investments_book k ON k.code = 'copy-' || n
    JOIN investments_fund f ON f.id = %(fund)s
    """,
    """
    INSERT INTO investments_fundcounter (fund_id, accepting, closes_at, offered, reserved, reserved_delayed,
        delayed_limit, sold, cleared)
    SELECT f.id, true, c.closes_at, c.offered, 0, 0, c.delayed_limit, (n * 37) %% c.offered, 0
    FROM generate_series(%(first)s, %(last)s) AS n
    JOIN investments_fund f ON f.slug = 'copy-' || n
    JOIN investments_fundcounter c ON c.fund_id = %(fund)s
    """,
    """
    INSERT INTO investments_terms (fund_id, version, reason, investment, donation, fee, units_offered,
        rate_before_recoup, rate_after_recoup, grace_periods, periods, period_months, period_cap, revenue_floor,
        revenue_basis_en, revenue_basis_ja, plan_revenue, uses, risks, frozen_at)
    SELECT f.id, 1, '', t.investment, t.donation, t.fee, t.units_offered, t.rate_before_recoup, t.rate_after_recoup,
        t.grace_periods, t.periods, t.period_months, t.period_cap, t.revenue_floor, t.revenue_basis_en,
        t.revenue_basis_ja, t.plan_revenue, t.uses, t.risks, t.frozen_at
    FROM generate_series(%(first)s, %(last)s) AS n
    JOIN investments_fund f ON f.slug = 'copy-' || n
    JOIN investments_terms t ON t.fund_id = %(fund)s
    """,
    """
    INSERT INTO investments_document (fund_id, terms_id, kind, language, html, sha256, created_at)
    SELECT f.id, t.id, d.kind, d.language, d.html, md5(f.slug || d.sha256) || md5(d.sha256 || f.slug), d.created_at
    FROM generate_series(%(first)s, %(last)s) AS n
    JOIN investments_fund f ON f.slug = 'copy-' || n
    JOIN investments_terms t ON t.fund_id = f.id
    JOIN investments_document d ON d.fund_id = %(fund)s
    """,
    """
    INSERT INTO businesses_picture (business_id, role, digest, widths, width, height, alt_en, alt_ja, position)
    SELECT b.id, 'hero', md5(b.slug), '[320, 640]', 640, 400, 'A quiet bay', '静かな湾', 0
    FROM generate_series(%(first)s, %(last)s) AS n JOIN businesses_business b ON b.slug = 'copy-' || n
    """,
    """
    INSERT INTO rewards_offer (fund_id, minimum_units, text_en, text_ja, when_en, when_ja, version, kind, value,
        allergens_en, allergens_ja, cycle, from_period, every, season_month, season_day, claim_days, dispatch_days,
        valid_days, not_to, cold, adults_only, unclaimed, link)
    SELECT f.id, 1, 'Oysters', '牡蠣', 'in December', '十二月', 1, 'goods', 0,
        '', '', 'season', 1, 1, 12, 1, 60, 30, 180, '[]', false, false, 'expire', ''
    FROM generate_series(%(first)s, %(last)s) AS n JOIN investments_fund f ON f.slug = 'copy-' || n
    """,
    "ANALYZE",
)


def copy_fund(fund_id: int, *, first: int, last: int) -> None:
    """Make copies `first` to `last` of an open fund and all that hangs on it; their slugs are `copy-<number>`."""
    with connection.cursor() as cursor:
        for statement in COPIES:
            cursor.execute(statement, {"fund": fund_id, "first": first, "last": last})


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    """The statements run inside, as a list that is filled at the end; a test's own savepoints do not count."""
    statements: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield statements
    statements += [
        query["sql"]
        for query in captured.captured_queries
        if not query["sql"].startswith(("SAVEPOINT", "RELEASE SAVEPOINT"))
    ]


#: A holding in each of the copied funds: the order it comes of, its movement, and for every second one a term that has
#: begun, with ten periods that end this year and later.
HOLDINGS = (
    """
    INSERT INTO investments_order (reference, payer_code, form_token, investor_id, payer_id, fund_id, terms_id, state,
        method, units, investment, donation, fee, total, currency, language, answers, supporter_name_shown,
        supporter_message, applied_at, counts_until, counted, extensions, paid_at, cooling_off_ends_at, confirmed_at)
    SELECT 'COPY-' || n, 'C' || n, gen_random_uuid(), o.investor_id, o.payer_id, f.id, t.id, 'confirmed', o.method,
        o.units, o.investment, o.donation, o.fee, o.total, o.currency, o.language, o.answers, o.supporter_name_shown,
        '', o.applied_at, o.counts_until, true, 0, coalesce(o.paid_at, o.applied_at),
        coalesce(o.cooling_off_ends_at, o.applied_at), coalesce(o.confirmed_at, o.applied_at)
    FROM generate_series(%(first)s, %(last)s) AS n
    JOIN investments_fund f ON f.slug = 'copy-' || n
    JOIN investments_terms t ON t.fund_id = f.id
    JOIN investments_order o ON o.id = %(order)s
    """,
    """
    INSERT INTO investments_holding (reference, investor_id, fund_id, units, created_at)
    SELECT 'H-COPY' || n, o.investor_id, f.id, 0, o.applied_at
    FROM generate_series(%(first)s, %(last)s) AS n
    JOIN investments_fund f ON f.slug = 'copy-' || n
    JOIN investments_order o ON o.id = %(order)s
    """,
    """
    INSERT INTO investments_movement (holding_id, kind, units, source, effective_on, happened_at)
    SELECT h.id, 'confirm', o.units, 'order:copy-' || n, o.applied_at::date, o.applied_at
    FROM generate_series(%(first)s, %(last)s) AS n
    JOIN investments_holding h ON h.reference = 'H-COPY' || n
    JOIN investments_order o ON o.id = %(order)s
    """,
    """
    UPDATE investments_fund SET state = 'operating', closes_on = %(today)s::date - 300 - (id %% 50)::int,
        opens_on = %(today)s::date - 400, term_starts_on = %(today)s::date - 200 - (id %% 50)::int
    FROM generate_series(%(first)s, %(last)s) AS n WHERE slug = 'copy-' || n AND n %% 2 = 0
    """,
    """
    INSERT INTO investments_period (fund_id, number, state, starts_on, ends_on, record_on, report_due_on,
        payment_due_on)
    SELECT f.id, p, 'scheduled', f.term_starts_on + (p - 1) * 365, f.term_starts_on + p * 365 - 1,
        f.term_starts_on + p * 365 - 1, f.term_starts_on + p * 365 + 89, f.term_starts_on + p * 365 + 119
    FROM generate_series(%(first)s, %(last)s) AS n
    JOIN investments_fund f ON f.slug = 'copy-' || n AND f.state = 'operating'
    CROSS JOIN generate_series(1, 10) AS p
    """,
    "ANALYZE",
)


def copy_holding(order_id: int, *, first: int, last: int, today: date) -> None:
    """Give the investor of a paid order a holding in each of the copies `first` to `last` of a fund (`copy_fund`); half
    of these funds are in their term on the business date `today`."""
    with connection.cursor() as cursor:
        for statement in HOLDINGS:
            cursor.execute(statement, {"order": order_id, "first": first, "last": last, "today": today})


#: By table of a fund in its term: the columns that refer to other copies, and those that must be another in each copy.
#: Run, investor, business, policy and staff are those of the fund that is copied.
TERM: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "book": ((), {"code": "'term-' || n"}),
    "fund": (("book_id",), {"slug": "'term-' || n"}),
    "terms": (("fund_id",), {}),
    "period": (("fund_id",), {}),
    "revenuereport": (("period_id",), {}),
    "order": (
        ("fund_id", "terms_id"),
        {"reference": "'TERM-' || n", "payer_code": "'T' || n", "form_token": "gen_random_uuid()"},
    ),
    "holding": (("fund_id",), {"reference": "'H-TERM' || n"}),
    "movement": (("holding_id",), {"source": "'order:term-' || n"}),
    "distribution": (("fund_id", "period_id", "report_id", "terms_id"), {"payer_code": "src.id || 'D' || n"}),
    "allocation": (("distribution_id", "holding_id"), {}),
    "instalment": (("distribution_id",), {}),
    "payout": (("fund_id",), {}),
    "payoutitem": (("payout_id", "instalment_id", "allocation_id"), {}),
    "payoutattempt": (("payout_id",), {}),
}
#: Further apart than any id that a benchmark reaches.
_APART = 10_000_000


def copy_term(fund_id: int, *, first: int, last: int) -> None:
    """Copies `first` to `last` of the one fund in its term that is there, with all that it paid, each of the same
    investors. Keys are checked by nobody: the copies refer to each other as the originals do."""
    values = {"first": first, "last": last, "apart": _APART, "fund": fund_id}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for name, (refer, changed) in TERM.items():
            table = f"investments_{name}"
            cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
                " ORDER BY ordinal_position",
                [table],
            )
            columns = [column for (column,) in cursor.fetchall()]
            moved = {column: f"src.{column} + n * %(apart)s" for column in ("id", *refer)} | changed
            if name == "book":
                where = "src.id = (SELECT book_id FROM investments_fund WHERE id = %(fund)s)"
            else:
                where = "src.id < %(apart)s"
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)})"
                f" SELECT {', '.join(moved.get(column, f'src.{column}') for column in columns)}"
                f" FROM {table} AS src, generate_series(%(first)s::bigint, %(last)s) AS n WHERE {where}",
                values,
            )
