"""State changes of a fund up to the end of its offering (domain.md section 3).

Failing a fund and starting its term live higher up (`payments.services`, `revenue.services`), because they touch orders
and periods.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import BigIntegerField, F, Q, Sum
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from investments import events
from investments.ledger import post as ledger
from investments.policy import services as policy
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish

from . import documents
from .models import FUND_STATES, Fund, FundCounter, Terms

# What a digest of terms covers. Digests are kept for ever: a field that joins the terms later needs one of its own.
_DIGESTED = (
    *("fund_id", "version", "reason", "investment", "donation", "fee", "units_offered"),
    *("rate_before_recoup", "rate_after_recoup", "grace_periods", "periods", "period_months", "period_cap"),
    *("revenue_floor", "revenue_basis_en", "revenue_basis_ja", "plan_revenue", "uses", "risks"),
)


def terms_digest(terms: Terms) -> str:
    """SHA-256 of everything that stored terms say; kept in the audit trail when they are frozen."""
    said = {name: getattr(terms, name) for name in _DIGESTED}
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def current_terms(fund: Fund) -> Terms:
    """The newest version of the fund's terms. Raises Terms.DoesNotExist."""
    return fund.terms.order_by("-version").first() or _no_terms(fund)


def _no_terms(fund: Fund) -> Terms:
    raise Terms.DoesNotExist(f"fund {fund.slug} has no terms")


def _problems(fund: Fund, terms: Terms, on: date) -> list[Any]:
    """Everything that forbids opening this fund on `on`: policy and legal limits are those of that date."""
    profile = policy.current(on)
    found: list[Any] = []
    if on > fund.closes_on:
        found.append(_("The offering ended on %(date)s: the fund needs new dates.") % {"date": fund.closes_on})
    if fund.business.state != Business.State.PUBLISHED:
        found.append(_("The business is not published."))
    if terms.investment != terms.donation and not profile.unequal_halves_allowed:
        found.append(_("Donation and investment of a unit must be equal."))
    days = (fund.closes_on - fund.opens_on).days + 1 + profile.cooling_off_days
    if days > profile.offering_days_maximum:
        found.append(
            _("Offering and cooling-off take %(days)d days; at most %(limit)d are allowed.")
            % {"days": days, "limit": profile.offering_days_maximum}
        )
    if len(terms.plan_revenue) != terms.periods:
        found.append(_("The plan needs one revenue figure for each period."))
    if terms.period_cap is not None and len(terms.period_cap) != terms.periods:
        found.append(_("The cap needs one figure for each period."))
    if not terms.risks:
        found.append(_("The risks are missing."))
    if fund.units_minimum > terms.units_offered:
        found.append(_("More units are needed to succeed than are offered."))
    raised = terms.units_offered * (terms.investment + terms.donation)
    if terms.uses and sum(use["amount"] for use in terms.uses) != raised:
        found.append(_("The use of funds does not add up to what is raised."))
    # Funds of the business opened in the 12 months before, this one included (domain.md section 2).
    offered = (
        Terms.objects.filter(
            fund__business=fund.business,
            fund__opened_at__gt=clock.start_of_day(clock.add_months(on, -12), profile.zone),
            version=1,
        )
        .exclude(fund=fund)
        .aggregate(total=Sum(F("investment") * F("units_offered"), output_field=BigIntegerField()))["total"]
        or 0
    ) + terms.investment * terms.units_offered
    if offered > profile.investment_per_business:
        found.append(
            _("The business would offer %(offered)d yen of investment within 12 months; at most %(limit)d are allowed.")
            % {"offered": offered, "limit": profile.investment_per_business}
        )
    return found


def submit(fund: Fund, *, actor: Any, at: datetime, reason: str = "") -> Fund:
    """draft → in review."""
    with transaction.atomic():
        return FUND_STATES.move(fund, Fund.State.IN_REVIEW, at=at, actor=actor, reason=reason)


def send_back(fund: Fund, *, actor: Any, at: datetime, reason: str) -> Fund:
    """in review or scheduled → draft, with a reason."""
    _need_reason(reason)
    with transaction.atomic():
        return FUND_STATES.move(fund, Fund.State.DRAFT, at=at, actor=actor, reason=reason)


def schedule(fund: Fund, *, actor: Any, at: datetime, reason: str = "") -> Fund:
    """in review → scheduled: staff have checked it; it opens by itself on its date, when all is asked again.

    Judged by what is known today of the day on which it will open. Raises DomainError("not_ready").
    """
    found = _problems(fund, current_terms(fund), max(fund.opens_on, clock.today_in(None, at)))
    if found:
        raise DomainError("not_ready", " ".join(str(problem) for problem in found))
    with transaction.atomic():
        return FUND_STATES.move(fund, Fund.State.SCHEDULED, at=at, actor=actor, reason=reason)


def open_fund(fund: Fund, *, at: datetime, actor: Any = None, reason: str = "") -> Fund:
    """scheduled → open: policy and terms are frozen, the book, the counter and the documents are made.

    The policy is that of the day of opening, which may be later than the one foreseen. Raises DomainError("not_ready",
    "too_early", "wrong_state").
    """
    with transaction.atomic():
        # What the business offers within 12 months is a sum over its funds, so they open one after the other.
        locks.lock_one(Business, Fund.objects.values_list("business_id", flat=True).get(pk=fund.pk))
        fund = locks.lock_one(Fund, fund.pk)
        FUND_STATES.require(fund.state, Fund.State.OPEN)
        terms = current_terms(fund)
        profile = policy.current(clock.today_in(None, at))
        on = clock.today_in(profile.zone, at)
        if on < fund.opens_on:
            raise DomainError("too_early", _("The fund opens on %(date)s.") % {"date": fund.opens_on})
        found = _problems(fund, terms, on)
        if found:
            raise DomainError("not_ready", " ".join(str(problem) for problem in found))
        book = ledger.open_book(f"fund:{fund.pk}", kind="fund", currency=fund.currency)
        terms.frozen_at = at
        terms.save(update_fields=["frozen_at"])
        FundCounter.objects.create(
            fund=fund,
            accepting=True,
            closes_at=clock.start_of_day(fund.closes_on + timedelta(days=1), profile.zone),
            offered=terms.units_offered,
            delayed_limit=_delayed_limit(terms.units_offered, profile),
        )
        succeeded = at if fund.units_minimum == 0 else None
        FUND_STATES.move(
            fund,
            Fund.State.OPEN,
            at=at,
            actor=actor,
            reason=reason,
            details={
                "policy": profile.version,
                "terms": terms.version,
                "terms_sha256": terms_digest(terms),
                "units_offered": terms.units_offered,
            },
            policy=profile,
            book=book,
            opened_at=at,
            succeeded_at=succeeded,
        )
        documents.write(fund, terms, at=at)
        if succeeded:
            publish(events.FundSucceeded(fund_id=fund.pk, at=at), key=str(fund.pk), at=at)
        return fund


def _delayed_limit(units: int, profile: Any) -> int:
    """How many units konbini and transfers may hold: all of them when no instant method is offered (section 4.3)."""
    if policy.CARD not in profile.payment_methods:
        return units
    return units * profile.delayed_share_percent // 100


def open_due(*, on: date, at: datetime) -> dict[str, int]:
    """Open every scheduled fund whose date has come; one whose offering is over by now waits for staff."""
    counts = {"opened": 0, "errors": 0}
    due = Fund.objects.filter(state=Fund.State.SCHEDULED, opens_on__lte=on, closes_on__gte=on)
    locks.each(due.order_by("opens_on", "pk"), lambda fund: open_fund(fund, at=at), counts, "opened")
    return counts


def close_fund(fund: Fund, *, at: datetime, actor: Any = None, reason: str = "") -> Fund | None:
    """open → closed: nothing is sold from now on. Before the closing date only a sold-out fund whose every order is
    past cooling-off closes by itself; staff may close earlier with a reason. None when it is not time yet.
    """
    with transaction.atomic():
        fund = locks.lock_one(Fund, fund.pk)
        if fund.state != Fund.State.OPEN:
            if actor:
                FUND_STATES.require(fund.state, Fund.State.CLOSED)
            return None
        if actor:
            _need_reason(reason)
        locks.note("investments.FundCounter")
        # The guard reads only columns of the row it updates (domain.md section 4.2).
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE investments_fundcounter SET accepting = false"
                " WHERE fund_id = %s AND (%s OR closes_at <= %s OR (sold = offered AND cleared = sold)) RETURNING sold",
                [fund.pk, bool(actor), at],
            )
            if cursor.fetchone() is None:
                return None
        FUND_STATES.move(fund, Fund.State.CLOSED, at=at, actor=actor, reason=reason, closed_at=at)
        return fund


def close_due(*, on: date, at: datetime) -> dict[str, int]:
    """Close every fund whose closing date is over or whose units are all sold and past cooling-off."""
    counts = {"closed": 0, "errors": 0}
    due = Fund.objects.filter(state=Fund.State.OPEN).filter(
        Q(counter__closes_at__lte=at) | Q(counter__cleared=F("counter__offered"))
    )
    locks.each(due.order_by("pk"), lambda fund: close_fund(fund, at=at), counts, "closed")
    return counts


def judge_success(fund_id: int, *, at: datetime) -> bool:
    """Write that the fund has succeeded, once its cleared units reach the minimum; irrevocable. True if written now."""
    with transaction.atomic():
        fund = locks.lock_one(Fund, fund_id)
        if fund.succeeded_at or fund.state not in (Fund.State.OPEN, Fund.State.CLOSED):
            return False
        if FundCounter.objects.only("cleared").get(pk=fund_id).cleared < fund.units_minimum:
            return False
        fund.succeeded_at = at
        fund.save(update_fields=["succeeded_at"])
        audit.record(action="investments.Fund.succeeded", subject=fund, at=at)
        publish(events.FundSucceeded(fund_id=fund_id, at=at), key=str(fund_id), at=at)
        return True


# What a new version of the terms may say otherwise. The money of a unit and the rule that repays it never change.
AMENDABLE = ("plan_revenue", "uses", "risks", "revenue_basis_en", "revenue_basis_ja")


def amend_terms(fund: Fund, *, changes: dict[str, Any], actor: Any, at: datetime, reason: str) -> Terms:
    """A new frozen version of an opened fund's terms with its documents; buyers must accept these from now on, and
    those who hold or await units are told (section 3).

    Raises DomainError("reason_needed", "not_amendable", "wrong_state", "not_ready").
    """
    _need_reason(reason)
    refused = sorted(set(changes) - set(AMENDABLE))
    if refused or not changes:
        raise DomainError(
            "not_amendable", _("These terms cannot be amended: %(names)s.") % {"names": ", ".join(refused)}
        )
    with transaction.atomic():
        fund = locks.lock_one(Fund, fund.pk)
        if fund.state not in (Fund.State.OPEN, Fund.State.CLOSED, Fund.State.OPERATING):
            raise DomainError("wrong_state", _("Only the terms of an opened fund are amended."))
        old = current_terms(fund)
        values = {
            field.name: getattr(old, field.name)
            for field in Terms._meta.concrete_fields
            if field.name not in ("id", "fund", "version", "reason", "frozen_at")
        }
        new = Terms(fund=fund, version=old.version + 1, reason=reason[:200], frozen_at=at, **{**values, **changes})
        if len(new.plan_revenue) != new.periods or not new.risks:
            raise DomainError(
                "not_ready", _("The plan needs one revenue figure for each period, and the risks a text.")
            )
        new.save()
        documents.write(fund, new, at=at)
        audit.record(
            action="investments.Fund.amended",
            subject=fund,
            at=at,
            actor=actor,
            reason=reason,
            changes={"terms": new.version, "terms_sha256": terms_digest(new), "fields": sorted(changes)},
        )
        publish(events.TermsAmended(terms_id=new.pk, fund_id=fund.pk, at=at), key=str(new.pk), at=at)
        return new


def _need_reason(reason: str) -> None:
    require_reason(reason)
