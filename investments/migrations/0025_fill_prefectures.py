"""The prefecture of the investors who are there already, read out of their encrypted addresses.

In batches, each a transaction of its own, so that it blocks nobody for long; one that was cut off goes on where it
stopped, because a row that has its prefecture is not read again. An address that no key opens stays without one.
"""

import json

from django.db import migrations, transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from microfund.kernel import crypto

BATCH = 500


def _prefecture(token):
    try:
        found = json.loads(crypto.decrypt(token)).get("prefecture", "")
    except crypto.UnreadableField:
        return ""
    return found if len(found) <= 10 else ""


def fill(apps, schema_editor):
    """Set the column where it is empty and an address is kept, a batch at a time. Closed accounts have none."""
    investors = apps.get_model("investments", "Investor").objects
    last = 0
    while True:
        with transaction.atomic():
            waiting = investors.filter(pk__gt=last, prefecture="", closed_at=None).exclude(address="")
            batch = list(
                waiting.annotate(token=Cast("address", TextField()))
                .order_by("pk")
                .only("pk", "prefecture")[:BATCH]
                .select_for_update(of=("self",))
            )
            for row in batch:
                row.prefecture = _prefecture(row.token)
            investors.bulk_update([row for row in batch if row.prefecture], ["prefecture"])
        if not batch:
            return
        last = batch[-1].pk


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("investments", "0024_supporters")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
