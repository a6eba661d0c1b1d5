"""Staff with a second factor, and the addresses of the console."""

from __future__ import annotations

from typing import Any

from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from microfund.kernel.accounts.models import User
from tests import make

SECRET = make.SECRET


def make_staff(*roles: str, second_factor: bool = True, **values: Any) -> User:
    """A member of the staff in these groups."""
    user = make.make_user(is_staff=True, **values)
    user.groups.set(Group.objects.filter(name__in=roles))
    assert user.groups.count() == len(roles)
    if second_factor:
        TOTP.activate(user, SECRET)
    return user


def console(user: User) -> Client:
    """A browser in which this person is logged in."""
    client = Client()
    client.force_login(user)
    return client


def list_of(model: Any) -> str:
    """The address of a model's list."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page_of(row: Any) -> str:
    """The address of a row's page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def act_of(row: Any, name: str) -> str:
    """The address of an act on a row."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_act", args=[row.pk, name])


def do(client: Client, row: Any, name: str, **data: Any) -> str:
    """Fill in an act's form, confirm it where that is asked, and answer the page at the end."""
    data = {"reason": "A good reason.", **data}
    answer = client.post(act_of(row, name), data, follow=True)
    page = answer.content.decode()
    if "Please check once more" in page:
        assert not answer.redirect_chain
        answer = client.post(act_of(row, name), {**data, "confirmed": "1"}, follow=True)
        page = answer.content.decode()
    assert answer.status_code == 200
    return page
