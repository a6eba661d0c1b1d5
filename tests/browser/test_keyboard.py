"""From a business's page to the order page without a mouse: every control is reached by Tab, seen, and not covered."""

from collections.abc import Callable
from typing import Any

import pytest

from investments.models import Document, Order
from investments.offerings.questions import QUESTIONS
from tests import make
from tests.browser.conftest import Shop
from tests.browser.visitor import Visitor
from tests.flows.walk import PERSON

pytestmark = pytest.mark.django_db(transaction=True)

MOST_TABS = 60
#: Whether the focused control shows that it is (itself, or what is drawn in its place), inside the window and on top.
SEEN = """() => {
    const control = document.activeElement;
    const drawn = [control, control.nextElementSibling, control.parentElement].filter(Boolean);
    const ring = drawn.some((part) => {
        const style = getComputedStyle(part);
        return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
    });
    const box = control.getBoundingClientRect();
    const x = box.left + box.width / 2, y = box.top + Math.min(box.height / 2, 20);
    const top = document.elementFromPoint(x, y);
    const label = control.labels && control.labels[0];
    const clear = top && (control.contains(top) || top.contains(control) || (label && label.contains(top)));
    return {ring, clear: Boolean(clear), y, height: innerHeight};
}"""


class Hands:
    """Two hands on a keyboard."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.page = visitor.page

    def reach(self, found: Any) -> None:
        """Tab until the control has the focus, and see that it has."""
        for _number in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if found.first.evaluate("(element) => element === document.activeElement"):
                break
        else:
            raise AssertionError(f"{found} was not reached with {MOST_TABS} tabs on {self.page.url}")
        seen = self.page.evaluate(SEEN)
        assert seen["ring"], f"nothing shows that {found} has the focus on {self.page.url}"
        assert seen["clear"], f"{found} has the focus but is covered or outside of the window: {seen}"

    def link(self, words: str) -> None:
        """Follow a link."""
        self.reach(self.page.locator("main").get_by_role("link", name=words, exact=True))
        self.page.keyboard.press("Enter")

    def button(self, words: str) -> None:
        """Press a button."""
        self.reach(self.page.locator("main").get_by_role("button", name=words, exact=True))
        self.page.keyboard.press("Enter")

    def type(self, name: str, text: str) -> None:
        """Fill a field."""
        self.reach(self.page.locator(f"[name={name}]"))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def tick(self, name: str) -> None:
        """Tick a box."""
        self.reach(self.page.locator(f"[name={name}]"))
        self.page.keyboard.press("Space")
        assert self.page.locator(f"[name={name}]").is_checked()

    def pick(self, name: str, value: str) -> None:
        """Choose one of a group: Tab reaches the group, the arrows move inside of it."""
        group = self.page.locator(f"[name={name}]")
        wanted = self.page.locator(f"[name={name}][value={value}]")
        chosen = self.page.locator(f"[name={name}]:checked")
        self.reach(chosen if chosen.count() else group.first)
        for _number in range(group.count()):
            if wanted.is_checked():
                return
            self.page.keyboard.press("Space" if not chosen.count() else "ArrowDown")
        assert wanted.is_checked()


def test_from_the_business_page_to_the_order_page_by_keyboard_only(shop: Shop, visit: Callable[..., Visitor]) -> None:
    fund = make.make_fund()
    user = make.make_user()
    visitor = visit(user=user)
    page = visitor.page
    hands = Hands(visitor)
    visitor.open("businesses:detail", fund.business.slug)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('a.skip')"), "the first stop leads past the head"
    page.keyboard.press("Enter")
    hands.button("Choose units")
    visitor.arrive("investments:units", fund.slug)
    hands.type("units", "1")
    hands.reach(page.get_by_role("button", name="One unit more"))
    page.keyboard.press("Enter")
    assert page.locator("[data-out=total]").inner_text() == "¥21,000"
    hands.button("Continue")
    visitor.arrive("investments:you", fund.slug)
    _profile(hands)
    visitor.arrive("investments:documents", fund.slug)
    _documents(hands, fund)
    visitor.arrive("investments:supporter", fund.slug)
    hands.tick("name_shown")
    hands.button("Continue")
    visitor.arrive("investments:check", fund.slug)
    hands.pick("method", "card")
    hands.button("Apply and pay ¥21,000")
    visitor.at_provider()
    hands.button("Pay ¥21,000 by card")
    page.wait_for_url("**/orders/**")
    page.get_by_role("heading", level=1, name="Paid").wait_for()
    order = Order.objects.get()
    assert (order.state, order.units, order.supporter_name_shown) == ("paid", 2, True)


def _profile(hands: Hands) -> None:
    for name in ("name", "name_kana"):
        hands.type(name, PERSON[name])
    hands.reach(hands.page.locator("[name=birth_date]"))
    # Day and month stand in the order of the machine's locale: a date that is the same in both.
    hands.page.keyboard.type("05051986")
    assert hands.page.input_value("[name=birth_date]") == "1986-05-05"
    # The picker's own parts are stops of the browser, so the next field is reached like any other.
    hands.type("postal_code", PERSON["postal_code"])
    hands.reach(hands.page.locator("[name=prefecture]"))
    hands.page.keyboard.type("Miyagi")
    assert hands.page.input_value("[name=prefecture]") == PERSON["prefecture"]
    for name in ("city", "street", "phone"):
        hands.type(name, PERSON[name])
    for name in ("purpose", "experience", "funds_origin"):
        hands.pick(name, PERSON[name])
    hands.button("Save and continue")


def _documents(hands: Hands, fund: Any) -> None:
    page = hands.page
    for document in Document.objects.filter(fund=fund, language="en").order_by("pk"):
        hands.reach(page.locator(f"a[href$='/documents/{document.pk}/']"))
        with hands.visitor.context.expect_page() as opened:
            page.keyboard.press("Enter")
        opened.value.wait_for_load_state()
        opened.value.close()
        page.bring_to_front()
        hands.tick(f"document_{document.pk}")
    for question in QUESTIONS:
        hands.pick(f"question_{question.key}", str(question.answer).lower())
    for name in ("donation", "electronic", "no_crime"):
        hands.tick(name)
    hands.button("Continue")
