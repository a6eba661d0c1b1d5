"""What a policy may say at most, and that policies and tax rates are versions: added, never changed."""

import django.core.validators
from django.db import migrations, models

import investments.policy.methods
from microfund.kernel.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("investments", "0009_refunds"), ("audit", "0002_triggers")]

    operations = [
        migrations.AlterField(
            model_name="policyprofile",
            name="bank_transfer_days",
            field=models.PositiveSmallIntegerField(
                default=5,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="bank transfer (bank days)",
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="cooling_off_days",
            field=models.PositiveSmallIntegerField(
                default=8, validators=[django.core.validators.MinValueValidator(8)], verbose_name="cooling-off days"
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="identity_deadline_days",
            field=models.PositiveSmallIntegerField(
                default=14,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="identity deadline, days after closing",
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="investment_per_business",
            field=models.BigIntegerField(
                default=99999999,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(99999999),
                ],
                verbose_name="investment offered by one business in funds opened within 12 months (yen)",
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="investment_per_person_business",
            field=models.BigIntegerField(
                default=500000,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(500000),
                ],
                verbose_name="investment of one person in one business over 12 months (yen)",
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="konbini_days",
            field=models.PositiveSmallIntegerField(
                default=2,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(60)],
                verbose_name="konbini (days)",
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="konbini_maximum",
            field=models.BigIntegerField(
                default=300000,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(300000),
                ],
                verbose_name="konbini maximum (yen)",
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="minimum_age",
            field=models.PositiveSmallIntegerField(
                default=18, validators=[django.core.validators.MinValueValidator(18)], verbose_name="minimum age"
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="offering_days_maximum",
            field=models.PositiveSmallIntegerField(
                default=150,
                validators=[django.core.validators.MaxValueValidator(150)],
                verbose_name="offering + cooling-off, at most (days)",
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="payment_methods",
            field=models.JSONField(
                default=dict,
                validators=[investments.policy.methods.validate_methods],
                verbose_name="payment methods and legal opinions",
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="payout_minimum",
            field=models.BigIntegerField(
                default=1000,
                validators=[django.core.validators.MinValueValidator(0)],
                verbose_name="payout minimum (yen)",
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="report_due_days",
            field=models.PositiveSmallIntegerField(
                default=90,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="report due, days after a period",
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="reservation_extensions",
            field=models.PositiveSmallIntegerField(
                default=3,
                validators=[django.core.validators.MaxValueValidator(3)],
                verbose_name="extensions of a reservation",
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="session_minutes",
            field=models.PositiveSmallIntegerField(
                default=31,
                validators=[
                    django.core.validators.MinValueValidator(31),
                    django.core.validators.MaxValueValidator(1439),
                ],
                verbose_name="checkout session (minutes)",
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="units_per_order",
            field=models.PositiveIntegerField(
                default=49, validators=[django.core.validators.MinValueValidator(1)], verbose_name="units per order"
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="units_per_person",
            field=models.PositiveIntegerField(
                default=49,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="units per person and fund",
            ),
        ),
        migrations.AlterField(
            model_name="policyprofile",
            name="zone",
            field=models.CharField(
                default="Asia/Tokyo",
                max_length=40,
                validators=[investments.policy.methods.validate_zone],
                verbose_name="business time zone",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyprofile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("delayed_share_percent__lte", 100),
                    ("investment_per_business__range", (1, 99999999)),
                    ("investment_per_person_business__range", (1, 500000)),
                    ("minimum_age__gte", 18),
                    ("payout_minimum__gte", 0),
                    ("units_per_order__gte", 1),
                    ("units_per_person__gte", 1),
                ),
                name="policy_limits",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyprofile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cooling_off_days__gte", 8),
                    ("identity_deadline_days__gte", 1),
                    ("offering_days_maximum__gt", models.F("cooling_off_days")),
                    ("offering_days_maximum__lte", 150),
                ),
                name="policy_cooling_off",
                violation_error_message="The offering must leave a day before cooling-off.",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyprofile",
            constraint=models.CheckConstraint(
                condition=models.Q(("payment_due_days__gte", models.F("report_due_days")), ("report_due_days__gte", 1)),
                name="policy_report_before_payment",
                violation_error_message="A payment cannot be due before the report that it follows.",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyprofile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reservation_extensions__lte", 3),
                    ("reservation_minutes__gt", models.F("session_minutes")),
                    ("session_minutes__range", (31, 1439)),
                ),
                name="policy_session_in_reservation",
                violation_error_message="A reservation must be longer than the checkout session that it waits for.",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyprofile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("bank_transfer_days__gte", 1),
                    ("konbini_days__range", (1, 60)),
                    ("konbini_maximum__range", (1, 300000)),
                ),
                name="policy_delayed_methods",
            ),
        ),
        run_sql_file(__file__, "rules"),
    ]
