"""One's own bank account through the pages: a second factor, asked again who one is, three steps without scripts."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from django.core import mail
from django.test import Client
from django.urls import reverse

from investments.models import BankAccount
from microfund.kernel.accounts.models import FormerAddress
from tests import make
from tests.copies import counted_queries
from tests.flows.test_profile import browser_of
from tests.flows.walk import field_of, title_of
from tests.site.staff import SECRET

pytestmark = pytest.mark.django_db
FORM = {"kind": "1", "number": "1234567", "holder": "ｲﾄｳ ﾊﾙｶ"}


def sure(investor) -> Client:
    """A browser in which this investor has a second factor and has just shown who they are."""
    TOTP.activate(investor.user, SECRET)
    client = browser_of(investor.user)
    answer = client.post(reverse("account_reauthenticate"), {"password": make.PASSWORD})
    assert answer.status_code == 302
    return client


def address(*places: str) -> str:
    return reverse("investments:bank_account", args=places or ("0001", "001"))


def test_from_no_account_to_one_in_three_steps() -> None:
    investor = make.make_investor()
    client = sure(investor)
    assert "No account yet" in client.get(reverse("investments:bank")).content.decode()
    page = client.get(reverse("investments:bank_choose"), {"q": "みずほ"}).content.decode()
    assert reverse("investments:branch_choose", args=["0001"]) in page
    page = client.get(reverse("investments:branch_choose", args=["0001"]), {"q": "とうきょう"}).content.decode()
    assert address() in page
    assert field_of(client.get(address()).content.decode(), "holder") == investor.name_kana
    answer = client.post(address(), FORM)
    assert (answer.status_code, answer["Location"]) == (302, reverse("investments:bank"))
    page = client.get(answer["Location"]).content.decode()
    assert "••••567" in page and "1234567" not in page and "Your bank account is saved" in page
    client.post(address(), {**FORM, "number": "0000001"})
    page = client.get(reverse("investments:bank")).content.decode()
    assert "••••001" in page and "Earlier accounts" in page and "••••567" in page


def test_a_refusal_stands_at_its_field_and_what_was_typed_stays() -> None:
    client = sure(make.make_investor())
    answer = client.post(address(), {**FORM, "number": "12", "holder": "<b>イトウ</b>"})
    page = answer.content.decode()
    assert answer.status_code == 422 and title_of(answer).startswith("Error:")
    assert "seven digits" in page and "in katakana" in page and "<b>イトウ" not in page
    answer = client.post(address(), {**FORM, "holder": "イトウ ジロウ"})
    assert answer.status_code == 422 and "must be your own" in answer.content.decode()
    assert not BankAccount.objects.exists()


@pytest.mark.parametrize("places", [("9999", "001"), ("0001", "999"), ("abcd", "001"), ("0001", "%00")])
def test_a_place_that_does_not_exist_answers_404(places) -> None:
    assert sure(make.make_investor()).get(address(*places)).status_code == 404


def test_without_a_second_factor_nothing_can_be_changed() -> None:
    investor = make.make_investor()
    client = browser_of(investor.user)
    client.post(reverse("account_reauthenticate"), {"password": make.PASSWORD})
    assert client.get(reverse("investments:bank_choose"))["Location"] == reverse("investments:bank")
    assert client.post(address(), FORM)["Location"] == reverse("investments:bank")
    page = client.get(reverse("investments:bank")).content.decode()
    assert "Set up a second factor first" in page and reverse("investments:bank_choose") not in page
    assert not BankAccount.objects.exists()


def test_a_change_asks_who_one_is_once_more() -> None:
    investor = make.make_investor()
    TOTP.activate(investor.user, SECRET)
    client = browser_of(investor.user)
    assert client.get(reverse("investments:bank")).status_code == 200
    for answer in (client.get(reverse("investments:bank_choose")), client.post(address(), FORM)):
        assert answer.status_code == 302 and "reauthenticate" in answer["Location"]
    assert not BankAccount.objects.exists()


def test_the_pages_are_private_and_one_sees_only_ones_own() -> None:
    first, second = make.make_investor(), make.make_investor(name="森 二郎")
    client = sure(first)
    client.post(address(), FORM)
    other = browser_of(second.user)
    page = other.get(reverse("investments:bank"))
    assert "••••567" not in page.content.decode() and "no-store" in page["Cache-Control"]
    for name in ("bank", "bank_choose"):
        assert Client().get(reverse(f"investments:{name}"))["Location"].startswith(reverse("account_login"))


def test_somebody_without_details_is_led_to_them() -> None:
    client = browser_of(make.make_user())
    assert reverse("investments:profile") in client.get(reverse("investments:bank")).content.decode()
    assert client.get(reverse("investments:bank_choose"))["Location"] == reverse("investments:profile")


def test_as_many_queries_for_many_earlier_accounts_as_for_two() -> None:
    investor = make.make_investor()
    client = sure(investor)
    for number in range(3):
        client.post(address(), {**FORM, "number": f"123456{number}"})
    client.get(reverse("investments:bank"))
    with counted_queries() as few:
        client.get(reverse("investments:bank"))
    for number in range(6):
        client.post(address(), {**FORM, "number": f"223456{number}"})
    client.get(reverse("investments:bank"))
    with counted_queries() as many:
        assert client.get(reverse("investments:bank")).content.decode().count("••••") > 8
    assert len(many) == len(few)


def test_a_changed_e_mail_address_is_remembered(settings) -> None:
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    user = make.make_user(email="before@example.com")
    client = browser_of(user)
    client.post(reverse("account_reauthenticate"), {"password": make.PASSWORD})
    client.post(reverse("account_email"), {"action_add": "", "email": "after@example.com"})
    code = next(word for word in mail.outbox[-1].body.split() if len(word) in (6, 9) and word.upper() == word)
    client.post(reverse("account_email_verification_sent"), {"code": code})
    user.refresh_from_db()
    assert user.email == "after@example.com" and EmailAddress.objects.get(user=user).email == user.email
    assert FormerAddress.objects.get(user=user).email == "before@example.com"
