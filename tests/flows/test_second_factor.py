"""Owners sign for a business and read addresses: no studio without a second factor (domain.md section 11); setting one
up, and the ways back in for somebody who has lost it."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode

from businesses.models import Business, Membership, Post
from microfund.kernel.accounts.models import FormerAddress, User
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.notices.models import Notice
from microfund.kernel.notices.services import send_due
from tests import make
from tests.browser.otp import hotp
from tests.site import staff

pytestmark = pytest.mark.django_db


def browser_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def business() -> Business:
    return make.make_business()


@pytest.fixture
def owner(business: Business) -> User:
    """An owner with nothing but a password, as staff have just made one."""
    return make.make_member(business, second_factor=False)


def led_away(answer: Any, back: str) -> bool:
    return (answer.status_code, answer["Location"]) == (302, f"{reverse('second_factor')}?{urlencode({'next': back})}")


def address(name: str, business: Business) -> str:
    return reverse(f"studio:{name}", args=[business.slug])


@pytest.mark.parametrize(
    "page", ["business", "news", "news_new", "profile", "members", "questions", "reports", "payments"]
)
def test_an_owner_without_one_is_led_to_set_it_up(business: Business, owner: User, page: str) -> None:
    here = address(page, business)
    assert led_away(browser_of(owner).get(here), here)


@pytest.mark.parametrize("page", ["season", "letter_desk", "visit_desk", "till"])
def test_so_is_one_who_wants_the_addresses_of_supporters(business: Business, owner: User, page: str) -> None:
    here = reverse(f"rewards:{page}", args=[business.slug])
    assert led_away(browser_of(owner).get(here), here)


def test_the_front_of_the_studio_asks_too_and_nothing_is_done_by_a_post(business: Business, owner: User) -> None:
    browser, home = browser_of(owner), reverse("studio:home")
    assert led_away(browser.get(home), home)
    words = {"title": "Stolen", "source": "x", "language": "en", "visibility": "public", "version": 1, "do": "save"}
    assert led_away(browser.post(address("news_new", business), words), home)
    assert led_away(browser.post(address("member_invite", business), {"email": "thief@example.com"}), home)
    assert not Post.objects.exists() and business.memberships.count() == 1


def test_editors_write_without_one_and_a_stranger_learns_nothing(business: Business, owner: User) -> None:
    editor = make.make_member(business, role=Membership.Role.EDITOR)
    assert not Authenticator.objects.exists()
    assert browser_of(editor).get(address("news", business)).status_code == 200
    assert browser_of(editor).get(reverse("studio:home")).status_code == 200
    # Of another business an owner learns nothing, whether or not they have a factor.
    assert browser_of(owner).get(address("news", make.make_business())).status_code == 404
    # An editor who becomes an owner is asked from then on.
    business.memberships.filter(user=editor).update(role=Membership.Role.OWNER)
    assert led_away(browser_of(editor).get(address("news", business)), address("news", business))


def test_it_is_set_up_with_an_app_and_the_way_leads_back(business: Business, owner: User) -> None:
    browser, here = Client(), address("reports", business)
    browser.login(email=owner.email, password=make.PASSWORD)
    page = browser.get(here, follow=True)
    assert "the studio opens once you have a second factor" in page.content.decode()
    setting_up = browser.get(reverse("mfa_activate_totp"), follow=True)
    assert setting_up.redirect_chain, "the password is asked for once more"
    setting_up = browser.post(setting_up.redirect_chain[-1][0], {"password": make.PASSWORD}, follow=True)
    found = re.search(r'alt="([A-Z2-7]{16,})"', setting_up.content.decode())
    assert found, "the secret stands beside its picture"
    code = hotp(found[1], int(time.time() // 30))
    done = browser.post(reverse("mfa_activate_totp"), {"code": code}, follow=True)
    text = done.content.decode()
    assert done.redirect_chain[-1][0] == reverse("mfa_view_recovery_codes")
    assert f'href="{here}"' in text and "I have kept them: continue" in text
    assert browser.get(here).status_code == 200
    assert browser.get(reverse("second_factor"), {"next": here})["Location"] == here
    assert browser.get(reverse("second_factor"), {"next": "https://evil.example/"})["Location"] == reverse("me")


def test_a_recovery_code_lets_in_once(business: Business) -> None:
    owner = make.make_member(business)
    codes = RecoveryCodes.activate(owner)
    code = codes.get_unused_codes()[0]
    for number, code_works in enumerate([True, False]):
        browser = Client()
        browser.post(reverse("account_login"), {"login": owner.email, "password": make.PASSWORD})
        assert browser.get(address("news", business)).status_code == 302, "the password alone is not enough"
        browser.post(reverse("mfa_authenticate"), {"code": code})
        assert (browser.get(address("news", business)).status_code == 200) is code_works, number


def test_support_takes_away_what_was_lost(business: Business) -> None:
    owner = make.make_member(business)
    RecoveryCodes.activate(owner)
    FormerAddress.objects.create(user=owner, email="before@example.com")
    browser = browser_of(owner)
    assert browser.get(address("news", business)).status_code == 200
    assert UserSession.objects.filter(user=owner).exists()
    helper = staff.console(staff.make_staff("support"))
    assert "The second factors are gone" in staff.do(helper, owner, "factors")
    assert not Authenticator.objects.filter(user=owner).exists()
    row = AuditRow.objects.get(action="accounts.User.factors_taken")
    assert (row.object_id, row.reason) == (str(owner.pk), "A good reason.")
    # Logged out everywhere; the next log-in is by password, and the studio asks for a new factor.
    assert browser.get(reverse("me")).status_code == 302
    again = Client()
    assert again.post(reverse("account_login"), {"login": owner.email, "password": make.PASSWORD}).status_code == 302
    assert led_away(again.get(address("news", business)), address("news", business))
    assert set(Notice.objects.filter(kind="factors_taken").values_list("recipient", flat=True)) == {
        owner.email,
        "before@example.com",
    }
    send_due()
    sent = [one for one in mail.outbox if one.subject == "Your second factors were taken away"]
    assert len(sent) == 2 and "write to us at once" in sent[0].body


@pytest.mark.parametrize("role", ["reviewer", "auditor", "finance maker", "finance checker"])
def test_other_groups_do_not(business: Business, role: str) -> None:
    owner = make.make_member(business)
    answer = staff.console(staff.make_staff(role)).post(staff.act_of(owner, "factors"), {"reason": "x"})
    assert answer.status_code in (403, 404)
    assert Authenticator.objects.filter(user=owner).exists()


def test_nobody_takes_away_their_own_and_those_of_staff_only_an_administrator() -> None:
    helper, other = staff.make_staff("support"), staff.make_staff("operations")
    assert "Somebody else must do this" in staff.do(staff.console(helper), helper, "factors")
    assert "an administrator" in staff.do(staff.console(helper), other, "factors")
    assert Authenticator.objects.filter(user__in=[helper, other]).count() == 2
    admin = staff.make_staff(is_superuser=True)
    assert "The second factors are gone" in staff.do(staff.console(admin), other, "factors")
    assert Authenticator.objects.filter(user=other).count() == 0
