from django.db import migrations, models

from microfund.kernel.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("investments", "0022_repayment_in_kind")]

    operations = [
        migrations.AddField(
            model_name="electedreturn",
            name="set_aside_at",
            field=models.DateTimeField(null=True, verbose_name="set aside at"),
        ),
        migrations.AddConstraint(
            model_name="electedreturn",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("set_aside_at__isnull", True),
                    models.Q(("payout__isnull", True), ("released_at__isnull", False)),
                    _connector="OR",
                ),
                name="elected_return_set_aside",
            ),
        ),
        run_sql_file(__file__, "returns_set_aside"),
    ]
