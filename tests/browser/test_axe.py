"""axe-core on every page of the site, in English by day and in Japanese by night: nothing that shuts people out.

The pages are those of the access matrix, opened by somebody who may: a new address is looked at by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.db import connection
from django.urls import NoReverseMatch

from tests.browser.conftest import Shop
from tests.browser.visitor import Visitor
from tests.site import access
from tests.site.test_access_matrix import TABLE

pytestmark = pytest.mark.django_db(transaction=True)

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
#: Django's own console is not ours to draw; a stored document and a mail stand in a sandbox in which no script runs,
#: axe neither.
NOT_LOOKED_AT = ("admin:", "businesses:document", "studio:news_mail")
#: WCAG 2.2 A and AA, and what axe-core calls best practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (tags) => {
    const found = await axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']});
    return found.violations.map((rule) => `${rule.id}: ` + rule.nodes.slice(0, 3)
        .map((node) => node.html.slice(0, 160) + ' | ' + (node.failureSummary || '').slice(0, 160)).join(' ;; '));
}"""


def pages_of(world: access.World, person: str, visitor: Visitor) -> Iterator[tuple[str, str]]:
    """The name and address of every page that this person may open, but those that the visitor sees as well."""
    for name, row in TABLE.items():
        if name.startswith(NOT_LOOKED_AT) or row.status(person) != 200:
            continue
        if person != "visitor" and row.visitor == 200:
            continue
        try:
            yield name, visitor.path(name, *world.arguments(name))
        except NoReverseMatch:
            continue


def violations(page: Any) -> list[str]:
    """What axe-core finds on a page as it is shown."""
    page.evaluate(AXE)
    return list(page.evaluate(RUN, TAGS))


@pytest.fixture
def world(shop: Shop) -> Iterator[access.World]:
    """The people and things of the access matrix."""
    yield access.build()


# A theme changes colours alone, and a language everything but colours.
@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("ja", "dark")])
def test_no_page_shuts_anybody_out(
    language: str, theme: str, world: access.World, shop: Shop, visit: Callable[..., Visitor]
) -> None:
    people = {"visitor": None, "investor": world.order.investor.user, "owner": world.membership.user}
    wrong: list[str] = []
    seen = 0
    for person, user in people.items():
        if user is not None:
            user.language = language
            user.save(update_fields=["language"])
        visitor = visit(user=user, language=language, color_scheme=theme)
        for name, address in pages_of(world, person, visitor):
            answer = visitor.page.request.head(shop.url + address)
            if "text/html" not in answer.headers.get("content-type", ""):
                continue
            visitor.page.goto(shop.url + address)
            seen += 1
            wrong += [f"{person} {name}: {text}" for text in violations(visitor.page)]
    assert seen > 60, f"only {seen} pages were looked at"
    assert not wrong, "\n".join(wrong)
    connection.close()


def test_control_a_page_that_shuts_people_out_is_found(shop: Shop, visit: Callable[..., Visitor]) -> None:
    visitor = visit(color_scheme="light")
    visitor.page.goto(shop.url + visitor.path("home"))
    visitor.page.evaluate("""() => {
        const image = document.createElement('img'); image.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw=';
        document.querySelector('main').append(image);
        const text = document.createElement('p'); text.textContent = 'pale'; text.id = 'pale';
        document.querySelector('main').append(text);
        document.getElementById('pale').style.color = '#eee';
    }""")
    found = violations(visitor.page)
    assert any(text.startswith("image-alt") for text in found)
    assert any(text.startswith("color-contrast") for text in found)
