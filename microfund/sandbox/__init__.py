"""A payment provider and a bank to try things with: one process, real HTTP on 127.0.0.1, no real money.

Run it with ``python -m microfund.sandbox``. It speaks the part of Stripe's HTTP API that the product calls, so the
real client library is exercised end to end without the internet; it signs webhooks as Stripe does; it keeps the
operator's trust account at a bank and hands out its statements; and it can be told to misbehave (``/_control/``).

It stands alone: only the standard library, nothing of ours, and nothing of ours imports it. ``README.md`` beside this
file is its manual.
"""

API_VERSION = "2026-10-28.endive"
"""The version its answers are shaped by; a contract test holds it to the installed client library."""
