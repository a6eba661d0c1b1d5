"""The audit trail's triggers: facts set by the database, rows kept for ever."""

from django.db import migrations

from microfund.kernel.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [run_sql_file(__file__, "triggers")]
