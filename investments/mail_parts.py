"""What every mail about an order says, and how it is queued."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from investments.investors.models import Investor
from investments.offerings.models import Fund
from investments.orders.models import Order
from microfund.kernel import clock
from microfund.kernel.money import format_money
from microfund.kernel.notices import services as notices
from microfund.kernel.notices.parts import link, name_of

_MOMENT = timedelta(microseconds=1)


#: What no mail names: it is neither decrypted nor fetched for one.
_UNNAMED = (
    *(f"{person}__{kept}" for person in ("investor", "payer") for kept in ("birth_date", "address", "phone")),
    *(f"fund__business__{text}_{language}" for text in ("story", "damage", "use_line") for language in ("en", "ja")),
    "fund__business__search_text",
    "terms__uses",
    "terms__risks",
)


def orders() -> QuerySet[Order]:
    """Orders with all that a mail names."""
    return Order.objects.select_related(
        "fund__business", "fund__policy", "terms", "investor__user", "payer__user"
    ).defer(*_UNNAMED)


def day_before(at: datetime | None, fund: Fund) -> date | None:
    """The last business date before an exclusive instant; None for none."""
    return clock.today_in(fund.policy.zone, at - _MOMENT) if at else None


def send(kind: str, order: Order, *, key: str, at: datetime, to: Investor | None = None, **context: Any) -> None:
    """Queue one mail about an order to its payer, or to another person, once for each key. The order's language is
    active."""
    person = to or order.payer
    notices.queue(
        kind,
        key=key,
        to=person.user.email,
        language=order.language,
        at=at,
        user=person.user,
        context={
            "order": order,
            "fund": order.fund,
            "name": person.name,
            "fund_name": name_of(order.fund),
            "business_name": name_of(order.fund.business),
            "order_url": link("order", order.reference),
            **context,
        },
    )


def operator_account(amount: int, currency: str, code: str) -> list[tuple[str, str]]:
    """What somebody who pays the operator fills in at the bank: the amount in minor units (yen), their payer code, the
    account."""
    operator = settings.OPERATOR
    language = "ja" if translation.get_language() == "ja" else "en"
    return [
        (_("Amount"), format_money(amount, currency)),
        (_("Payer code"), code),
        (_("Bank"), operator[f"bank_{language}"]),
        (_("Account"), operator[f"account_{language}"]),
        (_("Account holder"), operator["holder"]),
    ]
