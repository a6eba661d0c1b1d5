"""Inquiries before disputes, what a lost dispute took, and what staff decided on its units."""

import django.db.models.deletion
from django.db import migrations, models

# What was lost before this release: of the money that backed the order, as far as its refunds had left any.
_TAKEN = """
UPDATE investments_dispute AS dispute
   SET from_order = least(dispute.amount, left_over.amount),
       needs_decision = needs_decision AND left_over.amount > 0 AND "order".state IN ('paid', 'confirmed')
  FROM investments_order AS "order",
       (SELECT attempt.id, greatest(attempt.captured - coalesce(sum(refund.amount), 0), 0) AS amount
          FROM investments_paymentattempt AS attempt
          LEFT JOIN investments_refund AS refund ON refund.attempt_id = attempt.id
         GROUP BY attempt.id) AS left_over
 WHERE dispute.state = 'lost' AND "order".id = dispute.order_id AND left_over.id = dispute.attempt_id
"""


class Migration(migrations.Migration):
    dependencies = [("investments", "0007_outgoing_transfers")]

    operations = [
        migrations.RemoveIndex(model_name="refund", name="refund_due_idx"),
        migrations.AddField(
            model_name="dispute",
            name="decision",
            field=models.CharField(
                blank=True,
                choices=[("kept", "units kept"), ("rescinded", "units ended")],
                db_default="",
                default="",
                max_length=9,
                verbose_name="decision",
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="from_order",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="taken from the order"),
        ),
        migrations.AddField(
            model_name="dispute",
            name="from_refunds",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="taken from refunds that were owed"),
        ),
        migrations.AddField(
            model_name="refund",
            name="split_from",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="rests",
                to="investments.refund",
                verbose_name="rest of refund",
            ),
        ),
        migrations.AlterField(
            model_name="dispute",
            name="state",
            field=models.CharField(
                choices=[
                    ("inquiry", "inquiry"),
                    ("closed", "inquiry closed"),
                    ("open", "open"),
                    ("won", "won"),
                    ("lost", "lost"),
                ],
                default="inquiry",
                max_length=7,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="refund",
            name="state",
            field=models.CharField(
                choices=[
                    ("requested", "requested"),
                    ("requires_action", "waits for the payer"),
                    ("pending", "on its way"),
                    ("succeeded", "done"),
                    ("failed", "failed"),
                    ("cancelled", "cancelled"),
                    ("paid_by_bank", "paid by bank"),
                    ("charged_back", "taken back by the payer's bank"),
                ],
                default="requested",
                max_length=15,
                verbose_name="state",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(
                    ("state__in", ["requested", "requires_action", "pending", "failed", "charged_back"])
                ),
                fields=["next_check_at"],
                name="refund_due_idx",
            ),
        ),
        migrations.RunSQL(_TAKEN, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    from_order__gte=0,
                    from_refunds__gte=0,
                    amount__gte=models.F("from_order") + models.F("from_refunds"),
                ),
                name="dispute_taken_from",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(needs_decision=False) | models.Q(state="lost", decision=""),
                name="dispute_decision_is_of_a_loss",
            ),
        ),
    ]
