"""docs/operations.md: what an operator is told to run can be run, and does what is said of it."""

import re

import pytest
from django.db import IntegrityError, InternalError, ProgrammingError, connection, transaction
from django.utils import timezone

from investments.models import FundCounter, Order
from microfund.kernel import integrity
from tests import repay
from tests.architecture.code import ROOT, files
from tests.make import make_fund, make_investor, make_order

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ROLE = "tomobune_app"


@pytest.fixture
def role(db):
    """The statements of the page, run by the owner; then everything is done as the role that owns nothing."""
    (statements,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    assert statements.count(";") >= 6
    with connection.cursor() as cursor:
        cursor.execute(statements)
        cursor.execute(f"SET LOCAL ROLE {ROLE}")
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (ROLE,)
    yield ROLE
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


def test_the_sites_own_role_can_sell_units(role):
    order = make_order(fund=make_fund(), units=2)
    assert Order.objects.get(pk=order.pk).state == "reserved"
    assert FundCounter.objects.get(pk=order.fund_id).reserved == 2


def test_the_sites_own_role_can_pay_out(role):
    fund = repay.operating(20)
    made = repay.whole_period(fund, 1, 27_900_000)
    assert made.allocations.get().items.get().payout.state == "paid"


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ("ALTER TABLE investments_line DISABLE TRIGGER ALL", "must be owner"),
        ("ALTER TABLE audit_auditrow DISABLE TRIGGER audit_row_kept", "must be owner"),
        ("TRUNCATE investments_line CASCADE", "permission denied"),
        ("TRUNCATE audit_auditrow, audit_auditseal", "permission denied"),
        ("DROP TABLE investments_line", "must be owner"),
        ("DROP TRIGGER ledger_entries_written ON investments_entry", "must be owner"),
        ("ALTER TABLE investments_fundcounter DROP CONSTRAINT fund_never_oversold", "must be owner"),
        ("SET session_replication_role = replica", "permission denied"),
        ("UPDATE investments_line SET amount = 1", "append-only"),
        ("DELETE FROM investments_entry", "append-only"),
        ("UPDATE audit_auditrow SET reason = 'x'", "append-only"),
        ("UPDATE investments_policyprofile SET units_per_person = 50", "append-only"),
        ("DELETE FROM investments_policyprofile", "append-only"),
        ("TRUNCATE investments_policyprofile CASCADE", "permission denied"),
        ("UPDATE investments_taxrate SET rate = 0", "append-only"),
        ("DELETE FROM investments_taxrate", "append-only"),
        ("TRUNCATE investments_taxrate", "permission denied"),
        ("ALTER TABLE investments_policyprofile DISABLE TRIGGER ALL", "must be owner"),
        ("ALTER TABLE investments_policyprofile DROP CONSTRAINT policy_cooling_off", "must be owner"),
        ("UPDATE investments_fundcounter SET sold = offered + 1", "fund_never_oversold"),
    ],
)
def test_the_sites_own_role_cannot_switch_a_guard_off_or_change_what_is_kept(role, statement, refused):
    make_order(fund=make_fund(), investor=make_investor(at=timezone.now()))
    refusals = (ProgrammingError, InternalError, IntegrityError)
    with pytest.raises(refusals, match=refused), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Order.objects.count() == 1


def test_every_check_that_the_page_explains_exists():
    known = {check.name for check in integrity.checks()}
    areas = {name.split(".")[0] for name in known}
    section = PAGE.split("## The journal does not match")[1].split("\n## ")[0]
    named = {name for name in re.findall(r"`(\w+\.\w+)`", section) if name.split(".")[0] in areas}
    assert len(named) >= 15
    assert named - known == set()
    # The site's own sweep is named as job runs name it.
    assert "*site.verify*" in section


def test_every_button_that_the_page_names_is_in_the_console():
    sources = "".join(
        path.read_text(encoding="utf-8") for path in files("investments", "microfund") if "admin" in path.as_posix()
    )
    named = set(re.findall(r"“([^”]+)”", PAGE))
    assert len(named) >= 7
    assert {name for name in named if f'label=_("{name}")' not in sources} == set()


def test_the_page_says_what_was_not_tried():
    assert "have not been built or run in an engine" in PAGE
