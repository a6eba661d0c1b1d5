"""A moratorium is ended early by two people (what was ended before stays as it was: the checks hold from now on); an
approved transfer keeps its bank file."""

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

from microfund.kernel.crypto import EncryptedTextField


class Migration(migrations.Migration):
    dependencies = [
        ("investments", "0020_bigint_sum"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="outgoingtransfer",
            name="file",
            field=EncryptedTextField(blank=True, default="", verbose_name="bank file"),
        ),
        migrations.AddField(
            model_name="moratorium",
            name="end_maker",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="end prepared by",
            ),
        ),
        migrations.AddField(
            model_name="moratorium",
            name="end_prepared_at",
            field=models.DateTimeField(null=True, verbose_name="end prepared at"),
        ),
        AddConstraintNotValid(
            model_name="moratorium",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "ended"), _negated=True),
                    models.Q(
                        ("end_maker__isnull", False),
                        models.Q(("end_maker", models.F("ended_by")), _negated=True),
                        models.Q(("end_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="moratorium_ended_by_two",
            ),
        ),
        AddConstraintNotValid(
            model_name="moratorium",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("end_maker__isnull", True), ("end_prepared_at__isnull", True), ("end_reason", "")),
                    models.Q(
                        ("end_maker__isnull", False),
                        ("end_prepared_at__isnull", False),
                        models.Q(("end_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="moratorium_end_prepared",
            ),
        ),
    ]
