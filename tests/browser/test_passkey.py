"""A passkey: made on the account's pages, used instead of a password, both on a virtual authenticator."""

from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator

from tests import make
from tests.browser.conftest import Shop
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)

PLATFORM = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_is_registered_and_signs_in(shop: Shop, visit: Callable[..., Visitor]) -> None:
    user = make.make_user()
    visitor = visit()
    page = visitor.page
    devices = visitor.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": PLATFORM})
    visitor.open("account_login")
    visitor.sign_in(user.email)
    visitor.arrive("me")
    visitor.open("mfa_index")
    page.locator(f"main a[href='{visitor.path('mfa_add_webauthn')}']").first.click()
    visitor.confirm_password()
    page.fill("[name=name]", "My telephone")
    page.check("[name=passwordless]")
    page.locator("#mfa_webauthn_add").click()
    # The first key brings codes for the day it is lost.
    visitor.arrive("mfa_view_recovery_codes")
    assert len(page.locator("main textarea").input_value().split()) == 10
    visitor.open("mfa_list_webauthn")
    assert "My telephone" in visitor.main
    assert Authenticator.objects.filter(user=user, type="webauthn").count() == 1

    page.get_by_role("button", name="Sign out").click()
    visitor.arrive("home")
    visitor.open("account_login")
    page.locator("#passkey_login").click()
    visitor.arrive("me")
    assert visitor.page.get_by_role("button", name="Sign out").count() == 1


def test_a_key_that_fails_says_why_beside_its_button(shop: Shop, visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    visitor.open("account_login")
    assert not page.locator("#passkey-failed").is_visible()
    for failure, words in (("NotAllowedError", "cancelled or took too long"), ("OddError", "could not be used")):
        page.evaluate(
            "(name) => { navigator.credentials.get = () => Promise.reject(new DOMException('no', name)); }", failure
        )
        page.locator("#passkey_login").click()
        page.get_by_text(words).wait_for()
        page.locator("#passkey-failed:focus").wait_for()
        page.evaluate("document.activeElement.blur()")
