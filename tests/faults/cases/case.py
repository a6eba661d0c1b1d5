"""What every case is made of: its shape, the context that travels to a forked child, what several of them ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from investments.offerings.models import Fund
from investments.orders.models import Order
from investments.payments.models import PaymentAttempt
from tests.faults import books, provider, world

Context = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One money task. `sweeps` are run twice at `at` + `later` when it is over."""

    prepare: Callable[[], Context]
    act: Callable[[Context], Any]
    later: timedelta = timedelta(hours=2)
    sweeps: tuple[str, ...] = world.SWEEPS
    also: Callable[[Context], list[Any]] = field(default=lambda context: [])

    def finish(self, context: Context) -> books.State:
        """Let time pass here and at the provider, and answer the state of the case's fund."""
        provider.set_clock(at_of(context) + self.later)
        world.sweeps(self.sweeps, at=at_of(context) + self.later)
        state = books.state_of(context["fund"])
        state["also"] = [str(row) for row in self.also(context)]
        return state


def quiet(name: str, at: datetime) -> datetime:
    """Do what other funds have due at that instant, so that the case has the sweep to itself."""
    world.sweeps([name], at=at)
    return at


def at_of(context: Context) -> datetime:
    """The instant at which the case acts."""
    return datetime.fromisoformat(context["at"])


def context_of(fund: Fund, *, at: datetime = world.NOW, **more: Any) -> Context:
    return {"fund": fund.pk, "at": at.isoformat(), **more}


def charges(context: Context) -> list[Any]:
    """What the provider took and gave back, by label of the order: the outside half of the state."""
    rows = Order.objects.filter(fund_id=context["fund"]).values_list("reference", "supporter_message")
    totals = provider.ask("charges")["by_client_reference_id"]
    return sorted((label, sorted(totals[reference].items())) for reference, label in rows if reference in totals)


@dataclass(frozen=True)
class Sweep:
    """An act that is a sweep, at the case's instant."""

    name: str

    def __call__(self, context: Context) -> dict[str, int]:
        return world.sweep(self.name, at=at_of(context))


sweep = Sweep


def intent(order: Order) -> str:
    return PaymentAttempt.objects.get(order=order).intent_id or ""
