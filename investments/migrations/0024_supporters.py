from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("investments", "0023_returns_set_aside")]

    operations = [
        migrations.AddField(
            model_name="investor",
            name="prefecture",
            field=models.CharField(blank=True, db_default="", default="", max_length=10, verbose_name="prefecture"),
        ),
        migrations.AddField(
            model_name="order",
            name="message_hidden_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="message hidden at"),
        ),
        migrations.AddField(
            model_name="order",
            name="message_hidden_reason",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=200, verbose_name="reason of hiding it"
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("message_hidden_at__isnull", True),
                    models.Q(("message_hidden_reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="order_message_hidden_has_reason",
            ),
        ),
    ]
