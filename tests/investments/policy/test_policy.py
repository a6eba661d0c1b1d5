"""The rules of the house: what a version may say, in the form and in the database, and that none is ever changed."""

import json
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from investments.admin.policy import PolicyForm
from investments.models import PolicyProfile, TaxRate
from microfund.kernel import clock
from tests import make

pytestmark = pytest.mark.django_db

NONSENSE: list[tuple[str, dict[str, Any], str]] = [
    ("units_per_order", {"units_per_order": 0}, "greater than or equal to 1"),
    ("units_per_person", {"units_per_person": 0}, "greater than or equal to 1"),
    ("investment_per_person_business", {"investment_per_person_business": 500_001}, "less than or equal to 500000"),
    ("investment_per_person_business", {"investment_per_person_business": 0}, "greater than or equal to 1"),
    ("investment_per_business", {"investment_per_business": 100_000_000}, "less than or equal to 99999999"),
    ("cooling_off_days", {"cooling_off_days": 0}, "greater than or equal to 8"),
    ("cooling_off_days", {"cooling_off_days": 7}, "greater than or equal to 8"),
    ("__all__", {"cooling_off_days": 150}, "must leave a day before cooling-off"),
    ("offering_days_maximum", {"offering_days_maximum": 151}, "less than or equal to 150"),
    ("minimum_age", {"minimum_age": 17}, "greater than or equal to 18"),
    ("session_minutes", {"session_minutes": 5}, "greater than or equal to 31"),
    ("session_minutes", {"session_minutes": 1_440, "reservation_minutes": 1_500}, "less than or equal to 1439"),
    ("__all__", {"session_minutes": 35}, "must be longer than the checkout session"),
    ("reservation_extensions", {"reservation_extensions": 4}, "less than or equal to 3"),
    ("identity_deadline_days", {"identity_deadline_days": 0}, "greater than or equal to 1"),
    ("bank_transfer_days", {"bank_transfer_days": 0}, "greater than or equal to 1"),
    ("konbini_days", {"konbini_days": 61}, "less than or equal to 60"),
    ("konbini_maximum", {"konbini_maximum": 300_001}, "less than or equal to 300000"),
    ("delayed_share_percent", {"delayed_share_percent": 101}, "less than or equal to 100"),
    ("__all__", {"report_due_days": 121}, "before the report"),
    ("payout_minimum", {"payout_minimum": -1}, "greater than or equal to 0"),
    ("zone", {"zone": "Mars/Olympus"}, "is not a time zone"),
    ("zone", {"zone": "JST-9"}, "is not a time zone"),
    ("zone", {"zone": "../../etc/passwd"}, "is not a time zone"),
    ("payment_methods", {"payment_methods": {"card": "opinion 7", "paypal": "opinion 8"}}, "paypal. Known are: card"),
    ("payment_methods", {"payment_methods": {"card": ""}}, "legal opinion that allows “card”"),
    ("payment_methods", {"payment_methods": {"card": " \n "}}, "legal opinion that allows “card”"),
    ("payment_methods", {"payment_methods": {"card": 7}}, "legal opinion that allows “card”"),
    ("payment_methods", {"payment_methods": {"card": None}}, "legal opinion that allows “card”"),
    ("payment_methods", {"payment_methods": ["card"]}, "Name each way to pay"),
]
NAMES = [f"{name} {changes}" for name, changes, _message in NONSENSE]


def form_data(**changes: Any) -> dict[str, Any]:
    """What the form of a new version like the newest one sends."""
    newest = PolicyProfile.objects.order_by("-version")[0]
    form = PolicyForm(instance=newest)
    data = {bound.name: bound.value() for bound in form} | {"reason": "A letter", "effective_from": clock.today_in()}
    if "payment_methods" in changes:
        changes["payment_methods"] = json.dumps(changes["payment_methods"])
    return {name: value for name, value in (data | changes).items() if value is not None and value is not False}


def test_the_form_takes_a_version_like_the_newest() -> None:
    form = PolicyForm(form_data())
    assert form.is_valid(), form.errors


@pytest.mark.parametrize(("field", "changes", "message"), NONSENSE, ids=NAMES)
def test_the_form_refuses_nonsense_and_says_why(field: str, changes: dict[str, Any], message: str) -> None:
    form = PolicyForm(form_data(**changes))
    assert not form.is_valid()
    assert any(message in text for text in form.errors.get(field, [])), form.errors


@pytest.mark.parametrize("changes", [changes for _name, changes, _message in NONSENSE], ids=NAMES)
def test_the_database_refuses_what_the_form_refuses(changes: dict[str, Any]) -> None:
    before = PolicyProfile.objects.count()
    with pytest.raises(DatabaseError), transaction.atomic():
        make.make_policy(**changes)
    assert PolicyProfile.objects.count() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"zone": "America/Argentina/Buenos_Aires"},
        {"zone": "Etc/GMT+9"},
        {"zone": "UTC"},
        {"payment_methods": {"bank_transfer": "own account"}},
        {"cooling_off_days": 20, "session_minutes": 60, "reservation_minutes": 61, "reservation_extensions": 0},
    ],
)
def test_what_is_stricter_or_elsewhere_is_allowed(changes: dict[str, Any]) -> None:
    form = PolicyForm(form_data(**changes))
    assert form.is_valid(), form.errors
    assert make.make_policy(**changes).pk


@pytest.mark.parametrize("model", [PolicyProfile, TaxRate])
def test_a_version_is_neither_changed_nor_deleted_past_the_console(model: type[PolicyProfile | TaxRate]) -> None:
    make.make_fund()
    table = model._meta.db_table
    for statement in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
        refused = pytest.raises(DatabaseError, match="append-only")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        model.objects.order_by("-pk")[0].save()
