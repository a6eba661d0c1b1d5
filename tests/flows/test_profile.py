"""One's own details outside of a purchase: read, changed, checked again, and nobody else's."""

import threading

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from investments.investors import identity, services
from investments.models import Investor
from microfund.kernel.audit.models import AuditRow
from tests import make
from tests.flows.walk import COMPANY, PERSON, field_of, title_of

DATA = {
    **{name: PERSON[name] for name in ("kind", "name", "birth_date", "phone", "purpose", "experience", "funds_origin")},
    "name_kana": "イトウ ハルカ",
    "address": {name: PERSON[name] for name in ("postal_code", "prefecture", "city", "street", "building")},
}


def browser_of(user) -> Client:
    client = Client()
    assert client.login(email=user.email, password=make.PASSWORD)
    return client


@pytest.mark.django_db
def test_a_first_profile_is_saved_without_any_purchase() -> None:
    user = make.make_user()
    client = browser_of(user)
    assert field_of(client.get(reverse("investments:profile")).content.decode(), "name") == ""
    answer = client.post(reverse("investments:profile"), PERSON)
    assert (answer.status_code, answer["Location"]) == (302, reverse("investments:profile"))
    page = client.get(answer["Location"]).content.decode()
    assert "Your details are saved." in page and field_of(page, "postal_code") == "980-0811"
    assert Investor.objects.get(user=user).identity_state == "submitted"


@pytest.mark.django_db
def test_a_move_is_checked_again_and_a_new_telephone_is_not() -> None:
    investor = make.make_investor()
    client = browser_of(investor.user)
    same = {**PERSON, "name_kana": investor.name_kana, "postal_code": "980-0811", "phone": "090-0000-0000"}
    client.post(reverse("investments:profile"), same)
    investor.refresh_from_db()
    assert (investor.identity_state, investor.phone) == ("verified", "090-0000-0000")
    client.post(reverse("investments:profile"), {**same, "city": "石巻市"})
    investor.refresh_from_db()
    assert (investor.identity_state, investor.address["city"]) == ("submitted", "石巻市")


@pytest.mark.django_db
def test_a_rejected_investor_is_told_and_can_correct_even_when_nothing_is_for_sale() -> None:
    investor = make.make_investor(verified=False)
    identity.reject_identity(investor, actor=make.make_user(is_staff=True), at=timezone.now(), reason="unreadable")
    client = browser_of(investor.user)
    page = client.get(reverse("investments:profile")).content.decode()
    assert "could not be confirmed" in page and "unreadable" not in page
    client.post(reverse("investments:profile"), {**PERSON, "name": "伊藤 春香"})
    investor.refresh_from_db()
    assert investor.identity_state == "submitted"


@pytest.mark.django_db
def test_errors_are_summed_up_and_what_was_typed_stays() -> None:
    client = browser_of(make.make_user())
    answer = client.post(reverse("investments:profile"), {**COMPANY, "corporate_number": "1" * 13, "city": "<i>"})
    assert answer.status_code == 422 and title_of(answer).startswith("Error:")
    page = answer.content.decode()
    assert "data-error-summary" in page and field_of(page, "city") == "<i>" and "check digit" in page
    assert not Investor.objects.exists()


@pytest.mark.django_db
def test_who_has_orders_stays_who_they_are() -> None:
    order = make.make_order()
    client = browser_of(order.investor.user)
    page = client.get(reverse("investments:profile")).content.decode()
    assert "I invest for a company" not in page
    answer = client.post(reverse("investments:profile"), COMPANY)
    assert answer.status_code == 422 and "another account" in answer.content.decode()


@pytest.mark.django_db
def test_the_page_is_private() -> None:
    address = reverse("investments:profile")
    assert Client().get(address)["Location"] == f"{reverse('account_login')}?next={address}"
    client = browser_of(make.make_investor().user)
    answer = client.get(address)
    assert set(answer["Cache-Control"].split(", ")) >= {"private", "no-store"}
    assert client.delete(address).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_two_first_forms_at_once_make_one_profile() -> None:
    user = make.make_user()
    together = threading.Barrier(2)
    failed: list[Exception] = []

    def save() -> None:
        try:
            together.wait(120)
            services.save_profile(user, DATA, at=timezone.now())
        except Exception as error:  # told below, in the test's own thread
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=save) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    investor = Investor.objects.get(user=user)
    assert investor.identity_state == "submitted"
    assert AuditRow.objects.filter(action="investments.Investor.submitted", object_id=str(investor.pk)).count() == 1
