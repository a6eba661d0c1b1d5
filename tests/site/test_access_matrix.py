"""Who gets what at every address of the site: one table by the address's name. A new address without a row fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from investments.models import Order
from microfund.kernel.accounts.roles import ROLES
from tests.site import access
from tests.site.access import PEOPLE, World

pytestmark = pytest.mark.django_db


class Row(NamedTuple):
    """The status of a GET for a visitor, for the investor whose things are asked for, and for everybody else who is
    logged in; for staff, the owner of the business and another investor as well, unless it says otherwise."""

    visitor: int
    investor: int
    others: int
    staff: int | None = None
    owner: int | None = None
    other_investor: int | None = None
    other_owner: int | None = None

    def status(self, who: str) -> int:
        """What this person is answered."""
        if who == "visitor":
            return self.visitor
        if who == "investor":
            return self.investor
        if who == "owner" and self.owner is not None:
            return self.owner
        if who == "other investor" and self.other_investor is not None:
            return self.other_investor
        if who == "other owner" and self.other_owner is not None:
            return self.other_owner
        return self.staff if self.staff is not None and who in ROLES else self.others


ANYONE = Row(200, 200, 200)
#: A page about whoever asks; a visitor is asked to log in.
OWN = Row(302, 200, 200)
#: A thing of the investor: for everybody else it does not exist.
MINE = Row(302, 200, 404)
#: The same where the investor is led on, for the order is paid.
MINE_AND_ON = Row(302, 302, 404)
#: Asks for something first: the steps before, or the password again.
STEP = Row(302, 302, 302)
#: Only for those who are not logged in.
BEFORE_LOGIN = Row(200, 302, 302)
NO_GET = Row(405, 405, 405)
#: A made-up token.
UNKNOWN = Row(404, 404, 404)
#: The studio of a business: for everybody but its owner it does not exist.
STUDIO = Row(302, 404, 404, owner=200)
STUDIO_NO_GET = Row(302, 404, 404, owner=405)
#: An act that the state of the post does not allow any more leads back to it.
STUDIO_AND_ON = Row(302, 404, 404, owner=302)

TABLE: dict[str, Row] = {
    **dict.fromkeys(
        [
            "home",
            "how_it_works",
            "risks",
            "fees",
            "glossary",
            "help",
            "about",
            "contact",
            "contact_sent",
            "accessibility",
            "privacy",
            "legal_terms",
            "legal_disclosure",
            "verify_script",
            "businesses:results",
            "businesses:questions",
            "businesses:results_csv",
            "businesses:results_json",
            "businesses:proof",
            "rewards:visits",
            "rewards:visit",
            "styleguide",
            "set_theme",
            "healthz",
            "readyz",
            "sitemap",
            "robots",
            "security_txt",
            "businesses:list",
            "businesses:detail",
            "businesses:terms",
            "businesses:simulator",
            "businesses:document",
            "businesses:document_pdf",
            "businesses:social_card",
            "businesses:news",
            "businesses:news_post",
            "businesses:news_feed",
            "businesses:follow",
            "businesses:follow_asked",
            "follow_several",
            "follow_several_asked",
            "businesses:supporters",
            "map",
            "funds_feed",
            "news_feed",
            "stories",
            "calendar_feed",
            "investments:units",
            "investments:gift_offer",
        ],
        ANYONE,
    ),
    **dict.fromkeys(
        [
            "me",
            "holdings",
            "holdings_csv",
            "distributions",
            "distributions_csv",
            "orders",
            "my_documents",
            "calendar",
            "following",
            "notifications",
            "privacy_mine",
            "investments:profile",
            "investments:bank",
            "investments:waiting",
            "investments:gifts",
            "studio:home",
        ],
        OWN,
    ),
    # Whoever holds the link may accept a gift, but not who gave it.
    "investments:gift_you": Row(302, 302, 200, other_investor=200),
    # Only somebody with personal details has an identity to be checked.
    "investments:identity": Row(302, 200, 302, other_investor=200),
    **dict.fromkeys(
        [
            "order",
            "holding",
            "holding_choice",
            "holding_sheet",
            "holding_statement",
            # A sheet of nothing is not made.
            "holdings_pdf",
            "statement",
            "statement_csv",
            "statement_pdf",
            "investments:cancel",
            "investments:gift",
            "investments:gift_card",
            "investments:address",
            "rewards:claim",
            "rewards:letter",
            "rewards:visit_ics",
            "rewards:voucher",
            "distribution",
        ],
        MINE,
    ),
    **dict.fromkeys(["follow_confirm", "follow_manage", "unfollow"], UNKNOWN),
    **dict.fromkeys(
        ["studio:business", "studio:members", "studio:news", "studio:news_new", "studio:news_mail"], STUDIO
    ),
    **dict.fromkeys(["studio:reports", "studio:report", "studio:report_evidence", "studio:payments"], STUDIO),
    **dict.fromkeys(
        [
            "studio:profile",
            "studio:uses",
            "studio:plan",
            "studio:team",
            "studio:pictures",
            "studio:steps",
            "studio:spent",
            "studio:questions",
        ],
        STUDIO,
    ),
    **dict.fromkeys(["rewards:season", "rewards:batch", "rewards:till", "rewards:letter_desk"], STUDIO),
    **dict.fromkeys(["rewards:offer_new", "rewards:offer"], STUDIO),
    **dict.fromkeys(["rewards:visit_desk", "rewards:visit_change", "rewards:visit_people"], STUDIO),
    **dict.fromkeys(["rewards:pack", "rewards:parcel", "rewards:export"], STUDIO_NO_GET),
    **dict.fromkeys(["rewards:offer_files", "rewards:voucher_list"], STUDIO_NO_GET),
    "rewards:list": OWN,
    "rewards:letters": OWN,
    "rewards:own_visits": OWN,
    "own_questions": OWN,
    **dict.fromkeys(["investments:addresses", "investments:address_new"], Row(302, 200, 302, other_investor=200)),
    **dict.fromkeys(["studio:news_edit", "studio:news_withdraw", "businesses:comment_remove"], STUDIO),
    **dict.fromkeys(
        ["studio:member_invite", "studio:member_remove", "studio:news_autosave", "studio:news_preview"], STUDIO_NO_GET
    ),
    **dict.fromkeys(["studio:news_publish", "studio:news_delete"], STUDIO_AND_ON),
    # Leads on to the stored document.
    "own_document": MINE_AND_ON,
    **dict.fromkeys(["investments:pay", "investments:return", "investments:transfer"], MINE_AND_ON),
    **dict.fromkeys(
        [
            "investments:you",
            "investments:documents",
            "investments:open_document",
            "investments:supporter",
            "investments:check",
            "investments:gift_documents",
            "investments:gift_document",
            "investments:bank_choose",
            "investments:branch_choose",
            "investments:bank_account",
            "export_mine",
            "close_account",
        ],
        STEP,
    ),
    **dict.fromkeys(
        [
            "stripe-webhook",
            "calendar_address",
            "holding_supporter",
            "rewards:decline",
            "rewards:received",
            "rewards:complain",
            "rewards:download",
            "rewards:visit_cancel",
            "investments:address_remove",
            "businesses:follow_end",
            "businesses:news_comment",
            "businesses:question_wonder",
            "businesses:news_thanks",
        ],
        NO_GET,
    ),
    # Log-in and what belongs to it; the second factors are asked for again before they change.
    **dict.fromkeys(["account_login", "account_signup"], BEFORE_LOGIN),
    "account_logout": OWN,
    "account_inactive": ANYONE,
    "account_reauthenticate": OWN,
    "account_email": OWN,
    "account_email_verification_sent": Row(302, 302, 302),
    "account_change_password": OWN,
    "account_set_password": STEP,
    "account_reset_password": ANYONE,
    "account_reset_password_done": ANYONE,
    "account_reset_password_from_key": ANYONE,
    "account_reset_password_from_key_done": ANYONE,
    "account_request_login_code": BEFORE_LOGIN,
    "account_confirm_login_code": STEP,
    "usersessions_list": OWN,
    **dict.fromkeys(["mfa_index", "mfa_list_webauthn"], OWN),
    **dict.fromkeys(
        [
            "mfa_activate_totp",
            "mfa_add_webauthn",
            "mfa_authenticate",
            "mfa_edit_webauthn",
            "mfa_generate_recovery_codes",
            "mfa_login_webauthn",
            "mfa_reauthenticate_webauthn",
            "mfa_remove_webauthn",
        ],
        STEP,
    ),
    # Whoever has one already is sent on.
    "second_factor": Row(302, 200, 200, staff=302, owner=302, other_owner=302),
    "mfa_deactivate_totp": Row(302, 404, 404, staff=302, owner=302, other_owner=302),
    "mfa_reauthenticate": Row(302, 302, 302, staff=200, owner=200, other_owner=200),
    **dict.fromkeys(["mfa_view_recovery_codes", "mfa_download_recovery_codes"], Row(302, 404, 404)),
    # The console's own pages; those of its models are below.
    "admin:index": Row(302, 302, 302, staff=200),
    "admin:login": STEP,
    "admin:jsi18n": Row(302, 302, 302, staff=200),
    **dict.fromkeys(
        ["admin:mail_previews", "admin:mail_preview", "admin:mail_preview_html"], Row(302, 302, 302, staff=200)
    ),
}
#: Addresses that need a thing to be there; who may not open the console is sent away from them all the same.
CONSOLE = {
    "logout",
    "password_change",
    "password_change_done",
    "autocomplete",
    "view_on_site",
    "app_list",
    "time_travel",
}
CONSOLE |= {"investments_investor_identity", "investments_investor_document", "investments_revenuereport_evidence"}
#: What staff may add by hand, and which groups; every other model refuses to.
ADDS: dict[str, set[str]] = {
    "accounts_user": set(),
    "businesses_business": {"reviewer", "operations"},
    "businesses_disaster": {"reviewer", "operations"},
    "investments_fund": {"reviewer", "operations"},
    "investments_policyprofile": {"finance checker"},
    "investments_taxrate": {"finance checker"},
    "rewards_donee": {"operations", "support"},
    "rewards_offer": {"reviewer", "operations"},
}
#: What some groups do not even read: who the others are.
HIDDEN: dict[str, set[str]] = {
    "accounts_user": {"finance maker", "finance checker"},
    "businesses_follow": {"reviewer", "operations", "finance maker", "finance checker"},
}
#: Models of the console: every other one is read by every group of the staff.
MODELS = {
    "accounts_user",
    "audit_auditrow",
    "businesses_business",
    "businesses_comment",
    "businesses_disaster",
    "businesses_follow",
    "businesses_post",
    "businesses_proposal",
    "businesses_question",
    "investments_account",
    "investments_bankaccount",
    "investments_bankreturn",
    "investments_book",
    "investments_dispute",
    "investments_distribution",
    "investments_document",
    "investments_election",
    "investments_electionoffer",
    "investments_entry",
    "investments_fund",
    "investments_gift",
    "investments_holding",
    "investments_inheritance",
    "investments_instalment",
    "investments_investor",
    "investments_line",
    "investments_moratorium",
    "investments_moratoriumfund",
    "investments_order",
    "investments_outgoingtransfer",
    "investments_paymentattempt",
    "investments_payout",
    "investments_payoutattempt",
    "investments_payoutrun",
    "investments_period",
    "investments_personbusiness",
    "investments_personfund",
    "investments_policyprofile",
    "investments_providercursor",
    "investments_providerpayout",
    "investments_refund",
    "investments_release",
    "investments_resemblance",
    "investments_revenuereport",
    "investments_statementfile",
    "investments_statementline",
    "investments_taxpayment",
    "investments_taxrate",
    "investments_terms",
    "investments_unclaimedpart",
    "investments_unrecordedobject",
    "investments_webhookdelivery",
    "investments_writeoff",
    "notices_notice",
    "outbox_event",
    "rewards_batch",
    "rewards_compensation",
    "rewards_cycle",
    "rewards_donee",
    "rewards_entitlement",
    "rewards_letter",
    "rewards_offer",
    "rewards_visit",
    "rewards_voucher",
    "schedule_heartbeat",
    "schedule_jobrun",
    "schedule_journey",
}
PAGES = {"changelist": 0, "add": 0, "change": 1, "history": 1, "delete": 1, "act": 2, "list_act": 1}
#: Addresses without a name: pictures in the demo, and the console's catch-all and old forms of its addresses.
NAMELESS = {"media/<path:path>", "(?P<url>.*)$", "<path:object_id>/"}
LOGIN = ("/accounts/login/", "/staff/login/")


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """The world, made once; each test sees it in a savepoint of its own, and in the end it is rolled back."""
    with django_db_blocker.unblock():
        block = transaction.atomic()
        block._from_testcase = True  # type: ignore[attr-defined]
        with block:
            yield access.build()
            transaction.set_rollback(True)


def console_names() -> set[str]:
    return {f"admin:{name}" for name in CONSOLE} | {f"admin:{model}_{page}" for model in MODELS for page in PAGES}


def test_every_address_has_a_decision() -> None:
    named, nameless = access.names()
    decided = set(TABLE) | console_names()
    assert named - decided == set(), "decide who may ask for these addresses"
    assert decided - named == set(), "these addresses are gone"
    assert {pattern.lstrip("^") for pattern in nameless} <= NAMELESS
    assert set(ADDS) <= MODELS


def test_the_table_would_notice_an_address_that_nobody_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.delitem(TABLE, "my_documents")
    with pytest.raises(AssertionError, match="decide who may ask"):
        test_every_address_has_a_decision()


@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_gets_what_the_table_says(world: World, who: str) -> None:
    browser = world.browsers[who]
    wrong = {}
    for name, row in TABLE.items():
        answer = browser.get(reverse(name, args=world.arguments(name)))
        if answer.status_code != row.status(who):
            wrong[name] = (answer.status_code, row.status(who))
        elif who == "visitor" and row in (OWN, MINE, MINE_AND_ON):
            to = "/" if name == "account_logout" else LOGIN  # who is logged out has nothing to log out of
            if not answer.headers["Location"].startswith(to):
                wrong[name] = answer.headers["Location"]
    assert wrong == {}


@pytest.mark.parametrize("who", ["visitor", "investor", "owner"])
def test_nobody_else_gets_into_the_console(world: World, who: str) -> None:
    browser = world.browsers[who]
    arguments = {"view_on_site": [1, 1], "app_list": ["investments"]}
    arguments |= {"investments_investor_identity": [1], "investments_investor_document": [1, 1]}
    arguments |= {"investments_revenuereport_evidence": [1, 1]}
    open_to_them = {}
    for name in sorted(console_names()):
        short = name.removeprefix("admin:")
        page = next((page for page in sorted(PAGES, key=len, reverse=True) if short.endswith(f"_{page}")), "")
        own = arguments.get(short, ["1"] * PAGES[page] if page and short not in CONSOLE else [])
        answer = browser.get(reverse(name, args=own))
        if not (answer.status_code == 302 and answer.headers["Location"].startswith(("/staff/", "/accounts/login/"))):
            open_to_them[name] = answer.status_code
    assert open_to_them == {}


@pytest.mark.parametrize("who", ROLES)
def test_staff_read_every_list_and_add_what_is_theirs(world: World, who: str) -> None:
    browser = world.browsers[who]
    lists = {model: browser.get(reverse(f"admin:{model}_changelist")).status_code for model in sorted(MODELS)}
    assert {model for model, status in lists.items() if status != 200} == {m for m in HIDDEN if who in HIDDEN[m]}
    adds = {model: browser.get(reverse(f"admin:{model}_add")).status_code for model in sorted(MODELS)}
    assert {model for model, status in adds.items() if status == 200} == {m for m in ADDS if who in ADDS[m]}
    assert set(adds.values()) <= {200, 403}


@pytest.mark.parametrize("who", [who for who in PEOPLE if who not in ("visitor", "investor")])
def test_what_is_anothers_cannot_be_changed_either(world: World, who: str) -> None:
    before = Order.objects.values().get(pk=world.order.pk)
    for name in ("investments:pay", "investments:cancel"):
        answer = world.browsers[who].post(reverse(name, args=[world.order.reference]), {"confirm": "yes"})
        unknown = world.browsers[who].post(reverse(name, args=["ABCDE-23456"]), {"confirm": "yes"})
        assert answer.status_code == unknown.status_code == 404
    assert Order.objects.values().get(pk=world.order.pk) == before


HOSTILE = ["%00", "..%2F..%2Fetc%2Fpasswd", "%27%20OR%201%3D1--", "%F0%9F%9A%A2", "a" * 3_000, "%0d%0aX-Evil%3A1"]


@pytest.mark.parametrize("value", HOSTILE)
def test_no_made_up_name_of_a_thing_is_more_than_not_found(world: World, value: str) -> None:
    places = ["orders/{}/", "orders/{}/cancel/", "me/holdings/{}/", "businesses/{}/", "businesses/{}/terms/"]
    places += ["fund/{}/units/", "businesses/x/documents/{}/", "businesses/x/documents/{}/pdf/"]
    for place in places:
        for who in ("visitor", "investor"):
            answer = world.browsers[who].get(f"/{place.format(value)}")
            asked_to_log_in = answer.status_code == 302 and answer.headers["Location"].startswith(LOGIN)
            assert answer.status_code == 404 or (who == "visitor" and asked_to_log_in), (place, who)
            assert "X-Evil" not in answer.headers


def test_a_forged_host_is_refused(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["www.tomobune.example"]
    for host in ("evil.example", "www.tomobune.example.evil.example", "www.tomobune.example:80@evil.example"):
        for path in ("/", "/sitemap.xml", "/contact/", "/accounts/password/reset/"):
            answer = Client().get(path, headers={"host": host})
            # The pages for machines never read it; every other one refuses.
            assert answer.status_code == 400 or "evil" not in answer.content.decode(), (host, path)
