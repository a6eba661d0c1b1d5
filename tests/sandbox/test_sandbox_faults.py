"""Each fault on order really happens, is counted, and leaves the effect it says."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest
import stripe

from tests.sandbox.conftest import make_client
from tests.sandbox_client import ControlError, SandboxProcess

MakeSession = Callable[..., stripe.checkout.Session]
CREATE = "POST /v1/checkout/sessions"

# kind, seconds, the error a caller sees, whether the effect happened
FAULTS = [
    ("timeout_before", 60.0, stripe.APIConnectionError, False),
    ("timeout_after", 60.0, stripe.APIConnectionError, True),
    ("reset_before", 0.0, stripe.APIConnectionError, False),
    ("reset_after", 0.0, stripe.APIConnectionError, True),
    ("429", 0.0, stripe.RateLimitError, False),
    ("500", 0.0, stripe.APIError, False),
    ("500_after", 0.0, stripe.APIError, True),
    ("500_stored", 0.0, stripe.APIError, True),
]


@pytest.fixture
def hasty(sandbox: SandboxProcess) -> stripe.StripeClient:
    """A client that gives up after half a second, for silence alone: a busy machine may take that long to answer."""
    return make_client(sandbox, http_client=stripe.RequestsClient(timeout=0.5))


def wait_until_fired(sandbox: SandboxProcess) -> None:
    """Until the sandbox has come to the fault: the client may have given up before."""
    deadline = time.monotonic() + 60
    while not sandbox.control("faults")["fired"]:
        assert time.monotonic() < deadline, "the fault never fired"
        time.sleep(0.01)


def made(sandbox: SandboxProcess) -> list[str]:
    """Ids of all sessions, asked for with a fresh client."""
    return [s.id for s in make_client(sandbox).v1.checkout.sessions.list().data]


@pytest.mark.parametrize(("kind", "seconds", "error", "effect"), FAULTS)
def test_a_fault_happens_once_and_the_same_key_then_makes_exactly_one_session(
    sandbox: SandboxProcess,
    hasty: stripe.StripeClient,
    make_session: MakeSession,
    kind: str,
    seconds: float,
    error: type[stripe.StripeError],
    effect: bool,
) -> None:
    sandbox.control("faults", faults=[{"match": CREATE, "kind": kind, "seconds": seconds}])
    expires_at = sandbox.control("clock")["now"] + 1900
    with pytest.raises(error):
        make_session(key="attempt-1", using=hasty if seconds else None, expires_at=expires_at)
    wait_until_fired(sandbox)
    before = made(sandbox)
    assert len(before) == (1 if effect else 0)
    order = sandbox.control("faults")["faults"][0]
    assert (order["fired"], order["left"]) == (1, 0)
    assert order["log"][0]["key"] == "attempt-1" and order["log"][0].get("effect") == (200 if effect else None)
    if kind == "500_stored":  # the key answers 500 for ever; the session has to be looked up
        with pytest.raises(stripe.APIError) as caught:
            make_session(key="attempt-1", expires_at=expires_at)
        assert caught.value.headers["Idempotent-Replayed"] == "true"
    else:
        again = make_session(key="attempt-1", expires_at=expires_at)
        assert not before or before == [again.id]
    assert len(made(sandbox)) == 1


def test_a_slow_answer_is_late_but_whole(sandbox: SandboxProcess, make_session: MakeSession) -> None:
    sandbox.control("faults", faults=[{"match": CREATE, "kind": "slow", "seconds": 0.4}])
    started = time.monotonic()
    assert make_session().status == "open"
    assert time.monotonic() - started >= 0.4

    def took() -> float:
        started = time.monotonic()
        make_session()
        return time.monotonic() - started

    assert min(took() for _session in range(5)) < 0.4, "once, not for ever"


def test_the_librarys_own_retries_get_through(sandbox: SandboxProcess, make_session: MakeSession) -> None:
    sandbox.control(
        "faults", faults=[{"match": CREATE, "kind": "reset_after"}, {"match": CREATE, "kind": "500_after", "times": 1}]
    )
    stubborn = make_client(sandbox, max_network_retries=3)
    sess = make_session(using=stubborn, key="k")
    assert made(sandbox) == [sess.id]
    assert sandbox.control("faults")["fired"] == 2


def test_every_call_is_remembered_with_its_key_and_what_was_answered(
    sandbox: SandboxProcess, make_session: MakeSession
) -> None:
    expires_at = sandbox.control("clock")["now"] + 1900
    sandbox.control("faults", faults=[{"match": CREATE, "kind": "reset_after"}])
    with pytest.raises(stripe.APIConnectionError):
        make_session(key="k", expires_at=expires_at)
    make_session(key="k", expires_at=expires_at)
    made(sandbox)
    # A call of another test that hung in silence may end only now: it has a key of its own.
    calls = [call for call in sandbox.control("requests")["requests"] if call["key"] in ("k", None)]
    assert [(c["method"], c["path"], c["key"], c["status"], c["replayed"]) for c in calls] == [
        ("POST", "/v1/checkout/sessions", "k", None, False),
        ("POST", "/v1/checkout/sessions", "k", 200, True),
        ("GET", "/v1/checkout/sessions", None, 200, False),
    ]


def test_without_a_key_a_lost_answer_makes_two(
    sandbox: SandboxProcess, hasty: stripe.StripeClient, make_session: MakeSession
) -> None:
    """The negative control of the test above: it is the key that protects."""
    sandbox.control("faults", faults=[{"match": CREATE, "kind": "timeout_after", "seconds": 60}])
    with pytest.raises(stripe.APIConnectionError):
        make_session(using=hasty)
    wait_until_fired(sandbox)
    make_session()
    assert len(made(sandbox)) == 2


def test_a_fault_strikes_only_its_match_and_may_wait_its_turn(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sandbox.control("faults", faults=[{"match": "POST /v1/checkout/sessions/*/expire", "kind": "500", "skip": 1}])
    sessions = [make_session() for _ in range(3)]
    assert client.v1.checkout.sessions.expire(sessions[0].id).status == "expired"
    with pytest.raises(stripe.APIError):
        client.v1.checkout.sessions.expire(sessions[1].id)
    assert client.v1.checkout.sessions.expire(sessions[1].id).status == "expired"


def test_clearing_lets_hanging_requests_go_and_answers_the_counts(sandbox: SandboxProcess) -> None:
    sandbox.control("faults", faults=[{"match": "GET /v1/refunds", "kind": "timeout_before", "seconds": 600}])
    ended = threading.Event()

    def hang() -> None:
        with pytest.raises(stripe.APIConnectionError):
            make_client(sandbox).v1.refunds.list()
        ended.set()

    thread = threading.Thread(target=hang)
    thread.start()
    wait_until_fired(sandbox)
    assert not ended.is_set()
    assert sandbox.control("faults", "DELETE")["fired"] == 1
    thread.join(timeout=60)
    assert ended.is_set()
    assert sandbox.control("faults")["faults"] == []


def test_a_reset_is_a_reset_not_an_end(sandbox: SandboxProcess) -> None:
    sandbox.control("faults", faults=[{"match": "GET /v1/refunds", "kind": "reset_before"}])
    with socket.create_connection(("127.0.0.1", sandbox.port)) as connection:
        connection.sendall(b"GET /v1/refunds HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


@pytest.mark.parametrize(
    "fault",
    [
        {"match": CREATE, "kind": "explode"},
        {"match": "refunds", "kind": "500"},
        {"kind": "500"},
        {"match": CREATE, "kind": "500", "often": 3},
    ],
)
def test_a_mistaken_order_is_refused(sandbox: SandboxProcess, fault: dict[str, object]) -> None:
    with pytest.raises(ControlError) as caught:
        sandbox.control("faults", faults=[fault])
    assert caught.value.status == 400
    assert sandbox.control("faults")["faults"] == []


def test_control_and_health_suffer_no_faults(sandbox: SandboxProcess) -> None:
    sandbox.control("faults", faults=[{"match": "* /*", "kind": "500", "times": None}])
    assert sandbox.request("GET", "/healthz")[0] == 200
    assert sandbox.request("GET", "/bank/")[0] == 500
    assert sandbox.control("clock")["mode"] == "real"
