"""The procedure that places an order: planned once a connection, one round trip."""

from django.db import migrations

from microfund.kernel.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("investments", "0005_fund_list_indexes"), ("audit", "0002_triggers")]
    operations = [run_sql_file(__file__, "place_order")]
