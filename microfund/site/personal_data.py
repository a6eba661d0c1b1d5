"""Everything that is held about one person, as plain values for a JSON file (pages.md I9).

Left out for the person's own safety are what could hurt them in other hands: whole account numbers, pictures of
documents, passwords and secrets of second factors. Left out as not theirs: the journal of the funds, which names orders
and no people, and what staff weigh about possible second accounts. A test holds every table with a person in it against
KEPT_IN and NOT_IN.
"""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from businesses.models import Comment, DigestDay, Follow, Membership, Post, Proposal, Question, Thanks, Wonder
from investments.models import (
    Acceptance,
    BankAccount,
    CalendarAddress,
    Dispute,
    ElectedLine,
    Election,
    Gift,
    Holding,
    IdentityCase,
    InheritanceShare,
    Investor,
    Movement,
    PaymentAttempt,
    Payout,
    Refund,
    UnclaimedPart,
    WaitingEntry,
)
from investments.orders.queries import orders_of
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.notices.models import Notice, NoticeChoice
from rewards.models import Booking, Entitlement

#: Tables that point at a person, an order or a holding, and the part of the file that holds their rows.
KEPT_IN = {
    "accounts.FormerAddress": "account",
    "accounts.Opened": "account",
    "account.EmailAddress": "account",
    "mfa.Authenticator": "account",
    "usersessions.UserSession": "account",
    "businesses.Membership": "account",
    "businesses.DigestDay": "account",
    "businesses.Follow": "account",
    "investments.WaitingEntry": "account",
    "businesses.Post": "words",
    "businesses.Proposal": "words",
    "businesses.Comment": "words",
    "businesses.Thanks": "words",
    "businesses.Question": "words",
    "businesses.Wonder": "words",
    "investments.CalendarAddress": "account",
    "notices.Notice": "mails",
    "notices.NoticeChoice": "account",
    "audit.AuditRow": "acts",
    "investments.Investor": "investor",
    "investments.Address": "investor",
    "investments.IdentityCase": "identity_checks",
    "investments.IdentityDocument": "identity_checks",
    "investments.BankAccount": "bank_accounts",
    "investments.Order": "orders",
    "investments.Acceptance": "orders",
    "investments.Gift": "orders",
    "investments.PaymentAttempt": "orders",
    "investments.Refund": "orders",
    "investments.Dispute": "orders",
    "investments.Holding": "holdings",
    "investments.Movement": "holdings",
    "investments.InheritanceShare": "holdings",
    "investments.Allocation": "payments",
    "investments.RetaxedAllocation": "payments",
    "investments.UnclaimedPart": "set_aside",
    "investments.Election": "repayment_choices",
    "investments.ElectedLine": "taken_otherwise",
    "investments.ElectedReturn": "taken_otherwise",
    "investments.Payout": "payments",
    "investments.PayoutItem": "payments",
    "investments.PayoutAttempt": "payments",
    "rewards.Booking": "visits",
    "rewards.Entitlement": "rewards",
    "rewards.Parcel": "rewards",
    "rewards.Voucher": "rewards",
    "rewards.Compensation": "rewards",
    "rewards.Download": "rewards",
}
#: Those that are not in the file, each with the reason.
NOT_IN = {
    "account.EmailConfirmation": "a code that lives for minutes",
    "admin.LogEntry": "Django's own log of the console, which is not written",
    "accounts.User_groups": "staff only",
    "accounts.User_user_permissions": "staff only",
    "investments.PersonBusiness": "a sum of the orders in the file",
    "investments.PersonFund": "a sum of the orders in the file",
    "investments.Resemblance": "what staff weigh about possible second accounts",
    "investments.StatementFile": "who of the staff imported it",
    "investments.ReceiptUse": "who of the staff applied it; the payment is with its order",
    "investments.RevenueReport": "what an owner signed for the business; who did is in the acts of the file",
    "investments.Evidence": "papers of the business; who added them is in the acts of the file",
    "investments.Distribution": "who of the staff calculated and approved it",
    "investments.Instalment": "who of the staff decided it",
    "investments.Retax": "who of the staff prepared the run; the tax is in the payments",
    "investments.Moratorium": "who of the staff decided it; what it means for a holding is in the mails",
    "investments.ElectionOffer": "who of the staff wrote it down; the bonus that was chosen is in the file",
    "investments.WriteOff": "who of the staff decided it; what a holder does not get of it is in the payments",
    "investments.PayoutRun": "who of the staff made it; what was paid is in the file",
    "investments.BankReturn": "who of the staff recorded it; what came back is in the file",
    "investments.Inheritance": "who of the staff decided it; the units are with the holdings of the file",
    "schedule.Journey": "who of the staff of a demonstration moved its clock",
    "rewards.DigitalFile": "what an owner gave for the business; who did is in the acts of the file",
    "rewards.Batch": "who of a business made it; what was sent is in the file",
    "rewards.Letter": "what an owner wrote for the business; who did is in the acts of the file",
    "rewards.Visit": "what an owner announced for the business; who did is in the acts of the file",
    "rewards.Redemption": "who of a business took it; what is left of the voucher is in the file",
    "investments.OutgoingTransfer": "who of the staff made it; the refund is with its order",
}


def _rows(queryset: Any, *names: str) -> list[dict[str, Any]]:
    return list(queryset.values(*names))


def export(user: Any) -> dict[str, Any]:
    """What is held about a login and, where there is one, its investor. Dates are left to DjangoJSONEncoder."""
    investor = Investor.objects.filter(user=user).first()
    data: dict[str, Any] = {
        "account": _account(user),
        "mails": _rows(
            Notice.objects.filter(user=user).order_by("pk"),
            "kind", "recipient", "language", "subject", "text", "happened_at", "sent_at",
        ),
        "acts": _rows(
            AuditRow.objects.filter(actor=user).order_by("pk"), "happened_at", "action", "object_type", "object_id"
        ),
        "words": _words(user),
    }  # fmt: skip
    if investor is not None:
        data |= {
            "investor": _investor(investor),
            "identity_checks": _checks(investor),
            "bank_accounts": _accounts(investor),
            "orders": _orders(investor),
            "holdings": _holdings(investor),
            "rewards": _rewards(investor),
            "visits": _rows(
                Booking.objects.filter(holding__investor=investor).order_by("pk"),
                "visit__title_en",
                "visit__title_ja",
                "visit__starts_at",
                "seats",
                "state",
                "asked_at",
            ),
            "repayment_choices": _rows(
                Election.objects.filter(holding__investor=investor).order_by("pk"),
                "holding__reference",
                "choice",
                "bonus",
                "made_at",
            ),
            "taken_otherwise": _taken_otherwise(investor),
            "set_aside": _rows(
                UnclaimedPart.objects.filter(investor=investor).order_by("pk"),
                "fund__slug",
                "net",
                "set_aside_at",
                "claimed_at",
            ),
            "payments": _rows(
                Payout.objects.filter(investor=investor).order_by("pk"),
                "fund__slug",
                "state",
                "gross",
                "principal",
                "profit",
                "tax",
                "net",
                "withheld_on",
                "paid_on",
            ),
        }
    return data


def _account(user: Any) -> dict[str, Any]:
    return {
        "email": user.email,
        "language": user.language,
        "joined": user.date_joined,
        "last_login": user.last_login,
        "addresses": _rows(EmailAddress.objects.filter(user=user).order_by("pk"), "email", "verified", "primary"),
        "former_addresses": _rows(user.former_addresses.order_by("pk"), "email", "replaced_at"),
        "second_factors": _rows(
            Authenticator.objects.filter(user=user).order_by("pk"), "type", "created_at", "last_used_at"
        ),
        "sessions": _rows(
            UserSession.objects.filter(user=user).order_by("pk"), "ip", "user_agent", "created_at", "last_seen_at"
        ),
        "businesses": _rows(Membership.objects.filter(user=user).order_by("pk"), "business__slug", "role"),
        "opened_documents": _rows(user.opened.order_by("pk"), "what", "at"),
        "choices_of_mails": _rows(
            NoticeChoice.objects.filter(user=user).order_by("kind"), "kind", "wanted", "changed_at"
        ),
        "weekly_mail": _rows(
            DigestDay.objects.filter(user=user), "weekday", "since_on", "next_on", "chosen_at"
        ),
        "follows": _rows(
            Follow.objects.filter(user=user).order_by("pk"),
            "business__slug", "cadence", "language", "asked_at", "confirmed_at", "ended_at",
        ),
        "waits_for": _rows(
            WaitingEntry.objects.filter(user=user).order_by("pk"), "fund__slug", "asked_at", "told_at"
        ),
        # Not the address itself: who has it reads the calendar.
        "calendar": _rows(CalendarAddress.objects.filter(user=user), "made_at"),
    }  # fmt: skip


def _words(user: Any) -> dict[str, Any]:
    """What the person has written for others to read."""
    return {
        "news": _rows(Post.objects.filter(author=user).order_by("pk"), "business__slug", "title", "source", "state"),
        "proposed_texts": _rows(
            Proposal.objects.filter(author=user).order_by("pk"), "business__slug", "section", "texts", "state"
        ),
        "comments": _rows(
            Comment.objects.filter(author=user).order_by("pk"), "post__title", "name", "text", "created_at"
        ),
        "questions": _rows(
            Question.objects.filter(asker=user).order_by("pk"), "business__slug", "name", "text", "answer", "asked_at"
        ),
        "wonders": _rows(Wonder.objects.filter(user=user).order_by("pk"), "question__text", "at"),
        "thanks": _rows(Thanks.objects.filter(user=user).order_by("pk"), "post__title", "at"),
    }


def _investor(investor: Investor) -> dict[str, Any]:
    names = (
        "kind", "name", "name_kana", "birth_date", "corporate_number", "representative", "address", "phone",
        "purpose", "experience", "funds_origin", "identity_state", "identity_changed_at", "created_at",
        "died_on",
    )  # fmt: skip
    kept = [{"label": row.label, **row.address} for row in investor.addresses.order_by("pk")]
    return {**{name: getattr(investor, name) for name in names}, "addresses": kept}


def _checks(investor: Investor) -> list[dict[str, Any]]:
    cases = IdentityCase.objects.filter(investor=investor).prefetch_related("documents").order_by("pk")
    return [
        {
            "submitted_at": case.opened_at,
            "decided_at": case.decided_at,
            "outcome": case.outcome,
            "told": case.cause,
            "documents": [
                {
                    "kind": row.kind,
                    "side": row.side,
                    "bytes": row.size,
                    "uploaded_at": row.uploaded_at,
                    "deleted_at": row.deleted_at,
                }
                for row in case.documents.all()
            ],
        }
        for case in cases
    ]


def _accounts(investor: Investor) -> list[dict[str, Any]]:
    return [
        {
            "bank": [row.bank_code, row.bank_name],
            "branch": [row.branch_code, row.branch_name],
            "kind": row.get_kind_display(),
            "number": row.masked,
            "holder": row.holder,
            "given_at": row.created_at,
            "replaced_at": row.ended_at,
        }
        for row in BankAccount.objects.filter(investor=investor).order_by("pk")
    ]


def _orders(investor: Investor) -> list[dict[str, Any]]:
    orders = _rows(
        orders_of(investor).order_by("pk"),
        "pk", "reference", "payer_code", "fund__slug", "state", "method", "units", "investment", "donation", "fee",
        "total", "currency", "language", "answers", "supporter_name_shown", "supporter_message",
        "message_hidden_at", "message_hidden_reason", "applied_at", "paid_at",
        "cooling_off_ends_at", "confirmed_at", "ended_at", "frozen_at",
    )  # fmt: skip
    parts = {
        "acceptances": _rows(
            Acceptance.objects.filter(investor=investor).order_by("pk"),
            "order_id", "document__kind", "sha256", "accepted_at", "ip",
        ),
        "gift": [
            {
                "order_id": gift.order_id,
                "state": gift.state,
                "receiver": gift.receiver_name if gift.order.payer == investor else "",
                "receiver_email": gift.receiver_email if gift.order.payer == investor else "",
                "message": gift.message,
                "settled_at": gift.settled_at,
            }
            for gift in Gift.objects.filter(order__in=orders_of(investor)).select_related("order__payer")
        ],
        "payments": _rows(
            PaymentAttempt.objects.filter(order__payer=investor).order_by("pk"),
            "order_id", "method", "state", "amount", "captured", "currency", "payer_kana", "created_at", "resolved_at",
        ),
        "refunds": _rows(
            Refund.objects.filter(order__payer=investor).order_by("pk"),
            "order_id", "amount", "currency", "state", "reason", "by_bank", "requested_at", "settled_at",
        ),
        "disputes": _rows(
            Dispute.objects.filter(order__payer=investor).order_by("pk"),
            "order_id", "amount", "currency", "state", "opened_at",
        ),
    }  # fmt: skip
    for order in orders:
        pk = order.pop("pk")
        for name, rows in parts.items():
            order[name] = [{key: row[key] for key in row if key != "order_id"} for row in rows if row["order_id"] == pk]
    return orders


def _rewards(investor: Investor) -> list[dict[str, Any]]:
    rows = Entitlement.objects.filter(holding__investor=investor).select_related("cycle__offer", "parcel", "voucher")
    found = []
    for row in rows.order_by("pk"):
        parcel, voucher = getattr(row, "parcel", None), getattr(row, "voucher", None)
        found.append(
            {
                "reward": [row.cycle.offer.text_en, row.cycle.offer.text_ja],
                "opened_on": row.cycle.opens_on,
                "quantity": row.quantity,
                "state": row.state,
                "address": parcel.address if parcel else None,
                "card": parcel.card if parcel else "",
                "allergies": parcel.allergies if parcel else "",
                "complaint": [parcel.get_complaint_display(), parcel.complaint_note] if parcel else None,
                "downloaded_at": list(row.downloads.order_by("pk").values_list("file__name", "at")),
                "sent_on": parcel.shipped_on if parcel else None,
                "tracking": parcel.tracking if parcel else "",
                "voucher_value": voucher.value if voucher else None,
                "voucher_left": voucher.balance if voucher else None,
                "changed_because": row.note,
                "money_instead": _rows(
                    row.compensations.exclude(state="prepared").order_by("pk"), "amount", "state", "reason", "paid_on"
                ),
            }
        )
    return found


def _taken_otherwise(investor: Investor) -> list[dict[str, Any]]:
    """Lines taken in kind or given back, with their vouchers and what of them came back to cash."""
    own = ElectedLine.objects.filter(allocation__holding__investor=investor, distribution__state="approved")
    return _rows(
        own.order_by("pk"),
        "allocation__holding__reference", "distribution__period__number", "choice", "bonus", "net", "tax",
        "voucher__value", "voucher__balance", "voucher__valid_until", "came_back__amount", "came_back__released_at",
    )  # fmt: skip


def _holdings(investor: Investor) -> list[dict[str, Any]]:
    holdings = _rows(
        Holding.objects.filter(investor=investor).order_by("pk"),
        "pk", "reference", "fund__slug", "units", "frozen_at", "created_at",
    )  # fmt: skip
    movements = _rows(
        Movement.objects.filter(holding__investor=investor).order_by("pk"),
        "holding_id", "kind", "units", "effective_on", "happened_at",
    )  # fmt: skip
    inherited = _rows(
        InheritanceShare.objects.filter(heir=investor, inheritance__state="done").order_by("pk"),
        "inheritance__holding__fund__slug",
        "units",
        "inheritance__moved_on",
    )
    for holding in holdings:
        pk = holding.pop("pk")
        holding["inherited"] = [
            {"units": row["units"], "moved_on": row["inheritance__moved_on"]}
            for row in inherited
            if row["inheritance__holding__fund__slug"] == holding["fund__slug"]
        ]
        holding["movements"] = [
            {key: row[key] for key in row if key != "holding_id"} for row in movements if row["holding_id"] == pk
        ]
    return holdings
