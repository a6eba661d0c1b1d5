"""People with two accounts are found by hashes, told apart by staff, and never told."""

import importlib
from datetime import date

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from investments.banking import accounts
from investments.investors import duplicates, services
from investments.models import Investor, Resemblance
from microfund.kernel import queues
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from tests import make
from tests.copies import counted_queries
from tests.flows.test_profile import DATA, browser_of
from tests.site.staff import console, do, make_staff, page_of

pytestmark = pytest.mark.django_db
ACCOUNT = {"bank": "0001", "branch": "001", "kind": "1", "number": "1234567"}


def person(kana: str = "イトウ ハルカ", born: str = "1986-05-01", phone: str = "", **changes) -> Investor:
    user = make.make_user()
    data = {**DATA, "name_kana": kana, "birth_date": born, "phone": phone or f"090-{user.pk:08}", **changes}
    return services.save_profile(user, data, at=timezone.now())


def pairs() -> list[tuple[int, int, str]]:
    rows = Resemblance.objects.order_by("pk")
    return [(row.first_id, row.second_id, row.state) for row in rows]


def test_the_same_kana_and_birth_date_are_noted_whatever_the_spelling() -> None:
    first = person()
    assert pairs() == []
    second = person("ｲﾄｳ　ﾊﾙｶ")
    assert pairs() == [(first.pk, second.pk, "open")]
    pair = Resemblance.objects.get()
    assert (pair.by_person, pair.by_phone, pair.by_account) == (True, False, False)
    person(born="1986-05-02")
    person("イトウ ハルコ")
    assert len(pairs()) == 1


@pytest.mark.parametrize("other", ["０９０-１２３４-５６７８", "09012345678", "+81 90 1234 5678"])
def test_the_same_telephone_is_noted_whatever_its_form(other: str) -> None:
    first, second = person(phone="090-1234-5678"), person("モリ ジロウ", phone=other)
    assert pairs() == [(first.pk, second.pk, "open")] and Resemblance.objects.get().by_phone


def test_the_same_bank_account_is_noted_also_when_one_has_left_it() -> None:
    company = {"kind": "company", "name": "青葉", "corporate_number": "7000012050002", "representative": "青葉 一"}
    first = person()
    second = person("イトウ ハルカ", **company, born="1986-05-01")
    assert pairs() == [], "a company is not the person of the same name"
    for number in ("1234567", "7654321"):
        accounts.change(
            first, **{**ACCOUNT, "number": number}, holder=first.name_kana, at=timezone.now(), actor=first.user
        )
    accounts.change(second, **ACCOUNT, holder=second.name_kana, at=timezone.now(), actor=second.user)
    assert pairs() == [(first.pk, second.pk, "open")] and Resemblance.objects.get().by_account


def test_a_hash_is_no_use_without_the_key_and_follows_the_details(settings) -> None:
    investor = person(phone="090-1234-5678")
    before = investor.person_hash, investor.phone_hash
    assert len(before[0]) == len(before[1]) == 64 and before[0] != before[1]
    settings.FINGERPRINT_KEY = "another key, as long as it takes to be one"
    assert duplicates.hashes_of(investor) != before
    data = {**DATA, "birth_date": date(1990, 1, 1), "phone": "090-1234-5678"}
    changed = services.save_profile(investor.user, data, at=timezone.now())
    assert changed.person_hash == duplicates.hashes_of(changed)[0] != before[0]


def test_a_decision_needs_a_reason_and_lasts_until_something_else_is_in_common() -> None:
    first, second = person(), person()
    pair = Resemblance.objects.get()
    staff = make_staff("reviewer")
    with pytest.raises(DomainError):
        duplicates.decide(pair, "different", actor=staff, at=timezone.now(), reason=" ")
    duplicates.decide(pair, "different", actor=staff, at=timezone.now(), reason="Two people of one name.")
    services.save_profile(second.user, {**DATA, "phone": "090-0000-0001"}, at=timezone.now())
    assert pairs() == [(first.pk, second.pk, "different")], "the same again does not come back"
    services.save_profile(first.user, {**DATA, "phone": "090-0000-0001"}, at=timezone.now())
    assert pairs() == [(first.pk, second.pk, "open")]
    actions = AuditRow.objects.filter(object_type="investments.Resemblance").order_by("pk")
    assert [row.action.rpartition(".")[2] for row in actions] == ["found", "different", "open"]


def test_the_sweep_finds_what_no_change_has_noted_once() -> None:
    first, second, third = person(phone="090-1234-5678"), person("モリ ジロウ"), person("ハヤシ メイ")
    Investor.objects.filter(pk=second.pk).update(phone_hash=first.phone_hash)
    Investor.objects.filter(pk=third.pk).update(person_hash=first.person_hash)
    now = timezone.now()
    assert duplicates.find_due(on=now.date(), at=now) == {"found": 2}
    assert duplicates.find_due(on=now.date(), at=now) == {"found": 0}
    assert {(row.first_id, row.second_id, row.by_phone) for row in Resemblance.objects.all()} == {
        (first.pk, second.pk, True),
        (first.pk, third.pk, False),
    }


def test_investors_from_before_get_their_hashes_from_the_migration() -> None:
    investor = person()
    hashes = investor.person_hash, investor.phone_hash
    Investor.objects.update(person_hash="", phone_hash="")
    importlib.import_module("investments.migrations.0011_people").fill_hashes(apps, None)
    investor.refresh_from_db()
    assert (investor.person_hash, investor.phone_hash) == hashes


def test_a_pair_is_one_row_in_order_and_of_two() -> None:
    first, second = person(), person("モリ ジロウ")
    own = {"by_phone": True, "found_at": timezone.now()}
    for ids in ((second.pk, first.pk), (first.pk, first.pk)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Resemblance.objects.create(first_id=ids[0], second_id=ids[1], **own)
    with pytest.raises(IntegrityError), transaction.atomic():
        Resemblance.objects.create(first=first, second=second, found_at=timezone.now())


def test_a_telephone_of_hundreds_costs_no_more_than_one_of_fifty() -> None:
    first = person(phone="090-1234-5678")
    Investor.objects.bulk_create(
        Investor(user=make.make_user(password="!"), name="群", created_at=timezone.now(), phone_hash=first.phone_hash)
        for _number in range(duplicates.MOST + 20)
    )
    with counted_queries() as statements:
        duplicates.look(first, at=timezone.now())
    assert Resemblance.objects.count() == duplicates.MOST
    assert len(statements) <= 2 + 6 * duplicates.MOST


# --- Staff --------------------------------------------------------------------------------------------------------


def test_staff_tell_two_people_apart_and_the_pair_leaves_the_queue() -> None:
    first, second = person(), person()
    pair = Resemblance.objects.get()
    user = make_staff("reviewer")
    client = console(user)
    queue = next(queue for queue in queues.queues(Resemblance))
    assert set(queue.rows()) == {pair} and queue.url in client.get(reverse("admin:index")).content.decode()
    page = client.get(page_of(pair)).content.decode()
    assert page_of(first) in page and page_of(second) in page and "same name and birth date" in page
    do(client, pair, "different", reason="A father and his son.")
    assert not queue.rows().exists()
    assert AuditRow.objects.get(action="investments.Resemblance.different").reason == "A father and his son."


def test_nobody_judges_a_resemblance_of_their_own() -> None:
    user = make_staff("reviewer")
    first = person()
    Investor.objects.filter(pk=first.pk).update(user=user)
    person()
    pair = Resemblance.objects.get()
    assert "Nobody judges a resemblance of their own." in do(console(user), pair, "different")
    assert pairs()[0][2] == "open"


def test_the_people_themselves_see_nothing_of_it() -> None:
    first, second = person(), person()
    duplicates.decide(
        Resemblance.objects.get(), "same", actor=make_staff("reviewer"), at=timezone.now(), reason="one person"
    )
    for investor in (first, second):
        client = browser_of(investor.user)
        for name in ("me", "investments:profile", "investments:identity", "investments:bank"):
            page = client.get(reverse(name)).content.decode().lower()
            assert "resembl" not in page and "same person" not in page
