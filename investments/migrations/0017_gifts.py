"""Units as a gift: who pays an order and whom the contract is with are two columns from now on."""

import django.db.models.deletion
from django.db import migrations, models

import microfund.kernel.crypto
from microfund.kernel.sql import run_sql_file


def _filled_column(
    model: str, name: str, related: str, verbose: str, fill: str
) -> list[migrations.operations.base.Operation]:
    """A reference to an investor that every row has: made empty, filled, then required."""

    def column(*, null: bool) -> models.ForeignKey:
        return models.ForeignKey(
            null=null,
            on_delete=django.db.models.deletion.PROTECT,
            related_name=related,
            to="investments.investor",
            verbose_name=verbose,
        )

    return [
        migrations.AddField(model_name=model, name=name, field=column(null=True)),
        # What the new references still owe is checked now: a table that owes checks cannot be altered.
        migrations.RunSQL(
            f"{fill}; SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED", migrations.RunSQL.noop
        ),
        migrations.AlterField(model_name=model, name=name, field=column(null=False)),
    ]


#: Rows that are never changed get a column that says what was true of each: the order's investor accepted.
_ACCEPTANCE = """
    ALTER TABLE investments_acceptance DISABLE TRIGGER USER;
    UPDATE investments_acceptance AS acceptance SET investor_id = "order".investor_id
      FROM investments_order AS "order" WHERE "order".id = acceptance.order_id;
    ALTER TABLE investments_acceptance ENABLE TRIGGER USER
"""
_ORDER = "UPDATE investments_order SET payer_id = investor_id"


class Migration(migrations.Migration):
    dependencies = [
        ("investments", "0016_waiting_list"),
    ]

    operations = [
        migrations.CreateModel(
            name="Gift",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "order",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gift",
                        to="investments.order",
                        verbose_name="order",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "not accepted yet"),
                            ("declined", "declined"),
                            ("accepted", "accepted"),
                            ("kept", "kept by the giver"),
                        ],
                        default="open",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("receiver_name", microfund.kernel.crypto.EncryptedTextField(verbose_name="name of the receiver")),
                (
                    "receiver_email",
                    microfund.kernel.crypto.EncryptedTextField(
                        blank=True, default="", verbose_name="e-mail of the receiver"
                    ),
                ),
                ("message", microfund.kernel.crypto.EncryptedTextField(blank=True, default="", verbose_name="message")),
                ("language", models.CharField(default="en", max_length=8, verbose_name="language")),
                ("token", microfund.kernel.crypto.EncryptedTextField(verbose_name="token")),
                ("token_hash", models.CharField(max_length=64, unique=True, verbose_name="SHA-256 of the token")),
                ("sendings", models.PositiveSmallIntegerField(default=0, verbose_name="times sent")),
                ("sent_at", models.DateTimeField(blank=True, null=True, verbose_name="sent at")),
                ("reminded_at", models.DateTimeField(blank=True, null=True, verbose_name="giver reminded at")),
                (
                    "settled_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="accepted, declined or kept at"),
                ),
                ("answers", models.JSONField(default=dict, verbose_name="answers")),
                ("created_at", models.DateTimeField(verbose_name="created at")),
            ],
            options={
                "verbose_name": "gift",
                "verbose_name_plural": "gifts",
            },
        ),
        migrations.RemoveConstraint(
            model_name="acceptance",
            name="acceptance_once",
        ),
        *_filled_column("acceptance", "investor", "acceptances", "investor", _ACCEPTANCE),
        *_filled_column("order", "payer", "paid_orders", "payer", _ORDER),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("payer", models.F("investor")), _negated=True),
                fields=["payer", "-applied_at"],
                name="order_payer_idx",
            ),
        ),
        migrations.AddConstraint(
            model_name="acceptance",
            constraint=models.UniqueConstraint(fields=("order", "investor", "document"), name="acceptance_once"),
        ),
        migrations.AddIndex(
            model_name="gift",
            index=models.Index(
                condition=models.Q(("state__in", ["open", "declined"])), fields=["order"], name="gift_awaits_idx"
            ),
        ),
        migrations.AddConstraint(
            model_name="gift",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "open"), ("settled_at__isnull", False), _connector="OR"),
                name="gift_settled_has_instant",
            ),
        ),
        migrations.AlterField(
            model_name="refund",
            name="reason",
            field=models.CharField(
                choices=[
                    ("cooling_off", "cancelled in cooling-off"),
                    ("fund_failed", "fund not funded"),
                    ("identity", "identity not verified in time"),
                    ("late", "money came too late"),
                    ("duplicate", "paid twice"),
                    ("staff", "decided by staff"),
                    ("gift", "gift not accepted in time"),
                    ("external", "made at the provider"),
                ],
                max_length=12,
                verbose_name="reason",
            ),
        ),
        run_sql_file(__file__, "place_order_for_another", instead_of="place_order"),
    ]
