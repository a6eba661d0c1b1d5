"""Outgoing transfers are prepared by one person and approved by another; what is on its way back is held."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from microfund.kernel.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("investments", "0006_place_order"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="outgoingtransfer",
            name="approved_at",
            field=models.DateTimeField(null=True, verbose_name="approved at"),
        ),
        migrations.AddField(
            model_name="outgoingtransfer",
            name="checker",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="approved by",
            ),
        ),
        migrations.AddField(
            model_name="outgoingtransfer",
            name="prepared_at",
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name="prepared at"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="outgoingtransfer",
            name="reason",
            field=models.CharField(default="", max_length=200, verbose_name="reason"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="outgoingtransfer",
            name="state",
            field=models.CharField(
                choices=[
                    ("prepared", "waits for approval"),
                    ("approved", "to be made at the bank"),
                    ("sent", "sent"),
                    ("withdrawn", "withdrawn"),
                ],
                default="prepared",
                max_length=9,
                verbose_name="state",
            ),
        ),
        migrations.AddField(
            model_name="paymentattempt",
            name="payer_kana",
            field=models.CharField(default="", max_length=120, verbose_name="payer in kana"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="statementline",
            name="held",
            field=models.BigIntegerField(default=0, verbose_name="held to be sent back"),
        ),
        migrations.AlterField(
            model_name="outgoingtransfer",
            name="bank_reference",
            field=models.CharField(blank=True, default="", max_length=60, verbose_name="bank's reference"),
        ),
        migrations.AlterField(
            model_name="outgoingtransfer",
            name="maker",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="prepared by",
            ),
        ),
        migrations.AlterField(
            model_name="outgoingtransfer",
            name="target",
            field=models.CharField(db_index=True, max_length=60, verbose_name="for"),
        ),
        migrations.AlterField(
            model_name="outgoingtransfer",
            name="transferred_on",
            field=models.DateField(null=True, verbose_name="transfer date"),
        ),
        migrations.AddConstraint(
            model_name="outgoingtransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["prepared", "withdrawn"]),
                    models.Q(("checker__isnull", False), models.Q(("checker", models.F("maker")), _negated=True)),
                    _connector="OR",
                ),
                name="outgoing_transfer_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="outgoingtransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "sent"), _negated=True),
                    models.Q(("transferred_on__isnull", False), models.Q(("bank_reference", ""), _negated=True)),
                    _connector="OR",
                ),
                name="outgoing_transfer_sent",
            ),
        ),
        migrations.AddConstraint(
            model_name="outgoingtransfer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["prepared", "approved"])),
                fields=("target",),
                name="outgoing_transfer_one_under_way",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementline",
            constraint=models.CheckConstraint(
                condition=models.Q(("held__gte", 0), ("held__lte", models.F("remaining"))), name="statement_line_held"
            ),
        ),
        run_sql_file(__file__, "outgoing"),
    ]
