"""The books are clean after everything has happened once; every kind of corruption is found and named."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import override_settings
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from microfund.kernel import integrity
from tests.sandbox_client import SandboxProcess
from tests.site import books as library
from tests.site.books import Books
from tests.site.cancelling import PAIRS, Pair
from tests.site.corruptions import CORRUPTERS, Corrupter

pytestmark = pytest.mark.django_db

#: Checks that only real commits can corrupt, and the test that does.
CORRUPTED_BY_COMMITS = {"ledger.sealed"}


@pytest.fixture(scope="module")
def books(django_db_setup: None, django_db_blocker: Any, sandbox_process: SandboxProcess) -> Iterator[Books]:
    """The books, made once; each test sees them in a savepoint of its own, and in the end they are rolled back."""
    sandbox_process.control("reset")
    own = {"SANDBOX_URL": sandbox_process.url, "STRIPE_SECRET_KEY": sandbox_process.secret_key}
    with django_db_blocker.unblock():
        block = transaction.atomic()
        block._from_testcase = True  # as in a TestCase: the gateway may be called
        with block:
            with override_settings(**own):
                made = library.build(sandbox_process)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            yield made
            transaction.set_rollback(True)


def verify(*args: str) -> tuple[int, str]:
    """Run the command; its exit code and output."""
    out = io.StringIO()
    try:
        call_command("verify_ledger", *args, stdout=out)
    except SystemExit as left:
        return int(left.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_books_of_a_house_in_which_everything_has_happened_are_clean(books: Books) -> None:
    states = {books.order(name).state for name in books.orders}
    assert states >= {"reserved", "awaiting_payment", "paid", "confirmed", "expired", "cancelled", "refunded"}
    code, output = verify()
    assert code == 0, output
    assert output.count(" ok ") == len(integrity.checks())
    assert verify("--quiet") == (0, "")


def test_the_books_of_an_empty_house_are_clean() -> None:
    code, output = verify("--quiet")
    assert code == 0, output


@pytest.mark.parametrize(("check", "corrupter"), [pytest.param(c, f, id=f"{c}-{name}") for c, name, f in CORRUPTERS])
def test_a_corruption_is_found_and_named(books: Books, check: str, corrupter: Corrupter) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    expected = corrupter(books)
    code, output = verify("--json")
    assert code == 1, f"{check} finds nothing"
    found = {row["check"]: row["differences"] for row in json.loads(output)["checks"]}
    assert any(expected in line for line in found[check]), f"{expected!r} is not named by {check}: {found[check]}"


@pytest.mark.parametrize(("check", "pair"), [pytest.param(c, f, id=f"{c}-{f.__name__}") for c, f in PAIRS])
@given(amount=st.integers(min_value=1, max_value=399))
@example(amount=1)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_corruptions_that_cancel_out_in_a_sum_are_both_named(
    books: Books, check: str, pair: Pair, amount: int
) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
        expected = pair(amount)
        _code, output = verify(check, "--json", "--all")
        (found,) = json.loads(output)["checks"]
        for name in expected:
            assert sum(name in line for line in found["differences"]) >= expected.count(name), (name, found)
        transaction.set_rollback(True)
    assert verify(check, "--quiet") == (0, "")


def test_every_check_has_a_corrupter() -> None:
    assert {check for check, _name, _corrupter in CORRUPTERS} | CORRUPTED_BY_COMMITS == {
        check.name for check in integrity.checks()
    }


def test_every_check_says_what_it_promises_and_where() -> None:
    for check in integrity.checks():
        assert check.promise.endswith("."), check.name
        assert check.section[0].isdigit(), check.name


def test_the_output_names_the_check_the_rows_and_how_many(books: Books) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE investments_holding SET units = units + 1")
        held = cursor.rowcount
    code, output = verify("--quiet")
    assert code == 1
    lines = output.splitlines()
    assert lines[0].startswith(f"holdings.movements         {held} differ")
    assert [line.split()[0] for line in lines[1 : held + 1]] == ["investments_holding"] * held
    assert lines[-1] == f"{held} differences"


def test_one_check_can_be_run_alone_and_an_unknown_one_is_refused(books: Books) -> None:
    code, output = verify("orders.amounts")
    assert code == 0 and output.startswith("orders.amounts") and "1 checks, no difference" in output
    with pytest.raises(CommandError, match="unknown: orders.nothing; the checks are banking.claims"):
        verify("orders.nothing")


def test_two_checks_never_share_a_name() -> None:
    with pytest.raises(ValueError, match="two checks"):
        integrity.register("ledger.entries", "9.1", lambda: iter(()))
