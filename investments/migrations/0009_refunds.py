"""Payouts that fail, refunds that are watched and made again, payments that did not match, objects nobody can record."""

from django.db import migrations, models

# Refunds that are done and may still come back are asked about from now on.
_WATCH = """
    UPDATE investments_refund SET next_check_at = now()
     WHERE state = 'succeeded' AND NOT by_bank AND provider_id IS NOT NULL AND settled_at > now() - interval '45 days'
"""
# What no fund had and nobody missed of an earlier payout was the operator's.
_OWN = """
    UPDATE investments_providerpayout AS payout SET own = payout.amount + payout.fees
           - (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(payout.by_fund))
           - (SELECT coalesce(sum((line->>'amount')::bigint), 0) FROM jsonb_array_elements(payout.unmatched) AS line)
"""
# Payouts that had travelled for longer than the list was read back were missed: it is read from further back once.
_LOOK_AGAIN = "DELETE FROM investments_providercursor WHERE name = 'payouts'"


class Migration(migrations.Migration):
    dependencies = [
        ("investments", "0008_disputes"),
    ]

    operations = [
        migrations.CreateModel(
            name="UnrecordedObject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("refund", "refund"), ("dispute", "dispute"), ("payout", "provider's payout")],
                        max_length=7,
                        verbose_name="kind",
                    ),
                ),
                ("provider_id", models.CharField(max_length=120, unique=True, verbose_name="provider's object")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "waits"), ("recorded", "recorded"), ("reviewed", "looked at")],
                        default="open",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("problem", models.TextField(verbose_name="problem")),
                ("tries", models.PositiveIntegerField(default=1, verbose_name="tries")),
                ("seen_at", models.DateTimeField(verbose_name="first seen")),
                ("tried_at", models.DateTimeField(verbose_name="last tried")),
            ],
            options={
                "verbose_name": "unrecorded object",
                "verbose_name_plural": "unrecorded objects",
            },
        ),
        migrations.RemoveIndex(
            model_name="refund",
            name="refund_due_idx",
        ),
        migrations.AddField(
            model_name="providerpayout",
            name="difference",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="not explained by its lines"),
        ),
        migrations.AddField(
            model_name="providerpayout",
            name="own",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="the operator's own"),
        ),
        migrations.AddField(
            model_name="providerpayout",
            name="reviewed_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="looked at"),
        ),
        migrations.AddField(
            model_name="providerpayout",
            name="state",
            field=models.CharField(
                choices=[("paid", "paid"), ("failed", "failed")],
                db_default="paid",
                default="paid",
                max_length=6,
                verbose_name="state",
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="occurrence",
            field=models.PositiveSmallIntegerField(db_default=1, default=1, verbose_name="occurrence"),
        ),
        migrations.AlterField(
            model_name="paymentattempt",
            name="state",
            field=models.CharField(
                choices=[
                    ("created", "created"),
                    ("open", "open"),
                    ("processing", "being processed"),
                    ("succeeded", "succeeded"),
                    ("failed", "failed"),
                    ("expired", "expired"),
                    ("mismatch", "does not match"),
                    ("reviewed", "did not match, seen to"),
                ],
                default="created",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AddIndex(
            model_name="paymentattempt",
            index=models.Index(
                condition=models.Q(("state__in", ["mismatch", "reviewed"])),
                fields=["next_check_at"],
                name="attempt_mismatch_idx",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("next_check_at__isnull", False)), fields=["next_check_at"], name="refund_check_idx"
            ),
        ),
        migrations.RunSQL(_WATCH, migrations.RunSQL.noop),
        migrations.RunSQL(_OWN, migrations.RunSQL.noop),
        migrations.RunSQL(_LOOK_AGAIN, migrations.RunSQL.noop),
    ]
