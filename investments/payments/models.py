"""Payment attempts, the webhook inbox, refunds, disputes and the provider's payouts (domain.md section 4)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from investments.orders.models import Order
from microfund.kernel.states import StateTable


class PaymentAttempt(models.Model):
    """One try at paying one order; at most one is unresolved. Committed before the provider is called: its id is the
    idempotency key (`checkout-<id>`) and stands in the provider's metadata. Amounts in minor units.

    created: the call has not been answered (or was never made); open: the payer is on the provider's page, or a bank
    transfer is awaited; processing: the provider has it, the money is not there yet; mismatch: what the provider has is
    not what was asked for, and staff must see to it; reviewed: they have.

    Money of a mismatch in our currency is `captured` too (and journaled), so that it can be given back.
    """

    class State(models.TextChoices):
        CREATED = "created", _("created")
        OPEN = "open", _("open")
        PROCESSING = "processing", _("being processed")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        EXPIRED = "expired", _("expired")
        MISMATCH = "mismatch", _("does not match")
        REVIEWED = "reviewed", _("did not match, seen to")

    order = models.ForeignKey(Order, models.PROTECT, related_name="attempts")
    method = models.CharField(_("way to pay"), max_length=13, choices=Order.Method.choices)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.CREATED)
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    # The investor's kana when they went to pay: a refund by bank goes to an account of that name.
    payer_kana = models.CharField(_("payer in kana"), max_length=120)
    session_id = models.CharField(_("session"), max_length=120, unique=True, null=True, blank=True)
    intent_id = models.CharField(_("payment intent"), max_length=120, unique=True, null=True, blank=True)
    url = models.TextField(_("payment page"), blank=True, default="")
    session_expires_at = models.DateTimeField(_("session expires at"), null=True, blank=True)
    pay_by = models.DateTimeField(_("pay by"), null=True, blank=True)
    captured = models.BigIntegerField(_("captured"), default=0)
    problem = models.TextField(_("problem"), blank=True, default="")
    created_at = models.DateTimeField(_("created at"))
    called_at = models.DateTimeField(_("first called at"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)
    next_check_at = models.DateTimeField(_("next check at"), null=True, blank=True)
    checks = models.PositiveIntegerField(_("checks"), default=0)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("payment attempt")
        verbose_name_plural = _("payment attempts")
        constraints = [
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(state__in=["created", "open", "processing"]),
                name="attempt_one_unresolved",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0, captured__gte=0), name="attempt_amounts"),
        ]
        indexes = [
            models.Index(
                fields=["next_check_at"],
                condition=Q(state__in=["created", "open", "processing"]),
                name="attempt_due_idx",
            ),
            models.Index(
                fields=["next_check_at"], condition=Q(state__in=["mismatch", "reviewed"]), name="attempt_mismatch_idx"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.pk} {self.state}"

    @property
    def idempotency_key(self) -> str:
        """The key under which the provider is called, always the same for this attempt."""
        return f"checkout-{self.pk}"


UNRESOLVED = ("created", "open", "processing")
MISMATCHED = ("mismatch", "reviewed")
ATTEMPT_STATES = StateTable(
    "investments.PaymentAttempt",
    {
        "created": ("open", "processing", "succeeded", "failed", "expired", "mismatch"),
        "open": ("processing", "succeeded", "failed", "expired", "mismatch"),
        "processing": ("succeeded", "failed", "expired", "mismatch"),
        # The provider can still take money for what looked dead: late money (domain.md section 4.6).
        "failed": ("succeeded", "mismatch"),
        "expired": ("succeeded", "mismatch"),
        "mismatch": ("reviewed",),
        # Money that came after somebody had looked.
        "reviewed": ("mismatch",),
    },
    section="domain.md section 4.3",
)


class WebhookDelivery(models.Model):
    """One event of the provider as it came: stored once by its id, processed by a task, replayable by staff."""

    class State(models.TextChoices):
        NEW = "new", _("new")
        DONE = "done", _("done")
        IGNORED = "ignored", _("not for us")
        FAILED = "failed", _("failed")

    event_id = models.CharField(_("event"), max_length=120, unique=True)
    kind = models.CharField(_("kind"), max_length=80)
    object_id = models.CharField(_("object"), max_length=120, blank=True)
    body = models.TextField(_("body"))
    livemode = models.BooleanField(_("live mode"))
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.NEW)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    error = models.TextField(_("error"), blank=True, default="")
    received_at = models.DateTimeField(_("received at"))
    next_try_at = models.DateTimeField(_("next try at"), db_default=Now())
    processed_at = models.DateTimeField(_("processed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhook inbox")
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(state__in=["new", "failed"]), name="webhook_due_idx")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class Refund(models.Model):
    """Money on its way back to a payer. Ours are called under the key `refund-<id>`; `external` ones were made in the
    provider's dashboard and are only recorded. Sum of an attempt's refunds ≤ captured (trigger in ledger.sql).

    `occurrence` counts the provider's refunds that this row has stood for: one that failed and was made again by hand
    is the same money, but leaves a second time, so its journal entries need a name of their own.
    charged_back: a lost dispute gave the payer this money before the refund did; nothing is owed any more.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", _("requested")
        REQUIRES_ACTION = "requires_action", _("waits for the payer")
        PENDING = "pending", _("on its way")
        SUCCEEDED = "succeeded", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")
        PAID_BY_BANK = "paid_by_bank", _("paid by bank")
        CHARGED_BACK = "charged_back", _("taken back by the payer's bank")

    class Reason(models.TextChoices):
        COOLING_OFF = "cooling_off", _("cancelled in cooling-off")
        FUND_FAILED = "fund_failed", _("fund not funded")
        IDENTITY = "identity", _("identity not verified in time")
        LATE = "late", _("money came too late")
        DUPLICATE = "duplicate", _("paid twice")
        STAFF = "staff", _("decided by staff")
        GIFT = "gift", _("gift not accepted in time")
        EXTERNAL = "external", _("made at the provider")

    attempt = models.ForeignKey(PaymentAttempt, models.PROTECT, related_name="refunds")
    order = models.ForeignKey(Order, models.PROTECT, related_name="refunds")
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    state = models.CharField(_("state"), max_length=15, choices=State.choices, default=State.REQUESTED)
    reason = models.CharField(_("reason"), max_length=12, choices=Reason.choices)
    by_bank = models.BooleanField(_("by bank"), default=False)
    # A lost dispute took a part of that refund: this one is the rest, still owed.
    split_from = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="rests", verbose_name=_("rest of refund")
    )
    provider_id = models.CharField(_("provider's refund"), max_length=120, unique=True, null=True, blank=True)
    occurrence = models.PositiveSmallIntegerField(_("occurrence"), default=1, db_default=1)
    requested_at = models.DateTimeField(_("requested at"))
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    called_at = models.DateTimeField(_("first called at"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    next_check_at = models.DateTimeField(_("next check at"), null=True, blank=True)
    checks = models.PositiveIntegerField(_("checks"), default=0)
    problem = models.TextField(_("problem"), blank=True, default="")
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="refund_positive")]
        indexes = [
            # Refunds that are done are asked about for weeks, so the states say little; who is not due has no instant.
            models.Index(fields=["next_check_at"], condition=Q(next_check_at__isnull=False), name="refund_check_idx")
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.amount} {self.state}"

    @property
    def idempotency_key(self) -> str:
        """The key under which the provider is asked for this refund, always the same."""
        return f"refund-{self.pk}"


REFUND_STATES = StateTable(
    "investments.Refund",
    {
        "requested": ("requires_action", "pending", "succeeded", "failed", "cancelled", "paid_by_bank", "charged_back"),
        "requires_action": ("pending", "succeeded", "failed", "cancelled", "charged_back"),
        "pending": ("requires_action", "succeeded", "failed", "cancelled", "charged_back"),
        "succeeded": ("failed",),
        # requested again: the provider has it after all, made there by hand.
        "failed": ("requested", "paid_by_bank", "charged_back"),
        "cancelled": ("requested", "paid_by_bank", "charged_back"),
        # It was on its way all the same: the payer has the money twice, the second time from the operator.
        "charged_back": ("succeeded",),
    },
    section="domain.md section 4.8",
)


class Dispute(models.Model):
    """A chargeback at the provider: a book loss of the operator, never of the fund (domain.md section 4.9).

    inquiry: the payer's bank asks and the provider holds no money yet, so nothing is journaled and nothing frozen;
    closed: it asked no further. A dispute without one is open at once. Amounts in minor units. Of a lost `amount`,
    `from_order` was money that backed a standing order and `from_refunds` was owed to the payer already; the rest had
    been given back before.
    """

    class State(models.TextChoices):
        INQUIRY = "inquiry", _("inquiry")
        CLOSED = "closed", _("inquiry closed")
        OPEN = "open", _("open")
        WON = "won", _("won")
        LOST = "lost", _("lost")

    class Decision(models.TextChoices):
        KEPT = "kept", _("units kept")
        RESCINDED = "rescinded", _("units ended")

    attempt = models.ForeignKey(PaymentAttempt, models.PROTECT, related_name="disputes")
    order = models.ForeignKey(Order, models.PROTECT, related_name="disputes")
    provider_id = models.CharField(_("provider's dispute"), max_length=120, unique=True)
    state = models.CharField(_("state"), max_length=7, choices=State.choices, default=State.INQUIRY)
    amount = models.BigIntegerField(_("amount"))
    fee = models.BigIntegerField(_("provider's fee"), default=0)
    currency = models.CharField(_("currency"), max_length=3)
    evidence_due_at = models.DateTimeField(_("evidence due"), null=True, blank=True)
    opened_at = models.DateTimeField(_("opened at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    from_order = models.BigIntegerField(_("taken from the order"), default=0, db_default=0)
    from_refunds = models.BigIntegerField(_("taken from refunds that were owed"), default=0, db_default=0)
    # Lost for a part, or after the money was released to the business: staff decide what becomes of the units.
    needs_decision = models.BooleanField(_("staff decide on the units"), default=False)
    decision = models.CharField(
        _("decision"), max_length=9, choices=Decision.choices, blank=True, default="", db_default=""
    )
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, fee__gte=0), name="dispute_amounts"),
            models.CheckConstraint(
                condition=Q(from_order__gte=0, from_refunds__gte=0, amount__gte=F("from_order") + F("from_refunds")),
                name="dispute_taken_from",
            ),
            models.CheckConstraint(
                condition=Q(needs_decision=False) | Q(state="lost", decision=""),
                name="dispute_decision_is_of_a_loss",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider_id} {self.state}"


DISPUTE_STATES = StateTable(
    "investments.Dispute",
    {
        "inquiry": ("open", "closed"),
        # A bank that had asked no further may still claim the money.
        "closed": ("open",),
        "open": ("won", "lost"),
    },
    section="domain.md section 4.9",
)
#: States in which the provider is asked again by the sweep.
DISPUTES_ASKED = ("inquiry", "open")


class ProviderPayout(models.Model):
    """A payout of the provider to our bank, and how it was journaled by fund; yen.

    amount = sum of by_fund - fees + own + sum of unmatched + difference: `own` are lines of the operator (disputes won,
    less what disputes cost), `unmatched` lines that we do not know, `difference` what the provider's own lines do not
    explain.
    """

    class State(models.TextChoices):
        PAID = "paid", _("paid")
        FAILED = "failed", _("failed")

    provider_id = models.CharField(_("provider's payout"), max_length=120, unique=True)
    state = models.CharField(
        _("state"), max_length=6, choices=State.choices, default=State.PAID, db_default=State.PAID.value
    )
    amount = models.BigIntegerField(_("amount"))
    fees = models.BigIntegerField(_("fees"))
    own = models.BigIntegerField(_("the operator's own"), default=0, db_default=0)
    difference = models.BigIntegerField(_("not explained by its lines"), default=0, db_default=0)
    currency = models.CharField(_("currency"), max_length=3)
    arrived_on = models.DateField(_("arrived on"))
    by_fund = models.JSONField(_("gross by fund"), default=dict)
    unmatched = models.JSONField(_("not ours"), default=list)
    reviewed_at = models.DateTimeField(_("looked at"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("provider's payout")
        verbose_name_plural = _("provider's payouts")
        constraints = [models.CheckConstraint(condition=Q(fees__gte=0), name="payout_fees")]

    def __str__(self) -> str:
        return self.provider_id


PAYOUT_STATES = StateTable("investments.ProviderPayout", {"paid": ("failed",)}, section="domain.md section 7")


class ProviderCursor(models.Model):
    """Until when one of the provider's lists has been read without an error."""

    name = models.CharField(_("list"), max_length=20, primary_key=True)
    seen_until = models.DateTimeField(_("read until"))

    class Meta:
        verbose_name = _("provider cursor")
        verbose_name_plural = _("provider cursors")

    def __str__(self) -> str:
        return self.name


class UnrecordedObject(models.Model):
    """Something at the provider that could not be recorded here, with the reason: a refund beyond what was captured, a
    payout whose lines make no entry. The lists are read on past it; it is tried again by itself until it is recorded or
    staff have looked at it."""

    class Kind(models.TextChoices):
        REFUND = "refund", _("refund")
        DISPUTE = "dispute", _("dispute")
        PAYOUT = "payout", _("provider's payout")

    class State(models.TextChoices):
        OPEN = "open", _("waits")
        RECORDED = "recorded", _("recorded")
        REVIEWED = "reviewed", _("looked at")

    kind = models.CharField(_("kind"), max_length=7, choices=Kind.choices)
    provider_id = models.CharField(_("provider's object"), max_length=120, unique=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.OPEN)
    problem = models.TextField(_("problem"))
    tries = models.PositiveIntegerField(_("tries"), default=1)
    seen_at = models.DateTimeField(_("first seen"))
    tried_at = models.DateTimeField(_("last tried"))

    class Meta:
        verbose_name = _("unrecorded object")
        verbose_name_plural = _("unrecorded objects")

    def __str__(self) -> str:
        return f"{self.kind} {self.provider_id}"


UNRECORDED_STATES = StateTable(
    "investments.UnrecordedObject",
    {
        "open": ("recorded", "reviewed"),
        # What was recorded once may change at the provider in a way that cannot be.
        "recorded": ("open",),
    },
    section="domain.md section 4.6",
)
