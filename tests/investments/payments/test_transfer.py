from datetime import date, timedelta
import pytest
from django.db import transaction
from django.utils import timezone
from investments.orders import services as orders
from investments.orders.models import Order
from investments.payments import services as payments
from investments.payments.models import PaymentAttempt
from microfund.kernel import locks
from tests import make
pytestmark = pytest.mark.django_db

def test_x():
    at = make.at_noon(date(2026, 7, 1))
    order = make.make_order(at=at)
    payments.start_payment(order, at=at)
    with transaction.atomic():
        o = locks.lock_one(Order, order.pk)
        a = locks.lock(PaymentAttempt, o.attempts.values_list("pk", flat=True))
        print(orders.mark_paid(o, at=at))
