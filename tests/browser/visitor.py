"""A person at a browser: what they read, press and type on the way to an order.

Buttons and links are found by their words in the visitor's language, as people find them; fields by their name.
"""

from __future__ import annotations

import re
from typing import Any

from django.core import mail
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from investments.models import Document, Fund, Order
from investments.offerings.questions import QUESTIONS
from microfund.kernel.money import format_money
from tests import make
from tests.flows.walk import PERSON

CODE = re.compile(r"^\s*([A-Z0-9]{3,6}-?[A-Z0-9]{3,6})\s*$", re.M)
#: What sticks out of a window that is too small for the page, unless something around it scrolls; empty if it fits.
SIDEWAYS = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const wide = [...document.querySelectorAll('body *')].filter((part) =>
        part.getBoundingClientRect().right > width + 1 && !part.parentElement.closest('.table-scroll'));
    return [document.documentElement.scrollWidth, ...wide.slice(0, 4).map((part) => part.outerHTML.slice(0, 150))];
}"""
_FIELDS = ("name", "name_kana", "birth_date", "postal_code", "city", "street", "phone")
_CHOICES = ("purpose", "experience", "funds_origin")


def code_in(body: str) -> str:
    """The code that stands on a line of its own in a mail."""
    found = CODE.search(body)
    assert found, f"no code in the mail:\n{body}"
    return found[1]


class Visitor:
    """One browser context with the page it looks at. `said` puts the site's own words into the visitor's language."""

    def __init__(self, context: Any, page: Any, *, site: str, language: str) -> None:
        self.context = context
        self.page = page
        self.site = site
        self.language = language

    # -- words and places ----------------------------------------------------------------------------------------------

    def said(self, words: str, **values: Any) -> str:
        """A text of the site in the visitor's language, its placeholders filled in."""
        with translation.override(self.language):
            return gettext(words) % values if values else gettext(words)

    def money(self, amount: int) -> str:
        """Yen as the visitor's pages write them."""
        with translation.override(self.language):
            return format_money(amount, "JPY", self.language)

    def path(self, name: str, *arguments: Any) -> str:
        """The path of a named page in the visitor's language."""
        with translation.override(self.language):
            return reverse(name, args=arguments)

    def open(self, name: str, *arguments: Any, query: str = "") -> Any:
        """Type an address; answers the response."""
        return self.page.goto(self.site + self.path(name, *arguments) + query)

    @property
    def heading(self) -> str:
        """The page's one h1."""
        self.loaded()
        return self.page.locator("h1").inner_text()

    @property
    def main(self) -> str:
        """The text of the page, without its head and foot."""
        self.loaded()
        return self.page.locator("main").inner_text()

    def press(self, words: str, **values: Any) -> None:
        """Press a button of the page's own content."""
        self.page.locator("main").get_by_role("button", name=self.said(words, **values), exact=True).click()
        self.loaded()

    def follow(self, words: str, **values: Any) -> None:
        """Follow the first link with these words."""
        self.page.get_by_role("link", name=self.said(words, **values), exact=True).first.click()
        self.loaded()

    def loaded(self) -> None:
        """Wait until all of the page is there and its scripts have run: a click waits only for its first bytes."""
        self.page.wait_for_load_state()

    def arrive(self, name: str, *arguments: Any) -> None:
        """Wait until the page of this name is shown, and see that the window is wide enough for it."""
        self.page.wait_for_url(lambda url: url.split("?")[0] == self.site + self.path(name, *arguments))
        parts = self.sideways()
        assert not parts, f"{self.page.url} scrolls sideways: {parts}"

    def sideways(self) -> list[Any]:
        """The page's width and what makes it so, when one would have to scroll sideways; else nothing."""
        return self.page.evaluate(SIDEWAYS)

    # -- signing up and in ---------------------------------------------------------------------------------------------

    def sign_up(self, email: str, password: str = make.PASSWORD) -> None:
        """From the log-in page to a verified address, with the code that came by mail."""
        self.page.locator("main").get_by_role("link", name=self.said("sign up"), exact=True).first.click()
        self.arrive("account_signup")
        self.page.fill("[name=email]", email)
        self.page.fill("[name=password1]", password)
        self.page.locator("main form button[type=submit]").first.click()
        self.arrive("account_email_verification_sent")
        self.page.fill("[name=code]", code_in(mail.outbox[-1].body))
        self.page.locator("main form button[type=submit]").first.click()

    def sign_in(self, email: str, password: str = make.PASSWORD) -> None:
        """Fill the log-in page in."""
        self.page.fill("[name=login]", email)
        self.page.fill("[name=password]", password)
        self.page.locator("main form button[type=submit]").first.click()

    def confirm_password(self, password: str = make.PASSWORD) -> None:
        """What changes how one signs in asks for the password once more."""
        self.arrive("account_reauthenticate")
        self.page.fill("[name=password]", password)
        self.page.locator("main form button[type=submit]").first.click()
        self.loaded()

    # -- the funding flow ----------------------------------------------------------------------------------------------

    def choose(self, fund: Fund, units: int) -> None:
        """F1."""
        self.open("investments:units", fund.slug)
        self.page.fill("[name=units]", str(units))
        self.press("Continue")

    def fill_profile(self) -> None:
        """F2 as a person who was never here."""
        for name in _FIELDS:
            self.page.fill(f"[name={name}]", PERSON[name])
        self.page.select_option("[name=prefecture]", PERSON["prefecture"])
        for name in _CHOICES:
            self.page.check(f"[name={name}][value={PERSON[name]}]")
        self.press("Save and continue")

    def read_documents(self, fund: Fund) -> None:
        """F3: open each document in its tab, close it again, tick everything, judge the statements rightly."""
        links = self.page.locator("main form a[target=_blank]")
        assert links.count() == 3
        for number in range(3):
            with self.context.expect_page() as opened:
                links.nth(number).click()
            opened.value.wait_for_load_state()
            assert "/documents/" in opened.value.url and opened.value.locator("h1").count() == 1
            opened.value.close()
        self.answer(fund)

    def answer(self, fund: Fund) -> None:
        """Tick the documents and consents, judge the statements rightly, go on."""
        for document in Document.objects.filter(fund=fund, language=self.language, terms__version=1):
            self.page.check(f"[name=document_{document.pk}]")
        for question in QUESTIONS:
            self.page.check(f"[name=question_{question.key}][value={str(question.answer).lower()}]")
        for name in ("donation", "electronic", "no_crime"):
            self.page.check(f"[name={name}]")
        self.press("Continue")

    def go_to_check(self, fund: Fund, units: int = 2) -> None:
        """Everything up to the check page, for a visitor who is logged in."""
        self.choose(fund, units)
        self.arrive("investments:you", fund.slug)
        if self.page.locator("[name=confirm]").count():
            self.press("Yes, continue")
        else:
            self.fill_profile()
        self.arrive("investments:documents", fund.slug)
        self.read_documents(fund)
        self.arrive("investments:supporter", fund.slug)
        self.press("Continue")
        self.arrive("investments:check", fund.slug)

    def apply(self, total: int, method: str) -> None:
        """F5: choose how to pay and press the button."""
        self.page.check(f"[name=method][value={method}]")
        self.press("Apply and pay %(amount)s", amount=self.money(total))

    def order(self) -> Order:
        """The order whose page is shown."""
        found = re.search(r"/orders/([^/?]+)/", self.page.url)
        assert found, self.page.url
        return Order.objects.get(reference=found[1])

    # -- at the provider and the bank ----------------------------------------------------------------------------------

    def at_provider(self) -> None:
        """Wait for the hosted page."""
        self.page.wait_for_url("**/pay/cs_*")

    def pay_by_card(self, outcome: str = "card") -> None:
        """Choose what the card company answers and pay."""
        self.at_provider()
        self.page.check(f"[name=how][value={outcome}]")
        self.page.locator("form:has([type=radio]) button[type=submit]").click()
