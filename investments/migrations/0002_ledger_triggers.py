"""What PostgreSQL promises about the journal, terms, holdings and refunds."""

from django.db import migrations

from microfund.kernel.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("investments", "0001_initial"), ("audit", "0002_triggers")]
    operations = [run_sql_file(__file__, "ledger")]
