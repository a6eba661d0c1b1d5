from django.db import migrations

from microfund.kernel.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("investments", "0019_after_approval")]

    operations = [run_sql_file(__file__, "bigint_sum")]
