"""A log-in from a browser that the account has not seen is told by mail (pages.md 2.6, E4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from microfund.kernel.accounts.places import COOKIE
from tests import make

pytestmark = pytest.mark.django_db


def old_user(**values: Any) -> Any:
    return make.make_user(date_joined=timezone.now() - timedelta(days=3), **values)


def log_in(client: Client, user: Any) -> Any:
    return client.post(
        reverse("account_login"), {"login": user.email, "password": make.PASSWORD}, HTTP_USER_AGENT="Firefox/140.0"
    )


def told(user: Any) -> list[Any]:
    return [sent for sent in mail.outbox if user.email in sent.to]


def test_the_first_log_in_from_a_browser_is_told_and_the_next_is_not() -> None:
    user, browser = old_user(), Client()
    assert log_in(browser, user).status_code == 302
    (sent,) = told(user)
    assert sent.subject == "A new place of log-in" and "Firefox/140.0" in sent.body and "127.0.0.1" in sent.body
    assert browser.cookies[COOKIE]["httponly"] and str(user.pk) not in browser.cookies[COOKIE].value.split(".")
    browser.post(reverse("account_logout"))
    log_in(browser, user)
    assert len(told(user)) == 1
    log_in(Client(), user)
    assert len(told(user)) == 2


def test_a_browser_that_two_people_share_is_known_to_both_and_to_nobody_else() -> None:
    one, two, three, browser = old_user(), old_user(language="ja"), old_user(), Client()
    for user in (one, two, one, two):
        log_in(browser, user)
        browser.post(reverse("account_logout"))
    assert len(told(one)) == len(told(two)) == 1 and told(two)[0].subject == "新しいブラウザーからのログイン"
    made_up = Client()
    made_up.cookies[COOKIE] = "a" * 32 + "." + browser.cookies[COOKIE].value[:-1]
    log_in(made_up, three)
    assert len(told(three)) == 1


def test_a_new_account_and_a_wrong_password_send_nothing() -> None:
    new, old = make.make_user(), old_user()
    log_in(Client(), new)
    Client().post(reverse("account_login"), {"login": old.email, "password": "wrong"})
    assert not told(new) and not told(old)
