"""A visitor who goes through the funding flow with Django's client: what a browser without JavaScript would send."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import translation

from investments.models import Document, Fund, Order
from investments.offerings.questions import QUESTIONS
from tests import make

PERSON = {
    "kind": "person",
    "name": "伊藤 遥",
    "name_kana": "いとう　はるか",
    "birth_date": "1986-05-01",
    "postal_code": "９８００８１１",
    "prefecture": "宮城県",
    "city": "仙台市青葉区",
    "street": "一番町1-2-3",
    "building": "",
    "phone": "０２２ー０００ー００００",
    "purpose": "support",
    "experience": "none",
    "funds_origin": "salary",
}
COMPANY = {
    **{name: value for name, value in PERSON.items() if name != "birth_date"},
    "kind": "company",
    "name": "青葉歯科医院株式会社",
    "name_kana": "アオバシカイイン",
    "corporate_number": "T7000012050002",
    "representative": "青葉 一",
}


def field_of(html: str, name: str) -> str:
    """The value of a hidden or text input on a page."""
    for tag in re.findall(r"<input[^>]*>", html):
        if f'name="{name}"' in tag:
            found = re.search(r'value="([^"]*)"', tag)
            return unescape(found[1]) if found else ""
    raise AssertionError(f"the page has no field {name!r}")


def title_of(response: Any) -> str:
    """The page's title as a browser shows it."""
    found = re.search(r"<title>(.*?)</title>", response.content.decode(), re.S)
    assert found, "the page has no title"
    return " ".join(unescape(found[1]).split())


class Walker:
    """One browser on one fund, in one language."""

    def __init__(self, fund: Fund, client: Client | None = None, *, language: str = "en") -> None:
        self.fund = fund
        self.client = client or Client()
        self.language = language

    def url(self, name: str, *arguments: Any) -> str:
        with translation.override(self.language):
            return reverse(f"investments:{name}", args=arguments or [self.fund.slug])

    def order_url(self, order: Order) -> str:
        with translation.override(self.language):
            return reverse("order", args=[order.reference])

    def get(self, name: str, *arguments: Any, **data: Any) -> Any:
        return self.client.get(self.url(name, *arguments), data)

    def post(self, name: str, data: dict[str, Any], *arguments: Any) -> Any:
        return self.client.post(self.url(name, *arguments), data, REMOTE_ADDR="192.0.2.7")

    def log_in(self, user: Any = None) -> Any:
        user = user or make.make_user()
        assert self.client.login(email=user.email, password=make.PASSWORD)
        return user

    def choose(self, units: Any = 2) -> Any:
        return self.post("units", {"units": units})

    def profile(self, **changes: Any) -> Any:
        return self.post("you", {**PERSON, **changes})

    def documents(self) -> list[Document]:
        return list(Document.objects.filter(fund=self.fund, language=self.language, terms__version=1).order_by("pk"))

    def open_documents(self) -> None:
        for document in self.documents():
            self.client.get(self.url("open_document", self.fund.slug, document.pk))

    def understanding(self, **changes: Any) -> dict[str, Any]:
        data: dict[str, Any] = {f"document_{document.pk}": "on" for document in self.documents()}
        data |= {f"question_{question.key}": "true" if question.answer else "false" for question in QUESTIONS}
        data |= {"donation": "on", "electronic": "on", "no_crime": "on"}
        return {name: value for name, value in {**data, **changes}.items() if value is not None}

    def to_check(self, units: int = 2, user: Any = None, **supporter: Any) -> dict[str, str]:
        """Everything up to the check page; answers what its form would send."""
        self.log_in(user)
        assert self.choose(units).status_code == 302
        found = self.get("you")
        answer = self.post("you", {"confirm": "yes"}) if b'name="confirm"' in found.content else self.profile()
        assert answer.status_code == 302, answer.content.decode()
        self.open_documents()
        assert self.post("documents", self.understanding()).status_code == 302
        assert self.post("supporter", supporter).status_code == 302
        return self.last_form()

    def last_form(self, method: str = "bank_transfer") -> dict[str, str]:
        """What the check page sends now."""
        page = self.get("check")
        assert page.status_code == 200, (page.status_code, page.headers)
        html = page.content.decode()
        return {"form_token": field_of(html, "form_token"), "shown": field_of(html, "shown"), "method": method}

    def order(self) -> Order:
        return Order.objects.get(fund=self.fund)
