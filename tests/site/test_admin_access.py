"""Who gets into the staff console, and what each role may do there."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from businesses.models import Business
from investments.models import Fund, Investor, Order, PolicyProfile, Refund, StatementFile, TaxRate
from microfund.kernel.accounts.models import User
from microfund.kernel.accounts.roles import ROLES
from microfund.kernel.admin import ReadOnlyAdmin, StaffAdmin
from microfund.kernel.audit.models import AuditRow
from tests import make
from tests.site.staff import act_of, console, list_of, make_staff, page_of

pytestmark = pytest.mark.django_db

#: Who may do what. An act that is not declared here fails the test, and so does one that is gone.
ACTS: dict[str, dict[str, set[str]]] = {
    "accounts.User": {"factors": {"support", "operations"}},
    "businesses.Business": {
        "submit": {"reviewer", "operations"},
        "publish": {"reviewer"},
        "send_back": {"reviewer"},
        "withdraw": {"reviewer"},
    },
    "businesses.Post": {"withdraw": {"reviewer", "support"}},
    "businesses.Comment": {"remove": {"reviewer", "support"}},
    "businesses.Question": {"answer": {"support", "operations"}, "remove": {"reviewer", "support"}},
    "businesses.Proposal": {
        f"review_{section}": {"reviewer"}
        for section in ("profile", "uses", "plan", "team", "pictures", "steps", "spent")
    },
    "investments.Fund": {
        "submit": {"reviewer", "operations"},
        "schedule": {"reviewer"},
        "send_back": {"reviewer"},
        "open": {"operations"},
        "amend": {"reviewer"},
        "close": {"operations"},
        "fail": {"operations"},
        "sweep_fees": {"finance maker"},
        "release": {"finance maker"},
        "offer_besides_cash": {"operations"},
        "wind_up": {"finance maker"},
        "supplement": {"finance maker"},
        "settle": {"finance checker"},
    },
    "rewards.Offer": dict.fromkeys(("take_on", "end", "revise"), {"reviewer", "operations"}),
    "rewards.Visit": {"call_off": {"operations", "support"}},
    "rewards.Entitlement": dict.fromkeys(
        ("failed", "substitute", "redirect", "next_batch", "exchange", "compensate"), {"support", "operations"}
    ),
    "rewards.Cycle": {"export": {"support", "operations"}},
    "rewards.Compensation": {
        "approve": {"finance checker"},
        "withdraw": {"support", "operations", "finance checker"},
        "received": {"finance maker"},
        "pay": {"finance maker"},
        "propose_loss": {"finance maker"},
        "approve_loss": {"finance checker"},
        "withdraw_loss": {"finance maker", "finance checker"},
    },
    "investments.Holding": {"inherit": {"support", "operations"}},
    "investments.Inheritance": {
        "approve": {"finance checker", "reviewer"},
        "withdraw": {"support", "operations", "finance checker", "reviewer"},
    },
    "investments.Period": {"calculate": {"finance maker"}},
    "investments.RevenueReport": {"accept": {"reviewer", "operations"}, "return": {"reviewer", "operations"}},
    "investments.Distribution": {
        "approve": {"finance checker"},
        "discard": {"finance maker", "finance checker"},
        "part": {"finance maker"},
        "write_off": {"finance maker"},
    },
    "investments.Moratorium": {
        "holders": {"finance maker", "finance checker", "operations"},
        "prepare": {"finance maker", "operations"},
        "approve": {"finance checker"},
        "withdraw": {"finance maker", "finance checker", "operations"},
        "prepare_end": {"finance maker", "operations"},
        "end": {"finance checker"},
        "withdraw_end": {"finance maker", "finance checker", "operations"},
    },
    "investments.MoratoriumFund": {"leave_out": {"finance checker"}},
    "investments.WriteOff": {
        "approve": {"finance checker"},
        "withdraw": {"finance maker", "finance checker"},
        "give_back": {"finance maker"},
    },
    "investments.Entry": {"export": {"finance maker", "finance checker", "auditor"}},
    "investments.Instalment": {"approve": {"finance checker"}, "withdraw": {"finance maker", "finance checker"}},
    "investments.PayoutRun": {
        "prepare": {"finance maker"},
        "approve": {"finance checker"},
        "download": {"finance maker", "finance checker"},
        "send": {"finance maker"},
        "withdraw": {"finance maker", "finance checker"},
    },
    "investments.PayoutAttempt": {"return": {"finance maker"}},
    "investments.TaxPayment": {"pay_over": {"finance maker"}, "records": {"finance maker", "finance checker"}},
    "investments.Investor": {
        "verify": {"reviewer"},
        "reject": {"reviewer"},
        "unmask": {"reviewer", "support", "operations"},
        "died": {"support", "operations"},
        "alive": {"operations"},
    },
    "investments.Resemblance": {"different": {"reviewer"}, "same": {"reviewer"}},
    "investments.Order": {
        "cancel": {"support", "operations"},
        "refund": {"finance maker"},
        "hide_message": {"reviewer", "support"},
    },
    "investments.PaymentAttempt": {
        "ask": {"operations", "finance maker"},
        "give_back": {"finance maker"},
        "seen_to": {"operations", "finance maker"},
    },
    "investments.ProviderPayout": {"looked_at": {"finance maker"}},
    "investments.UnrecordedObject": {"looked_at": {"operations", "finance maker"}},
    "investments.Refund": {"send": {"operations", "finance maker"}, "pay_by_bank": {"finance maker"}},
    "investments.Dispute": {
        "top_up": {"finance maker"},
        "keep_units": {"finance maker"},
        "rescind": {"finance maker"},
    },
    "investments.WebhookDelivery": {"replay": {"operations"}},
    "investments.StatementFile": {"import": {"operations", "finance maker"}},
    "investments.StatementLine": {
        "apply": {"finance maker"},
        "send_back": {"finance maker"},
        "business": {"finance maker"},
        "returned": {"finance maker"},
    },
    "investments.BankReturn": {"file": {"finance maker"}},
    "investments.OutgoingTransfer": {
        "download": {"finance maker", "finance checker"},
        "approve": {"finance checker"},
        "sent": {"finance maker"},
        "withdraw": {"finance maker", "finance checker"},
        "unmask": {"finance maker", "finance checker"},
    },
    "notices.Notice": {"retry": {"operations", "support"}},
    "outbox.Event": {"retry": {"operations"}},
}
#: What may be typed in by hand at all, and by whom; everything else is read-only.
EDITS: dict[str, set[str]] = {
    "accounts.User": set(),  # superusers, who are in every role
    "businesses.Business": {"reviewer", "operations"},
    "businesses.Disaster": {"reviewer", "operations"},
    "investments.Fund": {"reviewer", "operations"},
    "investments.PolicyProfile": {"finance checker"},
    "investments.TaxRate": {"finance checker"},
    "rewards.Donee": {"operations", "support"},
    "rewards.Offer": {"reviewer", "operations"},
}


def registered() -> dict[str, StaffAdmin]:
    return {model._meta.label: own for model, own in admin.site._registry.items()}  # type: ignore[misc]


# --- The door -------------------------------------------------------------------------------------------------


def test_a_visitor_is_asked_to_log_in(client: Client) -> None:
    answer = client.get(list_of(Order))
    assert answer.status_code == 302 and answer.url.startswith(reverse("admin:login"))
    assert client.get(answer.url).url.startswith(reverse("account_login"))


@pytest.mark.parametrize("address", ["admin:index", "admin:investments_order_changelist"])
def test_staff_without_a_second_factor_are_sent_to_set_one_up(address: str) -> None:
    client = console(make_staff("operations", second_factor=False))
    answer = client.get(reverse(address), follow=True)
    assert answer.redirect_chain[-1][0].startswith(reverse("mfa_index"))
    assert "The staff console needs a second factor. Set one up first." in answer.content.decode()


def test_a_superuser_needs_a_second_factor_too() -> None:
    client = console(make_staff(second_factor=False, is_superuser=True))
    assert client.get(reverse("admin:index"), follow=True).redirect_chain[-1][0].startswith(reverse("mfa_index"))


def test_an_investor_is_sent_away() -> None:
    client = console(make.make_investor().user)
    answer = client.get(reverse("admin:index"), follow=True)
    assert answer.redirect_chain[-1][0] == reverse("home")
    assert "The staff console is for staff." in answer.content.decode()


def test_an_inactive_member_of_the_staff_gets_nowhere() -> None:
    user = make_staff("operations")
    client = console(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(reverse("admin:index")).status_code == 302


def test_staff_in_no_group_see_nothing() -> None:
    client = console(make_staff())
    page = client.get(reverse("admin:index")).content.decode()
    assert "Your account is in no staff group yet." in page and "module queues" not in page
    assert client.get(list_of(Order)).status_code == 403
    assert client.get(page_of(make.make_order())).status_code == 403


# --- What may be edited ---------------------------------------------------------------------------------------


def test_the_console_knows_only_classes_that_are_guarded_by_role() -> None:
    assert all(isinstance(own, StaffAdmin) for own in registered().values())
    labels = set(registered())
    assert not labels & {"account.EmailAddress", "mfa.Authenticator", "auth.Group", "usersessions.UserSession"}


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_edited_but_what_is_declared(role: str, rf: Any) -> None:
    request = rf.get("/")
    request.user = make_staff(role)
    for label, own in registered().items():
        may = role in EDITS.get(label, set())
        assert own.has_add_permission(request) is may, label
        assert not own.has_delete_permission(request), label
        if label not in ("investments.PolicyProfile", "investments.TaxRate"):
            assert own.has_change_permission(request) is may, label


def test_not_even_a_superuser_edits_what_is_read_only(rf: Any) -> None:
    request = rf.get("/")
    request.user = make_staff(is_superuser=True)
    read_only = {label for label in registered() if label not in EDITS}
    for label in read_only:
        own = registered()[label]
        assert isinstance(own, ReadOnlyAdmin), label
        assert not own.has_add_permission(request) and not own.has_change_permission(request), label
    assert read_only >= {
        "audit.AuditRow", "notices.Notice", "outbox.Event", "schedule.JobRun", "schedule.Heartbeat",
        "schedule.Journey",
        "investments.Account", "investments.Book", "investments.Entry", "investments.Line", "investments.Document",
        "investments.Holding", "investments.Order", "investments.PaymentAttempt", "investments.Refund",
        "investments.Dispute", "investments.WebhookDelivery", "investments.StatementFile", "investments.StatementLine",
        "investments.OutgoingTransfer", "investments.PersonFund", "investments.PersonBusiness", "investments.Investor",
        "investments.Terms", "investments.Period", "investments.ProviderPayout",
        "investments.UnrecordedObject",
    }  # fmt: skip


def test_a_form_that_is_sent_all_the_same_changes_nothing() -> None:
    client = console(make_staff(is_superuser=True))
    order = make.make_order()
    for address in (page_of(order), reverse("admin:investments_order_add")):
        assert client.post(address, {"state": "confirmed", "units": 40}).status_code == 403
    assert client.post(reverse("admin:investments_order_delete", args=[order.pk]), {"post": "yes"}).status_code == 403
    order.refresh_from_db()
    assert (order.state, order.units) == ("reserved", 1)
    assert client.post(list_of(Order), {"action": "delete_selected", "_selected_action": order.pk}).status_code == 200
    assert Order.objects.filter(pk=order.pk).exists()


@pytest.mark.parametrize("model", [PolicyProfile, TaxRate])
def test_versions_are_added_and_never_changed(model: Any) -> None:
    client = console(make_staff(is_superuser=True))
    row = model.objects.first()
    before = {field.name: getattr(row, field.name) for field in row._meta.fields}
    assert client.post(page_of(row), {**before, "reason": "other", "rate": "0.5"}).status_code == 403
    row.refresh_from_db()
    assert {field.name: getattr(row, field.name) for field in row._meta.fields} == before


def test_the_auditor_sees_everything_and_does_nothing() -> None:
    user = make_staff("auditor")
    client = console(user)
    order = make.make_order(investor=make.make_investor(verified=False))
    for label, own in registered().items():
        assert client.get(list_of(own.model)).status_code == 200, label
        may = {act.name for act in (*own.acts, *own.list_acts) if act.allowed_to(user)}
        assert may == ({"export"} if label == "investments.Entry" else set()), label
    page = client.get(page_of(order)).content.decode()
    assert order.reference in page and "What you can do" not in page
    assert '<input type="submit"' not in client.get(page_of(order.fund)).content.decode()
    rows = AuditRow.objects.count()
    assert client.post(act_of(order, "cancel"), {"reason": "x", "confirmed": "1"}).status_code == 403
    assert client.post(act_of(order.investor, "unmask"), {"reason": "x"}).status_code == 403
    assert AuditRow.objects.count() == rows


# --- Acts by role ---------------------------------------------------------------------------------------------


def test_every_act_is_declared_with_its_roles() -> None:
    found = {
        label: {act.name: set(act.roles) for act in (*own.acts, *own.list_acts)}
        for label, own in registered().items()
        if own.acts or own.list_acts
    }
    assert found == ACTS


@pytest.mark.parametrize("role", ROLES)
def test_buttons_are_shown_to_those_who_may_and_refuse_the_others(role: str) -> None:
    client = console(make_staff(role))
    investor = make.make_investor(verified=False)
    order = make.make_order(investor=investor)
    drafts = {
        "investments.Fund": make.make_fund(state="in_review"),
        "businesses.Business": make.make_business(state=Business.State.IN_REVIEW),
        "investments.Investor": investor,
        "investments.Order": order,
        "businesses.Post": make.make_post(),
    }
    possible = {
        "investments.Fund": ["schedule", "send_back"],
        "businesses.Business": ["publish", "send_back"],
        "investments.Investor": ["verify", "reject", "unmask"],
        "investments.Order": ["cancel"],
        "businesses.Post": ["withdraw"],
    }
    for label, row in drafts.items():
        page = client.get(page_of(row)).content.decode()
        for name in possible[label]:
            may = role in ACTS[label][name]
            assert (act_of(row, name) in page) is may, f"{label} {name}"
            assert client.get(act_of(row, name)).status_code == (200 if may else 403), f"{label} {name}"
            if not may:
                assert client.post(act_of(row, name), {"reason": "x", "confirmed": "1"}).status_code == 403
        row.refresh_from_db()
    assert Fund.objects.get(pk=drafts["investments.Fund"].pk).state == "in_review"
    assert Investor.objects.get(pk=investor.pk).identity_state == "submitted"
    assert Order.objects.get(pk=order.pk).state == "reserved"
    imports = reverse("admin:investments_statementfile_list_act", args=["import"])
    may = role in ACTS["investments.StatementFile"]["import"]
    assert client.get(imports).status_code == (200 if may else 403)
    assert (imports in client.get(list_of(StatementFile)).content.decode()) is may


def test_an_act_needs_the_token_of_its_form() -> None:
    user = make_staff("operations")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    order = make.make_order()
    assert client.post(act_of(order, "cancel"), {"reason": "x", "confirmed": "1"}).status_code == 403
    order.refresh_from_db()
    assert order.state == "reserved"


def test_an_act_that_is_not_possible_is_neither_shown_nor_done() -> None:
    client = console(make_staff(is_superuser=True))
    order = make.make_order()
    assert act_of(order, "refund") not in client.get(page_of(order)).content.decode()
    answer = client.post(act_of(order, "refund"), {"reason": "x", "confirmed": "1"}, follow=True)
    assert "This is not possible any more." in answer.content.decode()
    assert not Refund.objects.exists()


def test_an_unknown_act_or_row_is_not_found() -> None:
    client = console(make_staff(is_superuser=True))
    order = make.make_order()
    assert client.get(act_of(order, "give-me-money")).status_code == 404
    order.pk = 999_999
    assert client.get(act_of(order, "cancel")).status_code == 404


# --- Personal data --------------------------------------------------------------------------------------------


def test_personal_data_is_masked_until_it_is_unmasked_with_a_reason_and_a_trace() -> None:
    user = make_staff("support")
    client = console(user)
    investor = make.make_investor(at=timezone.now())
    secrets = ["1986-05-01", "一番町1-2-3", "022-000-0000"]
    for address in (page_of(investor), list_of(Investor), act_of(investor, "unmask")):
        page = client.get(address).content.decode()
        assert not [text for text in secrets if text in page], address
    assert not AuditRow.objects.filter(action="investments.Investor.unmasked").exists()
    assert "This field is required." in client.post(act_of(investor, "unmask"), {"reason": ""}).content.decode()
    answer = client.post(act_of(investor, "unmask"), {"reason": "They called and forgot their address."})
    assert all(text in answer.content.decode() for text in secrets)
    assert "no-store" in answer.headers["Cache-Control"]
    row = AuditRow.objects.get(action="investments.Investor.unmasked")
    assert (row.actor_id, row.object_id, row.reason) == (
        user.pk,
        str(investor.pk),
        "They called and forgot their address.",
    )
